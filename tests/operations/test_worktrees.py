"""How a lane comes to its worktree, what stops it, and what keeps the worktree from being removed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from loop_orchestrator.actions.base import ActionKind, Hands
from loop_orchestrator.actions.registry import ActionCodec
from loop_orchestrator.config.schema import LaneConfig
from loop_orchestrator.errors import ExitCode, LoopError, StoreError
from loop_orchestrator.model.lane import LaneKind, LaneSpec
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.operations.boot import boot, start_lane
from loop_orchestrator.operations.digest import digest, digest_document
from loop_orchestrator.operations.plan import plan_lanes
from loop_orchestrator.operations.worktrees import (
    located,
    make_worktree,
    plan_worktree,
    remove_if_empty,
    why_kept,
)
from loop_orchestrator.wiring import Project
from tests.support.projects import PLAIN, project_at
from tests.support.repositories import a_repository, commit_all, git, make_dirty


@pytest.fixture
def shop(project: Path, socket: str) -> Project:
    """A repository with a config in which nothing is booted; a tmux server is its own, if a test starts one."""
    shop = project_at(project, config=PLAIN)
    (project / ".gitignore").write_text(".loop/\n*.log\n__pycache__/\n")
    a_repository(project)
    return shop


def a_spec(root: Path, *, repo: str = "") -> LaneSpec:
    return LaneConfig(name="api", harness="shell", repo=repo, worktree=True, kind=LaneKind.WORKER).to_spec(root)


def provide(shop: Project, *, repo: str = "") -> LaneSpec:
    return make_worktree(shop, plan_worktree(shop, located(shop.layout, a_spec(shop.root, repo=repo))))


def test_a_lane_gets_a_directory_and_a_branch_of_its_own(shop: Project, project: Path) -> None:
    shop.state.set_loop("api", {"status": "plan", "color": "red"}, by="person")
    spec = provide(shop)
    assert spec.cwd == project / ".loop/worktrees/shop/api"
    assert git(spec.cwd, "symbolic-ref", "--short", "HEAD") == "loop/shop/api"
    (loop,) = shop.state.read().loops
    assert (loop.branch, loop.status, loop.extra["color"]) == ("loop/shop/api", "plan", "red")
    assert git(project, "status", "--porcelain") == "", "git sees nothing of it"
    last = shop.events.last("worktree.made")
    assert last is not None and last.payload["branch"] == "loop/shop/api"


def test_what_is_there_from_before_is_taken_again_with_the_work_in_it(shop: Project) -> None:
    spec = provide(shop)
    (spec.cwd / "draft").write_text("x")
    assert provide(shop) == spec and (spec.cwd / "draft").exists()
    git(spec.cwd, "switch", "--quiet", "--create", "feature")
    plan = plan_worktree(shop, spec)
    assert plan.there and plan.note == "lane api: its worktree is on feature, not on loop/shop/api; it stays so"
    shutil.rmtree(spec.cwd)
    assert provide(shop) == spec, "its directory was removed by hand, its branch was not"
    assert git(spec.cwd, "symbolic-ref", "--short", "HEAD") == "loop/shop/api"


def test_a_lane_of_a_folder_starts_in_that_folder_of_its_worktree(shop: Project, project: Path) -> None:
    (project / "app").mkdir()
    (project / "app" / "main").touch()
    commit_all(project)
    assert provide(shop, repo="app").cwd == project / ".loop/worktrees/shop/api/app"
    (project / "fresh").mkdir()
    assert provide(shop, repo="fresh").cwd == project / ".loop/worktrees/shop/api", "no commit has that folder"


def test_a_worktree_of_another_repository(shop: Project, tmp_path: Path) -> None:
    other = a_repository(tmp_path / "other")
    spec = provide(shop, repo="../other")
    assert git(spec.cwd, "rev-parse", "HEAD") == git(other, "rev-parse", "HEAD")
    assert git(shop.root, "branch", "--list", "loop/*") == ""


def no_repository(root: Path) -> None:
    shutil.rmtree(root / ".git")


def no_commit(root: Path) -> None:
    no_repository(root)
    git(root, "init", "--quiet")


def in_the_way(root: Path) -> None:
    (root / ".loop/worktrees/shop/api").mkdir(parents=True)
    (root / ".loop/worktrees/shop/api/mine").touch()


def another_repository_in_the_way(root: Path) -> None:
    a_repository(root / ".loop/worktrees/shop/api")


def elsewhere(root: Path) -> None:
    git(root, "worktree", "add", "--quiet", "-b", "loop/shop/api", str(root.parent / "there"))


def a_branch_in_the_way(root: Path) -> None:
    git(root, "branch", "loop")


def locked(root: Path) -> None:
    place = root / ".loop/worktrees/shop/api"
    git(root, "worktree", "add", "--quiet", "-b", "loop/shop/api", str(place))
    git(root, "worktree", "lock", str(place))
    shutil.rmtree(place)


@pytest.mark.parametrize(
    ("state", "code", "says", "hint"),
    [
        (no_repository, ExitCode.USAGE, "is no git repository", "git -C .* init; or leave the worktree out"),
        (no_commit, ExitCode.FAILED, "has no commit yet", "commit --allow-empty"),
        (in_the_way, ExitCode.FAILED, "is there and is no worktree of that repository", "mv "),
        (another_repository_in_the_way, ExitCode.FAILED, "is there and is no worktree", "mv "),
        (elsewhere, ExitCode.FAILED, r"branch loop/shop/api is checked out in \S*/there", "switch --detach"),
        (a_branch_in_the_way, ExitCode.FAILED, "a branch loop stands in its way", "branch -m loop"),
        (locked, ExitCode.FAILED, "git has it locked", "worktree unlock"),
    ],
)
def test_what_stops_it_is_said_with_the_next_step_and_nothing_is_touched(
    shop: Project, state: Callable[[Path], None], code: ExitCode, says: str, hint: str
) -> None:
    state(shop.root)
    before = sorted(path for path in shop.root.rglob("*") if ".git/" not in str(path))
    with pytest.raises(LoopError, match=says) as refused:
        provide(shop)
    assert refused.value.exit_code == code
    assert re.search(hint, refused.value.hint)
    assert sorted(path for path in shop.root.rglob("*") if ".git/" not in str(path)) == before


def test_a_state_file_that_cannot_be_changed_stops_it_before_anything_is_made(shop: Project) -> None:
    shop.layout.state_file.write_text("{")
    with pytest.raises(StoreError, match=r"orchestrator-state\.json:1:"):
        provide(shop)
    assert not shop.layout.worktrees.exists()


def test_one_lane_that_cannot_have_its_worktree_keeps_the_others_from_being_made(shop: Project, project: Path) -> None:
    in_the_way(project)
    config = "lanes:\n" + "".join(f"  {name}: {{harness: shell, worktree: true}}\n" for name in ("web", "api"))
    shop = project_at(project, config=config)
    with pytest.raises(LoopError, match="lane api cannot have its worktree"):
        boot(shop.world, plan_lanes(shop.config, project, shop.harnesses, preset="", found=()), shop.surroundings)
    assert not (project / ".loop/worktrees/shop/web").exists()
    assert not shop.substrate.session_exists()


def test_the_record_of_a_lane_keeps_that_it_is_a_worktree(shop: Project, project: Path) -> None:
    record = start_lane(shop.world, a_spec(project), shop.surroundings)
    assert shop.lanes.records()["api"].spec == record.spec
    assert (record.spec.worktree_of, record.spec.cwd) == (project, project / ".loop/worktrees/shop/api")


def detach(top: Path) -> None:
    git(top, "checkout", "--quiet", "--detach")


def rebase(top: Path) -> None:
    (Path(git(top, "rev-parse", "--absolute-git-dir")) / "rebase-merge").mkdir()


def hold_index(top: Path) -> None:
    (Path(git(top, "rev-parse", "--absolute-git-dir")) / "index.lock").touch()


def inner_repository(top: Path) -> None:
    a_repository(top / "inner")


def ignored_file(top: Path) -> None:
    (top / "run.log").touch()


def no_git_file(top: Path) -> None:
    (top / ".git").unlink()


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (make_dirty, "uncommitted changes"),
        (detach, "commits on no branch (its head is detached)"),
        (rebase, "a rebase under way"),
        (hold_index, "another git command under way"),
        (inner_repository, "repositories of its own: inner/"),
        (ignored_file, "ignored files that are no cache: run.log"),
        (no_git_file, "git no longer takes it for a worktree"),
    ],
)
def test_a_worktree_that_holds_something_is_kept(shop: Project, state: Callable[[Path], None], reason: str) -> None:
    spec = provide(shop)
    state(spec.cwd)
    assert remove_if_empty(shop, spec) == reason
    assert spec.cwd.is_dir()


def test_a_worktree_that_holds_nothing_but_commits_and_caches_goes_and_its_branch_stays(shop: Project) -> None:
    spec = provide(shop)
    (spec.cwd / "__pycache__").mkdir()
    (spec.cwd / "__pycache__" / "x.pyc").touch()
    (spec.cwd / "work").touch()
    commit_all(spec.cwd)
    tip = git(spec.cwd, "rev-parse", "HEAD")
    assert remove_if_empty(shop, spec) == ""
    assert not spec.cwd.exists()
    assert git(shop.root, "rev-parse", "loop/shop/api") == tip
    assert shop.state.read().loops[0].branch == "loop/shop/api"
    assert remove_if_empty(shop, spec) == "", "once more is fine"


def test_a_submodule_keeps_a_worktree(shop: Project, tmp_path: Path) -> None:
    spec, part = provide(shop), a_repository(tmp_path / "part")
    git(spec.cwd, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(part), "part")
    commit_all(spec.cwd)
    assert why_kept(spec.cwd) == "repositories of its own: part"


def test_the_digest_counts_what_lanes_committed_even_when_their_worktree_is_gone(shop: Project) -> None:
    spec = provide(shop)
    (spec.cwd / "work").touch()
    commit_all(spec.cwd)
    place = {"repo": "api", "path": str(spec.cwd), "branch": "loop/shop/api", "upstream": "main", "count": 1}
    unpushed = digest_document(digest(shop))["unpushed"]
    assert isinstance(unpushed, list) and place in unpushed
    assert remove_if_empty(shop, spec) == ""
    root = shop.root
    unpushed = digest_document(digest(shop))["unpushed"]
    assert isinstance(unpushed, list) and {**place, "repo": root.name, "path": str(root)} in unpushed
    git(root, "merge", "--quiet", "loop/shop/api")
    unpushed = digest_document(digest(shop))["unpushed"]
    assert isinstance(unpushed, list) and len(unpushed) == 1, "what is merged is no work left to do"


def test_a_lane_that_runs_without_its_worktree_is_said_at_the_next_boot(shop: Project, project: Path) -> None:
    for worktree in ("false", "true"):
        booted = project_at(project, config=f"lanes: {{api: {{harness: shell, worktree: {worktree}}}}}\n")
        plan = plan_lanes(booted.config, project, booted.harnesses, preset="", found=())
        report = boot(booted.world, plan, booted.surroundings)
    assert report.added == ()
    assert report.notes[0].startswith(f"lane api goes on working in {project}; for a worktree of its own: ")


def test_the_engine_can_give_a_new_lane_a_worktree(shop: Project) -> None:
    config = "lanes: {coord: {cmd: sleep 1000}}\nengine: {approval: manual}\n"
    world = project_at(shop.root, config=config).world
    fields: dict[str, JsonValue] = {"window": "api", "brief": "true", "harness": "shell", "worktree": True}
    action = ActionCodec().from_fields("add_lane", {**fields, "rationale": "x"})
    assert isinstance(action, ActionKind)
    action.perform(Hands(world=world, decision="d-1", idx=0))
    assert world.lanes.records()["api"].spec.cwd == shop.root / ".loop/worktrees/shop/api"
