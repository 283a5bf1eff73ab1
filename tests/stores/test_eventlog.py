"""The event log: numbered without gaps, whoever writes and whoever dies; and its cost does not grow with its length."""

from __future__ import annotations

import json
import os
import resource
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loop_orchestrator.clock import format_time
from loop_orchestrator.errors import LockedError, StoreError
from loop_orchestrator.model.event import Draft, Event
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.stores import eventlog, lines
from loop_orchestrator.stores.eventlines import encoded, event_values
from loop_orchestrator.stores.eventlog import EventLog
from loop_orchestrator.stores.lock import take_flock
from loop_orchestrator.stores.segmentindex import Sought
from loop_orchestrator.stores.segments import SEGMENT_BYTES
from tests.stores.builders import NOON
from tests.stores.forks import in_processes, killed_at_every_write
from tests.support.clocks import SteppedClock

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


@pytest.fixture
def log(path: Path) -> EventLog:
    return EventLog(path, SteppedClock())


def note(log: EventLog, detail: str = "", *, id: str = "") -> Event:
    """Append an observation, which is not synced."""
    return log.append("engine.paused", "person", {"by": detail}, id=id)


def promise(log: EventLog, detail: str = "") -> Event:
    return log.append("source.emitted", "mailbox", {"event": "arrived", "key": detail, "detail": detail, "data": {}})


def details(events: Iterator[Event] | tuple[Event, ...]) -> list[object]:
    return [event.payload.get("by") for event in events]


def long_log(path: Path, count: int) -> EventLog:
    """A log with at least this many events, written in bulk; what is too long for one file is in segments."""
    log = EventLog(path, SteppedClock())
    seq = 0
    while seq < count:
        with path.open("a") as file:
            while seq < count and file.tell() < SEGMENT_BYTES:
                seq += 1
                line = {"seq": seq, "id": f"e-{seq}", "at": format_time(NOON), "kind": "engine.paused", "source": "cli"}
                file.write(json.dumps({**line, "payload": {"by": "x" * 40}}, separators=(",", ":")) + "\n")
        if seq < count:
            seq = note(log, "one more, for which the live file is closed").seq
    return log


def test_an_empty_log_has_nothing(log: EventLog) -> None:
    assert log.tail(5) == ()
    assert list(log.since(0)) == []
    assert log.last("crash") is None
    assert log.read_from(0) == ((), 0)
    assert log.end() == 0


def test_what_is_appended_is_read_back(log: EventLog) -> None:
    first = log.append("engine.paused", "person", {"by": "ü\n"}, trace="c-1", caused_by="e-0", depth=2)
    second = promise(log)
    assert (first.seq, second.seq) == (1, 2)
    assert first.at == NOON
    assert log.tail(9) == (first, second)
    assert log.tail(1) == (second,)
    assert log.tail(0) == ()
    assert tuple(log.since(1)) == (second,)
    assert log.last("engine.paused") == first
    assert log.last("crash") is None


@given(payload=JSON, source=st.text(), trace=st.text())
def test_any_payload_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, payload: JsonValue, source: str, trace: str
) -> None:
    log = EventLog(tmp_path_factory.mktemp("log") / "events.jsonl", SteppedClock())
    event = log.append("engine.paused", source, {"by": payload}, trace=trace)
    assert log.tail(2) == (event,)


@given(payload=JSON, source=st.text(), trace=st.text(), caused_by=st.text(), depth=st.integers(0, 3))
def test_a_line_is_the_json_object_of_its_event(
    payload: JsonValue, source: str, trace: str, caused_by: str, depth: int
) -> None:
    event = Event(
        id="e-1",
        seq=1,
        at=NOON,
        kind="engine.paused",
        source=source,
        payload={"by": payload},
        trace=trace,
        caused_by=caused_by,
        depth=depth,
    )
    assert json.loads(encoded(event, format_time(NOON))) == event_values(event)


def test_a_lone_surrogate_is_read_back(log: EventLog) -> None:
    event = note(log, "ü\ud800")
    assert log.tail(1) == (event,)


