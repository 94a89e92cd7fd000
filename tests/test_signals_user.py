"""What users' words show, in ten languages: corrections, dissatisfaction, requests made again."""

import pytest

from analytics.conversation import Conversation, Message
from analytics.signals import detect

CORRECTIONS = {
    "en": [
        "No, I meant the second file.",
        "That's not what I asked for.",
        "You misunderstood me, the meeting is on Monday.",
    ],
    "de": ["Nein, ich meinte die zweite Datei.", "Das habe ich nicht gesagt.", "Du hast mich falsch verstanden."],
    "fr": [
        "Non, je voulais dire le deuxième fichier.",
        "Ce n'est pas ce que j'ai demandé.",
        "Vous m'avez mal compris.",
    ],
    "es": ["No, me refería al segundo archivo.", "Eso no es lo que pedí.", "Me has entendido mal."],
    "pt": ["Não, eu quis dizer o segundo arquivo.", "Não foi isso que eu pedi.", "Você me entendeu mal."],
    "it": ["No, intendevo il secondo file.", "Non è quello che ho chiesto.", "Mi hai frainteso."],
    "zh": ["不对，我说的是第二个文件。", "这不是我要的。", "你理解错了。"],
    "ja": ["違います、二番目のファイルです。", "そうではなく、明日の予定です。", "それは間違っています。"],
    "ko": ["아니요, 두 번째 파일을 말한 거예요.", "그게 아니라 내일 일정이에요.", "잘못 이해하셨어요."],
    "ru": ["Нет, я имел в виду второй файл.", "Это не то, что я просил.", "Вы меня неправильно поняли."],
}
DISSATISFIED = {
    "en": ["This is useless.", "I am really frustrated with your service.", "You are wasting my time."],
    "de": ["Das ist völlig nutzlos.", "Ich bin wirklich enttäuscht.", "Das funktioniert immer noch nicht."],
    "fr": ["C'est complètement inutile.", "Je suis très déçu.", "Ça ne marche toujours pas."],
    "es": ["Esto es inútil.", "Estoy muy decepcionado.", "Todavía no funciona."],
    "pt": ["Isso é inútil.", "Estou muito decepcionado.", "Ainda não funciona."],
    "it": ["È completamente inutile.", "Sono molto deluso.", "Non funziona ancora."],
    "zh": ["太没用了。", "我很失望。", "还是不行。"],
    "ja": ["全然役に立たない。", "とてもがっかりしました。", "まだ動きません。"],
    "ko": ["정말 쓸모없네요.", "너무 실망했어요.", "아직도 안 돼요."],
    "ru": ["Это бесполезно.", "Я очень разочарован.", "Всё ещё не работает."],
}
CONTENT = {
    "en": ["Thanks, that is exactly what I needed.", "Could you also book a table for two?"],
    "de": ["Danke, genau das habe ich gebraucht.", "Kannst du auch einen Tisch für zwei reservieren?"],
    "fr": ["Merci, c'est exactement ce qu'il me fallait.", "Pouvez-vous aussi réserver une table ?"],
    "es": ["Gracias, es justo lo que necesitaba.", "¿Puedes reservar también una mesa para dos?"],
    "pt": ["Obrigado, é exatamente o que eu precisava.", "Você pode reservar também uma mesa?"],
    "it": ["Grazie, è proprio quello che mi serviva.", "Puoi prenotare anche un tavolo per due?"],
    "zh": ["谢谢，这正是我需要的。", "能再帮我订一张两人桌吗？"],
    "ja": ["ありがとう、まさに必要なものです。", "二人用の席も予約してもらえますか？"],
    "ko": ["감사합니다, 딱 필요한 거예요.", "두 사람 자리도 예약해 주시겠어요?"],
    "ru": ["Спасибо, это именно то, что мне нужно.", "Можете ещё забронировать столик на двоих?"],
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
