"""What a session shows after a compaction: whether the agent lost what was said."""

import pytest
from wire_forms import e, read

from analytics.conversation import fold
from analytics.signals import detect


def lost(*said):
    """Places of the messages, counted from 1 after the compaction, that show lost context; "> " begins the user's."""
    told = [e("message.in", at=1, text="The db is called zeta."), e("compaction.end", at=2)]
    for at, text in enumerate(said, 3):
        kind = "message.in" if text.startswith("> ") else "message.out"
        told.append(e(kind, at=at, text=text.removeprefix("> ")))
    found = detect(fold(read(event, seq=seq) for seq, event in enumerate(told, 1)), {})
    return [one.seq - 2 for one in found if one.kind == "context_lost"]


@pytest.mark.parametrize(
    "text",
    [
        "I don't have any record of our earlier conversation.",
        "Could you tell me again what the database is called?",
        "Could you remind me which database it was?",
        "What was the name of the database?",
        "What is the database called again?",
        "I've lost track of what we did.",
        "Ich erinnere mich leider nicht.",
        "Wie hieß die Datenbank?",
        "Je ne me souviens plus de ce dont nous parlions.",
        "すみません、以前の会話を覚えていません。",
    ],
)
def test_an_agent_that_forgot_or_asks_again_lost_its_context(text):
    assert lost("> Go on.", text) == [2]


@pytest.mark.parametrize(
    "text",
    [
        "Enter the code where the form asks for it. That is what you need.",
        "Take what you like, salt and pepper.",
        "What is your favourite topping?",
        "Could you give me the address of the shop?",
        "I've updated the file, which is where your keys are.",
        "You don't have access to the history of that page.",
        "I forgot to mention: the shop closes at 6.",
        "Welche Pizza ist die beste?",
    ],
)
def test_ordinary_sentences_after_a_compaction(text):
    assert lost("> New topic.", text) == []


def test_context_is_lost_soon_after_a_compaction_or_not_at_all():
    forgot = "I don't remember."
    assert lost("> Go on.", "Yes.", "> Which one?", forgot) == [4]
    assert lost("> Go on.", "Yes.", "> Which one?", "The first.", "> Who was Ada?", forgot, "> As I said, zeta.") == []
    assert lost("> Go on.", "Which db?", "> As I said before, zeta.") == [3]
