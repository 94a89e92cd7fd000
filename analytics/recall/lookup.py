"""Looks words up in the index of entries, with work that is bounded however often a word was said.

Of a rare word all entries are found. Of a common one the latest are, and those that have one of the question's rarest
words as well: an answer that has nothing but a common word is one of thousands anyway.
"""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Engine, TextClause, and_, literal, or_, text

from analytics.recall.terms import Word
from models import tables

__all__ = ["Having", "having_all", "look_up"]

MOST = 500
"""Entries that are found of one word, the latest."""
COMMON = 2_000
"""On PostgreSQL, more entries than this are too many to sort by age: a window of the latest is looked at."""
WINDOW = 300
"""Entries that such a window should hold."""
ALONE = 3
"""On PostgreSQL, as many of the rarest words are looked up by themselves even if they are not rare."""
SORTED = 5_000
"""Entries that are found first and sorted then, in order of time."""
PAIRED = 100_000
"""A word that more entries have says too little to be looked up beside a rarer one."""
PAIRS = 4
"""Pairs of words that are looked up at most."""

Ids = NDArray[np.int64]
_NONE: Ids = np.zeros(0, dtype=np.int64)
_VECTOR = "array_to_tsvector(string_to_array(trim(scope || ' ' || terms), ' '))"
"""As PostgreSQL's index was made of it."""


class Having(NamedTuple):
    """The entries that have a word."""

    ids: Ids
    estimate: float
    """How many there are in all."""
    whole: bool
    """Whether ``ids`` are all."""


def look_up(connection: Connection, words: Sequence[Word], scope: Word, last: int) -> dict[Word, Having]:
    """The entries that have each word.

    Args:
        connection: to a database that has the index.
        words: each as its stems.
        scope: terms of which an entry must have one; empty: any entry will do.
        last: the latest entry that counts, by its ``id``.
    """
    index = (
        _SQLite(connection, scope, last)
        if connection.dialect.name == "sqlite"
        else _PostgreSQL(connection, scope, last)
    )
    found = index.each(words)
    pairs = _pairs(found)
    for pair, both in zip(pairs, index.both(pairs, found), strict=True):
        for word in pair:
            if not found[word].whole:
                found[word] = found[word]._replace(ids=np.union1d(found[word].ids, both))
    return found


def having_all(engine: Engine, words: Sequence[Word]) -> tuple[ColumnElement[bool] | TextClause, bool]:
    """The condition on ``entries`` that one has all of these words, and whether so many have that it is cheaper to walk
    along the entries in the order that is wanted, and check each, than to find and sort them all."""
    sqlite = engine.dialect.name == "sqlite"
    with engine.connect() as connection:
        if sqlite:
            matching = "SELECT 1 FROM entries_index WHERE entries_index MATCH :match LIMIT :most"
            given: dict[str, object] = {"match": _fts5(words), "most": SORTED}
            walk = connection.scalar(text(f"SELECT count(*) FROM ({matching})"), given) == SORTED
        else:
            last = int(connection.exec_driver_sql("SELECT max(id) FROM entries").scalar() or 0)
            estimates = _PostgreSQL(connection, (), last).estimates(words).values()
            walk = min(estimates, default=0.0) >= SORTED
    if walk:
        padded = literal(" ", literal_execute=True) + tables.entries.c.terms + literal(" ", literal_execute=True)
        return and_(*(or_(*(padded.like(f"% {stem} %") for stem in word)) for word in words)), True
    if sqlite:
        found = "entries.id IN (SELECT rowid FROM entries_index WHERE entries_index MATCH :match)"
        return text(found).bindparams(match=_fts5(words)), False
    having = f"SELECT id FROM entries AS had WHERE {_VECTOR} @@ CAST(:match AS tsquery) OFFSET 0"
    found = f"entries.id = ANY (ARRAY({having}))"  # found once, before anything else
    return text(found).bindparams(match=_tsquery(words)), False


def _pairs(found: Mapping[Word, Having]) -> list[tuple[Word, Word]]:
    """The two rarest words, each with every word of which not all entries were found."""
    rarest = sorted((word for word in found if found[word].estimate), key=lambda word: found[word].estimate)
    partly = [word for word in rarest if not found[word].whole and found[word].estimate <= PAIRED]
    pairs = {frozenset((one, other)): (one, other) for other in partly for one in rarest[:2] if one != other}
    return list(pairs.values())[:PAIRS]


