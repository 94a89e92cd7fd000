"""Communication styles of messages."""

import json
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from analytics.conversation import Conversation, Message
from analytics.style import STYLES, load, rows
from analytics.style.passages import cut

GROUPS = {
    "positive": "admiration amusement approval caring desire excitement gratitude joy love optimism pride relief",
    "negative": "anger annoyance disappointment disapproval disgust embarrassment fear grief nervousness remorse sadness",
    "ambiguous": "confusion curiosity realization surprise",
    "neutral": "neutral",
}
ASKED = """What time does the store open
where can I find the invoice
how do I reset my password
is the server running
do you have a table for two
could you send me the report
can I change my booking
why did the build fail
which one is cheaper
are there any seats left
did you get my message
would you like anything else
Ok, how much does it cost
Thanks. When will it arrive
Thanks, but could you find another one
In which city should I look
Danke, kannst du mir das noch zeigen
Wie spät ist es
wo finde ich die Rechnung
Kannst du mir helfen
Warum ist der Build fehlgeschlagen
Haben Sie noch ein Zimmer frei
Ist der Server erreichbar
Könnten Sie mir den Bericht schicken
Welcher ist günstiger
Was kostet das
Gibt es noch Karten
Soll ich das buchen
Danke. Wann kommt es an""".splitlines()
SAID = """I want to book a table for two.
please send me the report
the server is down again
Thanks, that is all.
Yes, that works for me
Show me the cheapest one.
I don't know what it means
Tell me how it works
The build failed because of a missing file.
no, not that one
That is what I needed.
Open the file and fix the typo.
My flight leaves at nine.
If you have any other questions, feel free to ask.
Great job!
Wenn du noch Fragen hast, melde dich.
Ich möchte einen Tisch für zwei buchen.
Schick mir bitte den Bericht
Der Server ist schon wieder weg
Danke, das ist alles.
Ja, das passt
Zeig mir das günstigste.
Ich weiß nicht, was das bedeutet
Der Build ist fehlgeschlagen.
Nein, nicht das
Das ist genau, was ich brauche.
Öffne die Datei.
Mein Zug fährt um neun.""".splitlines()


def scores(text: str) -> dict[str, float]:
    return dict(zip(STYLES, load().score([text])[0].tolist(), strict=True))


def test_styles_come_in_the_order_of_the_columns_of_message_styles():
    assert STYLES == (
        "politeness", "formality", "directness", "verbosity", "sentiment", "frustration", "hedging", "question",
    )  # fmt: skip


@pytest.mark.parametrize("text", ["", "   ", "\n\n"])
def test_nothing_said_has_no_style(text):
    assert list(scores(text).values()) == [0.5, 0.5, 0.5, 0.0, 0.5, 0.0, 0.0, 0.0]


def test_no_texts_give_no_rows():
    assert load().score([]).shape == (0, 8)


