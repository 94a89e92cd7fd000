"""What users' words show, in ten languages: corrections, dissatisfaction, requests made again."""

from dataclasses import replace

import pytest

from analytics.conversation import Call, Conversation, Message
from analytics.signals import detect
from analytics.signals.phrases import load, read
from analytics.signals.user import closing

CORRECTIONS = {
    "en": [
        "No, I meant the second file.",
        "That's not what I asked for.",
        "You misunderstood me, the meeting is on Monday.",
        "Not Saturday. Friday.",
        "Actually, it should be Friday.",
    ],
    "de": [
        "Nein, ich meinte die zweite Datei.",
        "Das habe ich nicht gesagt.",
        "Du hast mich falsch verstanden.",
        "Von Samstag war nie die Rede.",
    ],
    "fr": [
        "Non, je voulais dire le deuxième fichier.",
        "Ce n'est pas ce que j'ai demandé.",
        "Vous m'avez mal compris.",
        "Je n'ai jamais parlé de samedi.",
    ],
    "es": [
        "No, me refería al segundo archivo.",
        "Eso no es lo que pedí.",
        "Me has entendido mal.",
        "Nunca hablé del sábado.",
    ],
    "pt": [
        "Não, eu quis dizer o segundo arquivo.",
        "Não foi isso que eu pedi.",
        "Você me entendeu mal.",
        "A data está errada.",
    ],
    "it": [
        "No, intendevo il secondo file.",
        "Non è quello che ho chiesto.",
        "Mi hai frainteso.",
        "Non sabato, ma venerdì.",
    ],
    "zh": ["不对，我说的是第二个文件。", "这不是我要的。", "你理解错了。", "不是周六，是周五。"],
    "ja": [
        "違います、二番目のファイルです。",
        "そうではなく、明日の予定です。",
        "それは間違っています。",
        "土曜なんて一言も言っていません。",
    ],
    "ko": [
        "아니요, 두 번째 파일을 말한 거예요.",
        "그게 아니라 내일 일정이에요.",
        "잘못 이해하셨어요.",
        "토요일 말고 금요일이요.",
    ],
    "ru": [
        "Нет, я имел в виду второй файл.",
        "Это не то, что я просил.",
        "Вы меня неправильно поняли.",
        "В дате ошибка.",
    ],
}
DISSATISFIED = {
    "en": [
        "This is useless.",
        "I am really frustrated with your service.",
        "You are wasting my time.",
        "Honestly, I expected better.",
    ],
    "de": [
        "Das ist völlig nutzlos.",
        "Ich bin wirklich enttäuscht.",
        "Das funktioniert immer noch nicht.",
        "Jetzt reicht es mir aber.",
    ],
    "fr": ["C'est complètement inutile.", "Je suis très déçu.", "Ça ne marche toujours pas."],
    "es": ["Esto es inútil.", "Estoy muy decepcionado.", "Todavía no funciona."],
    "pt": ["Isso é inútil.", "Estou muito decepcionado.", "Ainda não funciona."],
    "it": ["È completamente inutile.", "Sono molto deluso.", "Non funziona ancora.", "Lascia perdere, faccio da solo."],
    "zh": ["太没用了。", "我很失望。", "还是不行。", "我受够了。"],
    "ja": ["全然役に立たない。", "とてもがっかりしました。", "まだ動きません。"],
    "ko": ["정말 쓸모없네요.", "너무 실망했어요.", "아직도 안 돼요."],
    "ru": ["Это бесполезно.", "Я очень разочарован.", "Всё ещё не работает."],
}
CONTENT = {
    "en": [
        "Thanks, that is exactly what I needed.",
        "Could you also book a table for two?",
        "There is an error in the log, what does it mean?",
        "How do I fix a wrong date in Excel?",
        "Why don't you just book the cheaper one?",
        "It is not difficult to get there, thanks.",
    ],
    "de": [
        "Danke, genau das habe ich gebraucht.",
        "Kannst du auch einen Tisch für zwei reservieren?",
        "Das ist nicht nötig, danke.",
    ],
    "fr": ["Merci, c'est exactement ce qu'il me fallait.", "Pouvez-vous aussi réserver une table ?"],
    "es": [
        "Gracias, es justo lo que necesitaba.",
        "¿Puedes reservar también una mesa para dos?",
        "Todavía no me decido.",
    ],
    "pt": [
        "Obrigado, é exatamente o que eu precisava.",
        "Você pode reservar também uma mesa?",
        "Ainda não decidi a cor.",
    ],
    "it": [
        "Grazie, è proprio quello che mi serviva.",
        "Puoi prenotare anche un tavolo per due?",
        "Mi sono sbagliato, siamo in cinque.",
    ],
    "zh": ["谢谢，这正是我需要的。", "能再帮我订一张两人桌吗？", "我弄错了地址，是我的问题。"],
    "ja": [
        "ありがとう、まさに必要なものです。",
        "二人用の席も予約してもらえますか？",
        "私が間違っていました、すみません。",
    ],
    "ko": ["감사합니다, 딱 필요한 거예요.", "두 사람 자리도 예약해 주시겠어요?", "아니요, 괜찮습니다."],
    "ru": ["Спасибо, это именно то, что мне нужно.", "Можете ещё забронировать столик на двоих?", "Это не так важно."],
}

