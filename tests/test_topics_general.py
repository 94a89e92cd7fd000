"""The packaged topics and the packaged embedding."""

import re
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analytics import embedding, topics
from analytics.conversation import Conversation, Message


def talk(*texts):
    messages = tuple(Message(("log", n), n, "user" if n % 2 == 0 else "agent", text) for n, text in enumerate(texts))
    return Conversation("a", "agent:a:main", 0, 9, messages=messages)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("Can you fix the failing test in tests/test_parser.py?", "software"),
        ("The Kubernetes pod crashes since the last deployment, check the logs", "operations"),
        ("I need a flight to Oslo on Friday", "flights"),
        ("Wie wird das Wetter in Berlin?", "weather"),
        ("Erinnere mich morgen an den Termin", "calendar"),
        ("turn off the lights in the living room", "home"),
        ("transfer 200 euros to my savings account", "banking"),
        ("find me an Italian restaurant for tonight", "restaurants"),
    ],
)
def test_what_people_bring_to_agents_is_recognised(text, topic):
    ((row,),) = topics.load().tag([talk(text)])
    assert row.topic_id == f"general:{topic}"
    assert 0.5 <= row.score <= 1


@given(st.text())
@example("It's 5 o'clock: HOW_long\x1f\x00 x" + "A" * 70)
@example("Straße İstanbul \N{COMBINING DOT ABOVE}")
def test_a_text_is_read_as_runs_of_letters_of_at_most_32(text):
    assert embedding.words(text) == re.findall(r"\w{1,32}", text.lower())


@given(st.text(st.characters(max_codepoint=127)))
def test_plain_text_is_read_in_the_same_way(text):
    assert embedding.words(text) == re.findall(r"\w{1,32}", text.lower())


def test_courtesies_have_no_topic():
    said = ["hi", "ok thanks", "You're welcome!", "great", "no that's wrong", "try again", "Super danke", "Gerne!"]
    assert topics.load().tag([talk(*said)]) == [[]]


def test_a_conversation_is_tagged_by_itself():
    model = topics.load()
    talks = [talk("book a hotel in Rome", "Which dates?"), talk(), talk("restart the nginx server", "done", "thanks")]
    assert [model.tag([one])[0] for one in talks] == model.tag(talks)


def test_every_topic_has_a_label_and_keywords():
    assert len(topics.load().topics) == 30
    assert topics.load().topics["general:operations"].label == "Servers and deployment"
    assert all(about.label and len(about.keywords) >= 5 for about in topics.load().topics.values())


def test_an_embedding_depends_on_the_text_alone():
    model = embedding.load()
    texts = [
        embedding.words(text) for text in ("Book a flight", "", "größer als 日本語のテスト", "\U0001f642 x", "a" * 500)
    ]
    together = model.embed(texts)
    assert together.shape == (5, 256)
    assert np.array_equal(together, np.vstack([model.embed([text]) for text in texts]))
    lengths = np.linalg.norm(together, axis=1).round(4).tolist()
    assert lengths == [1.0, 0.0, 1.0, 1.0, 1.0]


def test_like_texts_are_near():
    model = embedding.load()
    flight, plane, soup = model.embed([t.split() for t in ("book a flight", "plane ticket please", "salt the soup")])
    assert float(flight @ plane) > float(flight @ soup) + 0.1


def test_long_words_are_cut_so_that_nothing_takes_long():
    assert embedding.words("Ab-c " + "x" * 40) == ["ab", "c", "x" * 32, "x" * 8]


def test_the_packaged_files_are_small():
    folder = files("analytics") / "pretrained"
    sizes = [len(folder.joinpath(name).read_bytes()) for name in ("embedding.npz", "topics.npz")]
    assert sum(sizes) <= 12_000_000
