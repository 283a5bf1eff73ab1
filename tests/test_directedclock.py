"""The clock that a test directs, and that no other program is given one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from loop_orchestrator.clock import SystemClock
from loop_orchestrator.directedclock import LOOK_S, DirectedClock, clock_of
from loop_orchestrator.errors import UsageError
from loop_orchestrator.wiring import Options, Project
from tests.support.directing import Director

DAY = datetime(2031, 5, 4, tzinfo=UTC)


@pytest.fixture
def director(tmp_path: Path) -> Director:
    return Director(tmp_path / "clock.json", shows=DAY, rate=0.0)


def test_time_that_passes_is_seen_by_every_reader_and_put_forward_is_not_passed(director: Director) -> None:
    clock, other = director.clock, DirectedClock(director.path)
    director.let_pass(3600)
    assert clock.now() == other.now() == DAY + timedelta(hours=1)
    assert other.passed() - 3600 == pytest.approx(0)
    director.put_forward(7200)
    assert clock.now() == DAY + timedelta(hours=3)
    director.put_forward(-7200)
    director.put_forward(-60)
    assert clock.now() == DAY + timedelta(minutes=59)
    assert clock.passed() == pytest.approx(3600)


def test_it_runs_at_the_pace_it_was_given_from_then_on(director: Director, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = 50.0
    monkeypatch.setattr("time.monotonic", lambda: machine)
    director.run_at(720)
    machine += 5
    assert director.clock.now() == DAY + timedelta(hours=1)
    director.run_at(1)
    machine += 5
    assert director.clock.now() == DAY + timedelta(hours=1, seconds=5)
    assert director.clock.passed() == pytest.approx(3605)


def test_whoever_waits_looks_again_soon_and_no_later_than_the_wait_is_over(director: Director) -> None:
    assert director.clock.wait_s(3600) == LOOK_S
    director.run_at(720)
    assert director.clock.wait_s(7.2) == pytest.approx(0.01)
    assert director.clock.wait_s(-5) == 0.0


def test_files_and_terminals_are_compared_by_the_machine_s_time_set_as_the_clock_was(director: Director) -> None:
    director.let_pass(100_000)
    director.put_forward(-7200)
    off = director.clock.machine_now() - datetime.now(UTC)
    assert timedelta(hours=-2, seconds=-5) < off < timedelta(hours=-1, minutes=-59)


def test_a_program_outside_of_a_test_refuses_it(director: Director, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(clock_of(director.env), DirectedClock)
    assert isinstance(Project(Options(), {}).clock, SystemClock)
    assert Project(Options(), director.env).clock.now() == DAY
    monkeypatch.setenv("LOOP_TEST", "0")
    with pytest.raises(UsageError, match="this is no test"):
        Project(Options(), director.env)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "is not there"),
        ("", "describes no clock"),
        ('{"shows": "2031-05-04T00:00:00Z", "passed_s": 0, "at_s": 0, "rate": 1}', "set_s"),
        ('{"shows": "noon", "passed_s": 0, "at_s": 0, "rate": 1, "set_s": 0}', "describes no clock"),
        ('{"shows": "2031-05-04T00:00:00Z", "passed_s": 0, "at_s": 0, "rate": -1, "set_s": 0}', "backwards"),
    ],
)
def test_a_file_that_describes_no_clock_is_said_to_be_none(tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "clock.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        clock_of({"LOOP_CLOCK": str(path)})


def test_the_file_says_in_plain_words_what_the_clock_shows(director: Director) -> None:
    value = json.loads(director.path.read_text(encoding="utf-8"))
    assert (value["shows"], value["rate"], value["set_s"]) == ("2031-05-04T00:00:00.000Z", 0.0, 0.0)
