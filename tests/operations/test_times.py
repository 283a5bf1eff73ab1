"""Times as people write them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from loop_orchestrator.errors import UsageError
from loop_orchestrator.operations.times import time_from

NOW = datetime(2026, 11, 21, 1, 15, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("90s", NOW - timedelta(seconds=90)),
        ("30m", NOW - timedelta(minutes=30)),
        ("1.5h", NOW - timedelta(minutes=90)),
        ("2 D", NOW - timedelta(days=2)),
        ("1w", NOW - timedelta(days=7)),
        ("today", datetime(2026, 11, 20, 23, tzinfo=UTC)),
        ("Yesterday", datetime(2026, 11, 19, 23, tzinfo=UTC)),
        ("2026-11-20", datetime(2026, 11, 19, 23, tzinfo=UTC)),
        ("2026-11-20T08:30", datetime(2026, 11, 20, 7, 30, tzinfo=UTC)),
        ("2026-11-20T08:30Z", datetime(2026, 11, 20, 8, 30, tzinfo=UTC)),
        ("2026-07-01T00:00", datetime(2026, 6, 30, 22, tzinfo=UTC)),
    ],
)
def test_a_time_without_a_zone_is_local(given: str, meant: datetime) -> None:
    assert time_from(given, NOW) == meant


@pytest.mark.parametrize("given", ["", "2", "2x", "soon", "2026-13-01", "-1h", "2026-11-21T03:00"])
def test_what_is_no_time_or_not_over_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match=r"is no time|is not over yet"):
        time_from(given, NOW)


def test_a_duration_beyond_all_time_is_a_long_one() -> None:
    assert time_from("99999999999w", NOW) < NOW - timedelta(days=30_000)
