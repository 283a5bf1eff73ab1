"""Durations and times of day as programs write them: "2h 5m", "1 hour 20 minutes", "3:30pm", "tomorrow at 9am PT".

Pure, but for the zone of this machine.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo

_TOKEN = re.compile(
    r"\d+(?::\d\d){1,2}(?![\d:])|\d+(?:\.\d+)?|(?:utc|gmt)\s?[+-]\d{1,2}(?::?\d\d)?\b|[a-z_]+(?:/[a-z_+-]+)+|[a-z]+|[/-]",
)
"""A clock time, a number, a zone with an offset or a region's name, a word, or what stands in dates."""
_UNITS = {
    "ms": 0.001, "millisecond": 0.001, "milliseconds": 0.001,
    "s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1,
    "m": 60, "min": 60, "mins": 60, "minute": 60, "minutes": 60,
    "h": 3_600, "hr": 3_600, "hrs": 3_600, "hour": 3_600, "hours": 3_600,
    "d": 86_400, "day": 86_400, "days": 86_400, "w": 604_800, "week": 604_800, "weeks": 604_800,
}  # fmt: skip
_NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
_FILLING = ("in", "after", "about", "around", "approximately", "another", "and", "at", "on", "next")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONGEST_S = 1e9
"""Thirty years: longer than any wait, and far from the end of the calendar."""
_OFFSETS = {
    "utc": 0, "gmt": 0, "z": 0, "wet": 0, "west": 1, "bst": 1, "cet": 1, "cest": 2, "eet": 2, "eest": 3, "msk": 3,
    "ist": 5.5, "sgt": 8, "hkt": 8, "jst": 9, "kst": 9, "acst": 9.5, "aest": 10, "aedt": 11, "nzst": 12, "nzdt": 13,
    "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
}  # fmt: skip
"""Hours from UTC, by the short names of zones; where several regions share one, that of the services."""
_REGIONS = {
    "pt": "America/Los_Angeles", "pacific": "America/Los_Angeles", "mt": "America/Denver", "mountain": "America/Denver",
    "ct": "America/Chicago", "central": "America/Chicago", "et": "America/New_York", "eastern": "America/New_York",
}  # fmt: skip
"""Those that mean standard time in winter and daylight time in summer."""


def duration(text: str) -> timedelta | None:
    """How long the text's beginning says; None where it is no duration."""
    tokens = _tokens(text)
    counts_down = "in" in tokens[:1]
    tokens = _without_filling(tokens)
    if counts_down and tokens and ":" in tokens[0] and tokens[1:2] not in (["am"], ["pm"]):
        hours, minutes, *seconds = map(int, tokens[0].split(":"))
        return timedelta(hours=min(hours, _LONGEST_S / 3_600), minutes=minutes, seconds=sum(seconds))
    total, found = 0.0, False
    while len(tokens) >= 2 and (number := _number(tokens[0])) is not None and tokens[1] in _UNITS:
        total, found = total + number * _UNITS[tokens[1]], True
        tokens = _without_filling(tokens[2:])
    return timedelta(seconds=min(total, _LONGEST_S)) if found else None


def _number(token: str) -> float | None:
    return float(token) if token[0].isdigit() and ":" not in token else _NUMBERS.get(token)


def clock_time(text: str, after: datetime, zone: str) -> datetime | None:
    """The next time of day that the text's beginning says, at or after that time, in UTC.

    "3pm", "14:05", "midnight", "Monday 9am (Europe/Berlin)"; None where it is none, or has a date, as "Dec 1, 3pm".
    zone: that of a time without one; empty: the zone of this machine.
    """
    tokens = _without_filling(_tokens(text))
    day, tokens = _day(tokens)
    at, tokens = _time_of_day(_without_filling(tokens))
    if at is None or _has_date(tokens):
        return None
    local = _zone(tokens, zone)
    today = after.astimezone(local).date()
    ahead = range(9) if day is None or isinstance(day, str) else range(day, day + 1)
    for days in ahead:
        date = today + timedelta(days=days)
        if isinstance(day, str) and _WEEKDAYS[date.weekday()] != day:
            continue
        for fold in (0, 1):  # where clocks are put back, a time comes twice
            moment = datetime.combine(date, at.replace(fold=fold))
            found = (moment.replace(tzinfo=local) if local else moment).astimezone(UTC)
            if found >= after:
                return found
    return None


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(re.sub(r"\b([ap])\.m\b\.?", r"\1m", text.lower()))


def _without_filling(tokens: list[str]) -> list[str]:
    while tokens and tokens[0] in _FILLING:
        tokens = tokens[1:]
    return tokens


def _day(tokens: list[str]) -> tuple[str | int | None, list[str]]:
    """A weekday, or how many days ahead, and what follows."""
    ahead = {"today": 0, "tonight": 0, "tomorrow": 1}
    if tokens and tokens[0] in ahead:
        return ahead[tokens[0]], tokens[1:]
    if tokens and tokens[0][:3] in _WEEKDAYS:
        return tokens[0][:3], tokens[1:]
    return None, tokens


def _time_of_day(tokens: list[str]) -> tuple[time | None, list[str]]:
    named = {"midnight": time(0), "noon": time(12)}
    if not tokens or tokens[0] in named:
        return (named[tokens[0]], tokens[1:]) if tokens else (None, [])
    half = tokens[1] if tokens[1:2] in (["am"], ["pm"]) else ""
    if not re.fullmatch(r"\d{1,2}(?::\d\d){0,2}", tokens[0]) or (":" not in tokens[0] and not half):
        return None, tokens
    hour, minute, second, *_ = (*map(int, tokens[0].split(":")), 0, 0)
    if half and not 1 <= hour <= 12:
        return None, tokens
    hour = hour % 12 + 12 * (half == "pm") if half else hour % 24 if hour <= 24 else hour
    if hour > 23 or minute > 59 or second > 59:
        return None, tokens
    return time(hour, minute, second), tokens[2:] if half else tokens[1:]


def _has_date(tokens: Sequence[str]) -> bool:
    near = tokens[:4]
    return any(token[:3] in _MONTHS or token[:3] in _WEEKDAYS or token in ("/", "-", "tomorrow") for token in near)


def _zone(tokens: Sequence[str], otherwise: str) -> tzinfo | None:
    """The zone that is named next; else that one. None: the zone of this machine."""
    token = tokens[0] if tokens else ""
    if found := re.fullmatch(r"(?:utc|gmt)\s?([+-])(\d{1,2}):?(\d\d)?", token):
        offset = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
        return timezone(offset if found[1] == "+" else -offset) if offset < timedelta(hours=24) else UTC
    if token in _OFFSETS:
        return timezone(timedelta(hours=_OFFSETS[token]))
    return zone_of(_REGIONS.get(token, otherwise))


def zone_of(name: str) -> tzinfo | None:
    """None: the zone of this machine, for no name and for one that is none."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