@pytest.mark.parametrize(
    ("style", "more", "less"),
    [
        ("politeness", "Could you please send me the report? Thank you!", "Send me the report now."),
        ("politeness", "Könnten Sie mir bitte den Bericht schicken? Vielen Dank!", "Schick mir sofort den Bericht."),
        ("directness", "Send me the report now.", "Could you please send me the report?"),
        ("directness", "Schick mir sofort den Bericht.", "Könnten Sie mir bitte den Bericht schicken?"),
        ("directness", "Now show me the log.", "Now it works."),
        ("directness", "Summarise this thread.", "Do you have a summary of it?"),
        ("directness", "Nennen Sie mir drei Hotels.", "Wissen Sie, wann der Bus fährt?"),
        (
            "formality",
            "I would appreciate your assistance regarding the invoice.",
            "hey dude, what's up with the bill lol",
        ),
        ("formality", "Sehr geehrte Frau Kern, ich bitte Sie um Rückmeldung.", "hey, sag mal was los is lol"),
        ("verbosity", "one two three four five six seven eight nine ten eleven twelve thirteen", "one two three"),
        ("sentiment", "This is great, I love it!", "This is awful, I hate it."),
        ("sentiment", "Das ist wunderbar, ich bin begeistert!", "Das ist furchtbar, ich bin enttäuscht."),
        ("sentiment", "Es funktioniert.", "Es funktioniert schon wieder nicht."),
        ("sentiment", "Danke, kein Problem.", "Danke, das ist ein Problem."),
        ("sentiment", "Es könnte nicht besser sein.", "Es könnte besser sein."),
        ("sentiment", "It couldn't be better.", "It could be better."),
        ("sentiment", "Die Suppe war köstlich.", "Die Suppe war ekelhaft."),
        ("sentiment", "Gar nicht schlecht.", "Das funktioniert nicht."),
        ("sentiment", "Das ist alles andere als langweilig.", "Das ist alles andere als hilfreich."),
        ("frustration", "This is the third time! It still doesn't work!!!", "It works now, thanks."),
        ("frustration", "Schon wieder falsch! Das nervt!", "Danke, jetzt passt alles."),
        ("frustration", "How many times do I have to say this?", "How many times a day does the bus run?"),
        ("frustration", "Wie oft soll ich das noch sagen?", "Wie oft am Tag fährt der Bus?"),
        ("hedging", "I think it might perhaps be the cache.", "It is the cache."),
        ("hedging", "Vielleicht liegt es eventuell am Cache.", "Es liegt am Cache."),
        ("hedging", "It may be the cache.", "What kind of cache was it in May?"),
        ("hedging", "Meines Erachtens liegt es am Cache.", "Ich finde den Cache rund um die Uhr."),
        ("question", "where is the station", "the station is there"),
        ("question", "wo ist der Bahnhof", "der Bahnhof ist dort"),
    ],
)
def test_what_has_more_of_a_style_scores_higher(style, more, less):
    assert scores(more)[style] > scores(less)[style] + 0.05


ENGLISH = """The train leaves at nine.
I hate this!
Thank you, that was great.
Send me the report now.
Perhaps it is the cache, I think.
I would appreciate your assistance regarding the invoice.
hey dude, what is up with that.
This still does not work.
Could you please help me?
It is in the second folder.""".splitlines()
GERMAN = """Der Zug fährt um neun.
Das nervt mich!
Danke, das war großartig.
Schick mir sofort den Bericht.
Vielleicht liegt es eventuell am Cache.
Ich bitte Sie um eine Rückmeldung.
Das geht schon wieder nicht.
Könnten Sie mir bitte helfen?
Es liegt im zweiten Ordner.""".splitlines()


@pytest.mark.parametrize("written", [ENGLISH, GERMAN])
@given(chosen=st.lists(st.integers(0, 8), min_size=1, max_size=60))
@settings(max_examples=25, deadline=None)
def test_a_long_text_has_the_mean_scores_of_its_sentences(written, chosen):
    sentences = [written[at] for at in chosen]
    whole, apart = load().score([" ".join(sentences)])[0], load().score(sentences)
    for style in ("formality", "directness", "sentiment", "frustration", "hedging"):
        assert whole[STYLES.index(style)] == pytest.approx(apart[:, STYLES.index(style)].mean(), abs=2e-6)


@pytest.mark.parametrize("text", [" ".join(ENGLISH[:4]), " ".join(GERMAN[4:]), ENGLISH[0], GERMAN[-1]])
def test_a_text_that_is_repeated_is_about_as_polite(text):
    assert scores(" ".join([text] * 40))["politeness"] == pytest.approx(scores(text)["politeness"], abs=0.15)


