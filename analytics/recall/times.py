"""Times that a question names, in English and German: "last week", "im Mai", "on 8 May 2023", "vor drei Tagen"."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

__all__ = ["DAY", "Span", "find"]

DAY = 86_400_000
"""Milliseconds."""


class Span(NamedTuple):
    """A stretch of time that a text names."""

    start: int
    """Unix milliseconds."""
    end: int
    """Unix milliseconds, the first that is past it."""
    said: str
    """The words that name it."""


_MONTHS = (
    "january jan januar jänner",
    "february feb februar",
    "march mar märz",
    "april apr",
    "may mai",
    "june jun juni",
    "july jul juli",
    "august aug",
    "september sep sept",
    "october oct oktober okt",
    "november nov",
    "december dec dezember dez",
)
_MONTH = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}
_WEEKDAYS = (
    "monday mon montag",
    "tuesday tue dienstag",
    "wednesday wed mittwoch",
    "thursday thu donnerstag",
    "friday fri freitag",
    "saturday sat samstag sonnabend",
    "sunday sun sonntag",
)
_WEEKDAY = {name: number for number, names in enumerate(_WEEKDAYS) for name in names.split()}
_COUNTS = (
    "a one ein eine einem einer",
    "two zwei",
    "three drei",
    "four vier",
    "five fünf",
    "six sechs",
    "seven sieben",
    "eight acht",
    "nine neun",
    "ten zehn",
)
_NUMBERS = {word: number for number, words in enumerate(_COUNTS, 1) for word in words.split()}
_UNIT = {"day": 1, "tag": 1, "week": 7, "woche": 7, "month": 30, "monat": 30, "year": 365, "jahr": 365}

_DAYS_BACK = {
    "today": 0, "this morning": 0, "heute": 0, "yesterday": 1, "gestern": 1, "the day before yesterday": 2, "vorgestern": 2
}  # fmt: skip
"""Named days, and how long ago they are."""

_M = "|".join(sorted(_MONTH, key=len, reverse=True))
_D = "|".join(sorted(_WEEKDAY, key=len, reverse=True))
_N = rf"\d{{1,3}}|{'|'.join(_NUMBERS)}|few|couple of|einigen|paar"
_U = "day|week|month|year|tag|woche|monat|jahr"
_LAST = "last|past|previous|letzte|vergangene|vorige"

_SINCE = re.compile(r"\b(?:since|seit)(?: (?:the|de[mnr]))? *$")
"""What makes a stretch of time go on until now."""

Match = re.Match[str]


def find(text: str, now: int) -> Span | None:
    """The first stretch of time that a text names; None: it names none.

    Days, weeks (from Monday), months and years are those of UTC. A date without a year is the latest that is not after
    ``now``.

    Args:
        text: in English or German.
        now: what "yesterday" is the day before of, Unix milliseconds.
    """
    lower = text.lower()
    today = datetime.fromtimestamp(now / 1000, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for expression, reading in _READINGS:
        for match in expression.finditer(lower):
            try:
                found = reading(match, today)
            except (ValueError, OverflowError):  # the 30th of February
                continue
            if found is not None:
                start, end = found
                said = match[0].strip()
                if since := _SINCE.search(lower, 0, match.start()):
                    said = lower[since.start() : match.end()].strip()
                if said.startswith(("since", "seit")):
                    end = max(end, today + timedelta(days=1))
                return Span(int(start.timestamp() * 1000), int(end.timestamp() * 1000), said)
    return None


Stretch = tuple[datetime, datetime] | None


def _day(at: datetime) -> Stretch:
    return at, at + timedelta(days=1)


def _iso(match: Match, _: datetime) -> Stretch:
    return _day(datetime(int(match[1]), int(match[2]), int(match[3]), tzinfo=UTC))


def _german(match: Match, today: datetime) -> Stretch:
    year = match[3] if match.re.groups == 3 else None
    return _date(match[1], int(match[2]), year, today)


def _date(day: str, month: int, year: str | None, today: datetime) -> Stretch:
    if year:
        return _day(datetime(int(year), month, int(day), tzinfo=UTC))
    at = datetime(today.year, month, int(day), tzinfo=UTC)
    return _day(at if at <= today else at.replace(year=today.year - 1))


def _month(match: Match, _: datetime) -> Stretch:
    return _month_of(int(match[2]), _MONTH[match[1]])


def _bare_month(match: Match, today: datetime) -> Stretch:
    month = _MONTH[match[1]]
    return _month_of(today.year if month <= today.month else today.year - 1, month)


def _month_of(year: int, month: int) -> Stretch:
    after = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return datetime(year, month, 1, tzinfo=UTC), after


def _year(match: Match, _: datetime) -> Stretch:
    return _year_of(int(match[1]))


def _year_of(year: int) -> Stretch:
    return datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)


def _named_day(match: Match, today: datetime) -> Stretch:
    return _day(today - timedelta(days=_DAYS_BACK[match[1]]))


def _night(_: Match, today: datetime) -> Stretch:
    return today - timedelta(hours=6), today + timedelta(hours=6)


def _before_last(_: Match, today: datetime) -> Stretch:
    monday = today - timedelta(days=today.weekday() + 14)
    return monday, monday + timedelta(days=7)


def _unit(match: Match, today: datetime) -> Stretch:
    back = 0 if match[1].startswith(("this", "dies")) else 1
    unit = match[2]
    if unit.startswith(("week", "woche")):
        monday = today - timedelta(days=today.weekday() + 7 * back)
        first = 5 if unit in {"weekend", "wochenende"} else 0
        return monday + timedelta(days=first), monday + timedelta(days=7)
    if unit.startswith("mon"):
        return _month_of(today.year, today.month - back) if today.month > back else _month_of(today.year - 1, 12)
    return _year_of(today.year - back)


def _weekday(match: Match, today: datetime) -> Stretch:
    back = (today.weekday() - _WEEKDAY[match[1]] - 1) % 7 + 1
    return _day(today - timedelta(days=back))


def _ago(match: Match, today: datetime) -> Stretch:
    number, unit = (match[1], match[2]) if match[1] else (match[3], match[4])
    at = today - timedelta(days=_number(number) * _UNIT[unit])
    about = timedelta(days=_UNIT[unit] // 2)  # "two weeks ago" is no day
    return at - about, at + about + timedelta(days=1)


def _lately(match: Match, today: datetime) -> Stretch:
    return today - timedelta(days=_number(match[1]) * _UNIT[match[2]]), today + timedelta(days=1)


def _number(word: str) -> int:
    return int(word) if word.isdigit() else _NUMBERS.get(word, 3)


_READINGS: tuple[tuple[re.Pattern[str], Callable[[Match, datetime], Stretch]], ...] = (
    (re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b"), _iso),
    (re.compile(r"\b(\d{1,2})\.(\d{1,2})\.(\d{4})\b"), _german),
    (re.compile(r"\b(?:am|vom|seit) (?:dem )?(\d{1,2})\.(\d{1,2})\.(?!\d)"), _german),
    (
        re.compile(rf"\b(?:on |am )?(\d{{1,2}})(?:st|nd|rd|th|\.)? (?:of )?({_M})\b\.?(?:,? (\d{{4}})\b)?"),
        lambda m, today: _date(m[1], _MONTH[m[2]], m[3], today),
    ),
    (
        re.compile(rf"\b(?:on )?({_M})\.? (\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (\d{{4}})\b)?"),
        lambda m, today: _date(m[2], _MONTH[m[1]], m[3], today),
    ),
    (re.compile(rf"\b({_M})\.?,? (\d{{4}})\b"), _month),
    (re.compile(rf"\b(?:in|during|of|since|im|seit|early|late|mid|anfang|mitte|ende)(?: the)? ({_M})\b"), _bare_month),
    (re.compile(rf"\b(?:in|vor|within)? ?(?:the |den |der )?(?:{_LAST})[nrs]? ({_N}) ({_U})\w{{0,2}}\b"), _lately),
    (re.compile(rf"\b({_N}) ({_U})s? ago\b|\bvor (?:ein )?({_N}) ({_U})(?:en|n|e)?\b"), _ago),
    (re.compile(rf"\b({'|'.join(sorted(_DAYS_BACK, key=len, reverse=True))})\b"), _named_day),
    (re.compile(r"\blast night\b|\bletzte nacht\b"), _night),
    (re.compile(r"\bthe week before last\b|\bvorletzten? woche\b"), _before_last),
    (
        re.compile(rf"\b((?:{_LAST}|this|diese)[nrms]?) (weekend|wochenende|week|woche|month|monat|year|jahr)s?\b"),
        _unit,
    ),
    (re.compile(rf"\b(?:(?:{_LAST}|on|am|since|seit)[nrs]?) ({_D})\b"), _weekday),
    (re.compile(r"\b(?:in|im jahr|during|of) ((?:19|20)\d{2})\b"), _year),
)
