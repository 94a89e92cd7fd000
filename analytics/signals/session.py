"""What a session as a whole shows: a failed run, an end without an answer, context lost after compaction."""

from collections.abc import Iterator, Mapping

from analytics.conversation import Conversation, Ref
from analytics.signals.finding import Finding
from analytics.signals.phrases import Phrases, Said
from analytics.signals.tools import fingerprint
from analytics.signals.user import asks, closing
from models.events import Kind

__all__ = ["session_findings"]

SOON = 2
"""Messages of the agent after a compaction in which it shows what was lost."""


def session_findings(conversation: Conversation, said: Mapping[Ref, Said], phrases: Phrases) -> Iterator[Finding]:
    """Run errors (.5; .9 when the agent never spoke again), abandoned sessions (.7), lost context (.6)."""
    yield from _run_errors(conversation)
    yield from _abandoned(conversation, said, phrases)
    yield from _context_lost(conversation, said, phrases)


def _run_errors(conversation: Conversation) -> Iterator[Finding]:
    spoke = max((message.ts for message in conversation.messages if message.speaker == "agent"), default=0)
    for mark in conversation.marks:
        if mark.kind is Kind.RUN_ERROR:
            ref = (mark.stream, mark.seq)
            severity = 0.9 if spoke <= mark.ts else 0.5
            yield Finding("run_error", ref, severity, (ref,), f"run: {fingerprint(mark.error or mark.text)}")


def _abandoned(conversation: Conversation, said: Mapping[Ref, Said], phrases: Phrases) -> Iterator[Finding]:
    """The session ends with a message of the user that waits for an answer and got none.

    It waits when it asks for something, or answers the agent's question in a talk in which the user had asked.
    Commands to the gateway and runs that ended well afterwards (their replies are not always logged) are answers.
    """
    if not conversation.messages or conversation.messages[-1].speaker != "user":
        return
    last = conversation.messages[-1]
    words = said[last.ref]
    if words.text.startswith("/") or closing(words, phrases):
        return
    done = any(call.ts >= last.ts and call.result and not call.error for call in conversation.calls)
    ran = any(mark.ts >= last.ts and mark.kind is Kind.RUN_END and not mark.error for mark in conversation.marks)
    if not done and not ran and (asks(words, phrases) or _answers(conversation, said, phrases)):
        yield Finding("abandoned", last.ref, 0.7, (last.ref,))


def _answers(conversation: Conversation, said: Mapping[Ref, Said], phrases: Phrases) -> bool:
    """Whether the last message follows a question of the agent in a talk that began with a user's request."""
    spoken = [message for message in conversation.messages if message.speaker == "agent"]
    if not spoken or not said[spoken[-1].ref].question:
        return False
    first = next(message for message in conversation.messages if message.speaker == "user")
    return asks(said[first.ref], phrases)


def _context_lost(conversation: Conversation, said: Mapping[Ref, Said], phrases: Phrases) -> Iterator[Finding]:
    """Soon after a compaction the agent says that it does not remember, or asks again; or the user repeats himself."""
    marks = [mark for mark in conversation.marks if mark.kind is Kind.COMPACTION_END]
    at, replies = 0, 0
    for message in conversation.messages if marks else ():
        while at + 1 < len(marks) and marks[at + 1].ts <= message.ts:
            at, replies = at + 1, 0
        if marks[at].ts > message.ts or replies > SOON:
            continue
        agent = message.speaker == "agent"
        replies += agent
        family, parts = ("forgotten", said[message.ref].sentences()) if agent else ("repeat", [said[message.ref]])
        if replies <= SOON and any(phrases.find(family, part) for part in parts):
            yield Finding("context_lost", message.ref, 0.6, ((marks[at].stream, marks[at].seq), message.ref))
