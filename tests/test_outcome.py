"""The outcome of sessions, and how content users are through them."""

from pathlib import Path

import pytest

import analytics
from analytics import outcome, patterns, signals, style
from analytics.conversation import Call, Conversation, Message, Turn
from analytics.outcome.model import pack, unpack
from analytics.outcome.turns import DENSE, turns
from models.rows import Signal


def session(*said: tuple[str, str], calls: tuple[Call, ...] = ()) -> Conversation:
    messages = tuple(Message(("log", seq), seq * 1000, who, text) for seq, (who, text) in enumerate(said, start=1))
    turns = tuple(Turn((message,), (), ()) for message in messages if message.speaker == "user")
    return Conversation("desk", "agent:desk:main", 1000, 1000 * len(said), messages, turns=turns, calls=calls)


GOOD = session(
    ("user", "Book a table for two at seven, please."),
    ("agent", "Done: a table for two at Bella at 19:00. Your reference is QX12."),
    ("user", "Perfect, thank you so much!"),
    ("agent", "You're welcome. Enjoy your evening!"),
    ("user", "Thanks, goodbye."),
)
BAD = session(
    ("user", "Book a table for two at seven, please."),
    ("agent", "Sorry, I can't do that."),
    ("user", "No, that's wrong. I said book a table! You are useless."),
    ("agent", "I'm afraid I don't understand."),
    ("user", "Forget it. This is a waste of time."),
)
EMPTY = session()


def estimate(*conversations: Conversation, also: tuple[Signal, ...] = ()) -> list[float]:
    styles = style.rows(conversations)
    found = [[*signals.detect(c, s), *also] for c, s in zip(conversations, styles, strict=True)]
    ratings = [outcome.load().rate(c, s) for c, s in zip(conversations, styles, strict=True)]
    return outcome.load().estimate(conversations, found, ratings)


def satisfaction(conversation: Conversation) -> dict[tuple[str, int], float]:
    return outcome.satisfaction(outcome.load().rate(conversation, style.rows([conversation])[0]))


def test_a_session_that_went_well_has_the_higher_probability():
    good, bad = estimate(GOOD, BAD)
    assert good - bad > 0.2


def test_probabilities_do_not_depend_on_the_batch_and_have_six_decimals():
    together = estimate(GOOD, EMPTY, BAD)
    assert together == [*estimate(GOOD), *estimate(EMPTY), *estimate(BAD)]
    assert together[::-1] == estimate(BAD, EMPTY, GOOD)
    assert together == [round(each, 6) for each in together]


@pytest.mark.parametrize(
    "conversation",
    [
        EMPTY,
        session(("agent", "Hello")),
        session(("user", "")),
        session(("user", "\ud83d?")),
        session(("user", "預約兩位")),
        session(*[("user", "x" * 5000), ("agent", "y" * 5000)] * 20),
    ],
)
def test_odd_sessions_have_a_probability(conversation):
    [found] = estimate(conversation)
    assert 0 < found < 1


@pytest.mark.parametrize("kind", ["run_error", "doom_loop", "context_lost"])
def test_what_no_labelled_session_shows_counts_against_a_session_nevertheless(kind):
    [before] = estimate(GOOD)
    found = Signal(
        agent="desk",
        session=GOOD.session,
        stream="log",
        seq=4,
        kind=kind,
        subject="",
        severity=1.0,
        evidence=[],
        model="signals",
    )
    [after] = estimate(GOOD, also=(found,))
    assert after < before


def test_a_tool_that_failed_for_good_lowers_the_probability():
    def ended(error: str) -> Conversation:
        call = Call(("log", 6), 6000, "book_table", '{"people":2}', ("log", 7), 7000, error, error)
        return session(*[(m.speaker, m.text) for m in GOOD.messages], calls=(call,))

    well, badly = estimate(ended(""), ended("full"))
    assert badly < well


def test_satisfaction_is_told_of_every_message_of_the_user_and_of_no_other():
    pleased, angry = satisfaction(GOOD), satisfaction(BAD)
    assert set(pleased) == set(angry) == {("log", 1), ("log", 3), ("log", 5)}
    assert pleased["log", 3] > angry["log", 3]
    assert pleased["log", 5] > angry["log", 5]
    assert satisfaction(EMPTY) == satisfaction(session(("agent", "Hello"))) == {}


@pytest.mark.parametrize(("yes", "no"), [("Yes, please.", "No."), ("Ja, bitte.", "Nein."), ("Sí, por favor.", "No.")])
def test_a_plain_no_is_less_content_than_a_yes_and_remembered_at_the_next_message(yes: str, no: str):
    def after(reply: str) -> tuple[float, float]:
        told = satisfaction(
            session(("agent", "Hotel Sole?"), ("user", reply), ("agent", "Hotel Luna?"), ("user", "Hotel Sole."))
        )
        return told["log", 2], told["log", 4]

    assert after(no)[0] < after(yes)[0]
    assert after(no)[1] != after(yes)[1]


def test_a_turn_has_a_number_for_every_name():
    conversation = session(("user", "No! It was never there."), ("agent", "Sorry."), ("user", "Das stimmt."))
    first, second = (dict(zip(DENSE, turn.dense, strict=True)) for turn in turns(conversation, {}))
    assert [first[name] for name in ("own.deny", "own.negative", "own.exclaims", "previous.deny")] == [1, 1, 1, 0]
    assert [second[name] for name in ("own.deny", "previous.deny", "previous.negative", "before.negative")] == [
        0,
        1,
        1,
        1,
    ]


def test_told_blind_an_outcome_is_the_same_whatever_the_agent_said():
    def blind(conversation: Conversation) -> list[float]:
        styles = style.rows([conversation])
        found = [signals.detect(conversation, styles[0])]
        [silent], heard, [known] = patterns.blind([conversation], found, styles)
        return outcome.load().estimate([silent], heard, [outcome.load().rate(silent, known)])

    other = session(*[(m.speaker, m.text if m.speaker == "user" else "Hm, who knows?!") for m in GOOD.messages])
    assert blind(GOOD) == blind(other)


def test_a_packed_model_is_the_same_model():
    model = outcome.load()
    [styles] = style.rows([BAD])
    again = unpack(pack(model))
    ratings = model.rate(BAD, styles)
    assert again.rate(BAD, styles) == ratings
    assert again.estimate([BAD], [[]], [ratings]) == model.estimate([BAD], [[]], [ratings])


def test_all_packaged_models_together_are_small():
    assert sum(file.stat().st_size for file in Path(analytics.__file__).parent.glob("pretrained/*")) <= 25_000_000
