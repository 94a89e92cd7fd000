"""The user's own taxonomy: learning, probabilities, none of these, saving, measuring."""

import io
import json
import random

import numpy as np
import pytest

from analytics.topics.evaluation import evaluate
from analytics.topics.learning import train
from analytics.topics.taxonomy import Taxonomy

COOKING = ["add salt to the soup", "pepper and salt", "soup with pepper", "salt the soup well", "more pepper please"]
RIDING = ["ride the horse", "saddle a horse", "the horse gallops", "a saddle for riding", "riding in the woods"]
SMALL = [*((text, "cooking") for text in COOKING), *((text, "riding") for text in RIDING)]


def read(path, label="label"):
    with path.open(encoding="utf-8") as lines:
        return [(row["text"], row[label]) for row in map(json.loads, lines)]


@pytest.fixture(scope="module")
def small():
    return train(SMALL)


def test_labels_that_a_person_reads_as_one_are_not_learned_as_two():
    with pytest.raises(ValueError, match="the labels Billing and billing differ in case only: write them alike"):
        train([("pay", "billing"), ("refund", "Billing"), ("rain", "b"), ("sun", "b"), ("snow", "b")])
    composed, parts = "St\u00f6rung", "Sto\u0308rung"
    taxonomy = train([(f"kaputt {n}", (composed, parts)[n % 2]) for n in range(4)] + [("gut", "b"), ("fein", "b")])
    assert taxonomy.labels == [composed, "b"]


def test_a_label_without_a_word_is_refused():
    with pytest.raises(ValueError, match="no example of b has a word"):
        train([("pay", "a"), ("refund", "a"), ("money", "a"), ("\U0001f600", "b"), ("", "b")])


def test_what_is_not_likely_enough_to_be_tagged_counts_as_untagged(small):
    texts = [("I want my money back", "refund"), ("zebra", "refund")]
    tagged = [prediction.topic is not None for prediction in small.predict([text for text, _ in texts])]
    assert evaluate(small, texts).tagged == sum(tagged) / 2


def test_ten_examples_are_enough_to_tell_two_labels_apart(small):
    texts = ["The soup needs more salt and pepper", "my horse needs a new saddle"]
    assert [one.topic for one in small.predict(texts)] == ["cooking", "riding"]


def test_what_shares_no_word_with_the_examples_has_no_topic(small):
    assert [one.topic for one in small.predict(["hallo", "", "ok thanks", "!!!", "12345"])] == [None] * 5


def test_a_prediction_does_not_depend_on_the_batch(small):
    texts = [*COOKING, "ok", "", *RIDING, "salt the horse"]
    together = small.predict(texts)
    assert [small.predict([text])[0] for text in texts] == together
    assert small.predict(texts[::-1])[::-1] == together


def test_training_does_not_depend_on_the_order_of_examples(small):
    shuffled = SMALL[:]
    random.Random(1).shuffle(shuffled)
    assert train(shuffled).to_bytes() == small.to_bytes()


def test_a_saved_taxonomy_is_the_same_again(small):
    again = Taxonomy.load(io.BytesIO(small.to_bytes()))
    assert again.version == small.version
    assert again.labels == ["cooking", "riding"]
    assert again.about == small.about
    assert again.predict(COOKING) == small.predict(COOKING)


def test_what_is_no_taxonomy_is_refused():
    other = io.BytesIO()
    np.savez(other, weights=np.zeros(3))
    other.seek(0)
    with pytest.raises(ValueError, match="no taxonomy"):
        Taxonomy.load(other)


@pytest.mark.parametrize(
    ("examples", "reason"),
    [
        ([], "at least two labels, found 0"),
        ([("salt", "cooking")] * 9, "at least two labels, found 1"),
        ([("salt", "cooking"), ("a", "oos"), ("b", None), ("c", "None"), ("d", "")], "at least two labels, found 1"),
        ([("salt", "cooking"), ("horse", "riding")], "5 to 20,000 examples, found 2"),
        ([(f"text {n}", str(n % 2)) for n in range(20_001)], "5 to 20,000 examples, found 20,001"),
    ],
)
def test_too_few_or_too_many_examples_are_refused(examples, reason):
    with pytest.raises(ValueError, match=reason):
        train(examples)


def test_measures_are_what_they_are_called(small):
    found = evaluate(small, [*SMALL, ("hallo", None), ("ok", "oos"), ("soup with salt", "riding")])
    assert (found.examples, found.labels) == (13, 2)
    assert found.accuracy == 0.909091
    assert found.macro_f1 == 0.909091
    assert found.none_auroc == 1.0
    assert found.none_accuracy == 0.923077


def test_an_unknown_label_is_one_that_is_never_found(small):
    found = evaluate(small, [("soup with salt", "cooking"), ("soup with pepper", "baking")])
    assert (found.labels, found.accuracy, found.none_auroc) == (2, 0.5, None)


def test_measuring_needs_a_label(small):
    with pytest.raises(ValueError, match="no example has a label"):
        evaluate(small, [("hallo", None)])


def test_ten_examples_a_label_tell_clinc_intents_apart(data):
    rows = [row for row in read(data / "text" / "clinc150.train.jsonl") if row[1] != "oos"]
    random.Random(0).shuffle(rows)
    few, counts = [], {}
    for text, label in rows:
        counts[label] = counts.get(label, 0) + 1
        if counts[label] <= 10:
            few.append((text, label))
    assert len(few) == 1_500
    taxonomy = train(few)
    assert len(taxonomy.to_bytes()) < 15_000_000
    found = evaluate(taxonomy, read(data / "text" / "clinc150.val.jsonl"))
    assert found.macro_f1 >= 0.80
    assert found.none_auroc is not None
    assert found.none_auroc >= 0.93