@pytest.mark.parametrize(
    ("text", "passages"),
    [
        ("", [[""]]),
        ("Hi there! How are you?", [["Hi there! ", "How are you?"]]),
        ("Version 3.5 is out. Get it.", [["Version 3.5 is out. ", "Get it."]]),
        ("1. Open it.\n2. Close it", [["1. Open it.\n", "2. Close it"]]),
        ("Ask Dr. Smith, e.g. on Oct. 3. He knows.", [["Ask Dr. Smith, e.g. on Oct. 3. He knows."]]),
        ("Das geht z. B. am 3. Mai um ca. 14 Uhr. Gut.", [["Das geht z. B. am 3. Mai um ca. 14 Uhr. ", "Gut."]]),
        ("No. I see no. 5.", [["No. ", "I see no. 5."]]),
        ("ok. thanks... bye", [["ok. ", "thanks... bye"]]),
        ("Useless! CODE_ \nURL_", [["Useless! CODE_ \nURL_"]]),
        ("name | size\n---|---\nold | new", [["name | size\n---|---\n", "old | new"]]),
        (
            "I am writing to you to ask whether anybody could\nfind the invoice.\nThanks",
            [["I am writing to you to ask whether anybody could\nfind the invoice.\n", "Thanks"]],
        ),
        ("hey\ncan you help", [["hey\n", "can you help"]]),
        ("Great!!! :)", [["Great!!! :)"]]),
        ("你好。请帮我！", [["你好。", "请帮我！"]]),
        ("word " * 24 + "end. next one.", [["word " * 24 + "end. ", "next one."]]),
        ("word " * 24 + ". " + "more " * 20, [["word " * 24 + ". "], ["more " * 20]]),
        ("word " * 90, [["word " * 40], ["word " * 40, "word " * 10]]),
    ],
)
def test_texts_are_cut_into_passages_and_sentences(text, passages):
    assert cut(text) == passages


@given(st.text(alphabet='ab .!?\n。…"1:)', max_size=200))
def test_a_cut_text_is_whole(text):
    passages = cut(text)
    assert "".join(sentence for passage in passages for sentence in passage) == text
    assert all(passages)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Please send the API, SQL and FAQ docs.", "Please send the api, sql and faq docs."),
        ("Use HTTP GET on the REST API.", "Use http get on the rest api."),
        ("Bitte die DSGVO und die AGB als PDF senden.", "Bitte die dsgvo und die agb als pdf senden."),
    ],
)
def test_abbreviations_are_no_shouting(text, same):
    assert scores(text) == scores(same)


@pytest.mark.parametrize(
    "text", ["WHERE IS MY ORDER", "I did NOT ask for that", "WARUM GEHT DAS NICHT", "Das will ich NICHT"]
)
def test_capitals_shout_where_all_are_or_where_they_stress(text):
    assert scores(text)["frustration"] > scores(text.lower())["frustration"]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Könnten Sie mir bitte helfen?", "Koennten Sie mir bitte helfen?"),
        ("Könnten Sie mir bitte helfen?", unicodedata.normalize("NFD", "Könnten Sie mir bitte helfen?")),
        ("I don't like it", "I don’t like it"),
    ],
)
def test_ways_of_writing_the_same_score_the_same(text, same):
    assert scores(text) == scores(same)


def test_chinese_is_as_long_as_it_is():
    assert scores("请帮我")["verbosity"] < 0.1
    assert scores("我想知道我的订单什么时候可以送到我家，因为我已经等了两个星期")["verbosity"] > 0.5


def test_a_message_of_eleven_words_is_of_typical_length():
    assert scores("one two three four five six seven eight nine ten eleven")["verbosity"] == 0.5


@pytest.mark.parametrize(
    "text",
    [
        "🎉🎉",
        "?!",
        "```\nprint('hi')\n```",
        "x" * 100_000,
        "word " * 20_000,
        "!" * 100_000,
        "你好，请帮我",
        "привет",
        "\ud83d",
        "\x00",
    ],
)
def test_odd_texts_are_scored(text):
    found = load().score([text])
    assert found.shape == (1, 8)
    assert ((found >= 0) & (found <= 1)).all()


def test_code_is_no_prose():
    assert scores("Look:\n```\n" + "fail = bad and wrong\n" * 50 + "```")["verbosity"] < 0.5
    assert scores("```\nfail = bad and wrong\n```") == scores("")


@pytest.mark.parametrize(
    "aside", ["\n```\nx = 1\n```", "\nhttps://example.com/a\nhttps://example.com/b", " `config.py`"]
)
def test_code_and_addresses_calm_nobody(aside):
    angry = "This is useless garbage, you broke my app again!"
    assert scores(angry + aside)["frustration"] > 0.8


@pytest.mark.parametrize("text", ["You idiot, you deleted {}!", "Ich hasse {}."])
def test_code_in_a_sentence_moves_little(text):
    named, coded = scores(text.format("pytest")), scores(text.format("`pytest`"))
    assert abs(named["frustration"] - coded["frustration"]) < 0.15
    assert abs(named["politeness"] - coded["politeness"]) < 0.15


