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


class _Group(NamedTuple):
    """Messages that may be a topic, with the id and the parent they get."""

    members: list[int]
    """Places in the sample."""
    centre: NDArray[np.float32]
    id: str
    parent: str
    born: int


def _topics(
    found: Sequence[_Group],
    sample: Sequence[_Said],
    texts: Read,
    corpus: Corpus,
    rarity: dict[str, float],
    mean: str,
) -> list[Discovered]:
    """Topics of groups: named against each other, each with the example nearest to it that a person reads at a glance.

    What has no two words that several messages share is no topic that a person would understand.
    """
    named = describe(corpus, [group.members for group in found])
    understood = [at for at, (_, keywords) in enumerate(named) if len(keywords) >= _TELLING]
    found, named = [found[at] for at in understood], [named[at] for at in understood]
    words = _words(corpus, picked([group.members for group in found], corpus.size), rarity)
    topics = [
        Discovered(
            id=group.id,
            label=label,
            keywords=keywords,
            example=sample[group.members[0]].ref,
            born=group.born,
            parent=group.parent,
            size=len(group.members),
            centre=pack(group.centre),
            words=weights,
        )
        for group, (label, keywords), weights in zip(found, named, words, strict=True)
    ]
    record = Record(mark=0, fitted=0, seen=0, mean=mean, rarity=rarity, topics=tuple(topics), merged={})
    model = Model(record)
    sizes = [len(group.members) for group in found]
    members = [at for group in found for at in group.members]
    near = iter(model.scores_of(texts.some(members), np.repeat(np.arange(len(topics)), sizes)).tolist())
    shown = []
    for topic, group in zip(topics, found, strict=True):
        best = min((len(sample[at].text) > _GLANCE, -next(near), sample[at]) for at in group.members)
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
    names[names >= _MOST] = -1
    before = previous.nearest_of(texts) if previous else [""] * len(sample)
    count = int(names.max(initial=-1)) + 1
    kept, parents, merged = _continued(names, before, count)
    corpus = Corpus.of(texts.words)
    rarity = _rarity(corpus.bags, corpus.vocabulary)
    found = []
    for group in range(count):
        inside = np.flatnonzero(names == group)
        members = inside.tolist()
        name = kept.get(group) or _new_id(mark, [sample[at] for at in members])
        born = next((topic.born for topic in previous.record.topics if topic.id == name), mark) if previous else mark
        centre = vectors[inside].mean(axis=0, dtype=np.float64).astype(np.float32)
        found.append(_Group(members, centre, name, parents.get(group, ""), born))
    topics = _topics(found, sample, texts, corpus, rarity, mean)
    alive = {topic.id for topic in topics}
    into = {old: found[group].id for old, group in merged.items() if found[group].id in alive}
    if previous:
        into = {old: into.get(new, new) for old, new in previous.record.merged.items()} | into
    record = Record(
        mark=mark,
        fitted=seen,
        seen=seen,
        mean=mean,
        rarity=rarity,
        topics=tuple(topics),
        merged=dict(sorted(into.items())),
        former=_former(previous, alive),
    )
    return Model(record)


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


def _continued(
    names: NDArray[np.intp], before: Sequence[str], count: int
) -> tuple[dict[int, str], dict[int, str], dict[str, int]]:
    """Which groups continue which earlier topics, which were split from one, and which topics merged into a group.

    A group and a topic are matched by the messages they share, those that share most first.
    """
    shared = Counter((int(group), topic) for group, topic in zip(names, before, strict=True) if group >= 0 and topic)
    sizes = Counter(before)
    kept: dict[int, str] = {}
    parents: dict[int, str] = {}
    merged: dict[str, int] = {}
    taken: set[str] = set()
    for (group, topic), n in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
        if group in kept or group >= count:
            continue
        if topic not in taken and 4 * n >= min(sizes[topic], int((names == group).sum())):
            kept[group] = topic
            taken.add(topic)
    for (group, topic), n in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
        if group not in kept and topic in taken and 2 * n >= int((names == group).sum()):
            parents.setdefault(group, topic)
        if topic not in taken and topic not in merged:
            merged[topic] = group
    return kept, parents, merged


def _new_id(mark: int, members: Sequence[_Said]) -> str:
    first = min(members)
    return FOUND + hashlib.sha256(repr((mark, (first.ts, first.text))).encode()).hexdigest()[:10]


def _extend(sample: Sequence[_Said], seen: int, mark: int, previous: Model) -> Model:
    """The previous topics, and new ones for what they do not explain."""
    old = previous.record
    texts = _read(sample)
    rest = [at for at, topic in enumerate(previous.nearest_of(texts)) if not topic]
    vectors = texts.vectors[rest]
    names = _groups(vectors, old.mean)
    centres = unit(np.stack([unpack(topic.centre) for topic in old.topics]) - unpack(old.mean)) if old.topics else None
    found = []
    for group in range(min(int(names.max(initial=-1)) + 1, _MOST - len(old.topics))):
        inside = np.flatnonzero(names == group)
        centre = vectors[inside].mean(axis=0, dtype=np.float64).astype(np.float32)
        apart = unit((centre - unpack(old.mean))[None])[0]
        if centres is not None and float((centres * apart).sum(axis=1).max()) > _APART:
            continue
        members = [rest[at] for at in inside]
        found.append(_Group(members, centre, _new_id(mark, [sample[at] for at in members]), "", mark))
    corpus = Corpus.of(texts.words)
    fresh = _rarity(corpus.bags[[at for group in found for at in group.members]], corpus.vocabulary)
    added = {word: weight for word, weight in fresh.items() if word not in old.rarity}
    rarity = old.rarity | dict(list(added.items())[:_VOCABULARY])
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
