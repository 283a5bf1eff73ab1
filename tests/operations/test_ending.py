"""Ending lanes and sessions leaves a hand-off and nothing else behind."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from loop_orchestrator.config.schema import LaneConfig
from loop_orchestrator.errors import LoopError, UsageError
from loop_orchestrator.model.lane import Detail, LaneKind
from loop_orchestrator.model.task import Assignment
from loop_orchestrator.operations.boot import boot, start_lane
from loop_orchestrator.operations.ending import down, drop_lane
from loop_orchestrator.operations.plan import plan_lanes
from loop_orchestrator.operations.undo import snapshots
from loop_orchestrator.process import git
from loop_orchestrator.wiring import Project
from tests.support.builders import a_lane
from tests.support.clocks import SteppedClock
from tests.support.projects import PLAIN, project_at, tmux
from tests.support.repositories import a_repository, contents, make_dirty
from tests.support.scratch import write_task
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


@pytest.fixture
def api(shop: Project, project: Path) -> Path:
    """The worktree of a lane ``api`` that runs."""
    a_repository(project)
    spec = LaneConfig(name="api", harness="shell", worktree=True, kind=LaneKind.WORKER).to_spec(project)
    return start_lane(shop.world, spec, shop.surroundings).spec.cwd


def test_a_dropped_worktree_lane_leaves_its_work_in_its_directory_and_under_a_ref(shop: Project, api: Path) -> None:
    make_dirty(api)
    before = contents(api)
    report = drop_lane(shop.world, "api", force=False, by="person")
    assert contents(api) == before
    assert (report.worktree, report.kept) == (api, "uncommitted changes")
    assert report.saved is not None
    (saved,) = snapshots(shop).all
    assert (saved, saved.directory, saved.worktree_of) == (report.saved, api, shop.root)
    text = report.handoff.read_text()
    assert f"- uncommitted work: {saved.ref}\n- bring it back: loop undo restore {saved.name}\n" in text
    assert f"- directory: {api}\n- branch: loop/shop/api\n" in text
    kinds = [event.kind for event in shop.events.tail(2)]
    assert kinds == ["snapshot.made", "lane.dropped"]


def test_a_dropped_worktree_lane_without_work_takes_its_worktree_with_it(shop: Project, api: Path) -> None:
    report = drop_lane(shop.world, "api", force=False, by="person")
    assert (report.saved, report.worktree, report.kept, api.exists()) == (None, api, "", False)
    assert "- uncommitted work: none\n" in report.handoff.read_text()


def test_work_that_cannot_be_saved_keeps_the_lane(shop: Project, api: Path) -> None:
    (api / "work").write_text("x")
    (shop.root / ".git" / "objects").rename(shop.root / ".git" / "away")
    with pytest.raises(LoopError, match="lane api goes on: its uncommitted work could not be saved") as refused:
        drop_lane(shop.world, "api", force=True, by="person")
    assert "--without-snapshot" in refused.value.hint
    with pytest.raises(LoopError, match="goes on"):
        down(shop.world, force=True, by="person")
    assert len(shop.substrate.panes()) == len(shop.lanes.records()) == 4
    report = drop_lane(shop.world, "api", force=False, by="person", snapshot=False)
    assert (report.saved, report.kept) == (None, "no snapshot was wanted")
    assert (api / "work").read_text() == "x"


def test_a_worktree_whose_link_to_its_repository_is_gone_is_not_taken_for_clean(shop: Project, api: Path) -> None:
    (api / "work").write_text("x")
    (api / ".git").unlink()
    with pytest.raises(LoopError, match="is no worktree any more") as refused:
        drop_lane(shop.world, "api", force=False, by="person")
    assert "worktree repair" in refused.value.hint


def test_down_saves_a_shared_directory_once_and_keeps_worktrees(shop: Project, api: Path) -> None:
    (shop.root / "kept.txt").write_text("half done\n")
    (api / "work").write_text("x")
    report = down(shop.world, force=False, by="person")
    assert [one.name.partition("/")[0] for one in report.saved] == ["coord", "api"]
    assert [one.directory for one in report.saved] == [shop.root, api]
    assert (report.worktrees, (api / "work").read_text()) == ((api,), "x")
    assert len(snapshots(shop).all) == 2


def test_a_worktree_in_which_something_still_runs_is_kept(shop: Project, api: Path, clock: SteppedClock) -> None:
    held = "trap '' HUP TERM; echo held; while :; do sleep 1; done"
    spec = LaneConfig(name="held", cmd=held, worktree=True, kind=LaneKind.WORKER).to_spec(shop.root)
    record = start_lane(shop.world, spec, shop.surroundings)
    eventually(lambda: "held" in shop.substrate.read([record.pane])[0].screen.text)
    run = eventually(lambda: shop.lanes.run("held"))
    assert run is not None
    shop.clock = clock
    try:
        report = drop_lane(shop.world, "held", force=False, by="person")
        assert (report.kept, record.spec.cwd.is_dir()) == ("its program has not ended", True)
    finally:
        os.killpg(os.getpgid(run.pid), signal.SIGKILL)


AGENT = """\
lanes:
  coord: {cmd: sleep 1000}
  web: {harness: talker, role: implementation}
