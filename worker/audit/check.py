"""The comparison of chain, tables and log, message by message, and what the first difference is, in words."""

import hashlib
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, Protocol

from models.dialects import Refusal, decode
from models.redaction import Redactor
from worker.audit.chain import TILE
from worker.audit.verify_bundle import START, leaf, link, root

__all__ = ["Chained", "Checker", "Difference", "Letter", "Part", "Places", "Recorded", "Seen", "name"]

_CONTENT = ("text", "payload", "arguments", "error")


class Chained(NamedTuple):
    """An entry of the chain; ``chain`` is empty while it waits for the entries before it."""

    seq: int
    entry: int
    digest: str
    chain: str


class Recorded(NamedTuple):
    """A row of ``events``."""

    digest: str
    row: Mapping[str, Any]


class Letter(NamedTuple):
    """A row of ``dead_letters``."""

    data: bytes


class Seen(NamedTuple):
    """A message as the log holds it."""

    subject: str
    data: bytes


class Part(NamedTuple):
    """What the three places hold of some consecutive sequences, by sequence."""

    chained: Mapping[int, Chained]
    events: Mapping[int, Recorded]
    letters: Mapping[int, Letter]
    log: Mapping[int, Seen]


class Difference(NamedTuple):
    """The first thing that does not agree."""

    stream: str
    seq: int
    place: str
    """What is wrong: ``events``, ``dead_letters``, ``audit_chain``, ``audit_tiles``, ``log`` or ``bundle``."""
    kind: str
    """What happened to it: changed, dropped, inserted, swapped or duplicated."""
    text: str
    """In words."""
    found: str = ""
    """The digest that is there, where another one should be."""
    wanted: str = ""


class Places(Protocol):
    """Looks things up anywhere in a stream, to tell how digests got where they are."""

    async def digest_at(self, place: str, seq: int) -> str:
        """The digest at a sequence of ``events``, ``audit_chain`` or ``log``; empty: nothing is there."""
        ...

    async def sequences_of(self, place: str, digest: str) -> list[int]:
        """Where ``events`` or ``audit_chain`` have a digest, lowest first."""
        ...


