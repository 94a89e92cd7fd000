"""A thousand random tamperings of each kind, in the tables, the chain and the log: each is found and named."""

import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from models.dialects import decode
from models.redaction import Redactor
from worker.audit.check import Chained, Checker, Difference, Part, Recorded, Seen, name
from worker.audit.verify_bundle import START, leaf, link

SIZE = 8
TIMES = 1_000
REDACTOR = Redactor()
TEXTS = [f"message {n}" for n in range(SIZE)]


def line(text: str) -> bytes:
    return (
        f'{{"id":"e","ts":1767225600000,"agent":"agent","session":"agent:cook:main","type":"msg.in",'
        f'"payload":{{"content":"{text}","from":"user","channel":"irc"}}}}'
    ).encode()


def recorded(seq: int, data: bytes) -> Recorded:
    event = decode(data, stream="log", seq=seq)
    return Recorded(event.digest, {name: getattr(event, name) for name in event.__struct_fields__})


class World:
    """A log, its table and its chain, which a test may falsify."""

    def __init__(self) -> None:
        self.log = {seq: Seen("s", line(text)) for seq, text in enumerate(TEXTS, 1)}
        self.events = {seq: recorded(seq, seen.data) for seq, seen in self.log.items()}
        self.audit_chain = chain([row.digest for row in self.events.values()])

    def verify(self) -> Difference | None:
        part = Part(self.audit_chain, self.events, {}, self.log)
        difference = Checker("log", REDACTOR, through=SIZE).check(part)
        return ran(name(difference, self)) if difference else None

    async def digest_at(self, place: str, seq: int) -> str:
        held = getattr(self, place).get(seq)
        if held is None:
            return ""
        return decode(held.data, stream="log", seq=seq).digest if place == "log" else held.digest

    async def sequences_of(self, place: str, digest: str) -> list[int]:
        return [seq for seq, held in sorted(getattr(self, place).items()) if held.digest == digest]


def ran(coroutine: Coroutine[Any, Any, Difference]) -> Difference:
    """The result of a coroutine that waits for nothing: a loop of its own each time would take longer than the work."""
    with pytest.raises(StopIteration) as end:
        coroutine.send(None)
    return end.value.value


def chain(digests: list[str]) -> dict[int, Chained]:
    entries, value = {}, START
    for seq, digest in enumerate(digests, 1):
        value = link(value, leaf("log", seq, digest))
        entries[seq] = Chained(seq, seq - 1, digest, value.hex())
    return entries


def as_at(place: str, seq: int, held: object) -> object:
    """What a place would hold at ``seq``, falsified as well as can be: keys fit, contents are of elsewhere."""
    if place == "events":
        return held._replace(row={**held.row, "seq": seq})
    return held._replace(seq=seq) if place == "audit_chain" else held


def other(place: str, seq: int, chance: random.Random) -> object:
    """Something that never was in a place."""
    data = line(f"forged {chance.random()}")
    if place == "log":
        return Seen("s", data)
    made = recorded(seq, data)
    return made if place == "events" else Chained(seq, seq - 1, made.digest, chance.randbytes(32).hex())


def changed(world: World, place: str, chance: random.Random) -> int:
    seq = chance.randint(1, SIZE)
    getattr(world, place)[seq] = other(place, seq, chance)
    return seq


def dropped(world: World, place: str, chance: random.Random) -> int:
    seq = chance.randint(1, SIZE)
    del getattr(world, place)[seq]
    if chance.random() < 0.5:  # what follows moves up, as in a log that was written anew
        shift(world, place, seq + 1, -1)
    return seq


def inserted(world: World, place: str, chance: random.Random) -> int:
    return insert(world, place, chance, lambda seq: other(place, seq, chance))


def duplicated(world: World, place: str, chance: random.Random) -> int:
    held = getattr(world, place)
    copy = held[chance.randint(1, SIZE)]
    return insert(world, place, chance, lambda seq: as_at(place, seq, copy))


