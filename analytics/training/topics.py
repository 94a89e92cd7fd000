"""Train the packaged topics from public labelled sets and our own seed phrases.

python -m analytics.training.topics --data DIR

``--measure`` prints the figures of the model card instead, of the packaged file.
"""

import argparse
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

from analytics.embedding import words
from analytics.intervals import share_interval
from analytics.topics.learning import train
from analytics.topics.taxonomy import Taxonomy

__all__ = ["build", "examples", "main", "measure"]

PACKAGED = Path(__file__).parents[1] / "pretrained" / "topics.npz"
SEEDS = Path(__file__).with_name("topics_seeds.json")

_MOST = 250
"""Examples a topic takes from the public sets."""
_NONE = "none"

CLINC = {
    "flights": "book_flight flight_status carry_on lost_luggage",
    "hotels": "book_hotel",
    "travel": "exchange_rate international_visa plug_type travel_alert travel_notification travel_suggestion vaccines",
    "language": "translate",
    "banking": "account_blocked balance bill_balance bill_due freeze_account interest_rate min_payment order_checks "
    "pay_bill pin_change report_fraud routing spending_history transactions transfer",
    "calendar": "alarm timer calendar calendar_update reminder reminder_update todo_list todo_list_update "
    "meeting_schedule schedule_meeting",
    "learning": "calculator measurement_conversion definition spelling",
    "messages": "make_call text",
    "weather": "weather",
    "agents": "are_you_a_bot what_can_i_ask_you who_made_you who_do_you_work_for change_accent change_ai_name "
    "change_language change_speed change_user_name reset_settings user_name whisper_mode",
    "pay": "direct_deposit income payday pto_balance pto_request pto_request_status pto_used rollover_401k taxes w2 "
    "next_holiday",
    "insurance": "insurance insurance_change",
    "cards": "application_status apr card_declined credit_limit credit_limit_change credit_score damaged_card "
    "expiration_date improve_credit_score international_fees new_card redeem_rewards replacement_card_duration "
    "report_lost_card rewards_balance",
    "music": "next_song play_music update_playlist what_song",
    "shopping": "order order_status shopping_list shopping_list_update",
    "home": "smart_home",
    "transport": "current_location directions distance traffic uber car_rental",
    "car": "gas gas_type jump_start last_maintenance mpg oil_change_how oil_change_when schedule_maintenance tire_change "
    "tire_pressure",
    "restaurants": "accept_reservations cancel_reservation confirm_reservation how_busy restaurant_reservation "
    "restaurant_reviews restaurant_suggestion",
    "cooking": "calories cook_time food_last ingredient_substitution ingredients_list meal_suggestion nutrition_info recipe",
    _NONE: "cancel maybe no yes repeat goodbye greeting thank_you tell_joke fun_fact meaning_of_life flip_coin roll_dice "
    "how_old_are_you where_are_you_from what_are_your_hobbies do_you_have_pets",
}
MULTIDOGO = {
    "airline": "flights",
    "fastfood": "restaurants",
    "media": "support",
    "software": "support",
    "finance": "banking",
    "insurance": "insurance",
}
NOISE = """hi;hello;hey there;good morning;good evening;hello, how can I help you today?;how may I assist you?;what can I do for you?;thanks;
thank you so much;ok thanks;okay great;great;perfect;sounds good;yes please;no thanks;no, that's all;that's all for now;anything else?;
is there anything else I can help you with?;you're welcome;have a nice day;bye;see you later;no that's wrong;that is not what I asked;
try again;you still don't get it;sorry about that;I apologise for the confusion;let me check;one moment please;done;it's done;all done;
I'm on it;working on it;go on;continue;please continue;go ahead;do it;sure;yes;no;maybe later;never mind;forget it;stop;cool;nice;
lol;haha;hmm;wow;I see;got it;understood;makes sense;what?;why?;really?;what do you mean?;can you repeat that?;I don't know;
the first one;the second one please;that works;not that one;the other one;which one?;when?;where?;how many?;for two people;tomorrow;
on Friday;at 5 pm;is that correct?;please confirm;yes that is correct;hallo;guten Morgen;guten Tag;danke;vielen Dank;super danke;
gerne;bitte;passt;alles klar;ok super;nein, das ist falsch;das stimmt nicht;versuch es noch einmal;weiter;mach weiter;ja;nein;
tut mir leid;einen Moment;erledigt;fertig;verstanden;kann ich sonst noch helfen?;was meinst du?;schönen Tag noch;tschüss;wie bitte?;
wird gemacht;sag mir Bescheid;let me know;I have found 3 of them;I found what you asked for;here you go;here is what I found""".split(
    ";"
)
"""What people and agents say that is about nothing."""

SERVICES = {
    "Events": "events",
    "Flights": "flights",
    "Music": "music",
    "Restaurants": "restaurants",
    "Movies": "films",
    "Media": "films",
    "RideSharing": "transport",
    "RentalCars": "transport",
}