@pytest.mark.parametrize("text", ["No.", "no", "No, that's all.", "I don't think so.", "Nein.", "No, not yet."])
def test_a_plain_no_is_not_angry(text):
    assert scores(text)["frustration"] < 0.45


@pytest.mark.parametrize(
    ("bound", "apart"),
    [
        ("I booked a one-stop flight for you.", "I booked a direct flight for you."),
        ("The field user.has_access was renamed.", "The field access was renamed."),
        ("The editor supports drag-and-drop.", "The editor supports dragging."),
    ],
)
def test_signs_within_words_begin_no_sentence(bound, apart):
    one, other = scores(bound), scores(apart)
    assert abs(one["directness"] - other["directness"]) < 0.1
    assert abs(one["question"] - other["question"]) < 0.1


def test_a_table_is_as_long_as_its_words():
    assert scores("| auth | 42 | done |\n|---|---|---|")["verbosity"] == scores("auth 42 done")["verbosity"]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Could you help me with this?", "en"),
        ("Kannst du mir bitte helfen?", "de"),
        ("Pouvez-vous m'aider avec cette facture ?", "fr"),
        ("¿Cómo puedo cambiar mi reserva?", "es"),
        ("привет, как дела", "ru"),
        ("こんにちは、元気ですか", "ja"),
        ("你好，请帮我", "zh"),
        ("안녕하세요", "ko"),
        ("🎉", "und"),
        ("Köstlich!", "de"),
        ("run tests", "en"),
        ("Absolutely terrible garbage service, worst company ever", "en"),
        ("Völlig unbrauchbare Antwort, absolute Frechheit, totaler Mist!", "de"),
        ("Please restart nginx, redis, postgres, celery immediately", "en"),
        ("Det er ikke min feil", "und"),
        ("Jag kan inte logga in", "und"),
        ("To nie działa, jestem zły!", "und"),
        ("Koennten Sie helfen", "de"),
        ("Hej, jag har inte fått min beställning än och undrar när den kommer.", "und"),
        ("Zamówienie nie dotarło i chciałbym wiedzieć, kiedy zostanie wysłane do mojego domu.", "und"),
        ("Bu çözüm gerçekten çok iyi, yardımınız için teşekkür ederim.", "und"),
        ("مرحبا، لم يصل طلبي بعد", "und"),
    ],
)
def test_the_language_that_a_text_is_scored_as_is_told(text, language):
    assert load().languages([text]) == [language]


def test_language_and_scores_of_a_text_are_told_together():
    texts = ["Kannst du mir bitte helfen?", "Could you help me with this?", "🎉"] * 200
    languages, judged = load().judge(texts)
    assert languages == ["de", "en", "und"] * 200
    assert (judged == load().score(texts)).all()


def test_every_row_says_as_which_language_its_message_was_scored():
    said = ["Could you help me with this?", "Kannst du mir bitte helfen?", "🎉"]
    messages = [Message(ref=("log", seq), ts=seq, speaker="user", text=text) for seq, text in enumerate(said)]
    parts = [(messages[0],), (), (messages[1], messages[2])]
    conversations = [Conversation("ops", f"s{n}", 0, 2, part) for n, part in enumerate(parts)]
    found = rows(conversations)
    told = [{ref: (row.session, row.language) for ref, row in of.items()} for of in found]
    assert told == [{("log", 0): ("s0", "en")}, {}, {("log", 1): ("s2", "de"), ("log", 2): ("s2", "und")}]
    assert [found[2]["log", 1].politeness] == load().score(said[1:2])[:, 0].tolist()


def test_a_language_that_is_not_told_is_scored_without_english_words():
    assert scores("Det här är great och horrible och amazing tycker jag")["sentiment"] == pytest.approx(
        scores("Det här är vanlig och ovanlig och sällsam tycker jag")["sentiment"], abs=1e-6
    )


def test_scores_do_not_depend_on_the_batch():
    texts = ["Could you help me?", "", "Mach das jetzt!", "🎉", "```x = 1```", "why does it fail again?!", "ok"] * 50
    together = load().score(texts)
    assert (together == np.concatenate([load().score([text]) for text in texts])).all()
    assert (together[::-1] == load().score(texts[::-1])).all()


