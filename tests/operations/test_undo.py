"""Snapshots are found, and bring work back over nothing that would be lost."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from loop_orchestrator.config.schema import LaneConfig
from loop_orchestrator.errors import LoopError, UsageError
from loop_orchestrator.model.lane import LaneSpec
from loop_orchestrator.model.saved import SavedWork
from loop_orchestrator.operations.saving import save_lanes
from loop_orchestrator.operations.undo import find, forget, restore, snapshots
from loop_orchestrator.operations.worktrees import located, make_worktree, plan_worktree
from loop_orchestrator.wiring import Project
from tests.support.clocks import SteppedClock
from tests.support.projects import PLAIN, project_at
from tests.support.repositories import a_repository, contents, git, make_dirty


@pytest.fixture
def shop(project: Path, clock: SteppedClock) -> Project:
    """A repository with a config in which nothing is booted."""
    shop = project_at(project, config=PLAIN)
    shop.clock = clock
    (project / ".gitignore").write_text(".loop/\n")
    a_repository(project)
    return shop


def lane(shop: Project, name: str, *, worktree: bool = True) -> LaneSpec:
    spec = located(shop.layout, LaneConfig(name=name, harness="shell", worktree=worktree).to_spec(shop.root))
    return make_worktree(shop, plan_worktree(shop, spec)) if worktree else spec


def save(shop: Project, spec: LaneSpec) -> SavedWork:
    work = save_lanes(shop, [spec])[spec.name].work
    assert work is not None
    return work


def bring_back(shop: Project, one: SavedWork, *, to: Path | None = None, force: bool = False) -> tuple[int, bool]:
    done = restore(shop, one, to=to, force=force, by="person")
    return len(done.written), done.made_worktree


def test_a_worktree_that_is_gone_is_made_again_with_the_work_in_it(shop: Project) -> None:
    spec = lane(shop, "api")
    make_dirty(spec.cwd)
    before, status = contents(spec.cwd), git(spec.cwd, "status", "--porcelain")
    one = save(shop, spec)
    shutil.rmtree(spec.cwd)
    assert bring_back(shop, one) == (11, True)
    assert (contents(spec.cwd), git(spec.cwd, "status", "--porcelain")) == (before, status)
    assert bring_back(shop, one) == (0, False), "once more is fine"


def test_work_in_the_shared_directory_comes_back_there(shop: Project, project: Path) -> None:
    (project / "kept.txt").write_text("half done\n")
    one = save(shop, lane(shop, "web", worktree=False))
    (project / "kept.txt").write_text("kept\n")
    assert bring_back(shop, one) == (1, False)
    assert (project / "kept.txt").read_text() == "half done\n"


def test_other_changes_stop_it_and_are_saved_before_they_are_overwritten(shop: Project, clock: SteppedClock) -> None:
    spec = lane(shop, "api")
    (spec.cwd / "kept.txt").write_text("first\n")
    one = save(shop, spec)
    (spec.cwd / "kept.txt").write_text("second\n")
    with pytest.raises(LoopError, match=r"has other changes in kept\.txt; nothing was written"):
        bring_back(shop, one)
    clock.advance(60)
    done = restore(shop, one, to=None, force=True, by="person")
    assert (spec.cwd / "kept.txt").read_text() == "first\n"
    assert done.saved_first is not None
    bring_back(shop, done.saved_first, force=True)
    assert (spec.cwd / "kept.txt").read_text() == "second\n"
    assert len(snapshots(shop).all) == 2, "what is saved already is not saved again"


def test_it_goes_elsewhere_and_overwrites_nothing_that_cannot_be_saved(shop: Project, tmp_path: Path) -> None:
    spec = lane(shop, "api")
    (spec.cwd / "kept.txt").write_text("half done\n")
    one, there = save(shop, spec), tmp_path / "a" / "b"
    assert bring_back(shop, one, to=there) == (1, False)
    assert contents(there) == {"kept.txt": ("file", b"half done\n")}
    (there / "kept.txt").write_text("mine\n")
    with pytest.raises(LoopError, match="lies in no repository, so what stands there cannot be saved first"):
        bring_back(shop, one, to=there, force=True)
    assert (there / "kept.txt").read_text() == "mine\n"


def test_a_directory_that_is_gone_for_good_leads_elsewhere(shop: Project, tmp_path: Path) -> None:
    spec = lane(shop, "api")
    (spec.cwd / "kept.txt").write_text("half done\n")
    one = save(shop, spec)
    git(shop.root, "worktree", "remove", "--force", str(spec.cwd))
    git(shop.root, "worktree", "add", "--quiet", str(tmp_path / "there"), "loop/shop/api")
    with pytest.raises(LoopError, match=r"checked out in .*there") as refused:
        bring_back(shop, one)
    assert refused.value.hint == f"loop undo restore {one.name} --to DIR"
    git(shop.root, "worktree", "remove", str(tmp_path / "there"))
    git(shop.root, "branch", "--quiet", "-D", "loop/shop/api")
    with pytest.raises(LoopError, match="and its branch loop/shop/api is gone too"):
        bring_back(shop, one)


def test_snapshots_are_listed_newest_first_and_found_by_their_beginning(shop: Project, clock: SteppedClock) -> None:
    made = []
    for name in ("api", "web", "api-two"):
        spec = lane(shop, name)
        (spec.cwd / "kept.txt").write_text("half done\n")
        made.append(save(shop, spec))
        clock.advance(60)
    assert list(snapshots(shop).all) == made[::-1]
    assert snapshots(shop, lane="api").all == (made[0],)
    assert find(shop, "web") == find(shop, made[1].ref) == made[1]
    assert find(shop, "api/20260301T12") == made[0]
    with pytest.raises(UsageError, match="may be any of 2 snapshots"):
        find(shop, "api")
    with pytest.raises(UsageError, match="there is no snapshot nothing"):
        find(shop, "nothing")
    forget(shop, made[1], by="person")
    assert snapshots(shop).all == (made[2], made[0])
    last = shop.events.last("snapshot.forgotten")
    assert last is not None and last.payload["commit"] == made[1].commit


def test_a_repository_outside_of_the_project_is_remembered(shop: Project, tmp_path: Path) -> None:
    other = a_repository(tmp_path / "other")
    (other / "kept.txt").write_text("half done\n")
    one = save(shop, LaneConfig(name="api", harness="shell", repo="../other").to_spec(shop.root))
    assert snapshots(shop).all == (one,)
    shutil.rmtree(other)
    found = snapshots(shop)
    assert found.all == () and str(other) in found.unread[0]


def test_a_snapshot_makes_no_worktree_outside_of_where_worktrees_are(shop: Project, tmp_path: Path) -> None:
    spec = lane(shop, "api")
    (spec.cwd / "kept.txt").write_text("half done\n")
    one = replace(save(shop, spec), directory=tmp_path / "a" / "b" / "c")
    shutil.rmtree(spec.cwd)
    with pytest.raises(LoopError, match="taken, is gone"):
        bring_back(shop, one)
    assert not (tmp_path / "a").exists()