def insert(world: World, place: str, chance: random.Random, made: Callable[[int], object]) -> int:
    held = getattr(world, place)
    if place == "log":  # a log has no place between: what follows moves, or it is put in its stead
        seq = chance.randint(1, SIZE)
        new = made(seq)
        while new.data == held[seq].data or (seq > 1 and new.data == held[seq - 1].data):
            new = Seen("s", line(TEXTS[chance.randrange(SIZE)]))
        shift(world, place, seq, 1)
        held[seq] = new
        return seq
    seq = chance.choice([chance.randint(-50, 0), chance.randint(SIZE + 1, SIZE + 50)])
    held[seq] = made(seq)
    return seq


def swapped(world: World, place: str, chance: random.Random) -> int:
    first, second = sorted(chance.sample(range(1, SIZE + 1), 2))
    held = getattr(world, place)
    held[first], held[second] = as_at(place, first, held[second]), as_at(place, second, held[first])
    return first


def shift(world: World, place: str, begin: int, by: int) -> None:
    held = getattr(world, place)
    moving = {seq: held.pop(seq) for seq in sorted(held) if seq >= begin}
    held.update({seq + by: as_at(place, seq + by, one) for seq, one in moving.items()})


@pytest.mark.parametrize("place", ["events", "audit_chain", "log"])
@pytest.mark.parametrize("kind", [changed, dropped, inserted, swapped, duplicated], ids=lambda kind: kind.__name__)
def test_a_thousand_tamperings_are_found_where_they_begin(kind, place):
    chance = random.Random(f"{kind.__name__} {place}")
    pristine = World()
    assert pristine.verify() is None
    for _ in range(TIMES):
        world = World.__new__(World)
        world.log, world.events, world.audit_chain = (
            dict(pristine.log),
            dict(pristine.events),
            dict(pristine.audit_chain),
        )
        seq = kind(world, place, chance)
        found = world.verify()
        assert found is not None, (kind, place, seq)
        assert (found.seq, found.kind) == (seq, kind.__name__), found
        assert found.place == place, found
        assert found.text


COLUMNS = ["id", "ts", "agent", "session", "kind", "visibility", "dialect", "name", "text", "run", "order", "call"]


@pytest.mark.parametrize("column", [*COLUMNS, "arguments", "error", "payload"])
def test_a_changed_column_is_named(column):
    world = World()
    row = world.events[5].row
    forged = row[column] + 1 if isinstance(row[column], int) else f"{row[column]}x"
    world.events[5] = Recorded(world.events[5].digest, {**row, column: forged})
    found = world.verify()
    assert found == Difference("log", 5, "events", "changed", f"not what the message says: {column}")


def test_an_entry_with_another_chain_value_does_not_follow():
    world = World()
    world.audit_chain[5] = world.audit_chain[5]._replace(chain="0" * 64)
    found = world.verify()
    assert (found.seq, found.place, found.kind) == (5, "audit_chain", "changed")


def test_what_the_worker_has_not_read_is_no_difference():
    world = World()
    del world.events[SIZE], world.audit_chain[SIZE]
    checker = Checker("log", REDACTOR, through=SIZE - 1)
    assert checker.check(Part(world.audit_chain, world.events, {}, world.log)) is None
    assert checker.unread == 1


def test_what_the_log_has_let_go_is_compared_with_its_payload():
    world = World()
    log = {seq: seen for seq, seen in world.log.items() if seq > 6}
    part = Part(world.audit_chain, world.events, {}, log)
    assert Checker("log", REDACTOR, held_from=7, through=SIZE).check(part) is None
    row = world.events[3].row
    world.events[3] = Recorded(world.events[3].digest, {**row, "payload": row["payload"] + " "})
    found = Checker("log", REDACTOR, held_from=7, through=SIZE).check(part)
    assert (found.seq, found.place, found.kind) == (3, "events", "changed")
