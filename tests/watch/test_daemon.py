"""What the daemon takes for a reason to look."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from loop_orchestrator.model.lane import Detail, LaneRun, Signal, SignalSource
from loop_orchestrator.stores.signals import Speaker
from loop_orchestrator.watch.daemon import _Daemon
from loop_orchestrator.watch.pacing import Pacing
from loop_orchestrator.world import World
from tests.support.builders import NOW
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
