"""A dozen turns of two agents, what the model does in each, and what of it there has to be in the end."""

from collections import Counter
from typing import NamedTuple

from stub_model import SUMMARY, Answer

__all__ = ["AGENTS", "COMPACT", "TURNS", "WARM_UP", "Turn", "calls", "failures", "replies", "script"]

COMPACT = "/compact"
"""What has the session compacted instead of being said."""
AGENTS = ("main", "research")
LONG = " ".join(f"Paragraph {number} of the essay says something about rivers." for number in range(100))


class Turn(NamedTuple):
    """What a user says and what the agent's model does about it."""

    agent: str
    message: str
    answers: tuple[Answer, ...] = ()
    failing: tuple[str, ...] = ()
    """Tools of the calls that fail."""


WARM_UP = Turn("", "Are you ready?", (Answer("Ready."),))
"""Said to each agent until it answers: a gateway needs a while to set an agent up."""

TURNS = (
    Turn("main", "How is the weather in Cologne?", (Answer("It is fine, with sun all day long."),)),
    Turn(
        "main",
        "Please run the first command.",
        (Answer("", (("exec", {"command": "echo first"}),)), Answer("The first command printed one word.")),
    ),
    Turn("research", "Write a long essay about rivers.", (Answer(LONG),)),
    Turn(
        "main",
        "Please run two commands and read a file at once.",
        (
            Answer(
                "I do all three.",
                (
                    ("exec", {"command": "echo left"}),
                    ("read", {"path": "missing-on-purpose.txt"}),
                    ("exec", {"command": "echo right"}),
                ),
            ),
            Answer("Two worked; the file is missing."),
        ),
        failing=("read",),
    ),
    Turn(
        "main",
        "Please run the build.",
        (Answer("", (("exec", {"command": "echo building; exit 3"}),)), Answer("The build failed with code 3.")),
        failing=("exec",),
    ),
    Turn("main", "No, that is wrong. I meant the tests, not the build!", (Answer("Sorry, I mixed them up."),)),
    Turn(
        "research",
        "Save a note and read it again.",
        (
            Answer("", (("write", {"path": "note.txt", "content": "rivers flow"}),)),
            Answer("", (("read", {"path": "note.txt"}),)),
            Answer("The note says that rivers flow."),
        ),
    ),
    Turn("research", "Ask the broken model.", (Answer(error="this model does not like the question"),)),
    Turn("main", COMPACT),
    Turn("main", "What did we do so far?", (Answer("We ran some commands and a build."),)),
    Turn("main", "/new"),
    Turn("main", "Thanks, that was very helpful!", (Answer("You are welcome."),)),
    Turn(
        "research",
        "Please run a command that does not exist.",
        (Answer("", (("exec", {"command": "no-such-program-here"}),)), Answer("There is no such program.")),
        failing=("exec",),
    ),
)


def script() -> dict[str, tuple[Answer, ...]]:
    """What the model answers, by message."""
    return {turn.message: turn.answers for turn in (*TURNS, WARM_UP) if turn.answers}


def replies() -> Counter[tuple[str, str]]:
    """What each agent says, but for its summaries."""
    assert SUMMARY.text
    return Counter((turn.agent, answer.text) for turn in TURNS for answer in turn.answers if answer.text)


def calls() -> Counter[tuple[str, str]]:
    """The tools that each agent calls."""
    return Counter((turn.agent, tool) for turn in TURNS for answer in turn.answers for tool, _ in answer.calls)


def failures() -> Counter[tuple[str, str]]:
    """The tools of each agent's calls that fail."""
    return Counter((turn.agent, tool) for turn in TURNS for tool in turn.failing)
