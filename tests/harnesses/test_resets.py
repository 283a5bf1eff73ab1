"""When a service answers again, in the words in which programs say it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loop_orchestrator.harnesses.resets import FURTHEST, reset_time

NOW = datetime(2026, 11, 27, 21, 10, 30, tzinfo=UTC)

SAID = {
    "You've hit your limit · resets 3pm (Europe/Berlin)": "2026-11-28T14:00:00",
    "5-hour limit reached ∙ resets 9:30pm": "2026-11-27T21:30:00",
    "Claude AI usage limit reached|1795816800": "2026-11-27T22:00:00",
    "You've hit your usage limit. Upgrade or try again in 3 hours 20 minutes.": "2026-11-28T00:30:30",
    "■ You've hit your usage limit, try again at Nov 30th, 2026 7:57 PM.": "2026-11-30T19:57:00",
    "HTTP 429 Too Many Requests\nRetry-After: 30\n": "2026-11-27T21:11:00",
    "Retry-After: Fri, 27 Nov 2026 22:00:00 GMT": "2026-11-27T22:00:00",
    '{"@type": "RetryInfo", "retryDelay": "37s"}': "2026-11-27T21:11:07",
    '{"error": {"resets_at": 1795816800}}': "2026-11-27T22:00:00",
    '{"error": {"resets_at": 1795816800000}}': "2026-11-27T22:00:00",
    '{"resets_in_seconds": 90}': "2026-11-27T21:12:00",
    "retry-after-ms: 1500": "2026-11-27T21:10:31.5",
    "Rate limit reached for gpt-5 on tokens per min. Please try again in 1.5s.": "2026-11-27T21:10:31.5",
    "Please wait 5 minutes before trying again": "2026-11-27T21:15:30",
    "Your weekly limit resets Monday 9am": "2026-11-30T09:00:00",
    "resets Dec 1, 12am (America/Los_Angeles)": "2026-12-01T08:00:00",
    "quota will reset after 4h12m5s.": "2026-11-28T01:22:35",
    "quota resets in 2 days 3 hours": "2026-11-30T00:10:30",
    "reset 10:45 pm UTC": "2026-11-27T22:45:00",
    "available again at 2026-11-28T03:00:00Z": "2026-11-28T03:00:00",
    "try again in a minute": "2026-11-27T21:11:30",
    "resets 3am (Europe/Berlin)": "2026-11-28T02:00:00",
    "try again at 14:05": "2026-11-28T14:05:00",
    "Try again at 21:15.": "2026-11-27T21:15:00",
    "You've hit your usage limit. Visit https://x.y/z or try again at 10:21 PM.": "2026-11-27T22:21:00",
    "try again in 2h 5m": "2026-11-27T23:15:30",
    "Limit reached, lifted in 2h 5m": "2026-11-27T23:15:30",
    "quota exceeded; back in 1d, 2 hours and 3 min": "2026-11-28T23:13:30",
    "retry-after: 61": "2026-11-27T21:11:31",
    '"retry_delay_ms": 36290': "2026-11-27T21:11:06.290",
    '{"reset_after": "90s"}': "2026-11-27T21:12:00",
    "x-ratelimit-reset-requests: 1m30s": "2026-11-27T21:12:00",
    "anthropic-ratelimit-requests-reset: 2026-11-27T21:12:00Z": "2026-11-27T21:12:00",
    "Please try again in 20ms.": "2026-11-27T21:10:30.020",
    "try again in two hours": "2026-11-27T23:10:30",
    "try again in about an hour": "2026-11-27T22:10:30",
    "reset in 00:45:00": "2026-11-27T21:55:30",
    "resets at midnight": "2026-11-28T00:00:00",
    "resets at noon (Asia/Tokyo)": "2026-11-28T03:00:00",
    "resets tomorrow at 9am": "2026-11-28T09:00:00",
    "resets Sat at 12:30 p.m.": "2026-11-28T12:30:00",
    "resets at 3am Pacific time": "2026-11-28T11:00:00",
    "resets 3am (PST)": "2026-11-28T11:00:00",
    "resets 3:30 CET": "2026-11-28T02:30:00",
    "resets 3am (UTC+5:30)": "2026-11-27T21:30:00",
    "resets 3am US/Pacific": "2026-11-28T11:00:00",
    "resets 12:30am (America/Argentina/Buenos_Aires)": "2026-11-28T03:30:00",
    "limited until 22:30": "2026-11-27T22:30:00",
    "resets 2026-11-28T03:00:00+01:00": "2026-11-28T02:00:00",
    "Resets at: 11/28/2026, 3:00:00 AM": "2026-11-28T03:00:00",
    "resets 3pm on Nov 30": "2026-11-30T15:00:00",
    "session limit, resets 9:30pm\nweekly limit, resets Nov 30 at 9am": "2026-11-30T09:00:00",
}


@pytest.mark.parametrize(("said", "expected"), SAID.items())
def test_the_time_is_read_to_the_second(said: str, expected: str) -> None:
    assert reset_time(said, NOW, zone="UTC") == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "please try again later",
        "resets 3 times",
        "usage limit resets every 5 hours",
        "resets 25:00",
        "resets 13pm",
        "resets 9:75am",
        "error 500 at 10:00",
        "try again in May",
        "usage limit reached|1595816800",
        "retry-after: 300000000000000",
        "resets_at: 99999999999999999999999",
        "limit resets Nov 2 2025 at 3pm",
        "resets in 400 days",
        "context window of 200000 tokens exceeded, retry with less",
    ],
)
def test_what_names_no_time_that_can_be_is_no_reset(said: str) -> None:
    assert reset_time(said, NOW, zone="UTC") is None


@pytest.mark.parametrize(
    ("said", "now", "expected"),
    [
        # Clocks are put back in Berlin on 2026-10-25 at 3:00, in New York on 2026-11-01 at 2:00.
        ("resets 3am (Europe/Berlin)", "2026-10-25T00:10", "2026-10-25T02:00"),
        ("resets 2:30am (Europe/Berlin)", "2026-10-24T22:00", "2026-10-25T00:30"),
        ("resets 2:30am (Europe/Berlin)", "2026-10-25T00:45", "2026-10-25T01:30"),
        ("resets 9am (America/New_York)", "2026-11-01T04:00", "2026-11-01T14:00"),
        ("resets 9am PT", "2026-07-01T00:00", "2026-07-01T16:00"),
        # They are put forward in Berlin on 2026-03-29 at 2:00.
        ("resets 3am (Europe/Berlin)", "2026-03-28T23:00", "2026-03-29T01:00"),
        ("resets 2:30am (Europe/Berlin)", "2026-03-28T23:00", "2026-03-29T01:30"),
        ("resets 12:05am (Europe/Berlin)", "2026-11-27T22:58", "2026-11-27T23:05"),
        ("resets 12:05am", "2026-12-31T23:58", "2027-01-01T00:05"),
        ("resets 1am", "2026-11-30T23:00", "2026-12-01T01:00"),
        ("resets 9am", "2026-10-31T23:58", "2026-11-01T09:00"),
        ("resets Monday 9am", "2026-11-30T08:00", "2026-11-30T09:00"),
        ("resets Monday 9am", "2026-11-30T10:00", "2026-12-07T09:00"),
        ("resets Jan 1, 12am", "2026-12-31T10:00", "2027-01-01T00:00"),
    ],
)
def test_midnight_and_the_change_of_clocks_move_nothing(said: str, now: str, expected: str) -> None:
    at = reset_time(said, datetime.fromisoformat(now).replace(tzinfo=UTC), zone="UTC")
    assert at == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(("now", "expected"), [("2026-10-24T23:30", "02:30"), ("2026-03-28T23:30", "02:30")])
def test_a_duration_is_as_long_in_a_night_in_which_clocks_change(now: str, expected: str) -> None:
    at = reset_time("try again in 3 hours", datetime.fromisoformat(now).replace(tzinfo=UTC), zone="Europe/Berlin")
    assert at is not None and f"{at:%H:%M}" == expected


def test_a_clock_time_that_has_just_come_is_now_and_not_tomorrow() -> None:
    assert reset_time("resets at 9:10pm", NOW, zone="UTC") == NOW


def test_a_clock_time_without_a_zone_is_this_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert reset_time("resets 8am", NOW) == datetime(2026, 11, 27, 23, 0, tzinfo=UTC)
    finally:
        monkeypatch.undo()
        time.tzset()


@given(st.text(max_size=200))
def test_no_text_breaks_it_or_leads_out_of_the_range(text: str) -> None:
    for said in (text, f"resets at {text}", f"retry-after: {text}", f"try again in {text}"):
        at = reset_time(said, NOW, zone="UTC")
        assert at is None or NOW <= at <= NOW + FURTHEST + timedelta(seconds=1)
