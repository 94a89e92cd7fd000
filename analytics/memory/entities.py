"""Who and what a session names: people, tickets, channels, addresses, files."""

import re
from collections.abc import Iterator

from analytics.conversation import Conversation, Message
from analytics.memory.found import Found

__all__ = ["entities"]

_AT_MOST = 8
_READ = 4_000
_PLAIN = re.compile(
    r"\b[A-Z][A-Z0-9]+-\d+\b|(?<![\w/&])[@#][A-Za-z][\w-]{2,30}\b|[\w.+-]+@[\w-]+\.\w{2,}"
    r"|(?<![\w/.])(?:[\w-]+/)*[\w-]+\.(?:py|tsx?|jsx?|md|ya?ml|json|toml|sql|go|rs|java|csv|pdf|xlsx|docx|ipynb|sh)\b"
    r"|(?<![\w@.])(?:[a-z0-9-]+\.)+(?:com|org|net|io|de|dev|eu)\b"
)
_MAY = re.compile(r"[@#]|[\w)]\.[a-z]{2}|[A-Z0-9]-\d")
_TITLED = re.compile(r"\b(?:Dr\.|Mr\.?|Mrs\.?|Ms\.?|Prof\.|Herrn?|Frau) (?:Dr\. )?[A-ZÄÖÜ][\w-]+")
_NAMED = re.compile(r"(?<=[a-z,;] )(?!I\b)[A-Z][a-z]{2,}(?: [A-Z][a-z]+)*\b(?!')")
_ENGLISH = re.compile(r"\b(?:the|is|are|to|and|of|you|for|with|my|at|in|on)\b")
_GERMAN = re.compile(r"\b(?:der|die|das|ist|und|nicht|ich|mit|für|auf|ein|eine|wir|zu|bitte)\b", re.IGNORECASE)
_COMMON = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september october november "
    "december english german french spanish ok yes no".split()
)


def entities(conversation: Conversation) -> Iterator[Found]:
    """The session's names, the most often named first, eight at most; each at its last mention.

    What looks like a name only by its capital counts once it was said in two messages.
    """
    seen: dict[str, list[tuple[Message, str]]] = {}
    for message in conversation.messages:
        for name in dict.fromkeys(_names(message.text[:_READ])):
            seen.setdefault(name.casefold(), []).append((message, name))
    sure = {key: mentions for key, mentions in seen.items() if len(mentions) > 1 or _is_sure(mentions[0][1])}
    most = sorted(sure.items(), key=lambda one: (-len(one[1]), one[0]))
    for place, (key, mentions) in enumerate(most[:_AT_MOST]):
        message, name = mentions[-1]
        weight = 1 - 1 / (1 + len(mentions))
        yield Found("entity", message.ref, message.ts, message.speaker, name, key, place, weight=weight)


def _is_sure(name: str) -> bool:
    return bool(_PLAIN.fullmatch(name) or _TITLED.fullmatch(name))


def _names(text: str) -> Iterator[str]:
    if _MAY.search(text):
        for found in _PLAIN.finditer(text):
            yield found[0]
    for found in _TITLED.finditer(text):
        yield found[0]
    if len(_ENGLISH.findall(text)) > 2 * len(_GERMAN.findall(text)):  # German writes every noun with a capital
        for found in _NAMED.finditer(text):
            if found[0].lower().removesuffix("s") not in _COMMON and found[0].lower() not in _COMMON:
                yield found[0]