class _SQLite:
    def __init__(self, connection: Connection, scope: Word, last: int) -> None:
        self._connection, self._scope, self._last = connection, scope, last

    def each(self, words: Sequence[Word]) -> dict[Word, Having]:
        return {word: self._one(word) for word in words}

    def both(self, pairs: Sequence[tuple[Word, Word]], _: Mapping[Word, Having]) -> list[Ids]:
        return [self._latest([self._scope, *pair]) for pair in pairs]

    def _one(self, word: Word) -> Having:
        ids = self._latest([self._scope, word])
        if len(ids) < MOST:
            return Having(ids, len(ids), whole=True)
        return Having(ids, MOST * self._last / max(1, self._last - int(ids.min()) + 1), whole=False)

    def _latest(self, all_of: Sequence[Word]) -> Ids:
        latest = "SELECT rowid AS id FROM entries_index WHERE entries_index MATCH ? AND rowid <= ? ORDER BY rowid DESC LIMIT ?"
        given = (_fts5(all_of), self._last, MOST)
        found = self._connection.exec_driver_sql(f"SELECT group_concat(id) FROM ({latest})", given).scalar()
        return np.array(found.split(","), dtype=np.int64) if found else _NONE


class _PostgreSQL:
    def __init__(self, connection: Connection, scope: Word, last: int) -> None:
        self._connection, self._scope, self._last = connection, scope, last

    def each(self, words: Sequence[Word]) -> dict[Word, Having]:
        estimates = self.estimates(words)
        rarest = sorted(words, key=lambda word: estimates[word])[:ALONE]
        sought = [word for word in words if word in rarest or estimates[word] <= MOST]
        found = dict(zip(sought, self._latest([([word], estimates[word]) for word in sought]), strict=True))
        return {word: self._having(found.get(word), estimates[word]) for word in words}

    def both(self, pairs: Sequence[tuple[Word, Word]], found: Mapping[Word, Having]) -> list[Ids]:
        return self._latest([(pair, self._together(*(found[word].estimate for word in pair))) for pair in pairs])

    def _together(self, one: float, other: float) -> float:
        """Of how many entries to expect: between what chance and what always going together would give."""
        return min(one, other) * sqrt(max(one, other) / max(1, self._last))

    @staticmethod
    def _having(ids: Ids | None, estimate: float) -> Having:
        if ids is None:
            return Having(_NONE, estimate, whole=False)
        whole = len(ids) < MOST and estimate <= COMMON
        return Having(ids, len(ids) if whole else max(estimate, len(ids)), whole=whole)

    def _latest(self, sought: Sequence[tuple[Sequence[Word], float]]) -> list[Ids]:
        """For each: the latest entries with all its words; where there are too many to sort (given how many there may
        be), of as long a time as should do."""
        if not sought:
            return []
        parts: list[str] = []
        given: dict[str, object] = {"last": self._last, "most": MOST}
        for at, (all_of, estimate) in enumerate(sought):
            window = self._last if estimate <= COMMON else int(WINDOW * self._last / estimate)
            having = f"{_VECTOR} @@ CAST(:match{at} AS tsquery) AND id > :from{at} AND id <= :last"
            found = (
                f"SELECT id FROM (SELECT id FROM entries WHERE {having} OFFSET 0) found ORDER BY id DESC LIMIT :most"
            )
            parts.append(f"ARRAY({found})")
            given |= {f"match{at}": _tsquery([self._scope, *all_of]), f"from{at}": self._last - window}
        # A window of entries and the index of words are to be combined, not one read and the other checked by each row.
        self._connection.exec_driver_sql("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
        (row,) = self._connection.execute(text(f"SELECT {', '.join(parts)}"), given)
        self._connection.exec_driver_sql("SET LOCAL enable_seqscan = on; SET LOCAL enable_indexscan = on")
        return [np.array(ids, dtype=np.int64) for ids in row]

    def estimates(self, words: Sequence[Word]) -> dict[Word, float]:
        """How many entries have each word, as the database's statistics say; 0 of words that are not among the most common."""
        given = {"stems": [stem for word in (self._scope, *words) for stem in word]}
        rows = self._connection.execute(text(_SHARES), given).all()
        total = max(0.0, *(float(total) for total, _, _ in rows)) if rows else 0.0
        share = {stem: float(share) for _, stem, share in rows if stem is not None}
        within = min(1.0, sum(share.get(term, 0.0) for term in self._scope)) if self._scope else 1.0
        return {word: total * within * min(1.0, sum(share.get(stem, 0.0) for stem in word)) for word in words}


_SHARES = """
SELECT reltuples, stem, share
FROM pg_class LEFT JOIN (
    SELECT stem, share
    FROM pg_stats, unnest(most_common_elems::text::text[], most_common_elem_freqs) AS common(stem, share)
    WHERE schemaname = ANY (current_schemas(false)) AND tablename = 'ix_entries_words' AND stem = ANY (:stems)
) AS known ON true
WHERE oid = to_regclass('entries')
"""


def _fts5(all_of: Sequence[Word]) -> str:
    return " AND ".join("(" + " OR ".join(f'"{stem}"' for stem in word) + ")" for word in all_of if word)


def _tsquery(all_of: Sequence[Word]) -> str:
    return " & ".join("(" + " | ".join(f"'{stem}'" for stem in word) + ")" for word in all_of if word)