def _lines(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _clinc(data: Path, split: str) -> Iterator[tuple[str, str]]:
    """(text, topic) of the intents of CLINC150 that say something of ours."""
    intents = {intent: topic for topic, intents in CLINC.items() for intent in intents.split()}
    for row in _lines(data / "text" / f"clinc150.{split}.jsonl"):
        if row["label"] in intents:
            yield row["text"], intents[row["label"]]


def _multidogo(data: Path, split: str) -> Iterator[tuple[str, str]]:
    """(request, topic) of the requests of five words or more of MultiDoGO."""
    for row in _lines(data / "text" / f"multidogo.{split}.jsonl"):
        request = max(row["text"].split("\n"), key=len)
        if len(words(request)) > 4:
            yield request, MULTIDOGO[row["label"]]


def _public(data: Path) -> Iterator[tuple[str, str]]:
    """(text, topic) of the public sets that say something of ours."""
    yield from _clinc(data, "train")
    for row in _lines(data / "text" / "banking77.train.jsonl"):
        yield row["text"], "cards" if "card" in row["label"] else "banking"
    yield from _multidogo(data, "train")
    for row in _lines(data / "text" / "goemotions.train.jsonl"):
        yield row["text"], _NONE
    services = {row["session"]: row["services"][0] for row in _lines(data / "sessions" / "sgd.services.jsonl")}
    begun = set()
    for event in _lines(data / "sessions" / "sgd.events.jsonl.gz"):
        session = event["session"]
        if event["type"] == "conversation.message.in" and session not in begun:
            begun.add(session)
            yield event["payload"]["data"]["text"], SERVICES[services[session]]  # type: ignore[index]


def examples(data: Path) -> list[tuple[str, str]]:
    """All training examples: seeds whole, of the public sets at most 250 a topic and 2,000 of none."""
    found = defaultdict(set)
    for text, topic in _public(data):
        found[topic].add(text)
    rows = [
        (text, topic)
        for topic, texts in sorted(found.items())
        for text in sorted(texts, key=lambda t: (crc32(t.encode()), t))[: 2_000 if topic == _NONE else _MOST]
    ]
    seeds = json.loads(SEEDS.read_text("utf-8"))
    rows += [(text.strip(), _NONE) for text in NOISE]
    return rows + [(phrase, topic) for topic, seed in seeds.items() for phrase in seed["phrases"]]


def build(data: Path) -> Taxonomy:
    """The packaged taxonomy."""
    taxonomy = train(examples(data))
    seeds = json.loads(SEEDS.read_text("utf-8"))
    taxonomy.about = {label: (seeds[label]["label"], keywords) for label, (_, keywords) in taxonomy.about.items()}
    return taxonomy


def measure(taxonomy: Taxonomy, data: Path) -> list[str]:
    """The lines of the model card: shares of texts that had no part in training, with their intervals (Wilson 1927)."""
    clinc = list(_clinc(data, "val"))
    comments = [(row["text"], _NONE) for row in _lines(data / "text" / "goemotions.dev.jsonl")]
    sets = {
        "CLINC150 val, intents that map to a topic": [row for row in clinc if row[1] != _NONE],
        "MultiDoGO dev, requests of five words or more": list(_multidogo(data, "dev")),
        "CLINC150 val, courtesies and answers": [row for row in clinc if row[1] == _NONE],
        "GoEmotions dev, comments about anything": comments,
    }
    return [_measured(name, taxonomy, rows) for name, rows in sets.items()]


def _measured(name: str, taxonomy: Taxonomy, rows: list[tuple[str, str]]) -> str:
    found = list(zip(taxonomy.predict([text for text, _ in rows]), (topic for _, topic in rows), strict=True))
    tagged = [(one, topic) for one, topic in found if one.score >= 0.5]
    shares = [(sum(one.label == topic for one, topic in of), len(of)) for of in (found, tagged)]
    shares.insert(1, (len(tagged), len(found)))
    about_none = rows[0][1] == _NONE
    cells = ["-" if about_none and at != 1 else _share(*share) for at, share in enumerate(shares)]
    return f"| {name} ({len(rows):,}) | {' | '.join(cells)} |"


def _share(hits: int, n: int) -> str:
    value, low, high, _ = (f"{one:.3f}".removeprefix("0") for one in share_interval(hits, n))
    return f"{value} ({low}-{high})"


def main() -> None:
    """Write the packaged taxonomy, or measure it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled public data")
    parser.add_argument("--measure", action="store_true", help="print the figures of the model card instead")
    given = parser.parse_args()
    if given.measure:
        print("\n".join(measure(Taxonomy.load(PACKAGED), given.data)))
    else:
        build(given.data).save(PACKAGED)


if __name__ == "__main__":
    main()
