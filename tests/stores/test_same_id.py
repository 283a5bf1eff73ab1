"""A second event with an id that stands in the log is refused, whoever wrote it; appending many reads nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loop_orchestrator.errors import StoreError
from loop_orchestrator.model.event import Event
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.stores import eventlog
from loop_orchestrator.stores.eventlog import EventLog
from loop_orchestrator.stores.recentids import RecentIds
from tests.stores.forks import in_processes
from tests.support.clocks import SteppedClock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def log_at(path: Path, segment_bytes: int = 1_000_000) -> EventLog:
    return EventLog(path, SteppedClock(), segment_bytes=segment_bytes)


def note(log: EventLog, detail: str = "", *, id: str = "") -> Event:
    return log.append("engine.paused", "person", {"by": detail}, id=id)


class Reads:
    """Bytes that were read from files."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.total = 0
        self._real = os.pread
        monkeypatch.setattr(os, "pread", self._counted)

    def _counted(self, fd: int, count: int, offset: int) -> bytes:
        data = self._real(fd, count, offset)
        self.total += len(data)
        return data


def test_appending_with_ids_reads_nothing_after_the_first(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = log_at(path)
    for number in range(2_000):
        note(log, id=f"e-{number}")
    reads = Reads(monkeypatch)
    note(log)
    note(log, id="e-2000")
    assert reads.total == 0
    assert note(log, id="e-1999").seq == 2_000
    assert reads.total > 0


def test_of_what_others_wrote_no_more_than_that_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, other = log_at(path), log_at(path)
    for number in range(2_000):
        note(log, "x" * 100, id=f"e-{number}")
    theirs = note(other, id="e-theirs")
    reads = Reads(monkeypatch)
    assert note(log, id="e-mine").seq == 2_002
    assert reads.total < 10_000
    assert note(log, id="e-theirs") == theirs
    for number in range(900):
        note(other, "x" * 1_000, id=f"e-other-{number}")
    assert note(log, id="e-other-0").payload == {"by": "x" * 1_000}
    assert note(log, id="e-other-899").payload == {"by": "x" * 1_000}


def test_what_others_wrote_before_they_closed_the_file_is_known(path: Path) -> None:
    log, other = log_at(path, 3_000), log_at(path, 3_000)
    note(log, id="e-mine")
    theirs = note(other, id="e-theirs")
    while not list(path.parent.glob("events/*.jsonl")):
        note(other)
    assert note(log, id="e-theirs") == theirs
    assert note(log, id="e-mine").seq == 1


def test_a_write_that_failed_left_no_id_behind(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = log_at(path)
    note(log, id="e-1")

    def full(fd: int, line: bytes, size: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(eventlog, "write_whole", full)
        with pytest.raises(StoreError, match="No space left"):
            note(log, "lost", id="e-2")
    assert note(log, "kept", id="e-2").payload == {"by": "kept"}


def test_a_line_that_a_dead_writer_tore_is_no_event_with_its_id(path: Path) -> None:
    log = log_at(path)
    note(log, id="e-1")
    with path.open("ab") as file:
        file.write(b'{"seq":2,"id":"e-torn","at":"2026')
    assert note(log, "whole", id="e-torn").payload == {"by": "whole"}
    assert [event.seq for event in log.since(0)] == [1, 2]


def test_a_promised_event_that_stood_there_is_synced_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever wrote it may have died before it was."""
    said: dict[str, JsonValue] = {"event": "arrived", "key": "x", "detail": "x", "data": {}}
    first = log_at(path).append("source.emitted", "mailbox", said, id="e-1")
    synced: list[int] = []
    monkeypatch.setattr(eventlog, "_datasync", synced.append)
    assert log_at(path).append("source.emitted", "mailbox", said, id="e-1") == first
    assert len(synced) == 1


def test_many_processes_write_each_id_once(path: Path) -> None:
    def write(number: int) -> None:
        log = log_at(path, 20_000)
        for turn in range(200):
            note(log, f"{number}", id=f"e-{(turn * 7 + number) % 200}")

    in_processes(4, write)
    events = [event for event in log_at(path).since(0) if event.kind == "engine.paused"]
    assert sorted(event.id for event in events) == sorted(f"e-{number}" for number in range(200))


WRITES = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 9)), min_size=25, max_size=80)


@given(writes=WRITES, segment_bytes=st.sampled_from([700, 1_100, 1_500, 1_000_000]))
def test_whoever_writes_no_id_of_the_last_lines_is_written_twice(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[int, int]], segment_bytes: int
) -> None:
    """0 in place of an id: an event without one. The events that a log writes about itself count too."""
    path = tmp_path_factory.mktemp("log") / "events.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(eventlog, "SAME_ID_LINES", 5)
        logs = (log_at(path, segment_bytes), log_at(path, segment_bytes))
        for who, number in writes:
            before = tuple(logs[0].since(0))
            event = note(logs[who], id=f"e-{number}" if number else "")
            same = [one for one in before if one.id == f"e-{number}"]
            if any(one in before[-4:] for one in same):
                assert event in same
            else:
                assert event in same or event not in before


def test_ids_are_forgotten_behind_the_last_lines_so_that_memory_stays_flat() -> None:
    ids = RecentIds(10)
    for number in range(1_000):
        ids.add(f"e-{number}")
        assert all(f"e-{one}" in ids for one in range(max(0, number - 9), number + 1))
        assert f"e-{number - 20}" not in ids


def test_an_id_that_came_again_is_remembered_from_then_on() -> None:
    ids = RecentIds(3)
    ids.read(
        b'{"seq":1,"id":"a"}\n{"seq":2,"id":"b"}\n{"seq":3,"id":"a","payload":{"id":"inner"}}\nno line\n\n{"seq":4'
    )
    assert "a" in ids
    assert "inner" in ids
    ids.add("c")
    assert "a" in ids
