"""Find topics in messages, and keep them recognisable as messages go on coming.

Groups of alike messages (:mod:`analytics.topics.clusters`) become topics. While a log is young, topics are found anew
each time that it has doubled, and whatever is mostly an earlier topic keeps its id; in between, and later, topics stay
as they are, and what none of them explains can become a new one.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from math import log
from typing import NamedTuple

import msgspec
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analytics import embedding
from analytics.conversation import Ref
from analytics.topics.clusters import groups, unit
from analytics.topics.corpus import Corpus, picked, ranked, rows, weighted
from analytics.topics.discovery import FOUND, Described, Discovered, Model, Read, Record, pack, unpack
from analytics.topics.stopwords import READ, content, read
from analytics.topics.wording import describe

__all__ = ["SETTLED", "due", "fit"]

_ANEW = 2
"""Topics are found anew when there are this many times the messages they were found in,"""
SETTLED = 3_000
"""and no more once they were found in this many: from then on a topic stays what people know it as."""
_SAMPLE = 5_000
"""Distinct messages that a fit is of; bounds its time and memory."""
_LOOKED_AT = 2 * _SAMPLE
"""Texts that they are looked for in: much of what people say to an agent says nothing by itself."""
_WIDTH = 128
"""Of the vectors' numbers, how many the groups of a settled log are found by: the embedding was trained to say most with
the first (Kusupati et al. 2022). Among many messages half of them find as good groups in half the time."""
_SMALLEST = 4
_MOST = 400
"""Topics of a model."""
_WORDS = 240
"""Words that a topic is recognised by."""
_VOCABULARY = 4_000
_TELLING = 2
"""Words that a topic is told by, at least."""
_GLANCE = 200
"""Characters of an example, if possible."""
_APART = 0.75
"""Cosine from which a group is no new topic beside an old one."""


def due(seen: int, fitted: int) -> bool:
    """Whether topics are to be found anew at ``seen`` messages, when they were last found in ``fitted``."""
    return fitted < SETTLED and seen >= _ANEW * fitted


class _Said(msgspec.Struct, frozen=True, order=True, gc=False):
    """A message, ordered by age; its place in the log matters last."""

    ts: int
    text: str
    ref: Ref
    words: Sequence[str]
    content: Sequence[str]


def fit(
    messages: Iterable[tuple[Ref, int, str]], mark: int, previous: Model | None = None, seen: int | None = None
) -> Model:
    """The model of what was said up to ``mark``; a function of the set of messages and the model before.

    Args:
        messages: (ref, Unix milliseconds, text), in any order; those later than ``mark`` are left out. Read once, in
            bounded memory. :func:`analytics.topics.schedule.plan` says which are needed, and when.
        mark: Unix milliseconds of event time.
        previous: the model that governed before, whose topics go on.
        seen: how many messages there are up to the mark, where some of them are not given; None: as many as are given
            and the model before had seen.
    """
    given, sample = _sample(messages, mark, previous)
    seen = given if seen is None else seen
    if previous is None or due(seen, previous.record.fitted):
        return _find(sample, seen, mark, previous)
    return _extend(sample, seen, mark, previous)


def _sample(messages: Iterable[tuple[Ref, int, str]], mark: int, previous: Model | None) -> tuple[int, list[_Said]]:
    """How many messages there are by now, and a sample of what they say, each content once.

    The texts of the lowest digests are looked at, which are as good as random: a fair sample, and the same whatever the
    order. Of a long log most texts need not be read.
    """
    count = 0
    known = -1 if previous is None else previous.record.mark
    kept: dict[bytes, tuple[int, str, Ref]] = {}
    highest = b"\xff" * 9
    for ref, ts, text in messages:
        if ts > mark:
            continue
        count += previous is None or ts > known
        said = text[:READ]
        digest = hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        if digest <= highest:
            item = ts, said, ref
            kept[digest] = min(kept.get(digest, item), item)
            if len(kept) > _LOOKED_AT + _SAMPLE:
                highest = sorted(kept)[_LOOKED_AT - 1]
                kept = {digest: item for digest, item in kept.items() if digest <= highest}
    return count + (previous.record.seen if previous else 0), _telling(kept[d] for d in sorted(kept)[:_LOOKED_AT])


def _telling(messages: Iterable[tuple[int, str, Ref]]) -> list[_Said]:
    """The first messages that say something, each content once."""
    found: dict[str, _Said] = {}
    for ts, text, ref in messages:
        words = read(text)
        telling = content(words)
        if len(set(telling)) > 1:
            found.setdefault(" ".join(telling), _Said(ts, text, ref, words, telling))
            if len(found) == _SAMPLE:
                break
    return list(found.values())


def _rarity(bags: sp.csr_matrix, vocabulary: Sequence[str]) -> dict[str, float]:
    """Inverse document frequency of the words that two texts have, the most frequent first."""
    texts = bags.shape[0]
    counts = np.bincount(bags.indices, minlength=len(vocabulary))
    order = np.argsort(-counts, kind="stable")[:_VOCABULARY]
    common = zip(order.tolist(), counts[order].tolist(), strict=True)
    return {vocabulary[at]: round(log((1 + texts) / (1 + count)) + 1, 4) for at, count in common if count > 1}


def _words(corpus: Corpus, members: sp.csr_matrix, rarity: dict[str, float]) -> list[dict[str, float]]:
    """The mean of each group's bags of words, at length 1, cut to the weightiest words."""
    highest = max(rarity.values(), default=1.0)
    known = np.array([word in rarity for word in corpus.vocabulary], bool)
    total = members @ weighted(corpus.bags, np.array([rarity.get(word, highest) for word in corpus.vocabulary]))
    lengths = np.sqrt(np.bincount(rows(total), weights=total.data**2, minlength=total.shape[0]))
    found = []
    for length, cells in zip(lengths.tolist(), ranked(total, total.data), strict=True):
        best = cells[known[total.indices[cells]]][:_WORDS]
        words = [corpus.vocabulary[at] for at in total.indices[best].tolist()]
        found.append(dict(zip(words, (total.data[best] / length).round(4).tolist(), strict=True)))
    return found


