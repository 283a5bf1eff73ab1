"""What is sought in closed segments is found as by reading them whole, whatever became of the indexes beside them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loop_orchestrator.model.event import Event
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.stores import segmentindex
from loop_orchestrator.stores.atomic import replace_by
from loop_orchestrator.stores.eventlog import EventLog
from loop_orchestrator.stores.segmentindex import MADE_AT_ONCE, Sought, index_of
from loop_orchestrator.stores.segments import Keep, folder_of, segments_of
from tests.stores.builders import NOON
from tests.stores.forks import in_processes
from tests.support.clocks import SteppedClock

SMALL = 1_500
KINDS = ("decision.archived", "mail.acked", "engine.paused", "cycle.started")
IDS = (
    "d-1",
    "d-10",
    "d-2",
    "c-1",
    "c-1-0",
    "m.md",
    "e-own",
    "e-20260301T120000000-000003",
    "e-2026",
    "x y",
    "ü",
    "a\\b",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


@pytest.fixture(autouse=True)
def _short_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmentindex, "STRETCH_BYTES", 300)


def log_at(path: Path, keep: Keep | None = None) -> EventLog:
    return EventLog(path, SteppedClock(), keep=(lambda: keep) if keep else None, segment_bytes=SMALL)


def add(log: EventLog, kind: str, said: str, *, trace: str = "", id: str = "") -> Event:
    payloads: dict[str, dict[str, JsonValue]] = {
        "decision.archived": {"decision": said},
        "mail.acked": {"file": said, "by": "c-1"},
        "engine.paused": {"by": {"kind": "cycle.started", "op": said}},
        "cycle.started": {"cycle": said, "why": ["d-1"]},
    }
    return log.append(kind, "engine", payloads[kind], trace=trace, id=id)


def filled(path: Path, count: int = 60) -> EventLog:
    log = log_at(path)
    for number in range(count):
        add(log, KINDS[number % 2], f"d-{number}", trace=f"c-{number // 7}")
    return log


def ids_in(event: Event) -> set[str]:
    said = [event.payload.get(name) for name in ("cycle", "decision", "op", "file")]
    return {event.id, event.trace, event.caused_by, *(one for one in said if isinstance(one, str))} - {""}


def seqs(events: Iterator[Event] | tuple[Event, ...]) -> list[int]:
    return [event.seq for event in events]


def of_kind(log: EventLog, kind: str) -> list[int]:
    return [event.seq for event in log.backwards(Sought(kinds=[kind])) if event.kind == kind]


def with_id(log: EventLog, id: str) -> list[int]:
    return [event.seq for event in log.backwards(Sought(ids=[id])) if any(one.startswith(id) for one in ids_in(event))]


def read_whole(log: EventLog, wanted: Callable[[Event], bool]) -> list[int]:
    return seqs(tuple(event for event in log.backwards() if wanted(event)))


def flipped(index: Path) -> None:
    data = bytearray(index.read_bytes())
    data[len(data) // 3] ^= 1
    index.write_bytes(data)


def cut(index: Path) -> None:
    index.write_bytes(index.read_bytes()[: index.stat().st_size // 2])


def of_another(index: Path) -> None:
    index.write_bytes(max(index.parent.glob("*.index")).read_bytes())


def a_folder(index: Path) -> None:
    index.unlink()
    index.mkdir()


DAMAGES: tuple[Callable[[Path], object], ...] = (
    lambda index: None,
    Path.unlink,
    flipped,
    cut,
    of_another,
    a_folder,
    lambda index: index.write_bytes(b""),
    lambda index: index.write_bytes(b"00000000 []\n"),
)


@given(
    said=st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from(IDS), st.booleans()), max_size=40),
    kind=st.sampled_from(KINDS),
    id=st.sampled_from(IDS),
    damage=st.sampled_from(DAMAGES),
    minutes=st.integers(0, 45),
)
def test_what_is_sought_is_found_as_by_reading_everything(
    tmp_path_factory: pytest.TempPathFactory,
    said: list[tuple[str, str, bool]],
    kind: str,
    id: str,
    damage: Callable[[Path], object],
    minutes: int,
) -> None:
    path, clock = tmp_path_factory.mktemp("log") / "events.jsonl", SteppedClock()
    log = EventLog(path, clock, segment_bytes=SMALL)
    for number, (one, word, is_traced) in enumerate(said):
        add(log, one, word, trace=word if is_traced else "", id=f"e-own-{number}" if is_traced else "")
        clock.advance(60)
    for index in list(path.parent.glob("events/*.index")):
        damage(index)
    at = NOON + timedelta(minutes=minutes)
    for _ in range(2):  # the second time, what was damaged is made anew
        assert of_kind(log, kind) == read_whole(log, lambda event: event.kind == kind)
        if "\\" not in id:  # what is written with a backslash is not found, whole or not
            everything = read_whole(log, lambda event: any(one.startswith(id) for one in ids_in(event)))
            assert with_id(log, id) == everything
            found = [event for event in log.since_time(at, Sought(ids=[id])) if id in ids_in(event)]
            assert found == [event for event in log.since_time(at) if id in ids_in(event)]
        assert (log.unreadable, log.damaged) == (0, {})


def test_every_event_is_found_by_the_id_that_the_log_gave_it(path: Path) -> None:
    clock = SteppedClock()
    log = EventLog(path, clock, segment_bytes=SMALL)
    for number in range(40):
        add(log, KINDS[number % 2], f"d-{number}")
        clock.advance(60)
    for event in tuple(log.since(0)):
        assert with_id(log, event.id) == [event.seq]
    assert with_id(log, "e-20260301T1214") == [seq for seq in with_id(log, "e-20260301T121") if seq in minute(log, 14)]


def minute(log: EventLog, number: int) -> list[int]:
    return seqs(tuple(event for event in log.since(0) if event.at == NOON + timedelta(minutes=number)))


def test_a_byte_that_changed_anywhere_in_an_index_hides_nothing(path: Path) -> None:
    log = filled(path, 12)
    index = index_of(segments_of(path)[0].path)
    data, expected = index.read_bytes(), (of_kind(log, "mail.acked"), with_id(log, "d-1"), with_id(log, "c-0"))
    for place in range(0, len(data), 4):
        for other in (b"0", b"z"):
            index.write_bytes(data[:place] + other + data[place + 1 :])
            assert (of_kind(log, "mail.acked"), with_id(log, "d-1"), with_id(log, "c-0")) == expected, place


def test_an_index_is_made_when_a_segment_is_closed_and_for_its_owner_alone(path: Path) -> None:
    filled(path)
    indexes = [index_of(one.path) for one in segments_of(path)]
    assert len(indexes) > 4
    assert {one.stat().st_mode & 0o777 for one in indexes} == {0o600}
    assert sorted(folder_of(path).glob("*.index")) == indexes


class Reads:
    """Bytes that are read of segments."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.segments = 0
        self._inodes = {one.path.stat().st_ino for one in segments_of(path)}
        self._real = os.pread
        monkeypatch.setattr(os, "pread", self._counted)

    def _counted(self, fd: int, count: int, offset: int) -> bytes:
        data = self._real(fd, count, offset)
        if os.fstat(fd).st_ino in self._inodes:
            self.segments += len(data)
        return data