ASKS_HOW = {
    "en": [
        "How do I fix a wrong date in Excel?",
        "How do I correct this?",
        "how can i change the wrong address",
        "Thanks. What do I do about the wrong name on my ticket?",
        "How would you fix the wrong date?",
    ],
    "de": [
        "Wie korrigiere ich ein falsches Datum?",
        "Wie kann man eine falsche Adresse ändern?",
        "wie ändere ich eine falsche nummer",
        "Weißt du, wie man ein falsches Datum korrigiert?",
    ],
    "fr": [
        "Comment corriger une mauvaise date ?",
        "Comment est-ce que je corrige une mauvaise date ?",
        "Où puis-je changer une mauvaise adresse ?",
    ],
    "es": [
        "¿Cómo corrijo una fecha incorrecta?",
        "¿Cómo puedo cambiar una dirección equivocada?",
        "como se corrige una fecha incorrecta",
    ],
    "pt": [
        "Como corrijo uma data errada?",
        "Como faço para corrigir uma data errada?",
        "Onde posso mudar um nome errado?",
    ],
    "it": [
        "Come correggo una data sbagliata?",
        "Come posso cambiare un indirizzo sbagliato?",
        "Come si corregge un nome sbagliato?",
    ],
    "zh": ["日期写错了怎么改？", "如果日期填错了该如何更正？", "地址写错怎么办？"],
    "ja": [
        "日付が間違っている場合、どう直せばいいですか？",
        "間違えて入力した日付はどうやって修正しますか？",
        "間違って登録した住所の変更方法を教えてください。",
    ],
    "ko": [
        "틀린 날짜를 어떻게 고치나요?",
        "날짜가 잘못됐을 때 어떻게 수정해요?",
        "주소가 잘못되었으면 어떻게 해야 하나요?",
    ],
    "ru": [
        "Как исправить неправильную дату?",
        "Как мне поменять неверный адрес?",
        "Что делать, если неправильная дата?",
    ],
}
CORRECTS_AND_ASKS = {
    "en": [
        "No, I meant the second file. How do I open it?",
        "You got the wrong date. How do I change it?",
        "How could you book the wrong hotel?",
    ],
    "de": [
        "Das ist falsch. Wie kann ich das ändern?",
        "Wie kommst du auf Montag? Falsches Datum.",
        "Wie ich schon sagte, das ist nicht richtig.",
    ],
    "fr": ["C'est faux. Comment corriger la date ?", "Comment ça ? Mauvaise date."],
    "es": ["Eso no es lo que pedí. ¿Cómo lo cambio?", "Como ya dije, fecha equivocada."],
    "pt": ["A data está errada. Como posso mudar?", "Como eu disse, data errada."],
    "it": ["La data è sbagliata. Come la cambio?", "Come ho detto, data sbagliata."],
    "zh": ["不对，我说的是周五。怎么改？", "你把日期写错了，怎么办？"],
    "ja": ["違います。どうすれば直せますか？", "日付が間違っています。どう直せばいいですか？"],
    "ko": ["그게 아니라 날짜를 어떻게 바꾸나요?", "날짜가 틀렸어요. 어떻게 고치나요?"],
    "ru": ["Это неправильно. Как исправить дату?", "Как я и говорил, неверная дата."],
}


OF_OTHERS = {
    "en": [
        "My colleague sent the package to the wrong address, can you write him an email?",
        "The shop delivered the wrong order. I want to complain to them.",
        "There is an error when I start my computer, what can I do about it?",
        "There is a mistake in my tax bill. How do I object?",
    ],
    "de": [
        "Mein Kollege hat das Paket an die falsche Adresse geschickt, schreib ihm bitte.",
        "Der Händler hat mir das falsche Hotel gebucht.",
    ],
}

CORRECTS_BESIDE_OTHERS = {
    "en": [
        "Can I correct you: that is the wrong date.",
        "You sent my colleague the wrong file.",
        "My colleague booked the wrong flight, but that is not what I asked.",
        "There is a mistake in my booking.",
        "The shop has an order for me, you gave the wrong number.",
    ],
    "de": [
        "Du hast meinem Kollegen die falsche Datei geschickt.",
        "Mein Kollege hat ein Paket geschickt, das ist die falsche Adresse.",
    ],
}


def kinds(*said: str) -> list[str]:
    """Kinds of signals that the user's last message shows; user and agent speak in turn, the user last."""
    speakers = ["agent", "user"] if len(said) % 2 == 0 else ["user", "agent"]
    messages = tuple(
        Message(("log", seq), seq * 1000, speakers[(seq - 1) % 2], text) for seq, text in enumerate(said, start=1)
    )
    found = detect(Conversation("desk", "agent:desk:main", 1000, 9000, messages), {})
    return sorted(signal.kind for signal in found if signal.seq == len(said) and signal.kind != "abandoned")