def _read(sample: Sequence[_Said]) -> Read:
    words = [said.words for said in sample]
    return Read(words, [said.content for said in sample], embedding.load().embed(words))


class _Told(NamedTuple):
    """Messages that are a topic, and what it is told by."""

    members: list[int]
    """Places in the sample."""
    label: str
    keywords: tuple[str, ...]


class _Group(NamedTuple):
    """A topic with the id and the parent it gets."""

    told: _Told
    centre: NDArray[np.float32]
    id: str
    parent: str
    born: int


def _understood(found: Sequence[list[int]], corpus: Corpus) -> list[_Told]:
    """The groups that are topics, named against each other.

    What has no two words that several messages share is no topic that a person would understand.
    """
    named = zip(found, describe(corpus, found), strict=True)
    return [_Told(members, *told) for members, told in named if len(told[1]) >= _TELLING]


def _centre(texts: Read, members: Sequence[int]) -> NDArray[np.float32]:
    centre: NDArray[np.float32] = texts.vectors[list(members)].mean(axis=0, dtype=np.float64).astype(np.float32)
    return centre


def _topics(
    found: Sequence[_Group],
    sample: Sequence[_Said],
    texts: Read,
    corpus: Corpus,
    rarity: dict[str, float],
    mean: str,
) -> list[Discovered]:
    """Topics of groups, each with the example nearest to it that a person reads at a glance."""
    inside = [group.told.members for group in found]
    words = _words(corpus, picked(inside, corpus.size), rarity)
    topics = [
        Discovered(
            id=group.id,
            label=group.told.label,
            keywords=group.told.keywords,
            example=sample[group.told.members[0]].ref,
            born=group.born,
            parent=group.parent,
            size=len(group.told.members),
            centre=pack(group.centre),
            words=weights,
        )
        for group, weights in zip(found, words, strict=True)
    ]
    record = Record(mark=0, fitted=0, seen=0, mean=mean, rarity=rarity, topics=tuple(topics), merged={})
    model = Model(record)
    everyone = [at for members in inside for at in members]
    near = iter(
        model.scores_of(texts.some(everyone), np.repeat(np.arange(len(topics)), list(map(len, inside)))).tolist()
    )
    shown = []
    for topic, members in zip(topics, inside, strict=True):
        best = min((len(sample[at].text) > _GLANCE, -next(near), sample[at]) for at in members)
        shown.append(msgspec.structs.replace(topic, example=best[-1].ref))
    return shown


def _find(sample: Sequence[_Said], seen: int, mark: int, previous: Model | None) -> Model:
    """Topics found anew, with the ids of the previous ones that they continue."""
    texts = _read(sample)
    vectors = texts.vectors
    mean = pack(
        vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
        if len(sample)
        else np.zeros(vectors.shape[1], np.float32)
    )
    names = _groups(vectors, mean)
    corpus = Corpus.of(texts.words)
    rarity = _rarity(corpus.bags, corpus.vocabulary)
    count = min(int(names.max(initial=-1)) + 1, _MOST)
    understood = _understood([np.flatnonzero(names == group).tolist() for group in range(count)], corpus)
    known = {topic.id: topic for topic in previous.record.topics} if previous else {}
    before = previous.nearest_of(texts) if previous else [""] * len(sample)
    kept, parents = _continued([told.members for told in understood], before)
    found = []
    for at, told in enumerate(understood):
        if at in kept:
            name, parent, born = kept[at], known[kept[at]].parent, known[kept[at]].born
        else:
            name, parent, born = _new_id(mark, [sample[member] for member in told.members]), parents.get(at, ""), mark
        found.append(_Group(told, _centre(texts, told.members), name, parent, born))
    topics = _topics(found, sample, texts, corpus, rarity, mean)
    record = Record(
        mark=mark,
        fitted=seen,
        seen=seen,
        mean=mean,
        rarity=rarity,
        topics=tuple(topics),
        merged={},
        former=_former(previous, {topic.id for topic in topics}),
    )
    if previous is None:
        return Model(record)
    into = _merged(Model(record), texts, before)
    into = {old: into.get(new, new) for old, new in previous.record.merged.items()} | into
    return Model(msgspec.structs.replace(record, merged=dict(sorted(into.items()))))


