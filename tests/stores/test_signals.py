"""What programs said of themselves, on disk."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from loop_orchestrator.model.lane import Detail, LaneRun, Signal, SignalSource
from loop_orchestrator.stores.signals import KEPT, LONGEST, SignalStore, Speaker
from tests.stores import builders
from tests.stores.forks import in_processes
from tests.support.builders import NOW

RUN = LaneRun(pid=200, started_at=NOW, ended_at=None, exit_status=None, suspended=False)
OWN = Speaker(pid=200, depth=1)


@pytest.fixture
def store(project: Path) -> SignalStore:
    return SignalStore(builders.layout_of(project))


def signal(detail: Detail = Detail.BUSY, second: int = 1, seen: str = "said") -> Signal:
    at = NOW + timedelta(seconds=second)
    return Signal(source=SignalSource.HARNESS, detail=detail, rule="hook:claude", seen=seen, at=at)


def test_what_was_said_is_read_back_oldest_first(store: SignalStore) -> None:
    assert store.of("web") == ()
    said = (signal(second=1), signal(Detail.TOOL, 2), signal(Detail.READY, 3))
    for one in said:
        assert store.note("web", one, OWN, RUN)
    assert store.of("web") == said
    assert store.of("docs") == ()


def test_only_the_newest_are_kept(store: SignalStore) -> None:
    said = tuple(signal(second=second) for second in range(KEPT + 5))
    for one in said:
        store.note("web", one, OWN, RUN)
    assert store.of("web") == said[-KEPT:]


def test_another_run_of_the_program_begins_anew(store: SignalStore) -> None:
    store.note("web", signal(Detail.APPROVAL), OWN, RUN)
    again = LaneRun(pid=300, started_at=NOW, ended_at=None, exit_status=None, suspended=False)
    store.note("web", signal(Detail.BUSY, 2), OWN, again)
    assert [one.detail for one in store.of("web")] == [Detail.BUSY]


def test_a_program_that_the_lanes_program_runs_does_not_speak_for_it(store: SignalStore) -> None:
    assert store.note("web", signal(Detail.TOOL, 1), Speaker(pid=200, depth=2), RUN)
    assert not store.note("web", signal(Detail.READY, 2), Speaker(pid=900, depth=4), RUN)
    assert [one.detail for one in store.of("web")] == [Detail.TOOL]
    assert store.note("web", signal(Detail.BUSY, 3), OWN, RUN)
    assert [one.detail for one in store.of("web")] == [Detail.BUSY]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"schema": 99}',
        '{"schema": 1, "signals": 3}',
        '{"schema": 1, "run": "x", "depth": 1, "signals": [{"detail": "nonsense"}]}',
        "[" * 5000,
        "\udcff",
    ],
)
def test_a_file_that_a_lane_broke_is_as_good_as_none(store: SignalStore, text: str) -> None:
    path = store.path("web")
    path.parent.mkdir(parents=True)
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert store.of("web") == ()
    assert store.note("web", signal(), OWN, RUN)
    assert store.of("web") == (signal(),)


def test_hostile_text_is_one_short_printable_line(store: SignalStore) -> None:
    store.note("web", signal(seen="a\x1b]0;x\x07\nb\u202e" + "x" * 10_000), OWN, RUN)
    (one,) = store.of("web")
    assert one.seen.isprintable() and len(one.seen) <= LONGEST
    path = store.path("web")
    forged = json.loads(path.read_text())
    forged["signals"][0]["seen"] = "\x1b[2J" * 1000
    path.write_text(json.dumps(forged))
    assert store.of("web")[0].seen.isprintable() and len(store.of("web")[0].seen) <= LONGEST


def test_two_at_once_lose_nothing(store: SignalStore) -> None:
    def say(number: int) -> None:
        store.note("web", signal(second=number), OWN, RUN)

    in_processes(6, say)
    assert sorted(one.at for one in store.of("web")) == [signal(second=number).at for number in range(6)]
