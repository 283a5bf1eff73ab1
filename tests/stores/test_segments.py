"""An event log of many files reads as one of a single file, whoever writes, follows, dies or removes meanwhile."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loop_orchestrator.model.event import Event
from loop_orchestrator.stores.eventlog import EventLog
from loop_orchestrator.stores.layout import Layout
from loop_orchestrator.stores.segments import Keep, folder_of, segments_of
from loop_orchestrator.stores.sweep import sweep
from tests.stores.builders import NOON
from tests.stores.forks import in_processes, killed_at_every_write
from tests.support.clocks import SteppedClock

SMALL = 700
"""Bytes of a live file that is closed: four events."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


@pytest.fixture
def log(path: Path) -> EventLog:
    return small(path)


def small(path: Path, **options: object) -> EventLog:
    return EventLog(path, SteppedClock(), segment_bytes=SMALL, **options)  # type: ignore[arg-type]


def note(log: EventLog, detail: str = "") -> Event:
    return log.append("engine.paused", "person", {"by": detail})


def numbers(events: Iterator[Event] | tuple[Event, ...]) -> list[int]:
    return [event.seq for event in events]


def noted(events: Iterator[Event] | tuple[Event, ...]) -> list[object]:
    return [event.payload["by"] for event in events if event.kind == "engine.paused"]


def first_of(log: EventLog) -> Event | None:
    return next(log.since(0), None)


def filled(log: EventLog, count: int) -> list[str]:
    said = [f"event {number}" for number in range(count)]
    for one in said:
        note(log, one)
    return said


def test_a_long_live_file_is_closed_and_every_reader_crosses_to_the_next(log: EventLog, path: Path) -> None:
    said = filled(log, 30)
    segments = segments_of(path)
    assert len(segments) > 4
    assert segments[0].path == path.parent / "events" / "000000000001.jsonl"
    assert path.stat().st_size < 2 * SMALL
    everything = tuple(log.since(0))
    last = everything[-1].seq
    assert numbers(everything) == list(range(1, last + 1))
    assert noted(everything) == said
    assert log.tail(1_000) == everything
    assert tuple(reversed(tuple(log.backwards()))) == everything
    assert log.read_from(0)[0] == everything
    for n in (0, 1, 7, last):
        assert log.tail(n) == everything[last - n :]
        assert tuple(log.since(n)) == everything[n:]
    assert log.last("engine.paused") == everything[-1]
    log.append("engine.resumed", "person", {"by": "x"})
    old = log.tail(1)[0]
    filled(log, 10)
    assert log.last("engine.resumed") == old
    assert first_of(log) == everything[0]
    assert (log.unreadable, log.damaged) == (0, {})


def test_what_a_segment_was_closed_with_is_an_event(log: EventLog, path: Path) -> None:
    filled(log, 10)
    second = segments_of(path)[1]
    continued = next(event for event in log.since(0) if event.kind == "log.continued")
    assert continued.payload == {
        "segment": "000000000001.jsonl",
        "first": 1,
        "last": second.first - 1,
        "before": segments_of(path)[0].path.stat().st_size,
    }
    assert continued.seq == second.first


def test_segments_are_for_their_owner_alone(log: EventLog, path: Path) -> None:
    filled(log, 10)
    assert folder_of(path).stat().st_mode & 0o777 == 0o700
    assert {one.path.stat().st_mode & 0o777 for one in segments_of(path)} == {0o600}
    assert path.stat().st_mode & 0o777 == 0o600


@given(sizes=st.lists(st.integers(0, 400), min_size=1, max_size=25), limit=st.integers(300, 2_000), data=st.data())
def test_it_reads_as_one_file(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], limit: int, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("log") / "events.jsonl"
    log = EventLog(path, SteppedClock(), segment_bytes=limit)
    offset = data.draw(st.integers(0, len(sizes) - 1), label="followed from")
    place, followed = 0, list[Event]()
    for number, size in enumerate(sizes):
        if number == offset:
            place = log.end()
        note(log, "x" * size)
        if number >= offset and data.draw(st.booleans(), label="look"):
            found, place = log.read_from(place)
            followed += found
    everything = tuple(log.since(0))
    assert numbers(everything) == list(range(1, len(everything) + 1))
    assert [len(str(one)) for one in noted(everything)] == sizes
    n = data.draw(st.integers(0, len(everything) + 1), label="n")
    assert log.tail(n) == everything[max(0, len(everything) - n) :]
    assert tuple(log.since(n)) == everything[n:]
    followed += log.read_from(place)[0]
    assert followed == [] or tuple(followed) == everything[-len(followed) :]
    assert len([one for one in followed if one.kind == "engine.paused"]) == len(sizes[offset:])