class Checker:
    """Compares a stream part by part, in order, up to the first difference."""

    def __init__(
        self, stream: str, redactor: Redactor, *, agent: str = "", held_from: int = 1, through: int = 0
    ) -> None:
        """Begin at the first entry.

        Args:
            stream: as the tables call it.
            redactor: masks what is compared as the worker masks it.
            agent: whose the stream is, where an agent has one of its own.
            held_from: the sequence from which on the log should hold everything.
            through: the last sequence that the worker has acknowledged.
        """
        self.stream, self.unread, self.waiting, self.gaps = stream, 0, 0, 0
        self.size, self.last = 0, 0
        self.chain = START
        self.heads: dict[int, str] = {}
        """The chain value at each sequence that was asked for."""
        self.tiles: list[str] = []
        """Roots of the tiles of level 1 that are complete."""
        self._redactor, self._agent, self._held_from, self._through = redactor, agent, held_from, through
        self._leaves: list[bytes] = []

    def check(self, part: Part, removed: Collection[int] = (), *, keep: Collection[int] = ()) -> Difference | None:
        """Compare some more sequences; None: they agree.

        Args:
            part: sequences after those of the parts before.
            removed: those of them whose content was removed.
            keep: sequences whose chain values to remember.
        """
        for seq in sorted(part.chained.keys() | part.events.keys() | part.letters.keys() | part.log.keys()):
            found = self._one(seq, part, gone=seq in removed)
            if found:
                return found
            if seq in keep:
                self.heads[seq] = self.chain.hex()
        return None

    def _one(self, seq: int, part: Part, *, gone: bool) -> Difference | None:
        entry, message = part.chained.get(seq), part.log.get(seq)
        event, letter = part.events.get(seq), part.letters.get(seq)
        came = hashlib.sha256(message.data).hexdigest() if message else ""
        if entry is None:
            return self._without_entry(seq, event, letter, came)
        return (
            self._in_tables(entry, event, letter, message, came)
            or self._in_log(entry, message, came, gone=gone)
            or self._content(entry, event, letter, message, gone=gone)
            or self._linked(seq, entry)
        )

    def _in_tables(
        self, entry: Chained, event: Recorded | None, letter: Letter | None, message: Seen | None, came: str
    ) -> Difference | None:
        """Whether the tables have what was chained."""
        seq = entry.seq
        if event is not None and event.digest != entry.digest:
            if came == event.digest:
                return self._other(seq, "audit_chain", entry.digest, came)
            return self._other(seq, "events", event.digest, entry.digest)
        if event is None and letter is None:
            if message is None and (seq >= self._held_from or not self._follows(entry)):
                return self._other(seq, "audit_chain", entry.digest, "")
            return self._says(seq, "events", "dropped", "it is in the audit chain and not in the tables")
        masked = self._redactor.message(message.data).data if message else None
        if event is None and letter and letter.data == masked and came != entry.digest:
            return self._other(seq, "audit_chain", entry.digest, came)
        return None

    def _in_log(self, entry: Chained, message: Seen | None, came: str, *, gone: bool) -> Difference | None:
        """Whether the log holds what was chained."""
        if message is not None and came != entry.digest:
            return self._other(entry.seq, "log", came, entry.digest)
        if message is None and entry.seq >= self._held_from and not gone:
            return self._says(entry.seq, "log", "dropped", "the log does not hold it any more")
        return None

    def _without_entry(self, seq: int, event: Recorded | None, letter: Letter | None, came: str) -> Difference | None:
        if event is None and letter is None:
            if seq > self._through:
                self.unread += 1
                return None
            return self._other(seq, "log", came, "")
        if came and (event is None or event.digest == came):
            return self._says(seq, "audit_chain", "dropped", "tables and log have it, and the audit chain has not")
        if event is None:
            return self._says(seq, "dead_letters", "inserted", "there is no such message in the audit chain")
        return self._other(seq, "events", event.digest, "")

    def _content(
        self,
        entry: Chained,
        event: Recorded | None,
        letter: Letter | None,
        message: Seen | None,
        *,
        gone: bool,
    ) -> Difference | None:
        """Whether a row says what the message said."""
        seq = entry.seq
        if event is None:
            data = letter.data if letter else b""
            wanted = b"" if gone else self._redactor.message(message.data).data if message else None
            sound = data == wanted if wanted is not None else _is(data, entry.digest)
            return None if sound else self._says(seq, "dead_letters", "changed", "its data is not what came")
        row = event.row
        if gone:
            back = [name for name in _CONTENT if row[name]]
            return self._says(seq, "events", "changed", f"removed content is back: {', '.join(back)}") if back else None
        payload = row["payload"].encode("utf-8", "surrogatepass")
        data = message.data if message else payload
        if message is None and not _is(payload, entry.digest):
            return self._says(seq, "events", "changed", "its payload does not have the recorded digest")
        if message is None and b"[redacted-" in payload:
            return None  # what was masked cannot be decoded again
        wrong = self._differing(seq, row, data, message.subject if message else "")
        return self._says(seq, "events", "changed", f"not what the message says: {', '.join(wrong)}") if wrong else None

    def _differing(self, seq: int, row: Mapping[str, Any], data: bytes, subject: str) -> list[str]:
        """The columns of a row that decoding its message gives otherwise."""
        try:
            event = decode(data, stream=self.stream, seq=seq, subject=subject, agent=self._agent)
        except Refusal:
            return ["it is no event"]
        wanted, _ = self._redactor.event(event)
        unsure = () if subject else ("agent",)  # the subject may have named the agent
        return [name for name in event.__struct_fields__ if name not in unsure and row[name] != getattr(wanted, name)]

    def _linked(self, seq: int, entry: Chained) -> Difference | None:
        """Whether an entry follows from the one before."""
        if not entry.chain:
            self.waiting += 1
            return None
        if self.waiting:
            return self._says(seq, "audit_chain", "inserted", "entries before it are not chained")
        self._leaves.append(leaf(self.stream, seq, entry.digest))
        self.chain = link(self.chain, self._leaves[-1])
        if (entry.chain, entry.entry) != (self.chain.hex(), self.size):
            return self._says(seq, "audit_chain", "changed", "the entry does not follow from the one before")
        self.gaps += seq - self.last - 1
        self.size, self.last = self.size + 1, seq
        if len(self._leaves) == TILE:
            self.tiles.append(root(self._leaves).hex())
            self._leaves = []
        return None

    def _follows(self, entry: Chained) -> bool:
        chain = link(self.chain, leaf(self.stream, entry.seq, entry.digest))
        return (entry.chain, entry.entry) == (chain.hex(), self.size)

    def _says(self, seq: int, place: str, kind: str, why: str) -> Difference:
        return Difference(self.stream, seq, place, kind, why)

    def _other(self, seq: int, place: str, found: str, wanted: str) -> Difference:
        return Difference(self.stream, seq, place, "", "", found, wanted)


def _is(data: bytes, digest: str) -> bool:
    """Whether these bytes have the digest, as far as can be told: what was masked has another."""
    return b"[redacted-" in data or hashlib.sha256(data).hexdigest() == digest


async def name(difference: Difference, places: Places) -> Difference:
    """Say what happened where a digest is not the one that should be there."""
    if difference.kind:
        return difference
    place, seq, found, wanted = difference.place, difference.seq, difference.found, difference.wanted
    sound = "events" if place == "audit_chain" else "audit_chain"
    others = [one for one in await places.sequences_of(sound, found) if one != seq]
    where = {"log": "the log", "events": "the table events", "audit_chain": "the audit chain"}[place]
    if not wanted:
        if others:
            return difference._replace(kind="duplicated", text=f"{where} has a copy of {others[0]} there")
        return difference._replace(kind="inserted", text=f"{where} has a message there that was never recorded")
    swapped = [one for one in others if await places.digest_at(place, one) == wanted]
    moved = await places.digest_at(place, seq + 1) == wanted
    if swapped == [seq + 1] and await places.digest_at(place, seq + 2) == found:
        swapped = []  # it looks like that too when a copy of the next is put before this one
    if swapped:
        kind, text = "swapped", f"in {where}, {seq} and {swapped[0]} have changed places"
    elif others and moved:
        kind, text = "duplicated", f"{where} has a copy of {others[0]} there, and what follows has moved"
    elif moved:
        kind, text = "inserted", f"{where} has another message there, and what follows has moved"
    elif seq + 1 in others:
        kind, text = "dropped", f"{where} lacks it, and what follows has moved"
    elif others:
        kind, text = "duplicated", f"{where} has a copy of {others[0]} in its place"
    else:
        kind, text = "changed", f"{where} has other bytes (digest {found[:16]}…, not {wanted[:16]}…)"
    return difference._replace(kind=kind, text=text)