@pytest.mark.parametrize(
    ("kind", "payload"),
    [("no.such", {}), ("engine.paused", {}), ("engine.paused", {"by": "x", "more": 1}), ("engine.paused", {"By": "x"})],
)
def test_an_event_that_is_not_in_the_catalogue_is_refused(
    log: EventLog, path: Path, kind: str, payload: Mapping[str, JsonValue]
) -> None:
    with pytest.raises(ValueError, match=r"no registered kind|has the fields"):
        log.append(kind, "cli", payload)
    assert not path.exists()


@pytest.mark.parametrize("value", [float("nan"), object()])
def test_a_payload_that_is_no_json_writes_nothing(log: EventLog, value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        log.append("engine.paused", "cli", {"by": value})  # type: ignore[dict-item]
    assert note(log).seq == 1
    assert log.read_from(0)[1] == log.end()


def test_a_torn_last_line_hides_nothing_and_is_counted(log: EventLog, path: Path) -> None:
    note(log, "a")
    with path.open("ab") as file:
        file.write(b'{"seq":2,"id":"e-2","at":"2026')
    assert details(log.tail(5)) == ["a"]
    assert log.unreadable == 0
    b = note(log, "b")
    assert b.seq == 2
    assert details(log.tail(5)) == ["a", "b"]
    assert log.unreadable == 1
    assert details(log.since(0)) == ["a", "b"]
    assert details(EventLog(path, SteppedClock()).read_from(0)[0]) == ["a", "b"]


def test_a_last_line_that_lacks_only_its_newline_keeps_its_number(log: EventLog, path: Path) -> None:
    note(log, "a")
    note(log, "b")
    path.write_bytes(path.read_bytes()[:-1])
    assert details(log.tail(5)) == ["a"]
    assert note(log, "c").seq == 3
    assert [event.seq for event in log.tail(5)] == [1, 2, 3]


@pytest.mark.parametrize(
    "rubbish", [b"\n", b"\xff\xfe\n", b"[]\n", b'{"seq":"1"}\n', b"[" * 50_000 + b"\n", b"\x00" * 300_000 + b"\n"]
)
def test_lines_that_are_no_events_are_passed_over(log: EventLog, path: Path, rubbish: bytes) -> None:
    note(log, "a")
    with path.open("ab") as file:
        file.write(rubbish)
    assert note(log, "b").seq == 2
    for events in (log.tail(9), tuple(log.since(0)), log.read_from(0)[0]):
        assert details(events) == ["a", "b"]
        assert log.unreadable == 1
    assert details(log.since(1)) == ["b"]


def test_a_line_longer_than_every_block_is_read(log: EventLog) -> None:
    long = "x" * 1_000_000
    note(log, "a")
    note(log, long)
    note(log, "b")
    assert details(log.tail(3)) == ["a", long, "b"]
    assert details(log.since(1)) == [long, "b"]
    assert details(log.read_from(0)[0]) == ["a", long, "b"]


@pytest.mark.parametrize("seq", [0, 1, 2, 77, 4_999, 5_000, 6_000])
def test_since_finds_its_place(path: Path, seq: int) -> None:
    log = long_log(path, 5_000)
    assert [event.seq for event in log.since(seq)] == list(range(seq + 1, 5_001))


def test_following_misses_nothing_and_repeats_nothing(log: EventLog, path: Path) -> None:
    note(log, "before")
    place = log.end()
    note(log, "a")
    with path.open("ab") as file:
        file.write(b'{"half')
    events, place = log.read_from(place)
    assert details(events) == ["a"]
    assert log.end() == place
    assert log.read_from(place) == ((), place)
    note(log, "b")
    events, place = log.read_from(place)
    assert details(events) == ["b"]
    path.unlink()
    note(log, "new log")
    assert details(log.read_from(place)[0]) == ["new log"]


def test_an_id_that_stands_in_the_log_is_not_written_again(log: EventLog, path: Path) -> None:
    first = note(log, "a", id="e-derived")
    for _ in range(900):
        note(log)
    assert note(EventLog(path, SteppedClock()), "b", id="e-derived") == first
    assert note(log, "c").seq == 902
    for _ in range(97):
        note(log)
    assert note(log, "d", id="e-derived") == first
    for _ in range(3_000):
        note(log)
    assert note(log, "e", id="e-derived").seq == 4_000


def test_an_id_inside_a_payload_is_no_event_of_that_id(log: EventLog) -> None:
    log.append("engine.paused", "cli", {"by": {"id": "e-1"}})
    assert note(log, id="e-1").seq == 2


@pytest.mark.parametrize("id", ['a"b', "a\\b", "ü", "a\n"])
def test_an_id_that_could_not_be_found_again_is_refused(log: EventLog, id: str) -> None:
    with pytest.raises(ValueError, match="cannot be the id"):
        note(log, id=id)


def test_the_file_is_for_its_owner_alone(log: EventLog, path: Path) -> None:
    note(log)
    assert path.stat().st_mode & 0o777 == 0o600


def test_promised_events_are_synced_and_others_are_not(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    note(log)
    synced: list[int] = []
    monkeypatch.setattr(eventlog, "_datasync", synced.append)
    note(log)
    assert synced == []
    promise(log)
    assert len(synced) == 1


def drafts(*numbers: int, id: str = "") -> list[Draft]:
    said: dict[str, JsonValue] = {"event": "arrived", "key": "x", "data": {}}
    return [
        Draft("source.emitted", "mailbox", {**said, "detail": str(n)}, id=f"{id}-{n}" if id else "") for n in numbers
    ]


def test_events_that_are_written_together_wait_for_the_disk_once(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(eventlog, "_datasync", synced.append)
    assert log.append_all([]) == ()
    assert synced == []
    written = log.append_all(drafts(*range(50)))
    assert len(synced) == 1
    assert log.tail(99) == written
    assert [(event.seq, event.payload["detail"]) for event in written] == [(n + 1, str(n)) for n in range(50)]
    with pytest.raises(ValueError, match=r"source\.emitted"):
        log.append_all([*drafts(50), Draft("source.emitted", "mailbox", {"event": "arrived"})])
    assert log.tail(99) == written


@pytest.mark.parametrize("more", [0, 50])
def test_of_events_that_are_written_together_those_that_are_there_are_not_written_again(
    log: EventLog, more: int
) -> None:
    first = log.append_all(drafts(1, 2, id="e"))
    again = log.append_all(drafts(2, 3, 3, 1, *range(4, 4 + more), id="e"))
    assert [event.seq for event in again] == [2, 3, 3, 1, *range(4, 4 + more)]
    assert log.tail(99) == (*first, again[1], *again[4:])


def test_an_id_inside_a_payload_is_not_that_of_an_event(log: EventLog) -> None:
    log.append("source.emitted", "mailbox", {"event": "x", "key": "x", "detail": "x", "data": {"id": "e-7"}})
    assert [event.seq for event in log.append_all(drafts(*range(20), id="e"))] == [*range(2, 22)]


def test_events_that_are_written_together_go_on_in_the_next_file(path: Path) -> None:
    log = EventLog(path, SteppedClock(), segment_bytes=2_000)
    log.append_all(drafts(*range(50), id="e"))
    assert len(list((path.parent / "events").glob("*.jsonl"))) > 1
    details = [event.payload["detail"] for event in log.since(0) if event.kind == "source.emitted"]
    assert details == [str(n) for n in range(50)]


def test_eight_processes_number_without_gap_or_repetition(log: EventLog) -> None:
    note(log, "by the parent, before the fork")

    def write(number: int) -> None:
        for turn in range(100):
            (promise if turn % 10 == 0 else note)(log, f"{number} {turn} " + "x" * 20 * turn)

    in_processes(8, write)
    note(log)
    events = list(log.since(0))
    assert [event.seq for event in events] == list(range(1, 803))
    assert len({event.id for event in events}) == 802
    assert log.unreadable == 0


def test_a_writer_killed_at_any_write_loses_no_earlier_event_and_no_number(log: EventLog, path: Path) -> None:
    note(log, "old")

    def check() -> None:
        fresh = EventLog(path, SteppedClock())
        fresh.append("engine.resumed", "cli", {"by": "checked"})
        events = fresh.tail(100)
        assert details(events)[0] == "old"
        assert [event.seq for event in events] == list(range(1, len(events) + 1))

    def write() -> None:
        promise(log)
        note(log)

    assert killed_at_every_write(write, check) == 3


def test_a_full_disk_refuses_the_event_and_keeps_the_log(path: Path) -> None:
    log = EventLog(path, SteppedClock())
    note(log, "a")

    def fill(_: int) -> None:
        full = path.stat().st_size + 30
        resource.setrlimit(resource.RLIMIT_FSIZE, (full, resource.RLIM_INFINITY))
        for _ in range(2):
            with pytest.raises(StoreError, match=r"cannot write .*events\.jsonl"):
                note(log, "b")
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert note(log, "c").seq == 2

    in_processes(1, fill)
    assert details(log.tail(5)) == ["a", "c"]
    assert log.unreadable == 0
    assert note(log, "d").seq == 3


def test_a_stopped_writer_is_not_waited_for_for_ever(
    log: EventLog, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(log)
    monkeypatch.setattr("loop_orchestrator.stores.lock.BRIEF_LIMIT_S", 0.05)
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        with path.open("ab") as held:
            take_flock(held.fileno(), path)
            os.write(told, b"x")
            signal.pause()
    try:
        os.read(ready, 1)
        with pytest.raises(LockedError, match="locked by another process"):
            note(log)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert note(log).seq == 2


def bytes_read(monkeypatch: pytest.MonkeyPatch, work: str, log: EventLog) -> int:
    """How many bytes one operation reads from the file."""
    total = 0
    real = os.pread

    def counting(fd: int, count: int, offset: int) -> bytes:
        nonlocal total
        data = real(fd, count, offset)
        total += len(data)
        return data

    with monkeypatch.context() as patch:
        patch.setattr(os, "pread", counting)
        match work:
            case "append":
                note(log)
            case "append with an id":
                note(log, id="e-new")
            case "tail":
                log.tail(20)
            case "since a near event":
                list(log.since(log.tail(1)[0].seq - 20))
            case "since a far event":
                next(log.since(500))
            case "last that is not there":
                log.last("crash")
            case "follow":
                log.read_from(log.end())
    return total


def test_the_cost_is_the_same_at_a_hundred_thousand_events(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short, long = long_log(tmp_path / "short.jsonl", 2_000), long_log(path, 100_000)
    assert len(list(tmp_path.glob("events/*.jsonl"))) == 1
    for work in ("append", "append with an id", "tail", "since a near event", "since a far event", "follow"):
        few, many = bytes_read(monkeypatch, work, short), bytes_read(monkeypatch, work, long)
        assert many <= few + 100_000, work
    assert bytes_read(monkeypatch, "last that is not there", long) <= eventlog.LAST_KIND_BYTES


def test_a_second_append_by_the_same_writer_reads_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = long_log(path, 1_000)
    note(log)
    assert bytes_read(monkeypatch, "append", log) == 0


def test_times_are_kept_to_the_millisecond(path: Path) -> None:
    clock = SteppedClock(NOON.replace(microsecond=123_987))
    event = note(EventLog(path, clock))
    assert event.at == NOON.replace(microsecond=123_000)
    assert EventLog(path, clock).tail(1) == (event,)


def test_events_with_an_id_are_found_from_the_end_and_no_further_back_than_is_asked_for(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3_000):
        log.append("decision.archived", "engine", {"decision": f"d-{number}"})
    archived = log.append("decision.archived", "engine", {"decision": "d-x"})
    note(log, "the last")
    read = []
    real = lines.read_exactly

    def counted(fd: int, start: int, end: int) -> bytes:
        read.append(end - start)
        return real(fd, start, end)

    monkeypatch.setattr(lines, "read_exactly", counted)
    assert next(log.backwards(Sought(ids=["d-x"]))) == archived
    assert sum(read) <= 8_192
    found = [event.payload["decision"] for event in log.backwards(Sought(ids=["d-299"]))]
    assert found == [f"d-{number}" for number in (*range(2_999, 2_989, -1), 299)]
    assert list(log.backwards(Sought(ids=["d-y"]))) == []
