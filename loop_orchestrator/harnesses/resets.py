"""Reads in what a program says when its service will answer again. Pure, but for the zone of this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from loop_orchestrator.harnesses.spoken import clock_time, duration, zone_of

FURTHEST = timedelta(days=62)
"""A limit lasts a month, or two; a time beyond that, and one that is over, is no reset."""

_PHRASE = re.compile(
    r"(?:\b(?:resets?|reset[ _]?(?:time|at)|retry-after|(?:try|retry|available|back|continue)(?:[ ,]+again)?|again|wait"
    r"|until|ready|lifts?|renews?|refresh(?:es)?)\b|ratelimit-reset-\w+)"
    r"(?:\s+(?:at|on|after|until|from|for|about|approximately))*[\s:~]+(?P<when>(?:in\s+)?[^\n\r;|·]{1,60})",
    re.I,
)
"""What announces a time, and what may be one."""
_KEYED = re.compile(
    r"(?P<key>retry[-_ ]?after(?:[-_]ms)?|retry[-_]?delay(?:[-_]ms)?|resets?[-_]?(?:at|in|after)?(?:[-_]seconds)?)"
    r"[\"']?\s*[:=]\s*"
    r"[\"']?(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|s)?\b(?![-:/.]\d)(?!\s*(?:am|pm|[a-z]))",
    re.I,
)
"""A field of a header or of JSON: seconds, milliseconds, or a time since 1970."""
_EPOCH = re.compile(r"\|(?P<number>1\d{9}(?:\d{3})?)\b")
_ZONE = re.compile(
    r"\(?\b((?:Africa|America|Antarctica|Asia|Atlantic|Australia|Europe|Indian|Pacific|Etc|US|Canada)/[\w/+-]+)\)?"
)
_BARE = re.compile(r"\bin\s+(?P<when>\d[^\n\r;|·]{1,40})", re.I)
"""What may be a duration where nothing announces one."""
_WORDS = 8
"""Of what follows: as many as the longest time that a program was seen to write."""
_LATEST = datetime(9000, 1, 1, tzinfo=UTC).timestamp()
"""A number beyond it is no time, and no calendar holds it."""
_PASSED_S = 120.0
"""A clock time that passed so lately was meant; the next such time is a day away."""


def reset_time(said: str, now: datetime, *, zone: str = "") -> datetime | None:
    """When the service answers again, in UTC; None where no time, or none that can be, is named.

    Understands clock times with and without date and zone ("resets 3pm (Europe/Berlin)"), durations ("try again in 2
    hours 5 minutes"), header and JSON fields (``Retry-After: 30``, ``resetsAt: 1764280800``) and ISO times. Of several
    times the latest counts: an account may be held by two limits.
    zone: what a clock time without a zone is in; empty: the zone of this machine.
    """
    found = [at for at in _times(said, now, zone) if _can_be(at, now)]
    return max(now, *found) if found else None


def _can_be(at: datetime, now: datetime) -> bool:
    return now - timedelta(seconds=_PASSED_S) <= at <= now + FURTHEST


def _times(said: str, now: datetime, zone: str) -> Iterator[datetime]:
    for match in _KEYED.finditer(said):
        yield _of_number(float(match["number"]), match["key"], match["unit"] or "", now)
    for match in _EPOCH.finditer(said):
        yield _of_number(float(match["number"]), "", "", now)
    announced = [at for match in _PHRASE.finditer(said) if (at := _of_phrase(match["when"], now, zone))]
    yield from announced
    if not announced:
        yield from (now + wait for match in _BARE.finditer(said) if (wait := duration(f"in {match['when']}")))


def _of_number(number: float, key: str, unit: str, now: datetime) -> datetime:
    if number >= 1e9:
        seconds = number / 1000 if number >= 1e12 else number
        return datetime.fromtimestamp(min(seconds, _LATEST), UTC)
    milliseconds = unit.lower() == "ms" or key.lower().endswith("ms")
    return now + timedelta(seconds=min(number, 1e9) / (1000 if milliseconds else 1))


def _of_phrase(phrase: str, now: datetime, zone: str) -> datetime | None:
    """The time that the beginning of the phrase says; of what has a date, the longest one."""
    wait = duration(phrase)
    if wait is not None:
        return now + wait
    named = _ZONE.search(phrase)
    if named is not None:
        phrase, zone = phrase[: named.start()], named[1]
    at = clock_time(phrase, now - timedelta(seconds=_PASSED_S), zone)
    return at or _date(phrase, now, zone)


def _date(phrase: str, now: datetime, zone: str) -> datetime | None:
    words = re.sub(r"[()\[\]\"',]|\.(?=\s|$)|(?<=\d)(?:st|nd|rd|th)\b", " ", phrase).split()[:_WORDS]
    for count in range(len(words), 0, -1):
        text = " ".join(words[:count])
        if re.search(r"\d", text) and not text.isdecimal():
            at = _parse(text, now, zone)
            if at is not None and _can_be(at, now):
                return at
    return None


def _parse(text: str, base: datetime, zone: str) -> datetime | None:
    import dateparser

    local = zone_of(zone)
    at = dateparser.parse(
        text,
        languages=["en"],
        settings={
            "PREFER_DATES_FROM": "future",
            "RELATIVE_BASE": base.astimezone(local).replace(tzinfo=None),
        },
    )
    if at is None:
        return None
    return (at if at.tzinfo is not None else at.replace(tzinfo=local)).astimezone(UTC)