@pytest.mark.parametrize(
    ("sought", "found"),
    [
        (Sought(kinds=["adr.proposed"]), 1),
        (Sought(kinds=["crash"]), 0),
        (Sought(ids=["d-rare"]), 1),
        (Sought(ids=["d-none"]), 0),
    ],
)
def test_of_segments_only_the_stretches_are_read_in_which_it_stands(
    path: Path, monkeypatch: pytest.MonkeyPatch, sought: Sought, found: int
) -> None:
    log = filled(path, 100)
    log.append("adr.proposed", "cli", {"adr": "1", "file": "x", "by": "ann"}, trace="d-rare")
    for number in range(1_000):
        add(log, KINDS[number % 2], f"d-{number}", trace=f"c-{number // 7}")
    segments = sum(one.path.stat().st_size for one in segments_of(path))
    reads = Reads(path, monkeypatch)
    assert len(tuple(log.backwards(sought))) == found
    assert reads.segments < 1_000 < segments / 100


def test_one_reading_makes_a_few_missing_indexes_and_the_next_the_rest(path: Path) -> None:
    log = filled(path, 80)
    whole = of_kind(log, "mail.acked")
    indexes = [index_of(one.path) for one in segments_of(path)]
    for index in indexes:
        index.unlink()
    assert of_kind(log, "mail.acked") == whole
    assert [one.exists() for one in indexes] == [False] * (len(indexes) - MADE_AT_ONCE) + [True] * MADE_AT_ONCE
    for _ in range(len(indexes) // MADE_AT_ONCE):
        of_kind(log, "mail.acked")
    assert all(one.exists() for one in indexes)


def test_a_segment_that_somebody_changed_is_read_and_not_its_old_index(path: Path) -> None:
    log = filled(path)
    segment = next(one.path for one in segments_of(path) if b'"d-9"' in one.path.read_bytes())
    lines = segment.read_bytes()
    segment.write_bytes(lines.replace(b'"d-9"', b'"d-X"'))
    os.utime(segment, ns=(0, 1))
    (changed,) = with_id(log, "d-X")
    assert with_id(log, "d-9") == []
    assert changed in seqs(log.since(0))


def test_where_no_index_can_be_written_the_segments_are_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(segment: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(segmentindex, "make_index", full)
    monkeypatch.setattr("loop_orchestrator.stores.eventlog.make_index", full)
    log = filled(path)
    assert not list(folder_of(path).glob("*.index"))
    assert of_kind(log, "mail.acked") == read_whole(log, lambda event: event.kind == "mail.acked")
    assert with_id(log, "d-9")


def test_an_index_is_removed_with_its_segment(path: Path) -> None:
    log = log_at(path, Keep(segments=2))
    (folder_of(path)).mkdir()
    left = folder_of(path) / "000000000001.index"
    left.write_bytes(b"of a segment that somebody who died had removed")
    for number in range(100):
        add(log, "mail.acked", f"d-{number}")
    assert sorted(folder_of(path).glob("*.index")) == [index_of(one.path) for one in segments_of(path)]
    assert len(segments_of(path)) == 2


def test_an_index_of_a_segment_that_goes_meanwhile_goes_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(path)
    segment = segments_of(path)[0].path
    index_of(segment).unlink()

    def removed_first(temp: Path, target: Path) -> None:
        segmentindex.remove_with_index(segment)
        replace_by(temp, target)

    monkeypatch.setattr(segmentindex, "replace_by", removed_first)
    segmentindex.make_index(segment)
    assert not index_of(segment).exists()


def test_a_segment_that_is_removed_while_others_seek_is_passed_over(path: Path) -> None:
    log = filled(path, 80)
    found = log.backwards(Sought(kinds=["mail.acked"]))
    first = next(found)
    for one in segments_of(path)[:3]:
        segmentindex.remove_with_index(one.path)
    kept = segments_of(path)[0].first
    assert [first.seq, *seqs(found)] == [seq for seq in of_kind(log, "mail.acked") if seq >= kept]


def test_many_processes_close_and_seek_at_once(path: Path) -> None:
    def work(number: int) -> None:
        log = log_at(path)
        for turn in range(60):
            add(log, "mail.acked", f"d-{number}-{turn}")
            assert [log.tail(1_000)[-1].seq >= seq for seq in with_id(log, f"d-{number}-{turn // 2}")] == [True]

    in_processes(3, work)
    log = log_at(path)
    assert len(of_kind(log, "mail.acked")) == 180
    assert sorted(folder_of(path).glob("*.index")) == [index_of(one.path) for one in segments_of(path)]
