"""When something is due, as a sentence says it relative to the time it was said; English and German, times in UTC."""

import re
from calendar import monthrange
from datetime import UTC, datetime, time, timedelta

__all__ = ["due"]

_NUMBERS = {
    **dict.fromkeys(("a", "an", "one", "ein", "einem", "einer", "eine", "einen"), 1),
    **dict.fromkeys(("two", "zwei"), 2), **dict.fromkeys(("three", "drei"), 3), **dict.fromkeys(("four", "vier"), 4),
    **dict.fromkeys(("five", "fünf"), 5), **dict.fromkeys(("six", "sechs"), 6), **dict.fromkeys(("seven", "sieben"), 7),
    **dict.fromkeys(("ten", "zehn"), 10), "half an": 0.5, "einer halben": 0.5,
}  # fmt: skip
_DAYS = {
    name: number
    for number, names in enumerate(
        ("monday mon montag", "tuesday tue tues dienstag", "wednesday wed mittwoch", "thursday thu thurs donnerstag",
         "friday fri freitag", "saturday sat samstag sonnabend", "sunday sun sonntag")
    )
    for name in names.split()
}  # fmt: skip
_MONTHS = {
    name: number
    for number, names in enumerate(
        ("january jan januar", "february feb februar", "march mar märz", "april apr", "may mai", "june jun juni",
         "july jul juli", "august aug", "september sept sep", "october oct oktober okt", "november nov",
         "december dec dezember dez"), 1
    )
    for name in names.split()
}  # fmt: skip
_DAY = "|".join(sorted(_DAYS, key=len, reverse=True))
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_COUNT = r"\d{1,3}|" + "|".join(sorted(_NUMBERS, key=len, reverse=True))

_UNITS = (
    (re.compile(r"min"), timedelta(minutes=1)),
    (re.compile(r"hour|hr|stunde"), timedelta(hours=1)),
    (re.compile(r"day|tag"), timedelta(days=1)),
    (re.compile(r"week|woche"), timedelta(weeks=1)),
    (re.compile(r"month|monat"), timedelta(days=30)),
)
_IN = re.compile(
    rf"\b(?:in|within|innerhalb von)\s+(?:the next\s+|den nächsten\s+)?({_COUNT})\s+"
    r"(min\w*|hours?|hrs?|days?|weeks?|months?|stunden?|tagen?|wochen?|monat\w*)\b"
)
_ISO = re.compile(r"\b(20\d\d)-(\d\d)-(\d\d)(?:[t ](\d\d):(\d\d))?\b")
_DE_DATE = re.compile(r"\b(\d{1,2})\.(\d{1,2})\.(20\d\d)?(?!\d)")
_DAY_MONTH = re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th|\.)?\s+(?:of\s+)?({_MONTH})\b\.?(?:,?\s+(20\d\d))?")
_MONTH_DAY = re.compile(rf"\b({_MONTH})\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(20\d\d))?")
_NAMED = (
    (re.compile(r"\bday after tomorrow\b|\bübermorgen\b"), 2),
    (re.compile(r"\btomorrow\b|\bmorgen (?:früh|vormittag|mittag|nachmittag|abend)\b|(?<!guten )\bmorgen\b"), 1),
    (re.compile(r"\btoday\b|\btonight\b|\bthis (?:morning|afternoon|evening)\b|\bheute\b"), 0),
    (re.compile(r"\bend of (?:the )?(?:day|business)\b|\beod\b|\bcob\b|\bfeierabend\b"), 0),
)
_WEEKDAY = re.compile(
    rf"\b(?:(next|nächste[nrs]?|kommende[nrs]?|this|diese[nrs]?)\s+)?({_DAY})(morning|evening|abend|nachmittag|vormittag)?\b"
    r"(?!s\b)(?!\s+(?:is|was|are|evenings|mornings))"
)
_WEEK_END = re.compile(
    r"\bend of (?:the |this )?week\b|\beow\b|\bende der woche\b|\b(?:by|this|at the) weekend\b|\bwochenende\b"
)
_NEXT_WEEK = re.compile(r"\bnext week\b|\bnächste[rn]? woche\b|\bkommende[rn]? woche\b")
_MONTH_END = re.compile(r"\bend of (?:the |this )?month\b|\beom\b|\b(?:monatsende|ende des monats)\b")
_NEXT_MONTH = re.compile(r"\bnext month\b|\bnächsten monat\b")
_CLOCK = (
    re.compile(
        r"\b(?:at|by|um|bis|before|vor|gegen)\s+(\d{1,2})(?::(\d\d))?\s*(am|pm|a\.m\.|p\.m\.|uhr|o'clock)?(?![\w:-]|\.\w|\.\s+\w)"
    ),
    re.compile(r"\b(\d{1,2})(?::(\d\d))?\s*(am|pm|a\.m\.|p\.m\.|uhr)\b"),
    re.compile(r"\b(\d{1,2}):(\d\d)\b(?P<none>)"),
)
_PARTS = (
    (re.compile(r"\bmidnight\b|\bmitternacht\b|\btonight\b|heute abend|\bevening\b|abend\b"), time(20)),
    (re.compile(r"\bnoon\b|\blunch\b|\bmittag\b"), time(12)),
    (re.compile(r"\bafternoon\b|nachmittag\b"), time(15)),
    (re.compile(r"\bmorning\b|\bfrüh\b|vormittag\b"), time(9)),
)
_AFTERNOON = range(1, 7)
"""Hours that are meant of the afternoon where English says no more: "tomorrow at 5", unless it says "morning"."""
_END_OF_DAY = time(23, 59)


