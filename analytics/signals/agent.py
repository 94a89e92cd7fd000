"""What the agent's words show: a refusal, a hand-over, a claim that what happened does not bear out."""

import re
from collections.abc import Iterator, Mapping, Sequence

from analytics.conversation import Call, Conversation, Message, Ref, Turn
from analytics.signals.finding import Finding
from analytics.signals.phrases import Phrases, Said
from analytics.signals.tools import Failures, ended, hands_over, looks, reads, recovered

__all__ = ["agent_findings"]

NEAR = 30
"""Characters before a claim in which a word takes it back ("once it is booked")."""

_CODE = re.compile(r"\b(?:\d{3,5}|E[A-Z]{4,})\b")
"""What an error is known by: a status, a system's code (550, ENOENT)."""

_WORD = re.compile(r"\w+")
_NO_ACT = re.compile(
    r"\b(?:re)?(?:written|wrote)\b[^.!?\n]*:\s*\S|\b(?:in|on|by|since) (?:\w+ )?(?:\d{1,2},? )?1[5-9]\d\d\b(?! ?[:-])",
    re.IGNORECASE,
)
"""The message itself is the work, the text that was asked for; or it tells what happened long ago."""

_BEGAN = re.compile(r"\b(?:was|were|wurden?|war(?:en)?)\b")
_OWN = re.compile(r"\b(?:i|we|ich|wir)\b")
"""What was done at another time is told in the past, and not of oneself."""

_ANNOUNCED = re.compile(r"\b(?:transferring|connecting|i will|i'll)\b")


def agent_findings(
    conversation: Conversation, said: Mapping[Ref, Said], failures: Failures, phrases: Phrases
) -> Iterator[Finding]:
    """Refusals (.4), hand-overs (.5), false success (.8) and ungrounded claims (.3; .6 when the agent has tools)."""
    made_good = recovered(conversation, failures)
    left: list[Call] = []  # failed acts of the turn before, of which the agent has not told
    acted = called = False
    for turn in conversation.turns:
        asked = tuple(message.ref for message in turn.user[-1:])
        for call in turn.calls:
            if call.ref not in failures and hands_over(call.tool):
                yield Finding("handover", call.ref, 0.5, (*asked, call.ref))
        acted = acted or any(call.ref not in failures and not reads(call.tool) for call in turn.calls)
        called = called or bool(turn.calls)
        *standing, at_its_end = _standing(turn, made_good)
        for message, failed in zip(turn.agent, standing, strict=True):
            parts = said[message.ref].sentences()
            if refuses(parts, phrases):
                yield Finding("refusal", message.ref, 0.4, (*asked, message.ref))
            if sends_away(parts, phrases):
                yield Finding("handover", message.ref, 0.5, (*asked, message.ref))
            done = claims(parts, "success", phrases)
            if done and failed:
                if not admits(parts, failed, phrases):
                    yield _false_success(message, failed)
            elif not turn.calls and (
                (done and not acted and not _NO_ACT.search(message.text) and not _succeeded(turn, said, phrases))
                or (not called and claims(parts, "looked", phrases))
            ):
                if done and left and not admits(parts, left, phrases):
                    yield _false_success(message, left)
                else:
                    severity = 0.6 if conversation.calls else 0.3
                    yield Finding("ungrounded_claim", message.ref, severity, (*asked, message.ref))
        if turn.calls or turn.agent:
            left = _untold(turn, at_its_end, said, phrases)


def refuses(parts: Sequence[Said], phrases: Phrases) -> bool:
    """Whether a sentence that is no question says that the agent cannot or will not."""
    return any(not part.question and phrases.find("refusal", part) for part in parts)


def sends_away(parts: Sequence[Said], phrases: Phrases) -> bool:
    """Whether a sentence that neither asks nor offers sends the user to a person or elsewhere.

    A recommendation beside an offer to transfer is part of the offer.
    """
    found = [part for part in parts if phrases.find("handover", part)]
    if found and any(part.question and phrases.find("offer", part) for part in parts):
        found = [part for part in found if _ANNOUNCED.search(part.text)]
    return any(not part.question and not phrases.find("offer", part) for part in found)


def claims(parts: Sequence[Said], family: str, phrases: Phrases) -> bool:
    """Whether a sentence says that something was done or looked up, and neither asks nor takes it back.

    What was done at another time, such as yesterday, is no work of now.
    """
    for part in parts:
        found = phrases.find(family, part)
        if found and not part.question and not _of_another_time(part, phrases):
            around = Said(part.text[max(0, found.start - NEAR) : found.end], part.languages)
            if not phrases.find("undone", around, found.language):
                return True
    return False


def admits(parts: Sequence[Said], failed: Sequence[Call], phrases: Phrases) -> bool:
    """Whether a sentence that is no question tells of a failure, or names the code of one of the failed calls."""
    if any(not part.question and (phrases.find("failure", part) or _owns_up(part, phrases)) for part in parts):
        return True
    words = {word for part in parts for word in _WORD.findall(part.text)}
    return any(
        code.lower() in words for call in failed for code in _CODE.findall(call.error) if code not in call.arguments
    )


def _owns_up(part: Said, phrases: Phrases) -> bool:
    """Whether a sentence says that something does not work or only in part, and not only what to do if it should not."""
    found = phrases.find("admission", part)
    return found is not None and not phrases.find("offer", part.first(found.start))


def _of_another_time(part: Said, phrases: Phrases) -> bool:
    return bool(phrases.find("past", part) and _BEGAN.search(part.text) and not _OWN.search(part.text))


def _false_success(message: Message, failed: Sequence[Call]) -> Finding:
    return Finding("false_success", message.ref, 0.8, (*(call.result or call.ref for call in failed), message.ref))


def _untold(turn: Turn, failed: Sequence[Call], said: Mapping[Ref, Said], phrases: Phrases) -> list[Call]:
    """The failed acts among these calls, unless the agent told the user of a failure."""
    acts = [call for call in failed if not looks(call)]
    told = any(admits(said[message.ref].sentences(), acts, phrases) for message in turn.agent)
    return [] if told else acts


def _succeeded(turn: Turn, said: Mapping[Ref, Said], phrases: Phrases) -> bool:
    """Whether the user tells of a success, or of having done it, which the agent may then repeat."""
    parts = [part for message in turn.user for part in said[message.ref].sentences()]
    return claims(parts, "success", phrases) or claims(parts, "theirs", phrases)


def _standing(turn: Turn, made_good: Mapping[Ref, int]) -> list[list[Call]]:
    """Failures of a turn that stood at each message of the agent and at the turn's end, at most the last ten."""
    calls = sorted(turn.calls, key=ended)
    times = [message.ts for message in turn.agent]
    standing: list[Call] = []
    at, result = 0, []
    for time in (*times, max((*times, *map(ended, calls)), default=0)):
        while at < len(calls) and ended(calls[at]) <= time:
            call = calls[at]
            standing = [*standing, call][-10:] if call.error else [one for one in standing if not _settles(call, one)]
            at += 1
        result.append([one for one in standing if made_good.get(one.ref, time + 1) > time])
    return result


def _settles(call: Call, failed: Call) -> bool:
    """Whether the agent may speak of success after this call: it used the tool again, or acted after a failed look."""
    if looks(call):
        return call.tool == failed.tool and looks(failed)
    return call.tool == failed.tool or looks(failed)