def test_an_explanation_names_the_words_that_moved_a_score():
    moved = dict(load().explain("I hate this, but thank you", "sentiment"))
    assert moved["hate"] < 0 < moved["thank"]


def test_an_explanation_does_not_change_the_language():
    moved = dict(load().explain("Das Skript stürzt dauernd ab, echt nervig.", "frustration"))
    assert abs(moved.get("das", 0)) < 0.1
    assert abs(moved.get("ab", 0)) < 0.1
    assert moved["nervig"] > 0.2


def test_an_explanation_works_in_german():
    assert load().explain("Das ist furchtbar", "sentiment")[0][0] == "furchtbar"


def test_an_explanation_of_nothing_is_empty():
    assert load().explain("", "politeness") == []


def test_an_unknown_style_is_refused():
    with pytest.raises(ValueError, match="no style is called 'charm'"):
        load().explain("hello", "charm")


@pytest.mark.parametrize(
    ("statement", "question"),
    [
        ("Es un error del servidor.", "Puedes ayudarme con el servidor"),
        ("Tem um erro na fatura.", "Poderia me ajudar com a fatura"),
        ("C'è un errore nella fattura.", "Puoi aiutarmi con la fattura"),
    ],
)
def test_a_sentence_that_begins_with_its_verb_is_no_question_where_statements_do(statement, question):
    told, asked = load().score([statement, question])[:, STYLES.index("question")]
    assert told < 0.5 < asked


def test_questions_are_told_with_and_without_their_sign():
    unmarked = load().score(ASKED + SAID)[:, STYLES.index("question")] >= 0.5
    marked = load().score([text + "?" for text in ASKED] + SAID)[:, STYLES.index("question")] >= 0.5
    truth = [True] * len(ASKED) + [False] * len(SAID)
    assert f1_score(truth, unmarked) >= 0.95
    assert f1_score(truth, marked) >= 0.95


@pytest.mark.parametrize(
    "text",
    [
        "If you need any further assistance, feel free to ask.",
        "If you have any further questions or need assistance, please don't hesitate to ask",
        "Let me know if you need anything else.",
        "Wenn du noch Fragen hast, melde dich.",
    ],
)
def test_an_invitation_to_ask_asks_nothing(text):
    assert scores(text)["question"] <= 0.02


@pytest.mark.parametrize(
    "text",
    [
        "Could you let me know when it arrives",
        "Can you let me know the price",
        "Is it open on Sunday. Let me know, please.",
        "If not, should I let them know and would you feel free to ask",
        "Let me know if you need anything else?",
    ],
)
def test_what_is_put_as_a_question_asks_though_it_invites_too(text):
    assert scores(text)["question"] > 0.5


@pytest.mark.parametrize(
    "text",
    [
        "Will do.",
        "Does not work.",
        "Is now fixed.",
        "Ok, will do.",
        "Can't reproduce.",
        "Am on it.",
        "Error: could not connect to the server",
        "Wird gemacht.",
        "Hat leider nicht geklappt.",
        "Ja, ist erledigt.",
    ],
)
def test_a_statement_without_its_subject_asks_nothing(text):
    assert scores(text)["question"] < 0.1


@pytest.mark.parametrize(
    "text",
    [
        "Does it work",
        "Is it fixed",
        "Are you done",
        "Is this now fixed",
        "Will do, but can you check the log",
        "Did not work, is the server up",
        "Does not work. What now",
        "Does not work?",
        "Wird das gemacht",
        "Hast du das erledigt",
        "Wird gemacht. Kannst du danach schauen",
    ],
)
def test_what_has_a_subject_or_asks_besides_is_a_question(text):
    assert scores(text)["question"] > 0.5


def test_emotions_reach_their_figure_on_comments_that_nothing_was_fitted_on(data):
    rows = [json.loads(line) for line in (data / "text/goemotions.dev.jsonl").read_text().splitlines()]
    holds = load().emotions([row["text"] for row in rows]) >= load().thresholds
    truth = np.array([[bool(set(names.split()) & set(row["labels"])) for names in GROUPS.values()] for row in rows])
    assert np.mean([f1_score(truth[:, k], holds[:, k]) for k in range(4)]) >= 0.66