engine: {approval: manual}
"""

TALKER = """\
name: talker
title: Talker
kind: agent
launch: [sh, -c, "printf 'left \\\\033[31mhalf\\\\033[0m done\\n> '; sleep 1000"]
"""


@pytest.fixture
def talking(project: Path, socket: str) -> Project:
    """A session with an agent's lane that waits for a prompt."""
    folder = project / ".loop" / "harnesses"
    folder.mkdir(parents=True)
    (folder / "talker.yaml").write_text(TALKER)
    (project / "ops-wiki" / "lanes").mkdir(parents=True)
    shop = project_at(project, config=AGENT)
    boot(shop.world, plan_lanes(shop.config, project, shop.harnesses, preset="", found=()), shop.surroundings)
    record = shop.world.lanes.records()["web"]
    eventually(lambda: "half done" in shop.substrate.read([record.pane])[0].screen.text)
    return shop


def page(shop: Project, lane: str = "web") -> str:
    path = shop.layout.wiki / "lanes" / f"{lane}.md"
    return path.read_text() if path.exists() else ""


def test_the_state_of_an_agents_lane_stands_on_its_page_once(talking: Project) -> None:
    write_task(talking.root, "T0001")
    talking.tasks.assign(Assignment(task="T0001", lane="web", op="d-1-0", at=talking.clock.now()))
    (talking.layout.wiki / "lanes" / "web.md").write_text("# Web\n\nRole: implementation\n")
    report = drop_lane(talking.world, "web", force=True, by="person")
    text = page(talking)
    assert text.startswith("# Web\n\nRole: implementation\n\n## Handoff state\n\n- time: 20")
    assert "- harness: talker\n- task: T0001 (tasks/T0001-thing.md)\n- state: " in text
    file = report.handoff.relative_to(talking.root)
    assert f"- directory: .\n- branch: none\n- hand-off file: {file}\n\nIts last screen, as data:\n\n" in text
    assert "    left half done\n" in text
    (noted,) = [event for event in talking.events.tail(9) if event.kind == "handoff.noted"]
    assert noted.payload == {"lane": "web", "page": "lanes/web.md", "reason": ""}


def test_down_leaves_the_state_of_agents_and_of_nothing_else(talking: Project) -> None:
    down(talking.world, force=True, by="person")
    assert page(talking).startswith("# Lane web\n\n## Handoff state\n")
    assert page(talking, "coord") == ""


def test_a_page_that_cannot_be_written_keeps_no_lane_and_is_said(talking: Project, tmp_path: Path) -> None:
    (talking.layout.wiki / "lanes" / "web.md").symlink_to(tmp_path / "outside.md")
    report = drop_lane(talking.world, "web", force=True, by="person")
    assert "left half done" in report.handoff.read_text()
    assert "web" not in talking.world.lanes.records()
    (noted,) = [event for event in talking.events.tail(9) if event.kind == "handoff.noted"]
    assert "leads out of the wiki" in str(noted.payload["reason"])
    assert not (tmp_path / "outside.md").exists()


def test_without_a_wiki_there_is_no_page_and_nothing_to_say(talking: Project) -> None:
    (talking.layout.wiki / "lanes").rmdir()
    talking.layout.wiki.rmdir()
    drop_lane(talking.world, "web", force=True, by="person")
    assert not talking.layout.wiki.exists()
    assert "handoff.noted" not in [event.kind for event in talking.events.tail(9)]


@pytest.mark.parametrize(
    ("detail", "why"),
    [
        (Detail.TOOL, "it is at work"),
        (Detail.APPROVAL, "it asks a person something"),
        (Detail.DRIFTED, "its state is not known (drifted)"),
    ],
)
def test_the_engine_ends_no_agent_that_may_be_at_work_unless_a_person_said_so(
    talking: Project, monkeypatch: pytest.MonkeyPatch, detail: Detail, why: str
) -> None:
    seen = replace(a_lane("web", detail), record=talking.world.lanes.records()["web"])
    monkeypatch.setattr("loop_orchestrator.operations.ending.observe_lane", lambda *_: seen)
    with pytest.raises(LoopError) as refused:
        talking.world.end_lane("web", even_at_work=False)
    assert why in refused.value.message
    assert "web" in talking.world.lanes.records()
    assert (page(talking), list(talking.layout.handoffs.glob("*"))) == ("", [])
    assert talking.world.end_lane("web", even_at_work=True).exists()


def test_the_engine_ends_an_idle_agent_and_any_lane_without_one(
    talking: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = replace(a_lane("web", Detail.READY), record=talking.world.lanes.records()["web"])
    monkeypatch.setattr("loop_orchestrator.operations.ending.observe_lane", lambda *_: seen)
    talking.world.end_lane("web", even_at_work=False)
    monkeypatch.undo()
    talking.world.end_lane("coord", even_at_work=False)


def test_the_worktree_that_a_lane_left_is_found_and_nothing_else_is(shop: Project, api: Path) -> None:
    assert shop.world.left_worktree("api") == shop.root
    assert shop.world.left_worktree("web") is None
    (shop.layout.worktrees / "plain").mkdir()
    assert shop.world.left_worktree("plain") is None
    (shop.layout.worktrees / "plain" / ".git").write_text("gitdir: /nowhere\n")
    assert shop.world.left_worktree("plain") is None
