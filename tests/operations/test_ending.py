"""Ending lanes and sessions leaves a hand-off and nothing else behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from loop_orchestrator.config.schema import LaneConfig
from loop_orchestrator.errors import LoopError, UsageError
from loop_orchestrator.model.lane import LaneKind
from loop_orchestrator.operations.boot import boot, start_lane
from loop_orchestrator.operations.ending import down, drop_lane
from loop_orchestrator.operations.plan import plan_lanes
from loop_orchestrator.process import git
from loop_orchestrator.wiring import Project
from tests.support.projects import PLAIN, project_at, tmux
from tests.support.waiting import eventually


@pytest.fixture
def shop(project: Path, socket: str) -> Project:
    shop = project_at(project, config=PLAIN)
    boot(shop.world, plan_lanes(shop.config, project, shop.harnesses, preset="", found=()), shop.surroundings)
    return shop


def test_a_lane_of_the_config_is_dropped_only_by_force(shop: Project) -> None:
    with pytest.raises(LoopError, match="belongs to the config") as refused:
        drop_lane(shop.world, "web", force=False, by="person")
    assert refused.value.hint == "loop lane drop web --force"
    assert "web" in shop.world.lanes.records()
    drop_lane(shop.world, "web", force=True, by="person")
    assert "web" not in shop.world.lanes.records()


def test_the_hand_off_holds_what_the_next_one_needs(shop: Project, project: Path) -> None:
    git.init_repository(project)
    spec = LaneConfig(name="probe", cmd="echo left half done; sleep 1000", kind=LaneKind.WORKER).to_spec(project)
    record = start_lane(shop.world, spec, shop.surroundings)
    eventually(lambda: "left half done" in shop.substrate.read([record.pane])[0].screen.text)
    text = drop_lane(shop.world, "probe", force=False, by="person").handoff.read_text()
    assert "    left half done" in text
    assert "- branch: main" in text
    assert "- harness: cmd: echo left half done" in text
    assert record.pane not in [pane.pane for pane in shop.substrate.panes()]
    assert [event.kind for event in shop.events.tail(1)] == ["lane.dropped"]


def test_an_unknown_lane_is_named_with_the_nearest(shop: Project) -> None:
    with pytest.raises(UsageError, match="no lane wbe; did you mean web"):
        drop_lane(shop.world, "wbe", force=True, by="person")


def test_a_pane_that_another_program_has_by_now_is_left_alone(shop: Project, socket: str) -> None:
    record = shop.world.lanes.records()["web"]
    tmux(socket, "respawn-pane", "-k", "-t", record.pane, "sleep 1000")
    drop_lane(shop.world, "web", force=True, by="person")
    assert record.pane in [pane.pane for pane in shop.substrate.panes()]


def test_down_ends_the_session_with_a_hand_off_for_every_lane(shop: Project) -> None:
    report = down(shop.world, force=False, by="person")
    assert [path.name.split("-", 1)[1] for path in report.handoffs] == ["coord.md", "web.md", "ops-top.md"]
    assert not shop.substrate.session_exists()
    assert shop.world.lanes.records() == {}
    assert shop.events.last("session.down") is not None


def test_down_of_what_does_not_run_writes_nothing(project: Path, socket: str) -> None:
    shop = project_at(project, config=PLAIN)
    assert down(shop.world, force=False, by="person").handoffs == ()
    assert not shop.layout.events.exists()


def test_down_keeps_what_a_person_opened_in_the_session(shop: Project, socket: str) -> None:
    tmux(socket, "new-window", "-d", "-t", "=shop:", "sleep 1000")
    report = down(shop.world, force=False, by="person")
    assert report.kept == 1
    assert [pane.lane for pane in shop.substrate.panes()] == [""]
