"""The benchmarks run. What they measure is no matter of tests: a machine that is busy fails nothing."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.pasts import RECENT, write_past
from loop_orchestrator.stores.eventlog import EventLog
from loop_orchestrator.stores.segments import segments_of
from tests.stores.builders import NOON
from tests.support.clocks import SteppedClock


def test_a_round_gives_every_way_its_figures_beside_the_limit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rounds", "1", "--only", "append", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in said["results"]["append"]}
    assert list(said["results"]) == ["append"]
    assert all(row["wall_ms"] > 0 for row in rows.values())
    assert rows["append"]["wall_ratio"] == pytest.approx(rows["append"]["wall_ms"] / rows["os.write"]["wall_ms"])
    assert rows["os.write"]["wall_ratio"] is None


def test_the_table_names_the_ways(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rounds", "1", "--only", "append"]) == 0
    said = capsys.readouterr().out
    assert "write_json" in said
    assert "fsync" in said


def test_a_past_reads_as_a_log_that_was_appended(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    write_past(path, until=NOON, older=50_000, days=(9.0, 8.0))
    log = EventLog(path, SteppedClock())
    events = tuple(log.since(0))
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert len(segments_of(path)) == 1
    assert (log.unreadable, log.damaged) == (0, {})
    assert log.read_from(0)[0] == events
    assert sum(1 for _ in log.since_time(NOON - timedelta(hours=1))) == RECENT
    assert log.append("engine.paused", "person", {"by": "ann"}).seq == len(events) + 1
