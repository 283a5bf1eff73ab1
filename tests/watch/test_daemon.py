"""What the daemon takes for a reason to look."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from loop_orchestrator.model.lane import Detail, LaneRun, Signal, SignalSource
from loop_orchestrator.model.route import EMITTED
from loop_orchestrator.stores.signals import Speaker
from loop_orchestrator.watch.daemon import _Daemon
from loop_orchestrator.watch.looking import Looking
from loop_orchestrator.world import World
from tests.support.builders import NOW, an_ask
from tests.support.clocks import SteppedClock
from tests.support.projects import PLAIN, own_tmux, project_at
from tests.watch.builders import Watching

RUN = LaneRun(pid=200, started_at=NOW, ended_at=None, exit_status=None, suspended=False)


@pytest.fixture
def world(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with own_tmux() as socket:
        monkeypatch.setenv("LOOP_TMUX_SOCKET", socket)
        yield project_at(project, config=PLAIN).world


def test_a_program_that_comes_to_rest_or_asks_calls_for_a_look_and_its_work_does_not(world: World) -> None:
    daemon = _Daemon(world, Looking(world), lambda event: None, asyncio.Event())
    seen = {}
    for second, detail in enumerate((Detail.BUSY, Detail.READY, Detail.TOOL, Detail.APPROVAL, Detail.RATE_LIMITED)):
        at = NOW + timedelta(seconds=second)
        signal = Signal(source=SignalSource.HARNESS, detail=detail, rule="hook:x", seen="said", at=at)
        world.signals.note("web", signal, Speaker(pid=200, depth=1), RUN)
        seen[detail] = daemon._calls_for_a_look(world.signals.path("web"))
    assert [detail for detail, looks in seen.items() if looks] == [Detail.READY, Detail.APPROVAL, Detail.RATE_LIMITED]
    for name in ("web.json.lock", ".web.json.0.loop-tmp", "docs.json"):
        assert not daemon._calls_for_a_look(world.layout.signals / name)


def test_the_end_of_an_asks_time_is_looked_for_when_it_comes_and_calls_for_a_cycle(
    world: World, clock: SteppedClock
) -> None:
    world.clock = clock  # type: ignore[misc]
    watching = Watching(world)
    watching.look()
    assert watching.looking.wait_s(pushed=True) == 60
    world.asks.record(an_ask(timeout_s=20))
    watching.look()
    assert watching.looking.wait_s(pushed=True) == 20
    served = world.events.tail(1)[0].seq
    clock.advance(20)
    assert watching.looking.wait_s(pushed=True) == 1, "its text may still be on its way"
    for _ in range(2):
        watching.look()
    noted = [event for event in world.events.since(served) if event.kind == EMITTED]
    assert [(one.source, one.payload["event"], one.payload["detail"]) for one in noted] == [
        ("asks", "timed-out", "web did not answer d-1-0 in time")
    ]
    assert watching.looking.wait_s(pushed=True) == 60
    again = Watching(world)
    again.look()
    assert world.events.tail(1)[0].seq - served == 2, "a daemon that begins anew remembers what it noted"


def test_asks_that_cannot_be_read_call_for_one_cycle_and_hold_no_look_up(world: World) -> None:
    world.layout.asks.parent.mkdir(parents=True, exist_ok=True)
    world.layout.asks.write_text("{")
    watching = Watching(world)
    for _ in range(2):
        watching.look()
    noted = [one.payload["detail"] for one in world.events.tail(20) if one.source == "asks"]
    assert noted == ["what was asked cannot be read"]
    watching.cycle()
    served = world.events.tail(1)[0].seq
    watching.look()
    assert not [one for one in world.events.since(served) if one.source == "asks"]
