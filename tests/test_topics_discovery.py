"""Discovered topics: finding, naming, keeping ids, tagging, when and which."""

import random
from itertools import product

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.conversation import Conversation, Message
from analytics.topics.clusters import groups, unit
from analytics.topics.corpus import Corpus
from analytics.topics.discovery import Model
from analytics.topics.finding import due, fit
from analytics.topics.schedule import HOUR, Chain, Due, Hour, learn, plan
from analytics.topics.segments import assign
from analytics.topics.wording import describe

SUBJECTS = {
    "flight": (
        ["book", "cancel", "change", "find", "delay"],
        ["flight to Oslo", "flight from Rome", "airline flight ticket"],
    ),
    "printer": (
        ["fix", "install", "restart", "connect", "clean"],
        ["office printer", "printer driver", "jammed printer tray"],
    ),
    "recipe": (
        ["cook", "bake", "share", "print", "translate"],
        ["pasta recipe", "cake recipe", "soup recipe for dinner"],
    ),
}
NOISE = ["ok thanks", "yes please", "great", "no, that's all for now", "hm"]


def said(subjects, start=0, copies=4):
    """(ref, ts, text): each verb with each thing, a few times with a word more; an hour apart."""
    texts = [
        f"please {verb} the {thing} {extra}"
        for subject in subjects
        for verb in SUBJECTS[subject][0]
        for thing in SUBJECTS[subject][1]
        for extra in ["soon", "again", "quickly", "tonight"][:copies]
    ]
    random.Random(7).shuffle(texts)
    return [(("log", start + n), (start + n) * HOUR, text) for n, text in enumerate(texts)]


def talk(*texts, ended_at=1):
    messages = tuple(Message(("log", n), n, "user" if n % 2 == 0 else "agent", text) for n, text in enumerate(texts))
    return Conversation("a", "agent:a:main", 0, ended_at, messages=messages)


@pytest.fixture(scope="module")
def model():
    return fit(said(SUBJECTS), mark=10**12)


def test_subjects_are_found_and_told_apart(model):
    asked = ["cancel my flight to Paris", "the printer is jammed", "a recipe for soup"]
    found = model.nearest(asked)
    assert len(set(found)) == 3
    assert "" not in found
    for subject, topic in zip(SUBJECTS, found, strict=True):
        assert subject in model.topics[topic].keywords


def test_one_word_names_a_topic_only_if_the_topic_is_told_by_it(model):
    assert model.nearest(["printer"]) != [""]
    heard = [
        (("log", 900 + n), n, f"please cook the soup recipe so that it helps {word}") for n, word in enumerate("abcde")
    ]
    again = fit(said(SUBJECTS) + heard, mark=10**12)
    assert again.nearest(["Hope this helps!"]) == [""]


def test_noise_is_of_no_topic(model):
    assert model.nearest(NOISE) == [""] * len(NOISE)


def test_a_model_does_not_depend_on_the_order_of_messages(model):
    messages = said(SUBJECTS)
    random.Random(3).shuffle(messages)
    assert fit(messages, mark=10**12).to_json() == model.to_json()


def test_of_a_log_too_long_to_be_read_whole_the_same_is_read_whatever_the_order():
    names = ["".join(letters) for letters in product("bdfgk", "aeiou", "lmnrst", "aeiou", "xz")]
    messages = [
        (("log", n), n, f"please {verb} the {thing} of {name}")
        for n, (verb, thing, name) in enumerate(
            product(["cook", "fix", "book"], ["soup", "tray", "ticket", "cake"], names)
        )
    ]
    assert len(messages) == 18_000
    first = fit(messages, mark=10**12)
    random.Random(3).shuffle(messages)
    assert fit(messages, mark=10**12).to_json() == first.to_json()
    assert first.record.seen == 18_000
    assert sum(topic.size for topic in first.record.topics) <= 5_000


def test_what_says_nothing_takes_no_place_in_the_sample():
    messages = said(SUBJECTS)
    hollow = [(("log", 1_000 + n), n, f"{n} thanks, ok, {n}") for n in range(3_000)]
    assert fit(messages + hollow, mark=10**12).record.topics == fit(messages, mark=10**12).record.topics


def test_a_text_with_half_a_character_is_read():
    broken = [(("log", 999), 0, "print the \ud83d soup recipe")]
    assert fit(said(SUBJECTS) + broken, mark=10**12).record.seen == 181


def test_messages_after_the_mark_have_no_part(model):
    later = [(("log", 9_000 + n), 10**12 + 1 + n, f"the quantum {n} entangles photons") for n in range(50)]
    assert fit([*said(SUBJECTS), *later], mark=10**12).to_json() == model.to_json()


def test_a_model_is_the_same_again_from_json(model):
    again = Model.from_json(model.to_json())
    assert (again.version, again.ids) == (model.version, model.ids)
    assert again.nearest(["book a flight"]) == model.nearest(["book a flight"])
    with pytest.raises(msgspec.DecodeError):
        Model.from_json("{}")


