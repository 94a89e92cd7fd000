"""A session told by its own sentences: for each stretch of talk, what was asked and what came of it."""

from collections import Counter
from collections.abc import Iterator, Sequence

from analytics.conversation import Conversation, Message
from analytics.memory.found import Found
from analytics.memory.sentences import sentences
from analytics.memory.statements import content_words
from models.events import Kind

__all__ = ["GAP", "summaries"]

GAP = 4 * 3600 * 1000
"""Silence (ms) after which talk is another episode: the session keys of many agents are never closed."""
_AT_MOST = 50
"""Episodes of a session that are told, the latest."""
_LAST_REPLIES = 2


def summaries(conversation: Conversation) -> Iterator[Found]:
    """For each episode two sentences at most: the user's that says most of what it was about, and the agent's last word
    on that. ``subject`` is the episode's begin (Unix milliseconds), which pairs them."""
    for messages in list(_episodes(conversation))[-_AT_MOST:]:
        told = [
            (message, sentence, content_words(sentence)) for message in messages for sentence in sentences(message.text)
        ]
        counts = Counter(word for _, _, words in told for word in words)
        asks = [one for one in told if one[0].speaker == "user"]
        ask = _best(asks, counts, early=True)
        if ask is None:
            continue
        start = str(messages[0].ts)
        yield _told(*ask[:2], start, 0.4)
        last = {message.ref for message in [m for m in messages if m.speaker == "agent"][-_LAST_REPLIES:]}
        counts.update(dict.fromkeys(ask[2], 2))
        answer = _best([one for one in told if one[0].ref in last and not one[1].endswith("?")], counts, early=False)
        if answer is not None and answer[0].ts >= ask[0].ts:
            yield _told(*answer[:2], start, 0.35)


def _episodes(conversation: Conversation) -> Iterator[list[Message]]:
    resets = [mark.ts for mark in conversation.marks if mark.kind is Kind.SESSION_RESET]
    episode: list[Message] = []
    for message in conversation.messages:
        while resets and episode and resets[0] <= episode[-1].ts:
            resets.pop(0)
        if episode and (message.ts - episode[-1].ts > GAP or (resets and resets[0] <= message.ts)):
            yield episode
            episode = []
        episode.append(message)
    if episode:
        yield episode


_Told = tuple[Message, str, frozenset[str]]


def _best(told: Sequence[_Told], counts: Counter[str], *, early: bool) -> _Told | None:
    """The sentence whose words the episode uses most, for its length; the earlier, or the later, where that is even."""
    best, highest = None, 0.0
    for place, one in enumerate(told):
        words = one[2]
        if len(words) < 2:
            continue
        nearness = 1 / (1 + (place if early else len(told) - 1 - place))
        score = sum(counts[word] for word in words) / (6 + len(words)) * (1 + 0.5 * nearness)
        if score > highest:
            best, highest = one, score
    return best


def _told(message: Message, sentence: str, episode: str, weight: float) -> Found:
    return Found("summary", message.ref, message.ts, message.speaker, sentence, episode, weight=weight, own=True)
