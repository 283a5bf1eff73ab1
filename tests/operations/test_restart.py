"""Starting the program of a lane again in its own pane, in a real tmux."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from loop_orchestrator.config.schema import LaneConfig
from loop_orchestrator.errors import ChangedElsewhereError, LockedError, LoopError, SubstrateError, UsageError
from loop_orchestrator.model.lane import LaneRecord, LaneRun
from loop_orchestrator.model.restart import RestartEvent, RestartNote
from loop_orchestrator.operations.boot import boot, launch_file, start_lane
from loop_orchestrator.operations.observe import observe_lane
from loop_orchestrator.operations.plan import plan_lanes
from loop_orchestrator.operations.restart import HeldError, restart_by_person, restart_ended, settle_restart
from loop_orchestrator.wiring import Project
from tests.support.projects import project_at, tmux
from tests.support.waiting import eventually

SLEEPER = "name: sleeper\ntitle: Sleeper\nkind: agent\nlaunch: [sleep, '1000']\nforeground: [sleep]\n"
"""An agent that is up at once and never shows anything."""

STUBBORN = """\
name: stubborn
title: Stubborn
kind: agent
launch: [sh, -c, "trap '' HUP; exec sleep 1000"]
foreground: [sleep]
"""
"""It outlives its terminal."""

CONFIG = "lanes:\n  web: {harness: sleeper}\n  coord: {cmd: exec sleep 1000}\n"


@pytest.fixture
def shop(project: Path, socket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setenv("SHELL", "/bin/sh")
    (project / ".loop" / "harnesses").mkdir()
    for name, text in (("sleeper", SLEEPER), ("stubborn", STUBBORN)):
        (project / ".loop" / "harnesses" / f"{name}.yaml").write_text(text)
    shop = project_at(project, config=CONFIG)
    boot(shop.world, plan_lanes(shop.config, project, shop.harnesses, preset="", found=()), shop.surroundings)
    for name in ("web", "coord"):
        running(shop, name)
    yield shop


def running(shop: Project, name: str, *, other_than: int = 0) -> LaneRun:
    """The run of the lane's program, once that program has begun: it comes after the user's login shell."""

    def look() -> LaneRun | None:
        run = shop.lanes.run(name)
        if run is None or run.ended_at is not None or run.pid == other_than:
            return None
        return run if Path(f"/proc/{run.pid}/comm").read_text().strip() == "sleep" else None

    found = eventually(look)
    assert found is not None
    return found


def killed(shop: Project, name: str = "web") -> LaneRecord:
    """The record of a lane whose program was killed, once its shell is there."""
    os.killpg(running(shop, name).pid, signal.SIGKILL)
    record = shop.lanes.records()[name]

    def at_prompt() -> bool:
        run = shop.lanes.run(name)
        before = shop.substrate.before_cursor(record.pane)
        return run is not None and run.ended_at is not None and before.endswith(("$", "#"))

    eventually(at_prompt)
    return record


def restarted(shop: Project, record: LaneRecord, *, attempt: int = 1) -> LaneRecord:
    return restart_ended(shop.world, "web", booted_at=record.booted_at, attempt=attempt, reason="it ended", by="watch")


def notes(shop: Project, name: str = "web") -> list[RestartEvent]:
    return [note.event for note in shop.restarts.of_lane(name)]


def programs(shop: Project) -> int:
    """How many programs of the lane run."""
    found = 0
    for entry in Path("/proc").iterdir():
        try:
            environ = (entry / "environ").read_bytes()
            ours = b"LOOP_LANE=web" in environ and f"LOOP_PROJECT_ROOT={shop.root}\0".encode() in environ
            found += ours and (entry / "comm").read_text().strip() == "sleep"
        except OSError:
            continue
    return found


def test_the_program_runs_again_in_the_same_pane_and_the_record_says_so(shop: Project) -> None:
    before = killed(shop)
    after = restarted(shop, before)
    assert (after.pane, after.spec) == (before.pane, before.spec)
    assert after.pane_pid != before.pane_pid
    running(shop, "web")
    assert shop.lanes.records()["web"] == after
    assert list(shop.lanes.records()) == ["web", "coord"]
    (pane,) = [pane for pane in shop.substrate.panes() if pane.pane == after.pane]
    assert (pane.pid, pane.lane, pane.tty) == (after.pane_pid, "web", after.pane_tty)
    begun, done = shop.restarts.of_lane("web")
    assert (begun.event, begun.exit_status, begun.into) == (RestartEvent.RESTARTING, -9, after.booted_at)
    assert (done.event, done.attempt, done.booted_at) == (RestartEvent.RESTARTED, 1, after.booted_at)
    assert [event.kind for event in shop.events.tail(2)] == ["lane.restarting", "lane.restarted"]
    assert "sleep was ended by SIGKILL" in next(shop.layout.handoffs.glob("*-web.md")).read_text()


def test_a_pane_that_is_gone_is_made_anew(shop: Project) -> None:
    before = shop.lanes.records()["web"]
    pid = running(shop, "web").pid
    shop.substrate.end_pane(before.pane)
    eventually(lambda: not Path(f"/proc/{before.pane_pid}").exists())
    after = restarted(shop, before)
    assert after.pane != before.pane
    assert running(shop, "web", other_than=pid)
    assert programs(shop) == 1


def test_of_many_who_restart_a_lane_at_once_one_does(shop: Project, project: Path) -> None:
    before = killed(shop)

    def one(_: int) -> bool:
        try:
            restarted(project_at(project), before)
        except (LockedError, ChangedElsewhereError):
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(one, range(6)))
    assert sum(done) == 1
    assert notes(shop) == [RestartEvent.RESTARTING, RestartEvent.RESTARTED]
    running(shop, "web")
    assert programs(shop) == 1


def test_a_lane_that_runs_or_is_another_one_by_now_is_not_restarted(shop: Project) -> None:
    record = shop.lanes.records()["web"]
    with pytest.raises(ChangedElsewhereError):
        restarted(shop, record)
    killed(shop)
    with pytest.raises(ChangedElsewhereError):
        restart_ended(shop.world, "web", booted_at=shop.clock.now(), attempt=1, reason="it ended", by="watch")
    assert notes(shop) == []


def test_a_delivery_that_is_under_way_is_not_disturbed(shop: Project) -> None:
    record = killed(shop)
    with shop.deliveries.lease("web"), pytest.raises(LockedError):
        restarted(shop, record)
    assert notes(shop) == []


def test_a_person_in_the_shell_of_an_ended_lane_is_not_disturbed(shop: Project, socket: str) -> None:
    record = killed(shop)
    tmux(socket, "send-keys", "-t", record.pane, "-l", "echo half a comm")
    eventually(lambda: "half a comm" in shop.substrate.before_cursor(record.pane))
    with pytest.raises(HeldError, match="text stands at the prompt"):
        restarted(shop, record)
    with pytest.raises(HeldError, match="lane web was not restarted: text stands") as refused:
        restart_by_person(shop.world, "web", force=False, by="person")
    assert refused.value.hint == "loop lane restart web --force"
    tmux(socket, "send-keys", "-t", record.pane, "C-u")
    tmux(socket, "send-keys", "-t", record.pane, "sleep 900", "Enter")
    eventually(lambda: shop.substrate.read([record.pane])[0].facts.command == "sleep")
    with pytest.raises(HeldError, match="sleep runs in its shell"):
        restarted(shop, record)
    assert notes(shop) == []
    restart_by_person(shop.world, "web", force=True, by="person")
    assert notes(shop) == [RestartEvent.RESTARTING, RestartEvent.RESTARTED]


def test_a_lane_whose_program_outlived_its_pane_is_left_alone(shop: Project, project: Path) -> None:
    record = start_lane(shop.world, LaneConfig(name="docs", harness="stubborn").to_spec(project), shop.surroundings)
    run = running(shop, "docs")
    os.kill(record.pane_pid, signal.SIGKILL)
    eventually(lambda: record.pane not in [pane.pane for pane in shop.substrate.panes()])
    record = shop.lanes.records()["docs"]
    try:
        with pytest.raises(HeldError, match=f"its program \\(pid {run.pid}\\) still runs"):
            restart_ended(shop.world, "docs", booted_at=record.booted_at, attempt=1, reason="it ended", by="watch")
    finally:
        os.kill(run.pid, signal.SIGKILL)
    assert notes(shop, "docs") == []


def test_a_lane_at_work_is_restarted_by_a_person_only_by_force_and_never_runs_twice(shop: Project) -> None:
    with pytest.raises(HeldError, match="lane coord was not restarted: it is working"):
        restart_by_person(shop.world, "coord", force=False, by="person")
    was = running(shop, "coord")
    after = restart_by_person(shop.world, "coord", force=True, by="person")
    assert not Path(f"/proc/{was.pid}").exists()
    now = running(shop, "coord", other_than=was.pid)
    assert now.started_at > was.started_at
    assert shop.lanes.records()["coord"] == after
    last = shop.restarts.latest()["coord"]
    assert (last.attempt, last.reason) == (0, "person asked for it")


def test_what_cannot_be_restarted_says_what_to_do(shop: Project) -> None:
    with pytest.raises(UsageError, match="no lane wbe; did you mean web"):
        restart_by_person(shop.world, "wbe", force=True, by="person")
    launch_file(shop.world, "web").write_text("{")
    with pytest.raises(LoopError, match="does not say how it was started") as broken:
        restart_by_person(shop.world, "web", force=True, by="person")
    assert broken.value.hint == "loop lane drop web --force && loop up"
    tmux(os.environ["LOOP_TMUX_SOCKET"], "kill-server")
    with pytest.raises(SubstrateError, match="session shop does not run") as gone:
        restart_by_person(shop.world, "coord", force=True, by="person")
    assert gone.value.hint == "loop up"


def begun(shop: Project, record: LaneRecord) -> RestartNote:
    note = RestartNote(
        event=RestartEvent.RESTARTING,
        lane="web",
        at=shop.clock.now(),
        attempt=2,
        reason="it ended",
        exit_status=-9,
        next_at=None,
        booted_at=record.booted_at,
        into=record.booted_at.replace(year=record.booted_at.year + 1),
    )
    shop.restarts.append(note)
    return note


def test_a_restart_cut_off_before_it_touched_the_pane_does_not_count(shop: Project) -> None:
    record = killed(shop)
    begun(shop, record)
    shop.lanes.run_path("web").unlink()
    settle_restart(shop.world, "web", by="watch")
    last = shop.restarts.latest()["web"]
    assert (last.event, last.attempt, last.exit_status) == (RestartEvent.FAILED, 1, -9)
    restarted(shop, record, attempt=2)
    running(shop, "web")
    assert programs(shop) == 1


def test_a_restart_cut_off_before_it_was_recorded_is_taken_over(shop: Project) -> None:
    before = killed(shop)
    after = restarted(shop, before)
    note = begun(shop, before)
    shop.lanes.put(before)
    settle_restart(shop.world, "web", by="watch")
    assert note.into is not None
    assert shop.lanes.records()["web"] == replace(after, booted_at=note.into)
    assert notes(shop)[-1] is RestartEvent.RESTARTED
    assert observe_lane(shop.world, "web").state.detail.value not in ("conflicting", "exited")


def test_a_restart_cut_off_after_it_was_recorded_is_closed(shop: Project) -> None:
    record = shop.lanes.records()["web"]
    note = begun(shop, record)
    assert note.into is not None
    shop.lanes.put(replace(record, booted_at=note.into))
    settle_restart(shop.world, "web", by="watch")
    settle_restart(shop.world, "web", by="watch")
    assert notes(shop) == [RestartEvent.RESTARTING, RestartEvent.RESTARTED]
    assert shop.restarts.latest()["web"].booted_at == note.into
