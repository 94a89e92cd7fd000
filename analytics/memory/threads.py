"""What a session left open: a question without an answer, a run that failed, an answer that the agent waits for."""

import re

from analytics.conversation import Conversation, Message
from analytics.memory.found import Found
from analytics.memory.sentences import sentences
from models.events import Kind

__all__ = ["open_thread"]

_CLOSING = re.compile(
    r"^(?:\W*(?:thanks?|thank you|thx|ty|cheers|great|perfect|ok(?:ay)?|cool|nice|good|bye|goodbye|awesome|got it|will do|danke|vielen dank|super|"
    r"prima|passt|alles klar|tschüss|ciao|gut|toll|genau|ja|yes|no|nein|nope|never ?mind|that(?:'s| is) all|that's it|see you|bis dann|sehr gut|"
    r"schönen tag|have a (?:good|nice|great) (?:day|one|evening|weekend)|sounds good|you too|wow|haha|lol|fine|merci|so much|a lot|very much|dir|again|"
    r"auch|noch|das war(?:'s| alles)|all good|no thanks|nothing else|that will be all|for your help|for the help|for now|tomorrow|then)\b\W*)+$",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"\?\s*[\"')]*$|^\W*(?:(?:hi|hello|hey|hallo|guten \w+|so|and|also|und|ok|now)\b\W*)*(?:please|bitte|can you|could you|would you|will you|kannst du|könntest du|können sie|"
    r"könnten sie|i need|i want|i'd like|i would like|ich brauche|ich möchte|ich will|find|show|tell|give|send|book|make|write|create|fix|add|check|"
    r"look|help|where|what|when|why|who|how|which|wo|was|wann|warum|wer|wie|welche|explain|run|deploy|cancel|change|update|set|remind)\b",
    re.IGNORECASE,
)
_OFFER = re.compile(
    r"anything else|something else|else i can|can i help|may i help|help you with|noch etwas|sonst noch|weiterhelfen|helfen kann|further assistance",
    re.IGNORECASE,
)


def open_thread(conversation: Conversation) -> Found | None:
    """What the session left open, if anything; of an endless session, what its end leaves open."""
    if not conversation.messages:
        return None
    last = conversation.messages[-1]
    turn = conversation.turns[-1]
    failed = next((mark for mark in reversed(turn.marks) if mark.kind is Kind.RUN_ERROR), None)
    if last.speaker == "user":
        asked = _asked(turn.user or (last,))
        if asked is None:
            return None
        message, sentence = asked
        return _thread(message, sentence, "run failed" if failed else "unanswered", 0.9 if failed else 0.8)
    said = [*sentences(last.text)]
    if said and said[-1].endswith("?") and not _OFFER.search(said[-1]) and turn.user:
        return _thread(last, said[-1], "waiting for an answer", 0.5)
    if failed and failed.ts >= last.ts and (asked := _asked(turn.user)):
        return _thread(*asked, "run failed", 0.9)
    return None


def _asked(messages: tuple[Message, ...]) -> tuple[Message, str] | None:
    """The last sentence that asks for something; what only thanks or takes leave asks for nothing."""
    for message in reversed(messages):
        said = [sentence for sentence in sentences(message.text) if not _CLOSING.match(sentence)]
        for sentence in reversed(said):
            if _ASKS.search(sentence):
                return message, sentence
    return None


def _thread(message: Message, sentence: str, why: str, weight: float) -> Found:
    return Found("thread", message.ref, message.ts, message.speaker, sentence, why, weight=weight, own=True)
