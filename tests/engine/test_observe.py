"""What a cycle knows of lanes that are about to be started again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from loop_orchestrator.engine.observe import observe
from loop_orchestrator.engine.prompt import render
from loop_orchestrator.model.decision import ApprovalMode
from loop_orchestrator.model.lane import Detail, LaneRun
from loop_orchestrator.model.restart import LATE_S, RestartEvent, RestartNote
from loop_orchestrator.model.snapshot import Snapshot
from loop_orchestrator.prompts import load_prompts
from loop_orchestrator.world import World
from tests.support.builders import NOW, a_lane


def seen(world: World, monkeypatch: pytest.MonkeyPatch, detail: Detail = Detail.EXITED) -> Snapshot:
    run = LaneRun(pid=1, started_at=NOW, ended_at=None, exit_status=None, suspended=False)
    monkeypatch.setattr(world, "observe_lanes", lambda: (replace(a_lane("web", detail), run=run),))
    return observe(world, cycle="c-1", why=(), mode=ApprovalMode.MANUAL, record=False)


def test_an_end_is_under_way_while_its_restart_is_due_and_not_long_overdue(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = world.clock.now()
    note = RestartNote(
        event=RestartEvent.FAILED,
        lane="web",
        at=now,
        attempt=0,
        reason="its program ended with status 3",
        exit_status=3,
        next_at=now + timedelta(seconds=100),
        booted_at=a_lane("web").record.booted_at,
    )
    assert seen(world, monkeypatch).restarting == frozenset()
    world.restarts.append(note)
    snapshot = seen(world, monkeypatch)
    assert snapshot.restarting == {"web"}
    assert "not to be typed into, about to be started again" in render(snapshot, load_prompts())
    assert seen(world, monkeypatch, Detail.READY).restarting == frozenset()
    for other in (
        replace(note, next_at=now - timedelta(seconds=LATE_S + 1)),
        replace(note, event=RestartEvent.GIVING_UP, next_at=None),
        replace(note, event=RestartEvent.POSTPONED),
        replace(note, booted_at=now),
    ):
        world.restarts.append(other)
        assert seen(world, monkeypatch).restarting == frozenset()
