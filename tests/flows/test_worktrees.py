"""Uncommitted work of a worktree lane survives whatever ends the lane, and comes back byte for byte."""

from __future__ import annotations

import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.flows.conftest import Boot
from tests.flows.test_kill import ENDING
from tests.support.repositories import a_repository, contents, git, make_dirty
from tests.support.scratch import SESSION, Scratch, write_task
from tests.support.waiting import eventually

LANES = "{api: {harness: actor, role: implementation, worktree: true}}"


@pytest.fixture
def scratch(boot: Boot, tmp_path: Path) -> Scratch:
    """A session with one worktree lane, in whose worktree work of every kind is uncommitted."""
    root = tmp_path / "project"
    root.mkdir()
    (root / ".gitignore").write_text("/.loop/\n/.person-*\n/script.yaml\n/lane-config.yaml\n")
    a_repository(root)
    scratch = boot(lanes=LANES, engine="approval: full")
    make_dirty(worktree(scratch))
    return scratch


def worktree(scratch: Scratch) -> Path:
    return scratch.root / ".loop" / "worktrees" / SESSION / "api"


def listed(scratch: Scratch, *words: str, key: str) -> list[dict[str, object]]:
    values = scratch.json(*words)[key]
    assert isinstance(values, list)
    return values


def brought_back(scratch: Scratch, files: dict[str, tuple[str, bytes]], status: str) -> None:
    """With the worktree gone, the one snapshot brings all of it back."""
    (snapshot,) = listed(scratch, "undo", key="snapshots")
    assert snapshot["lane"] == "api"
    shutil.rmtree(worktree(scratch))
    scratch.ok("undo", "restore", str(snapshot["name"]))
    assert contents(worktree(scratch)) == files
    assert git(worktree(scratch), "status", "--porcelain") == status


@pytest.mark.parametrize("how", [("lane", "drop", "api", "--force"), ("down",)])
def test_work_survives_its_lane(scratch: Scratch, how: tuple[str, ...]) -> None:
    files, status = contents(worktree(scratch)), git(worktree(scratch), "status", "--porcelain")
    code, said = scratch.person(*how)
    assert code == 0, said
    assert "loop undo restore api/" in said
    assert contents(worktree(scratch)) == files, "ending a lane takes nothing away"
    brought_back(scratch, files, status)


def test_work_survives_a_tmux_server_that_was_killed(scratch: Scratch) -> None:
    files = contents(worktree(scratch))
    scratch.tmux("kill-server")
    code, said = scratch.person("up", "--no-attach", "--boot-check", "30")
    assert code == 0, said
    assert contents(worktree(scratch)) == files
    (lane,) = listed(scratch, "lane", "list", key="lanes")
    assert (lane["cwd"], lane["branch"], lane["worktree"]) == (str(worktree(scratch)), f"loop/{SESSION}/api", True)


def test_a_drop_killed_at_every_step_lost_nothing_and_is_done_by_the_next(scratch: Scratch) -> None:
    files, status = contents(worktree(scratch)), git(worktree(scratch), "status", "--porcelain")
    words = ("lane", "drop", "api", "--force")
    for point in (one for one in ENDING if one != "worktree.made"):
        assert scratch.run(*words, env={"LOOP_CRASH_AT": point}).returncode == -signal.SIGKILL, point
        assert contents(worktree(scratch)) == files
        assert "api" in (scratch.session_dir / "lanes.json").read_text()
    scratch.ok(*words)
    assert listed(scratch, "lane", "list", key="lanes") == []
    assert len(scratch.events("snapshot.made")) == 1, "the same work is saved once"
    brought_back(scratch, files, status)


def test_a_lane_whose_worktree_was_made_by_a_boot_that_was_killed_gets_it(boot: Boot, tmp_path: Path) -> None:
    a_repository(tmp_path / "project")
    scratch = boot(lanes="{web: {harness: actor}}")
    words = ("lane", "add", "api", "--harness", "actor", "--worktree")
    assert scratch.run(*words, env={"LOOP_CRASH_AT": "worktree.made"}).returncode == -signal.SIGKILL
    assert worktree(scratch).is_dir()
    scratch.ok(*words, "--wait-ready")
    assert scratch.json("state", "loop", "api")["loop"]["branch"] == f"loop/{SESSION}/api"  # type: ignore[index]


def test_two_drops_at_once_save_the_work_once(scratch: Scratch) -> None:
    files, status = contents(worktree(scratch)), git(worktree(scratch), "status", "--porcelain")
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: scratch.run("lane", "drop", "api", "--force"), range(2)))
    codes = sorted(one.returncode for one in done)
    assert codes in ([0, 2], [0, 4]), [one.stderr for one in done]  # there is no such lane any more, or it is held
    assert len(scratch.events("lane.dropped")) == len(scratch.events("snapshot.made")) == 1
    brought_back(scratch, files, status)


def test_a_task_reaches_a_lane_that_works_elsewhere(boot: Boot, tmp_path: Path) -> None:
    a_repository(tmp_path / "project")
    scratch = boot(lanes=LANES)
    write_task(scratch.root, "T0001")
    scratch.ok("engine", "once")
    eventually(lambda: scratch.mail("api", "T0001 review") == 1)
    assert f"{scratch.root}/tasks/T0001-thing.md" in scratch.tmux("capture-pane", "-p", "-J", "-t", f"={SESSION}:")
