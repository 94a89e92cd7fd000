"""What an agent could be told, read from memory as that agent may read it, and what each of it is worth."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, and_, or_

from analytics.context.block import age
from analytics.context.candidates import Candidate
from analytics.context.defuse import is_attack, named, quoted
from analytics.memory.links import link
from analytics.memory.sentences import sentences
from analytics.memory.statements import content_words
from analytics.reader import Reader
from analytics.recall.find import recall
from models import tables
from models.dialects import user_of
from models.events import Visibility
from models.rows import MemoryItem

__all__ = ["gather"]

DAY = 86_400_000
_HALF_LIFE = {
    "fact": 400, "preference": 400, "decision": 90, "commitment": 21, "pending": 21, "thread": 7, "failure": 10, "summary": 14, "entity": 10
}  # fmt: skip
"""Days after which something is worth half as much."""
_WORTH = {
    "fact": 1.0, "preference": 1.0, "decision": 0.9, "commitment": 1.1, "pending": 1.1, "thread": 0.9, "failure": 0.9, "summary": 0.9,
    "entity": 0.35,
}  # fmt: skip
_LATEST = {
    "fact": 400, "preference": 200, "decision": 100, "commitment": 100, "pending": 100, "done": 200, "thread": 20, "failure": 100,
    "summary": 60, "entity": 100,
}  # fmt: skip
"""Items of each kind that are looked at, the latest."""
_OVERDUE = 14 * DAY
_UNDATED = 45 * DAY
_DONE_BY = 0.5
"""Share of its words of substance that what says it is done must share with a commitment."""
_RECALLED = 20
_RELATED_WORTH = 1.2
_REPLACED = ("fact", "preference", "decision")
"""Kinds of which a line says what it replaced, or what has replaced it."""
_SHARED = ("fact", "decision")
_SHARED_LATEST = 60
_SHARED_WORTH = 0.5


@dataclass(frozen=True, slots=True)
class _Asked:
    """For what the block is."""

    agent: str
    session: str
    user: str
    words: frozenset[str]
    now: int


def gather(reader: Reader, agent: str, *, now: int, session: str = "", about: str = "") -> list[Candidate]:
    """The lines that a block for an agent could have, valued for a session and what it is about.

    Args:
        reader: reads as the agent; everything goes through it.
        agent: whom the block is for.
        now: Unix milliseconds; what came later is left out.
        session: of a session with a known user, nothing is told that another user said of themselves.
        about: what is nearer to this text is worth more.
    """
    asked = _Asked(agent, session, user_of(session), content_words(about), now)
    items = {kind: _own(reader, kind, asked) for kind in _LATEST}
    replaced = _texts(reader, (item.supersedes for kind in _REPLACED for item in items[kind]))
    done = items.pop("done")
    found: list[Candidate] = []
    for kind in _REPLACED:
        found += [_statement(item, asked, replaced) for item in items[kind]]
    for kind in ("commitment", "pending"):
        found += [_to_do(item, asked) for item in items[kind] if not _is_done(item, done)]
    found += [_thread(item, asked) for item in items["thread"]]
    found += _failures(items["failure"], asked)
    found += _summaries(items["summary"], asked)
    found += _entities(items["entity"], asked)
    found += _shared(reader, asked)
    if about.strip():
        found += _related(reader, asked, about)
    return list(_with_what_replaced(reader, asked, found))


def _with_what_replaced(reader: Reader, asked: _Asked, found: Iterable[Candidate]) -> Iterator[Candidate]:
    """The candidates; those that quote a statement that a newer one has replaced since say so."""
    told = list(found)
    items = _texts(reader, (f"{stream}:{seq}" for one in told for stream, seq in (one.ref, *one.also)))
    newer = _texts(reader, (item.superseded_by for same in items.values() for item in same))
    for one in told:
        since = [
            f"on {quoted(item.subject)[1:-1]} replaced by {quoted(new.text)} ({new.stream}:{new.seq})"
            for stream, seq in (one.ref, *one.also)
            for item in items.get(f"{stream}:{seq}", ())
            if item.kind in _REPLACED and quoted(item.text)[1:-1] in one.text
            for new in newer.get(item.superseded_by, ())
            if new.subject == item.subject and new.ts <= asked.now and quoted(new.text) != quoted(item.text)
        ]
        less = 1.0 if one.section == "known" else 0.5  # what else the sentence says still holds
        yield replace(one, reason=f"{one.reason}, {since[0]}", value=one.value * less) if since else one


# Reading ------------------------------------------------------------------------------------------------------------


def _own(reader: Reader, kind: str, asked: _Asked) -> list[MemoryItem]:
    t = tables.memory_items
    meets = [t.c.agent == asked.agent, t.c.kind == kind, t.c.superseded_by == "", t.c.ts <= asked.now]
    if kind in ("commitment", "pending"):
        undated = and_(t.c.due.is_(None), t.c.ts >= asked.now - _UNDATED)
        meets.append(or_(undated, t.c.due >= asked.now - _OVERDUE))
    items = _read(reader, and_(*meets), _LATEST[kind])
    return [item for item in items if not (item.user and asked.user and item.user != asked.user)]


def _read(reader: Reader, where: ColumnElement[bool], limit: int) -> list[MemoryItem]:
    t = tables.memory_items
    query = reader.rows(t).where(where).order_by(t.c.ts.desc(), t.c.stream, t.c.seq.desc(), t.c.place).limit(limit)
    items = (MemoryItem(**row) for row in reader.fetch(query))
    return [item for item in items if not is_attack(item.text)]


def _texts(reader: Reader, refs: Iterable[str]) -> dict[str, list[MemoryItem]]:
    """The items of events, by ``stream:seq``."""
    places: dict[str, set[int]] = defaultdict(set)
    for stream, _, seq in (ref.rpartition(":") for ref in refs if ref):
        places[stream].add(int(seq))
    found: dict[str, list[MemoryItem]] = defaultdict(list)
    t = tables.memory_items
    for stream, seqs in sorted(places.items()):  # stream by stream: pairs would have all of the agent's items read
        ordered = sorted(seqs)
        for start in range(0, len(ordered), 200):
            there = and_(t.c.stream == stream, t.c.seq.in_(ordered[start : start + 200]))
            for item in _read(reader, there, 1_000):
                found[f"{stream}:{item.seq}"].append(item)
    return found


# Valuing ------------------------------------------------------------------------------------------------------------


def _worth(item: MemoryItem, asked: _Asked) -> float:
    """By kind, weight, age, and nearness to what the session is about."""
    fading: float = 0.5 ** ((asked.now - item.ts) / DAY / _HALF_LIFE[item.kind])
    return _WORTH[item.kind] * (0.4 + 0.6 * item.weight) * fading * _nearness(item.text, asked)


def _nearness(text: str, asked: _Asked) -> float:
    if not asked.words:
        return 1.0
    shared = len(asked.words & content_words(text))
    return 0.7 + 1.8 * shared / len(asked.words)


def _candidate(section: str, item: MemoryItem, reason: str, value: float) -> Candidate:
    return Candidate(
        section, quoted(item.text), (item.stream, item.seq), item.ts, item.speaker, reason, round(value, 6)
    )


def _statement(item: MemoryItem, asked: _Asked, replaced: Mapping[str, Sequence[MemoryItem]]) -> Candidate:
    reason = {"fact": "stated fact", "preference": "stated preference", "decision": "decision"}[item.kind]
    if item.subject:
        reason += f", newest on {quoted(item.subject)[1:-1]}"
    for old in replaced.get(item.supersedes, ()):
        if old.subject == item.subject:
            reason += f", replaces {quoted(old.text)} ({age(old.ts, asked.now)}, {old.stream}:{old.seq})"
            break
    section = "decision" if item.kind == "decision" else "known"
    return _candidate(section, item, reason, _worth(item, asked))


def _to_do(item: MemoryItem, asked: _Asked) -> Candidate:
    what = "promised" if item.kind == "commitment" else "pending"
    value = _worth(item, asked)
    if item.due is None:
        return _candidate("pending", item, f"{what}, not seen done", value)
    left = item.due - asked.now
    urgency = 1.6 if abs(left) <= 3 * DAY else 1.2 if left <= 10 * DAY else 0.8
    return _candidate("pending", item, f"{what}, {_when(left)}", urgency * max(value, 0.3))


def _when(left: int) -> str:
    if left < 0:
        return f"was due {age(0, -left)}"
    return "due now" if age(0, left) == "just now" else f"due in {age(0, left).removesuffix(' ago')}"


def _is_done(item: MemoryItem, done: Iterable[MemoryItem]) -> bool:
    words = content_words(item.text)
    if not words:
        return False
    return any(
        later.ts > item.ts
        and len(words & content_words(later.text)) >= max(1, _DONE_BY * min(len(words), len(content_words(later.text))))
        for later in done
    )


def _thread(item: MemoryItem, asked: _Asked) -> Candidate:
    return _candidate("thread", item, item.subject, _worth(item, asked))


def _failures(items: Sequence[MemoryItem], asked: _Asked) -> Iterator[Candidate]:
    """The latest failure of each kind, with how many sessions had it."""
    kinds: dict[str, list[MemoryItem]] = defaultdict(list)
    for item in items:
        kinds[item.subject].append(item)
    for same in kinds.values():
        sessions = len({item.session for item in same})
        often = f"failed in {sessions} sessions" if sessions > 1 else "failed and was not made good"
        value = _worth(same[0], asked) * min(1.5, 1 + 0.1 * (sessions - 1))
        yield _candidate("failure", same[0], often, value)


def _summaries(items: Sequence[MemoryItem], asked: _Asked) -> Iterator[Candidate]:
    """Episodes: what was asked and what came of it, on one line."""
    episodes: dict[tuple[str, str], list[MemoryItem]] = defaultdict(list)
    for item in items:
        episodes[item.session, item.subject].append(item)
    for told in episodes.values():
        ask = next((item for item in told if item.speaker == "user"), None)
        if ask is None:
            continue
        answer = next((item for item in told if item.speaker == "agent"), None)
        text = quoted(ask.text) + (f" → {quoted(answer.text)}" if answer else "")
        also = ((answer.stream, answer.seq),) if answer else ()
        here = ask.session == asked.session and asked.session
        reason = "this session, earlier" if here else f"session {named(ask.session, 'before')}"
        near = _nearness(ask.text + " " + (answer.text if answer else ""), asked) / _nearness(ask.text, asked)
        value = _worth(ask, asked) * near * (1.2 if here else 1)
        yield Candidate("summary", text, (ask.stream, ask.seq), ask.ts, "user → agent", reason, round(value, 6), also)


def _entities(items: Sequence[MemoryItem], asked: _Asked) -> Iterator[Candidate]:
    sessions = Counter(subject for _, subject in {(item.session, item.subject) for item in items})
    latest: dict[str, MemoryItem] = {}
    for item in items:
        latest.setdefault(item.subject, item)
    for subject, item in latest.items():
        reason = f"named in {sessions[subject]} sessions" if sessions[subject] > 1 else "named"
        value = _worth(item, asked) * min(2.0, 0.5 + 0.25 * sessions[subject])
        yield _candidate("entity", item, reason, value)


def _shared(reader: Reader, asked: _Asked) -> Iterator[Candidate]:
    """What other agents made public, as far as nothing public replaced it."""
    t = tables.memory_items
    public = and_(t.c.visibility == Visibility.PUBLIC.value, t.c.kind.in_(_SHARED), t.c.agent != asked.agent)
    for item in link(_read(reader, and_(public, t.c.ts <= asked.now), _SHARED_LATEST)):
        if not item.superseded_by and not item.user:
            whose = f"public {item.kind} of {_agent(item.agent)}"
            yield _candidate("shared", item, whose, _SHARED_WORTH * _worth(item, asked))


def _agent(name: str) -> str:
    known = named(name, "")
    return f"agent {known}" if known else "another agent"


def _related(reader: Reader, asked: _Asked, about: str) -> Iterator[Candidate]:
    """What recall finds about it, each told by the sentence of its message that has most of the words."""
    for place, one in enumerate(recall(reader, asked.agent, about, _RECALLED)):
        passage = one.passage
        said = [sentence for sentence in sentences(passage.text) if not is_attack(sentence)]
        if not said or passage.ts > asked.now or is_attack(passage.text[:2_000]):
            continue
        told = max(said, key=lambda sentence: len(asked.words & content_words(sentence)))
        whose = "" if passage.agent == asked.agent else f"public, of {_agent(passage.agent)}, "
        value = _RELATED_WORTH * (0.3 + one.score) / (1 + 0.08 * place)
        reason = f"{whose}{quoted(one.why)[1:-1]}" if one.why else f"{whose}near to what this is about"
        yield Candidate(
            "related", quoted(told), (passage.stream, passage.seq), passage.ts, passage.speaker, reason, round(value, 6)
        )
