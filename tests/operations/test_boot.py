"""Booting lanes in a real tmux: adopted, added, recorded."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from loop_orchestrator.config.schema import LaneConfig
from loop_orchestrator.errors import UsageError
from loop_orchestrator.model.lane import Detail, Lane, LaneKind, LaneRun
from loop_orchestrator.operations.boot import BootReport, Surroundings, boot, start_lane
from loop_orchestrator.operations.bootcheck import await_boot, await_lane, is_up, what_it_shows
from loop_orchestrator.operations.ending import down
from loop_orchestrator.operations.plan import Plan, plan_lanes
from loop_orchestrator.wiring import Project
from loop_orchestrator.world import World
from tests.support.builders import NOW, a_lane
from tests.support.projects import PLAIN, project_at, tmux
from tests.support.waiting import eventually


def plan_of(world: World) -> Plan:
    return plan_lanes(world.config, world.root, world.harnesses, preset="", found=())


def boot_project(project: Project) -> BootReport:
    return boot(project.world, plan_of(project.world), project.surroundings)


@pytest.fixture
def shop(project: Path, socket: str) -> Project:
    return project_at(project, config=PLAIN)


def names(report: BootReport) -> tuple[list[str], list[str]]:
    added = [record.spec.name for record in report.added]
    return added, [record.spec.name for record in report.adopted]


def test_every_lane_is_on_record_with_its_pane(shop: Project) -> None:
    report = boot_project(shop)
    records = shop.world.lanes.records()
    panes = {pane.pane: pane for pane in shop.substrate.panes()}
    assert list(records) == ["coord", "web", "ops-top"]
    for record in records.values():
        assert panes[record.pane].lane == record.spec.name
        assert panes[record.pane].pid == record.pane_pid
    assert names(report) == (["coord", "web", "ops-top"], [])
    assert [event.kind for event in shop.events.tail(9)].count("lane.added") == 3


def test_booting_twice_starts_nothing_again(shop: Project) -> None:
    boot_project(shop)
    before = shop.substrate.panes()
    assert names(boot_project(shop)) == ([], ["coord", "web", "ops-top"])
    assert [pane.pid for pane in shop.substrate.panes()] == [pane.pid for pane in before]


def test_a_lane_whose_pane_is_gone_is_started_again(shop: Project) -> None:
    boot_project(shop)
    shop.substrate.end_pane(shop.world.lanes.records()["web"].pane)
    assert names(boot_project(shop)) == (["web"], ["coord", "ops-top"])


def test_a_pane_that_was_started_and_never_recorded_is_adopted(shop: Project) -> None:
    boot_project(shop)
    pane = shop.world.lanes.records()["web"].pane
    shop.world.lanes.remove("web")
    assert names(boot_project(shop)) == ([], ["coord", "web", "ops-top"])
    assert shop.world.lanes.records()["web"].pane == pane


def test_a_pane_that_only_says_it_is_a_lane_is_not_taken_for_it(shop: Project, socket: str) -> None:
    boot_project(shop)
    record = shop.world.lanes.records()["web"]
    shop.world.lanes.remove("web")
    (shop.layout.lane_runs / "web.launch.json").unlink()
    with pytest.raises(UsageError, match=f"pane {record.pane} says that it is lane web"):
        boot_project(shop)


def test_a_session_of_somebody_else_is_left_alone(shop: Project, socket: str) -> None:
    tmux(socket, "new-session", "-d", "-s", "shop", "sleep 1000")
    with pytest.raises(UsageError, match="holds no lane of this project"):
        boot_project(shop)
    assert shop.world.lanes.records() == {}
    assert len(shop.substrate.panes()) == 1


def test_an_adopted_lane_that_runs_something_else_now_is_named(shop: Project, project: Path) -> None:
    boot_project(shop)
    changed = project_at(project, config=PLAIN.replace("sleep 1000", "sleep 2000"))
    report = boot_project(changed)
    assert report.added == ()
    assert "lane coord goes on running sleep 1000" in report.notes[0]


def test_a_lane_gets_its_name_and_its_place_in_the_environment(shop: Project, project: Path) -> None:
    out = project / "env.txt"
    config = LaneConfig(name="probe", cmd=f"env > {out}.part; mv {out}.part {out}; sleep 1000", kind=LaneKind.WORKER)
    start_lane(shop.world, config.to_spec(project), shop.surroundings)
    eventually(out.exists)
    env = dict(line.partition("=")[::2] for line in out.read_text().splitlines())
    assert env["LOOP_LANE"] == "probe"
    assert env["LOOP_SESSION"] == "shop"
    assert env["LOOP_PROJECT_ROOT"] == str(project)
    assert env["LOOP_MAILBOX"] == str(project / ".loop/messages")
    assert env["LOOP_TMUX_SOCKET"] == os.environ["LOOP_TMUX_SOCKET"]
    assert env["LOOP_BIN"] == str(Path(sys.executable).with_name("loop"))


def test_a_name_is_taken_once(shop: Project) -> None:
    boot_project(shop)
    spec = replace(shop.world.lanes.records()["web"].spec, kind=LaneKind.WORKER)
    with pytest.raises(UsageError, match="has a lane web already"):
        start_lane(shop.world, spec, shop.surroundings)


def test_a_pane_that_was_started_and_never_recorded_is_taken_over_by_the_lane_it_was_started_for(shop: Project) -> None:
    boot_project(shop)
    spec = LaneConfig(name="more", cmd="sleep 1000", kind=LaneKind.WORKER).to_spec(shop.root)
    first = start_lane(shop.world, spec, shop.surroundings)
    shop.world.lanes.remove("more")
    again = start_lane(shop.world, spec, shop.surroundings)
    assert (again.pane, again.pane_pid, again.argv) == (first.pane, first.pane_pid, first.argv)
    assert shop.world.lanes.records()["more"].pane == first.pane
    assert len(shop.substrate.panes()) == 4

    shop.world.lanes.remove("more")
    other = LaneConfig(name="more", cmd="sleep 2000", kind=LaneKind.WORKER).to_spec(shop.root)
    with pytest.raises(UsageError, match="lane more, and runs something else: sh -c sleep 1000") as refused:
        start_lane(shop.world, other, shop.surroundings)
    assert first.pane in refused.value.hint
    assert "more" not in shop.world.lanes.records()


def test_an_unknown_harness_is_named_before_anything_starts(shop: Project, project: Path) -> None:
    spec = LaneConfig(name="x", harness="nothing").to_spec(project)
    with pytest.raises(UsageError, match="there is no harness nothing; there are"):
        start_lane(shop.world, spec, shop.surroundings)
    assert not shop.substrate.session_exists()


def test_booting_keeps_git_away_from_the_private_files(project: Path, socket: str) -> None:
    boot_project(project_at(project, config=PLAIN))
    assert (project / ".loop/.gitignore").read_text() == "*\n"


def test_the_boot_check_waits_for_evidence(shop: Project) -> None:
    boot_project(shop)
    lanes = await_boot(shop.world, limit_s=20)
    assert {lane.name: is_up(lane) for lane in lanes} == {"coord": True, "web": True, "ops-top": True}


def test_the_boot_check_says_what_a_lane_shows_that_did_not_come_up(shop: Project, project: Path) -> None:
    spec = LaneConfig(name="broken", cmd="echo no luck today; exit 3").to_spec(project)
    start_lane(shop.world, spec, shop.surroundings)
    lane = await_lane(shop.world, "broken", limit_s=20)
    assert not is_up(lane)
    first, *rows = what_it_shows(lane)
    assert first.startswith("lane broken is not ready: errored (exited): ended with status 3")
    assert any("no luck today" in row for row in rows)


def test_what_counts_as_up() -> None:
    lane = a_lane(detail=Detail.BUSY, agent=False)
    spec = replace(lane.record.spec, harness="", cmd="tail -F x")
    lane = replace(lane, record=replace(lane.record, spec=spec))

    def started_before(seconds: float) -> Lane:
        at = NOW - timedelta(seconds=seconds)
        return replace(lane, run=LaneRun(pid=1, started_at=at, ended_at=None, exit_status=None, suspended=False))

    assert not is_up(started_before(0.5))
    assert is_up(started_before(1.5))
    assert is_up(a_lane(detail=Detail.READY))
    assert is_up(a_lane(detail=Detail.BUSY)), "an adopted agent may be at work"
    assert not is_up(a_lane(detail=Detail.TOOL, agent=False)), "a shell still runs its profile"


def test_lanes_start_with_what_their_surroundings_say(shop: Project) -> None:
    assert isinstance(shop.surroundings, Surroundings)
    assert "LOOP_LANE" not in shop.surroundings.env


def test_after_the_tmux_server_was_killed_every_lane_is_started_again(shop: Project, socket: str) -> None:
    boot_project(shop)
    before = [record.pane_pid for record in shop.world.lanes.records().values()]
    tmux(socket, "kill-server")
    eventually(lambda: not shop.substrate.session_exists())
    assert names(boot_project(shop)) == (["coord", "web", "ops-top"], [])
    records = shop.world.lanes.records()
    assert not set(before) & {record.pane_pid for record in records.values()}
    assert len(shop.substrate.panes()) == 3


def test_after_the_record_of_the_lanes_was_removed_every_lane_is_adopted(shop: Project) -> None:
    boot_project(shop)
    before = shop.world.lanes.records()
    shop.layout.lanes_file.unlink()
    assert names(boot_project(shop)) == ([], ["coord", "web", "ops-top"])
    assert {name: record.pane for name, record in shop.world.lanes.records().items()} == {
        name: record.pane for name, record in before.items()
    }


def test_a_lane_that_the_config_has_gained_starts_beside_the_others(shop: Project, project: Path, socket: str) -> None:
    for session in ("sho", "shopping"):
        tmux(socket, "new-session", "-d", "-s", session, "-n", "web", "sleep 1000")
    boot_project(shop)
    more = project_at(project, config=PLAIN.replace("  ops-top", "  web2: {harness: shell}\n  ops-top"))
    assert names(boot_project(more)) == (["web2"], ["coord", "web", "ops-top"])
    assert {pane.session for pane in more.substrate.panes()} == {"shop"}
    for session in ("sho", "shopping"):
        assert len(tmux(socket, "list-panes", "-s", "-t", f"={session}:").text.splitlines()) == 1


def test_a_session_that_lost_all_its_lanes_is_still_this_projects(shop: Project, socket: str) -> None:
    boot_project(shop)
    tmux(socket, "new-window", "-d", "-t", "=shop:", "sleep 1000")
    for record in shop.world.lanes.records().values():
        shop.substrate.end_pane(record.pane)
    assert names(boot_project(shop)) == (["coord", "web", "ops-top"], [])


def test_a_session_of_another_project_is_left_alone_also_where_no_lane_has_the_same_name(
    shop: Project, tmp_path: Path
) -> None:
    boot_project(shop)
    (tmp_path / "other").mkdir()
    other = project_at(tmp_path / "other", config="lanes: {extra: {harness: shell}}\n")
    with pytest.raises(UsageError, match="is of the project"):
        boot_project(other)
    with pytest.raises(UsageError, match="is of the project"):
        down(other.world, force=True, by="person")
    assert len(shop.substrate.panes()) == 3


def test_a_slow_profile_is_not_taken_for_a_command_that_runs(shop: Project, project: Path) -> None:
    Path(os.environ["HOME"], ".profile").write_text("sleep 1.2\n")
    spec = LaneConfig(name="broken", cmd="exit 3").to_spec(project)
    start_lane(shop.world, spec, shop.surroundings)
    lane = await_lane(shop.world, "broken", limit_s=20)
    assert not is_up(lane)
    assert lane.state.detail is Detail.EXITED