def test_events_from_a_time_on(path: Path) -> None:
    clock = SteppedClock()
    log = EventLog(path, clock, segment_bytes=SMALL)
    for number in range(40):
        note(log, str(number))
        clock.advance(60)
    everything = tuple(log.since(0))
    for minutes in (-1, 0, 1, 13, 39, 40, 500):
        at = NOON + timedelta(minutes=minutes)
        assert tuple(log.since_time(at)) == tuple(event for event in everything if event.at >= at), minutes


def test_a_follower_gets_every_event_once_while_others_write_and_close(path: Path, tmp_path: Path) -> None:
    note(small(path), "the first")
    place = small(path).end()

    def work(number: int) -> None:
        log = small(path)
        if number:
            filled(log, 150)
            return
        followed, where = list[int](), place
        while len(followed) == 0 or len(noted(log.since(1))) < 450:
            events, where = log.read_from(where)
            followed += numbers(events)
        events, where = log.read_from(where)
        followed += numbers(events)
        assert followed == list(range(2, log.tail(1)[0].seq + 1))

    in_processes(4, work)
    assert len(noted(small(path).since(0))) == 451
    assert len({event.id for event in small(path).since(0)}) == small(path).tail(1)[0].seq


def test_a_writer_with_the_old_file_open_goes_on_in_the_new_one(path: Path) -> None:
    """As code that knows no segments does it: it looks, under the lock, whether its file was deleted."""
    log = small(path)
    note(log)
    with path.open("r+b") as old:
        before = len(tuple(log.since(0)))
        filled(log, 9)
        fcntl.flock(old.fileno(), fcntl.LOCK_EX)
        assert os.fstat(old.fileno()).st_nlink == 0
        assert len(old.read().splitlines()) >= before
    assert b'"seq":' in path.read_bytes().splitlines()[-1]


def test_a_reader_that_began_before_reads_to_the_end_it_had(log: EventLog, path: Path) -> None:
    said = filled(log, 9)
    reader = small(path).since(0)
    first = next(reader)
    filled(log, 20)
    assert noted((first, *reader)) == said


def test_a_writer_killed_at_any_write_while_it_closes_a_segment_loses_and_repeats_nothing(
    log: EventLog, path: Path
) -> None:
    said = filled(log, 7)

    def check() -> None:
        fresh = small(path)
        said.append(f"checked {len(said)}")
        note(fresh, said[-1])
        events = fresh.tail(1_000)
        assert [one for one in noted(events) if one != "under way"] == said
        assert numbers(events) == list(range(1, len(events) + 1))
        assert numbers(fresh.since(0)) == numbers(events)
        assert numbers(fresh.read_from(0)[0]) == numbers(events)

    def write() -> None:
        for _ in range(5):
            note(log, "under way")

    assert killed_at_every_write(write, check) > 10