def each(sentences: dict[str, list[str]]) -> list:
    return [
        pytest.param(text, id=f"{language}-{at}") for language, of in sentences.items() for at, text in enumerate(of)
    ]


@pytest.mark.parametrize("text", each(CORRECTIONS))
def test_a_correction_is_heard(text):
    assert "user_correction" in kinds("Open the file.", "I opened the first file.", text)


@pytest.mark.parametrize("text", each(ASKS_HOW))
def test_a_question_how_to_mend_something_is_no_correction(text):
    assert "user_correction" not in kinds("Open the file.", "I opened the first file.", text)


@pytest.mark.parametrize("text", each(OF_OTHERS))
def test_errors_of_others_are_no_corrections_of_the_agent(text):
    assert "user_correction" not in kinds("Help me.", "Sure.", text)


@pytest.mark.parametrize("text", each(CORRECTS_BESIDE_OTHERS))
def test_a_correction_beside_what_others_did_is_heard(text):
    assert "user_correction" in kinds("Help me.", "Sure.", text)


@pytest.mark.parametrize("text", each(CORRECTS_AND_ASKS))
def test_a_correction_with_a_question_after_it_is_heard(text):
    assert "user_correction" in kinds("Open the file.", "I opened the first file.", text)


@pytest.mark.parametrize("text", each(DISSATISFIED))
def test_dissatisfaction_is_heard(text):
    assert "dissatisfaction" in kinds("Open the file.", "I opened the first file.", text)


@pytest.mark.parametrize("text", each(CONTENT))
def test_thanks_and_further_requests_are_no_complaint(text):
    assert kinds("Open the file.", "I opened the first file.", text) == []


def test_a_request_in_other_words_after_a_denial_is_made_again():
    asked = "I'm looking for a cheap Chinese restaurant in the north."
    denied = "Unfortunately there are none."
    assert kinds(asked, denied, "Are there any Chinese restaurants that are cheap in the north?") == [
        "repeated_request"
    ]


def test_a_further_request_after_a_denial_is_a_new_one():
    asked = "I'm looking for a cheap Chinese restaurant in the north."
    assert kinds(asked, "Unfortunately there are none.", "Then book a taxi to the museum, please.") == []


@pytest.mark.parametrize(
    "text",
    [
        "Restart the billing worker on host seven",
        "请把五月份的发票发给我好吗？",
        "오월 송장 보내 주세요",
        "請求書を送って",
    ],
)
def test_the_same_order_in_the_same_words_is_made_again(text):
    assert kinds(text, "Hello, how are you today?", text) == ["repeated_request"]


def test_the_same_question_about_another_month_is_a_new_one():
    asked = "Can you send me the invoice of the billing account for February?"
    assert kinds(asked, "Here it is.", "Can you send me the invoice of the billing account for October?") == []


def test_what_a_tool_has_done_is_asked_for_anew():
    text = "Please send the weekly report to the team."
    messages = [Message(("log", 1), 1, "user", text), Message(("log", 4), 4, "agent", "It is sent.")]
    call = Call(("log", 2), 2, "send_email", "{}", ("log", 3), 3, "sent")
    again = Message(("log", 5), 5, "user", text)

    def shown(call: Call) -> list[str]:
        found = detect(Conversation("desk", "agent:desk:main", 1, 9, (*messages, again), (call,)), {})
        return [signal.kind for signal in found if signal.seq == 5 and signal.kind != "abandoned"]

    assert shown(call) == []
    assert shown(replace(call, error="timeout")) == ["repeated_request"]


@pytest.mark.parametrize("session", ["cron:daily-report", "agent:desk:cron:daily-report", "hook:7"])
def test_nobody_reacts_in_a_scheduled_session(session):
    texts = ["Write the daily report, please.", "Here is the report.", "Write the daily report, please."]
    messages = tuple(Message(("log", n), n, ("user", "agent")[n % 2], text) for n, text in enumerate(texts))
    found = detect(Conversation("desk", session, 0, 9, messages), {})
    assert "repeated_request" not in {signal.kind for signal in found}


def test_the_same_question_on_another_day_is_no_repetition():
    text = "Can you tell me the weather in Oslo?"
    messages = tuple(
        Message(("log", n), n * 40 * 60_000, ("user", "agent")[n % 2], said)
        for n, said in enumerate([text, "It is sunny.", text])
    )
    found = detect(Conversation("desk", "agent:desk:main", 0, 9, messages), {})
    assert "repeated_request" not in {signal.kind for signal in found}


def test_a_sentence_without_spaces_is_no_goodbye():
    phrases = load()
    assert not closing(read("荷物はいつ届きますか"), phrases)
    assert not closing(read("帮我订一张去北京的机票"), phrases)
    assert closing(read("好的，谢谢"), phrases)
    assert closing(read("ありがとうございました"), phrases)