def due(sentence: str, said_at: int) -> int | None:
    """When a sentence says that something is due: Unix milliseconds; None: it says no time, or one that is past.

    A day without a time of day means its last minute. A weekday is the next one after the day it was said on.

    >>> from datetime import datetime
    >>> said = int(datetime.fromisoformat("2026-03-04T10:00Z").timestamp() * 1000)  # a Wednesday
    >>> datetime.fromtimestamp(due("I'll send it by Friday at 5pm", said) / 1000, tz=UTC).isoformat()
    '2026-03-06T17:00:00+00:00'
    """
    text = sentence.lower().replace("’", "'")
    now = datetime.fromtimestamp(said_at / 1000, tz=UTC)
    try:
        moment = _within(text, now) or _on_a_day(text, now)
    except (ValueError, OverflowError):  # February 30
        return None
    if moment is None or moment < now:
        return None
    return int(moment.timestamp() * 1000)


def _within(text: str, now: datetime) -> datetime | None:
    found = _IN.search(text)
    if not found:
        return None
    count = _NUMBERS.get(found[1])
    step = next(unit for pattern, unit in _UNITS if pattern.match(found[2]))
    moment = now + (float(found[1]) if count is None else count) * step
    if step >= timedelta(days=1):
        return datetime.combine(moment.date(), _time_of_day(text) or _END_OF_DAY, UTC)
    return moment


def _on_a_day(text: str, now: datetime) -> datetime | None:
    if found := _ISO.search(text):
        clock = time(int(found[4]), int(found[5])) if found[4] else None
        day = datetime(int(found[1]), int(found[2]), int(found[3]), tzinfo=UTC)
        return datetime.combine(
            day, clock or _time_of_day(text[: found.start()] + text[found.end() :]) or _END_OF_DAY, UTC
        )
    at = _time_of_day(text)
    date = _date(text, now)
    if date is None:
        if at is None or not re.search(r"\b(?:at|by|um|bis|before|vor|gegen)\s+\d|\bo'clock\b|\duhr\b|\d uhr\b", text):
            return None
        moment = datetime.combine(now.date(), at, UTC)
        return moment if moment >= now else moment + timedelta(days=1)
    return datetime.combine(date, at or _END_OF_DAY, UTC)


def _date(text: str, now: datetime) -> datetime | None:
    """The day that a sentence names."""
    return _calendar_day(text, now) or _near_day(text, now) or _period_end(text, now)


def _calendar_day(text: str, now: datetime) -> datetime | None:
    if found := _DAY_MONTH.search(text):
        return _dated(now, int(found[1]), _MONTHS[found[2]], found[3])
    if found := _MONTH_DAY.search(text):
        return _dated(now, int(found[2]), _MONTHS[found[1]], found[3])
    if found := _DE_DATE.search(text):
        return _dated(now, int(found[1]), int(found[2]), found[3])
    return None


def _near_day(text: str, now: datetime) -> datetime | None:
    for pattern, days in _NAMED:
        if pattern.search(text):
            return now + timedelta(days=days)
    if found := _WEEKDAY.search(text):
        ahead = (_DAYS[found[2]] - now.weekday() - 1) % 7 + 1
        next_week = found[1] == "next" and ahead + now.weekday() < 7
        return now + timedelta(days=ahead + 7 * next_week)
    return None


def _period_end(text: str, now: datetime) -> datetime | None:
    if _WEEK_END.search(text):
        return now + timedelta(days=(6 - now.weekday()) % 7)
    if _NEXT_WEEK.search(text):
        return now + timedelta(days=13 - now.weekday())
    if _MONTH_END.search(text):
        return now.replace(day=monthrange(now.year, now.month)[1])
    if _NEXT_MONTH.search(text):
        first = (now.replace(day=1) + timedelta(days=32)).replace(day=1)
        return first.replace(day=monthrange(first.year, first.month)[1])
    return None


def _dated(now: datetime, day: int, month: int, year: str | None) -> datetime:
    if year:
        return datetime(int(year), month, day, tzinfo=UTC)
    moment = datetime(now.year, month, day, tzinfo=UTC)
    return moment if moment.date() >= now.date() else moment.replace(year=now.year + 1)


def _time_of_day(text: str) -> time | None:
    morning = "morning" in text
    for pattern in _CLOCK:
        for found in pattern.finditer(text):
            hour, minute, half = int(found[1]), int(found[2] or 0), (found[3] or "").replace(".", "")
            bare = half in ("", "o'clock") and found[0].startswith(("at", "by", "before")) and not morning
            if (half == "pm" and hour < 12) or (bare and hour in _AFTERNOON):
                hour += 12
            elif half == "am" and hour == 12:
                hour = 0
            if hour < 24 and minute < 60:
                return time(hour, minute)
    return next((at for pattern, at in _PARTS if pattern.search(text)), None)