@pytest.mark.parametrize("point", ["log.copied", "log.continued", "log.removing"])
def test_a_writer_killed_between_two_steps(path: Path, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = filled(small(path), 30)
    keep = Keep(segments=2)
    pid = os.fork()
    if pid == 0:
        os.environ.update(LOOP_CRASH_AT=point, LOOP_TEST="1")
        filled(small(path, keep=lambda: keep), 30)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
    log = small(path)
    events = tuple(log.since(0))
    assert numbers(events) == list(range(1, events[-1].seq + 1))
    assert noted(events)[: len(said)] == said
    assert len(set(noted(events))) == len(said)  # what the dead one wrote has the same names
    note(log, "after")
    assert noted(log.tail(1)) == ["after"]
    filled(small(path, keep=lambda: keep), 30)
    left = tuple(log.since(0))
    assert numbers(left) == list(range(left[0].seq, left[-1].seq + 1))
    assert len(segments_of(path)) <= 3


def test_what_a_dead_writer_left_half_copied_is_swept(tmp_path: Path) -> None:
    layout = Layout(tmp_path, "s")
    log = EventLog(layout.events, SteppedClock(), segment_bytes=SMALL)
    filled(log, 10)
    (layout.event_segments / ".000000000009.jsonl.abc.loop-tmp").write_text("half")
    assert sweep(layout) == 1
    assert log.tail(1)[0].payload == {"by": "event 9"}


def test_numbers_go_on_when_the_live_file_is_gone(log: EventLog, path: Path) -> None:
    filled(log, 10)
    kept = segments_of(path)[-1]
    last = [event.seq for event in log.since(0) if event.seq < path_first(path)][-1]
    path.unlink()
    after = note(small(path), "after")
    assert after.seq == last + 2
    assert noted(small(path).tail(1)) == ["after"]
    assert numbers(small(path).since(kept.first - 1)) == list(range(kept.first, after.seq + 1))


def path_first(path: Path) -> int:
    import json

    return int(json.loads(path.read_text().splitlines()[0])["seq"])


def test_a_torn_last_line_is_closed_with_its_segment(log: EventLog, path: Path) -> None:
    said = filled(log, 3)
    place = log.end()
    with path.open("ab") as file:
        file.write(b'{"seq":4,"id":"e-4","at":"' + b"x" * SMALL)
    note(log, "after")
    assert noted(log.since(0)) == [*said, "after"]
    assert log.unreadable == 1
    assert log.damaged == {"000000000001.jsonl": "some lines are no events"}
    assert numbers(log.read_from(place)[0]) == [4, 5]


def test_of_a_damaged_segment_the_rest_is_read_and_it_is_named(log: EventLog, path: Path) -> None:
    said = filled(log, 30)
    second, third = segments_of(path)[1:3]
    lines = second.path.read_bytes().splitlines(keepends=True)
    second.path.write_bytes(b"\x00\xff" * 40 + b"\n" + b"".join(lines[1:-1]))
    third.path.unlink()
    third.path.mkdir()
    found = noted(log.since(0))
    assert set(found) < set(said)
    assert len(found) > 20
    assert log.damaged[third.path.name] == "it is no file"
    assert second.path.name in log.damaged
    assert set(noted(log.tail(1_000))) == set(found)
    assert noted(log.read_from(0)[0]) == found


def test_a_segment_that_is_missing_in_the_middle_is_told_of(log: EventLog, path: Path) -> None:
    filled(log, 30)
    first, second, third = segments_of(path)[:3]
    second.path.unlink()
    found = numbers(log.since(0))
    assert found[second.first - 1] == third.first
    gap = f"the events {second.first} to {third.first - 1} are missing behind it"
    assert log.damaged == {first.path.name: gap}


def test_old_segments_are_removed_and_an_event_says_so_first(path: Path) -> None:
    log = small(path, keep=lambda: Keep(segments=3))
    filled(log, 60)
    assert len(segments_of(path)) == 3
    removed = [event for event in log.since(0) if event.kind == "log.removing"]
    first = first_of(log)
    assert first is not None
    assert removed[-1].payload["last"] == first.seq - 1
    assert numbers(log.since(0)) == list(range(first.seq, log.tail(1)[0].seq + 1))
    assert log.read_from(0)[0] == tuple(log.since(0))


def test_nothing_that_somebody_still_needs_is_removed(path: Path) -> None:
    clock = SteppedClock()
    keep = Keep(segments=1, served=9)
    log = EventLog(path, clock, segment_bytes=SMALL, keep=lambda: keep)
    for _ in range(60):
        note(log)
        clock.advance(60)
    first = first_of(log)
    assert first is not None
    assert 1 < first.seq <= 10
    keep = Keep(segments=1, needed_since=NOON + timedelta(minutes=30))
    for _ in range(20):
        note(log)
    kept = first_of(log)
    assert kept is not None
    assert first.at < kept.at <= NOON + timedelta(minutes=30)
    keep = Keep(segments=1)
    for _ in range(20):
        note(log)
    assert len(segments_of(path)) == 1


def test_segments_older_than_their_days_are_removed(path: Path) -> None:
    clock = SteppedClock()
    log = EventLog(path, clock, segment_bytes=SMALL, keep=lambda: Keep(segments=1_000, days=2))
    filled(log, 20)
    clock.advance(86_400)
    filled(log, 20)
    assert first_of(log) is not None and first_of(log).seq == 1  # type: ignore[union-attr]
    clock.advance(1.5 * 86_400)
    filled(log, 10)
    first = first_of(log)
    assert first is not None and first.seq > 15
    assert len(segments_of(path)) > 4


def test_where_no_segment_can_be_made_the_log_goes_on_as_it_is_and_is_closed_later(path: Path) -> None:
    log = EventLog(path, SteppedClock(), segment_bytes=4_000)
    note(log, "x" * 4_000)
    folder_of(path).write_text("in the way")
    assert note(log, "b").seq == 2
    folder_of(path).unlink()
    for number in range(20):
        note(log, "x" * 100 + str(number))
    events = tuple(log.since(0))
    assert numbers(events) == list(range(1, len(events) + 1))
    assert len(noted(events)) == 22
    assert segments_of(path)


def test_an_id_in_the_segment_before_is_not_written_again(log: EventLog) -> None:
    first = log.append("engine.paused", "person", {"by": "a"}, id="e-derived")
    filled(log, 60)
    assert log.append("engine.paused", "person", {"by": "b"}, id="e-derived") == first


def test_a_second_name_of_the_live_file_draws_no_writer_away(log: EventLog, path: Path) -> None:
    """As a backup of hard links gives it one: the file is not deleted then, but it is the live one no more."""
    waiting = small(path)
    note(waiting, "before")
    os.link(path, path.with_name("backup"))
    filled(log, 10)
    note(waiting, "after")
    assert noted(log.tail(1)) == ["after"]
    assert numbers(log.since(0)) == list(range(1, log.tail(1)[0].seq + 1))
