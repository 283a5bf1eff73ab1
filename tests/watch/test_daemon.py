"""What the daemon takes for a reason to look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from loop_orchestrator.model.lane import Detail, LaneRun, Signal, SignalSource
from loop_orchestrator.stores.signals import Speaker
from loop_orchestrator.watch.daemon import _Daemon
from loop_orchestrator.watch.pacing import Pacing
from loop_orchestrator.world import World
from tests.support.builders import NOW, an_ask
from tests.support.clocks import SteppedClock
from tests.support.projects import PLAIN, own_tmux, project_at

RUN = LaneRun(pid=200, started_at=NOW, ended_at=None, exit_status=None, suspended=False)


@pytest.fixture
def world(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with own_tmux() as socket:
        monkeypatch.setenv("LOOP_TMUX_SOCKET", socket)
        yield project_at(project, config=PLAIN).world


def test_a_program_that_comes_to_rest_or_asks_calls_for_a_look_and_its_work_does_not(world: World) -> None:
    daemon = _Daemon(world, Pacing(world), lambda event: None)
    seen = {}
    for second, detail in enumerate((Detail.BUSY, Detail.READY, Detail.TOOL, Detail.APPROVAL, Detail.RATE_LIMITED)):
        at = NOW + timedelta(seconds=second)
        signal = Signal(source=SignalSource.HARNESS, detail=detail, rule="hook:x", seen="said", at=at)
        world.signals.note("web", signal, Speaker(pid=200, depth=1), RUN)
        seen[detail] = daemon._calls_for_a_look(world.signals.path("web"))
    assert [detail for detail, looks in seen.items() if looks] == [Detail.READY, Detail.APPROVAL, Detail.RATE_LIMITED]
    for name in ("web.json.lock", ".web.json.0.loop-tmp", "docs.json"):
        assert not daemon._calls_for_a_look(world.layout.signals / name)


def _noted(world: World, detail: str) -> int:
    return world.events.append("trigger.noted", "watch", {"why": "mail", "detail": detail}).seq


def test_pending_triggers_are_those_that_no_cycle_served_and_the_log_is_not_read_again_for_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _noted(world, "1")
    pace = Pacing(world)
    _noted(world, "2")

    def pending() -> list[object]:
        return [event.payload["detail"] for event in pace.pending()]

    assert pending() == ["1", "2"]
    with monkeypatch.context() as patch:
        patch.setattr(world.events, "since", None)
        assert pending() == ["1", "2"]
        world.events.append("cycle.started", "engine", {"cycle": "c-1", "why": []})
        _noted(world, "3")
        pace.now = replace(pace.now, served=first)
        assert pending() == ["2", "3"]
    world.layout.events.unlink()
    _noted(world, "anew")
    pace.now = replace(pace.now, served=first + 1)
    assert pending() == ["anew"]


def test_the_end_of_an_asks_time_is_looked_for_when_it_comes_and_calls_for_a_cycle(
    world: World, clock: SteppedClock
) -> None:
    world.clock = clock  # type: ignore[misc]
    pacing = Pacing(world)
    pacing.note_changes(None)
    assert pacing.look_wait_s(pushed=True) == 60
    world.asks.record(an_ask(timeout_s=20))
    pacing.note_changes(None)
    assert pacing.look_wait_s(pushed=True) == 20
    served = world.events.tail(1)[0].seq
    clock.advance(20)
    assert pacing.look_wait_s(pushed=True) == 1, "its text may still be on its way"
    for _ in range(2):
        pacing.note_changes(None)
    noted = [event.payload for event in world.events.since(served) if event.kind == "trigger.noted"]
    assert noted == [{"why": "ask", "detail": "web did not answer d-1-0 in time"}]
    assert pacing.look_wait_s(pushed=True) == 60
    again = Pacing(world)
    again.note_changes(None)
    assert world.events.tail(1)[0].seq - served == 2, "a daemon that begins anew remembers what it noted"


def test_asks_that_cannot_be_read_call_for_one_cycle_and_hold_no_look_up(world: World) -> None:
    world.layout.asks.parent.mkdir(parents=True, exist_ok=True)
    world.layout.asks.write_text("{")
    pacing = Pacing(world)
    for _ in range(2):
        pacing.note_changes(None)
    noted = [one.payload["detail"] for one in world.events.tail(20) if one.payload.get("why") == "ask"]
    assert noted == ["what was asked cannot be read"]
    pacing.run_cycle()
    served = world.events.tail(1)[0].seq
    pacing.note_changes(None)
    assert not [one for one in world.events.since(served) if one.payload.get("why") == "ask"]
