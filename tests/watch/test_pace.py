"""When a cycle may start, and how long a failure waits."""

from __future__ import annotations

from datetime import timedelta

from loop_orchestrator.watch.pace import BACKOFF_MOST_S, HELD_S, Pace, start_wait_s
from tests.support.builders import NOW


def test_failures_wait_twice_as_long_each_time_and_a_success_ends_that() -> None:
    pace = Pace()
    waits = []
    for _ in range(8):
        pace = pace.failed(NOW)
        assert pace.retry_at is not None
        waits.append((pace.retry_at - NOW).total_seconds())
    assert waits == [60, 120, 240, 480, 960, 1920, BACKOFF_MOST_S, BACKOFF_MOST_S]
    assert pace.succeeded().retry_at is None
    assert pace.succeeded().failed(NOW).retry_at == NOW + timedelta(seconds=60)


def test_the_next_cycle_waits_for_the_debounce_and_for_the_backoff() -> None:
    assert start_wait_s(Pace(), NOW, min_interval_s=5) == 0
    assert start_wait_s(Pace(last_start=NOW), NOW, min_interval_s=5) == 5
    assert start_wait_s(Pace(last_start=NOW), NOW + timedelta(seconds=9), min_interval_s=5) == 0
    assert start_wait_s(Pace(last_start=NOW).failed(NOW), NOW, min_interval_s=5) == 60
    assert start_wait_s(Pace(failures=2).held(NOW), NOW, min_interval_s=5) == HELD_S
    until = NOW + timedelta(hours=3)
    assert start_wait_s(Pace(last_start=NOW).failed(NOW, until), NOW, min_interval_s=5) == 3 * 3600
    assert start_wait_s(Pace(last_start=NOW).failed(NOW, until).freed(), NOW, min_interval_s=5) == 5
    assert [Pace().failed(NOW, until).for_brain, Pace().failed(NOW, until).held(NOW).for_brain] == [True, False]


def test_a_clock_that_was_put_back_does_not_hold_cycles_up() -> None:
    for pace in (Pace(last_start=NOW), Pace().failed(NOW).failed(NOW), Pace().held(NOW)):
        assert start_wait_s(pace, NOW - timedelta(days=1), min_interval_s=5) == 0
    assert start_wait_s(Pace().failed(NOW), NOW + timedelta(days=1), min_interval_s=5) == 0