def test_a_topic_that_comes_later_is_added_and_the_others_stay():
    first = said(["flight", "printer"])
    before = fit(first, mark=len(first) * HOUR)
    second = said(["recipe"], start=len(first))[: len(first) // 5 + 12]
    after = fit([*first, *second], mark=10**12, previous=before)
    texts = [text for _, _, text in first]
    kept = np.mean([old == new for old, new in zip(before.nearest(texts), after.nearest(texts), strict=True)])
    assert kept >= 0.95
    assert after.ids[: len(before.ids)] == before.ids
    (new,) = set(after.nearest(["cook the pasta recipe"]))
    assert new not in before.ids
    assert next(topic.born for topic in after.record.topics if topic.id == new) == 10**12


def test_topics_found_anew_keep_the_ids_of_what_they_continue():
    first = said(["flight", "printer"], copies=2)
    before = fit(first, mark=len(first) * HOUR)
    everything = [*first, *said(SUBJECTS, start=len(first))]
    assert due(len(everything), before.record.fitted)
    after = fit(everything, mark=10**12, previous=before)
    asked = ["book the flight to Oslo soon", "fix the office printer soon"]
    kept = [after.record.merged.get(topic, topic) for topic in before.nearest(asked)]
    assert kept == after.nearest(asked)


def test_the_part_that_people_understand_keeps_the_id_of_a_topic_that_splits():
    young = ["please book the airline flight ticket again", "please change the flight from Rome again"]
    young += [f"clean the printer tray {word}" for word in ["mother", "garden", "purple", "castle"]]
    hollow = [f"printer {word}" for word in ["river", "lemon", "window", "quickly", "garden", "bicycle"]]
    later = [f"clean the printer tray {word}" for word in ["copper castle", "church quickly", "blanket church"]]
    messages = [(("log", n), n, text) for n, text in enumerate([*young, *hollow, *later])]
    before = fit(messages[:6], mark=5)
    after = fit(messages, mark=15, previous=before)
    assert len(before.ids) == 1
    assert after.ids == before.ids


def test_a_topic_that_ends_names_the_one_that_most_of_its_messages_have_now():
    young = [f"clean the printer tray {word}" for word in ["Monday", "church", "garden", "nine"]]
    young += ["fix the printer cable blanket", "fix the printer driver river", "fix the printer driver seven"]
    young += ["install the printer cable church"]
    hollow = [f"driver {word}" for word in ["bicycle", "seven", "Anna", "lemon", "mother", "purple"]]
    later = ["clean the printer tray river church", "clean the printer tray castle Otto"]
    messages = [(("log", n), n, text) for n, text in enumerate([*young, *hollow, *later])]
    before = fit(messages[:8], mark=7)
    after = fit(messages, mark=16, previous=before)
    tray, driver = before.nearest(["clean the printer tray", "fix the printer driver"])
    assert (after.ids, after.record.merged) == ([tray], {driver: tray})


def test_a_topic_keeps_the_parent_that_it_was_split_from():
    first = said(["flight", "printer"], copies=2)
    found = fit(first, mark=len(first) * HOUR).record
    split = [msgspec.structs.replace(topic, parent="found:whole") for topic in found.topics]
    before = Model(msgspec.structs.replace(found, topics=tuple(split)))
    after = fit([*first, *said(SUBJECTS, start=len(first))], mark=10**12, previous=before)
    assert [topic.parent for topic in after.record.topics if topic.id in before.ids] == ["found:whole"] * len(split)


def test_a_log_too_small_has_no_topics_and_tags_nothing():
    empty = fit([], mark=5)
    assert empty.ids == []
    assert empty.nearest(["book a flight"]) == [""]
    assert empty.tag([talk("book a flight"), talk()]) == [[], []]


def test_a_conversation_that_drifts_has_a_segment_of_each_topic(model):
    talked = talk("book the flight to Oslo", "ok thanks", "now fix the office printer driver", "great")
    flight, printer = model.nearest(["book the flight to Oslo", "now fix the office printer driver"])
    assert flight != printer
    assert [(row.seq, row.topic_id) for row in model.tag([talked])[0]] == [(0, flight), (2, printer)]


def test_conversations_are_tagged_each_by_itself(model):
    talks = [
        talk("book the flight", "which one", "the airline one to Oslo"),
        talk(),
        talk(*NOISE),
        talk("a cake recipe"),
    ]
    assert [model.tag([one])[0] for one in talks] == model.tag(talks)


def test_a_segment_goes_on_until_it_has_faded():
    scores = np.array([[0.0, 0.9], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    sure = np.array([True, False, False, False, False, False])
    rows = assign(scores.argmax(axis=1), scores, sure, [3, 3, 0, 3, 3, 3], [False] * 6)
    assert rows == [(0, 1, 0.9), (1, 1, 0.72), (3, 1, 0.576), (4, 1, 0.4608)]


def test_a_reply_changes_the_subject_only_if_it_is_surer_than_what_named_it():
    for second, topic, score in ((0.6, 1, 0.64), (0.9, 0, 0.9)):
        scores = np.array([[0.0, 0.8], [second, 0.1]])
        best, sure = scores.argmax(axis=1), np.array([True, True])
        assert assign(best, scores, sure, [3, 3], [False, True]) == [(0, 1, 0.8), (1, topic, score)]
        assert assign(best, scores, sure, [3, 3], [False, False]) == [(0, 1, 0.8), (1, 0, second)]
        assert assign(best[1:], scores[1:], sure[1:], [3], [True]) == [(0, 0, second)]


def test_groups_of_any_number_are_found_without_being_told_how_many():
    random_ = np.random.default_rng(0)
    for count in (2, 5):
        centres = unit(random_.normal(size=(count, 64)).astype(np.float32))
        which = np.repeat(np.arange(count), 40)
        vectors = unit(centres[which] + 0.08 * random_.normal(size=(len(which), 64)).astype(np.float32))
        found = groups(vectors, 4)
        assert len(set(found.tolist())) == count
        assert all(len(set(found[which == at].tolist())) == 1 for at in range(count))


def test_a_group_is_named_by_what_only_it_says():
    texts = ["credit limit please", "rain please", "raise my credit limit", "rain today", "credit limit", "rain"]
    named = describe(Corpus.of([text.split() for text in texts]), [[0, 2, 4], [1, 3, 5]])
    assert named[0] == ("Credit limit", ("credit", "limit"))
    assert named[1][1] == ("rain",)


def test_of_a_young_log_that_grows_hour_by_hour_hardly_a_twentieth_has_come_since_the_last_fit():
    for hours in range(101, 3_300):
        fits = plan(dict.fromkeys(range(hours), 1))
        assert hours - fits[-1].seen <= 0.05 * fits[-1].seen + 2


def test_fits_come_as_a_log_grows_and_weekly_once_it_is_large():
    assert plan({}) == []
    assert plan(dict.fromkeys(range(10), 10)) == []
    assert plan(dict.fromkeys(range(11), 10)) == [Due(-1, 10 * HOUR - 1, 100)]
    assert plan({0: 1_100, 1: 10, 100: 20, 200: 20, 201: 1}) == [
        Due(-1, HOUR - 1, 1_100),
        Due(HOUR - 1 - 28 * 24 * HOUR, 201 * HOUR - 1, 1_150),
    ]


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.integers(0, 2_000), st.integers(1, 200), max_size=40))
def test_more_messages_only_ever_add_fits(hours):
    whole = plan(hours)
    for latest in sorted(hours):
        part = plan({hour: count for hour, count in hours.items() if hour <= latest})
        assert part == whole[: len(part)]


def test_a_conversation_is_tagged_by_the_first_model_that_has_all_of_it():
    messages = said(SUBJECTS)
    first = fit(messages, mark=100 * HOUR)
    second = fit(messages, mark=150 * HOUR, previous=first)
    models = {first.version: first, second.version: second}
    chain = Chain([(150 * HOUR, second.version), (100 * HOUR, first.version)], models.__getitem__)
    assert chain.governing(100 * HOUR) == first.version
    assert chain.governing(100 * HOUR + 1) == second.version
    assert chain.governing(10**15) == second.version
    assert chain.latest() is second
    early, late = talk("book the flight", ended_at=1), talk("book the flight", ended_at=120 * HOUR)
    assert [rows[0].model for rows in chain.tag([late, early])] == [second.version, first.version]
    assert set(first.ids) | set(second.ids) == set(second.topics)


def test_without_a_fit_nothing_is_tagged():
    chain = Chain([], {}.__getitem__)
    assert (chain.governing(5), chain.latest(), chain.tag([talk("book the flight")])) == ("", None, [[]])


def learned(messages, known=(), models=None):
    counts = {}
    for ref, ts, _ in messages:
        hour = counts.setdefault(ts // HOUR, Hour(0))
        counts[ts // HOUR] = Hour(hour.messages + 1, hour.digest + str(ref))
    return learn(
        counts,
        known,
        {} if models is None else models.__getitem__,
        lambda due: [m for m in messages if due.since < m[1] <= due.mark],
    )


def test_what_was_fitted_before_is_fitted_again_only_when_its_messages_changed():
    messages = said(["flight", "printer"])
    first, models = learned(messages[:105], models={})
    assert [one.mark for one in first] == [100 * HOUR - 1]
    second, added = learned(messages[:104], first, models)
    assert (second, added) == (first, {})
    late = (("late", 1), 50 * HOUR, "the printer ate my flight ticket")
    third, anew = learned([*messages[:104], late], first, models)
    assert [one.inputs for one in third] != [one.inputs for one in first]
    assert len(anew) == 1
    assert learned([*messages[:104], late], models={})[0] == third