def _groups(vectors: NDArray[np.float32], mean: str) -> NDArray[np.intp]:
    """The group of each vector, seen from the mean; -1: of none."""
    if not len(vectors):
        return np.zeros(0, np.intp)
    width = _WIDTH if len(vectors) > SETTLED else vectors.shape[1]
    return groups(unit((vectors - unpack(mean))[:, :width]), _SMALLEST)


def _former(previous: Model | None, alive: AbstractSet[str]) -> tuple[Described, ...]:
    """Topics of all earlier models that are none any more, described."""
    if previous is None:
        return ()
    names = Described.__struct_fields__
    known = (*previous.record.former, *previous.record.topics)
    return tuple(
        Described(**{name: getattr(topic, name) for name in names}) for topic in known if topic.id not in alive
    )


def _continued(found: Sequence[Sequence[int]], before: Sequence[str]) -> tuple[dict[int, str], dict[int, str]]:
    """Which groups continue which earlier topics, and which were split from one.

    A group and a topic are matched by the messages they share, those that share most first. Only groups that are topics
    are given: one that is not would take an id with it.

    Args:
        found: the messages of each group.
        before: the earlier topic of each message.
    """
    shared = Counter((at, before[member]) for at, members in enumerate(found) for member in members if before[member])
    most = sorted(shared.items(), key=lambda item: (-item[1], item[0]))
    sizes = Counter(before)
    kept: dict[int, str] = {}
    parents: dict[int, str] = {}
    taken: set[str] = set()
    for (group, topic), n in most:
        if group not in kept and topic not in taken and 4 * n >= min(sizes[topic], len(found[group])):
            kept[group] = topic
            taken.add(topic)
    for (group, topic), n in most:
        if group not in kept and topic in taken and 2 * n >= len(found[group]):
            parents.setdefault(group, topic)
    return kept, parents


def _merged(model: Model, texts: Read, before: Sequence[str]) -> dict[str, str]:
    """The earlier topics that are none any more, and the topic that most of their messages have now.

    The messages are tagged, since many of them may be in no group, or in one that is no topic.
    """
    ended = [at for at, topic in enumerate(before) if topic and topic not in model.ids]
    now = model.nearest_of(texts.some(ended))
    went = Counter((before[at], topic) for at, topic in zip(ended, now, strict=True) if topic)
    into: dict[str, str] = {}
    for (old, new), _ in sorted(went.items(), key=lambda item: (-item[1], item[0])):
        into.setdefault(old, new)
    return into


def _new_id(mark: int, members: Sequence[_Said]) -> str:
    first = min(members)
    return FOUND + hashlib.sha256(repr((mark, (first.ts, first.text))).encode()).hexdigest()[:10]


def _extend(sample: Sequence[_Said], seen: int, mark: int, previous: Model) -> Model:
    """The previous topics, and new ones for what they do not explain."""
    old = previous.record
    texts = _read(sample)
    rest = [at for at, topic in enumerate(previous.nearest_of(texts)) if not topic]
    names = _groups(texts.vectors[rest], old.mean)
    centres = unit(np.stack([unpack(topic.centre) for topic in old.topics]) - unpack(old.mean)) if old.topics else None
    new = []
    for group in range(min(int(names.max(initial=-1)) + 1, _MOST - len(old.topics))):
        members = [rest[at] for at in np.flatnonzero(names == group)]
        apart = unit((_centre(texts, members) - unpack(old.mean))[None])[0]
        if centres is None or float((centres * apart).sum(axis=1).max()) <= _APART:
            new.append(members)
    corpus = Corpus.of(texts.words)
    fresh = _rarity(corpus.bags[[at for members in new for at in members]], corpus.vocabulary)
    added = {word: weight for word, weight in fresh.items() if word not in old.rarity}
    rarity = old.rarity | dict(list(added.items())[:_VOCABULARY])
    found = [
        _Group(told, _centre(texts, told.members), _new_id(mark, [sample[at] for at in told.members]), "", mark)
        for told in _understood(new, corpus)
    ]
    topics = _topics(found, sample, texts, corpus, rarity, old.mean)
    return Model(
        Record(
            mark=mark,
            fitted=old.fitted,
            seen=seen,
            mean=old.mean,
            rarity=rarity,
            topics=(*old.topics, *topics),
            merged=old.merged,
            former=old.former,
        )
    )
