"""Work that no remote has: in every working tree of a project, and in repositories that are named beside it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.errors import LoopError

if TYPE_CHECKING:
    from loop_orchestrator.world import World

LANE_BRANCHES = "loop/"
"""How the branches of lanes' worktrees begin."""

_MOST_LOGS = 500
"""Folders of one repository that are watched: one for each beginning of a branch's name."""


@dataclass(frozen=True, kw_only=True)
class Unpushed:
    """Commits of one repository that no remote has."""

    path: Path
    """the working tree that has the branch; the project's repository for a branch that none has checked out"""
    branch: str
    """empty on a detached head"""
    upstream: str
    """what it was compared with: its upstream, else the remote's branch of its name, else the remote's main branch,
    else for a lane's branch the one of the main working tree; empty: there is none of these"""
    count: int | None
    """None where there is nothing to compare with"""
    problem: str = ""
    """why nothing is known of it"""


def unpushed(world: World, extra: Iterable[Path]) -> tuple[Unpushed, ...]:
    """Of the project's working trees, those that lanes have or left, repositories beside it, and of lanes' branches
    without a working tree. A repository that git cannot read says so in ``problem``.
    """
    found: list[Unpushed] = []
    for top, problem in _tops(world, extra).items():
        try:
            found.append(_of_tree(top) if not problem else _unknown(top, problem))
        except LoopError as error:
            found.append(_unknown(top, error.message))
    try:
        return (*found, *_lanes_without_tree(world, {one.branch for one in found}))
    except LoopError as error:
        return (*found, _unknown(world.root, error.message))


def logs_of(world: World, extra: Iterable[Path]) -> tuple[Path, ...]:
    """The folders in which git notes every commit, checkout, fetch and push of these repositories."""
    from loop_orchestrator.process.worktree import common_dir

    found: dict[Path, None] = {}
    for top, problem in _tops(world, extra).items():
        if problem:
            continue
        try:
            git_dir = common_dir(top)
        except LoopError:
            continue
        for base in (git_dir / "logs", *git_dir.glob("worktrees/*/logs")):
            for number, (folder, _, _) in enumerate(os.walk(base)):
                if number < _MOST_LOGS:
                    found[Path(folder)] = None
        found |= {folder: None for folder in (git_dir, git_dir / "worktrees") if folder.is_dir()}
    return tuple(found)


def _tops(world: World, extra: Iterable[Path]) -> dict[Path, str]:
    """Working trees, each with the reason why git cannot read it; empty: it can."""
    from loop_orchestrator.process import git
    from loop_orchestrator.process.worktree import worktrees

    kept = world.layout.loop_dir.glob("worktrees/*/*")
    places = {world.root, *kept, *(record.spec.cwd for record in world.lanes.records().values())}
    tops: dict[Path, str] = {}
    for place in sorted(places):
        try:
            if (top := git.toplevel(place)) is not None and top not in tops:
                own = [one.path for one in worktrees(top) if not one.bare and one.path.is_dir()]
                tops |= dict.fromkeys((top, *own), "")
        except LoopError as error:
            tops[place] = error.message
    found = dict(sorted(tops.items()))
    for place in extra:
        try:
            top = git.toplevel(place)
            found |= {place: "no repository of git"} if top is None else {top: ""}
        except LoopError as error:
            found[place] = error.message
    return found


def _unknown(place: Path, problem: str) -> Unpushed:
    return Unpushed(path=place, branch="", upstream="", count=None, problem=problem)


def _lanes_without_tree(world: World, out: set[str]) -> tuple[Unpushed, ...]:
    from loop_orchestrator.process import git

    own = git.toplevel(world.root)
    branches = git.branches_below(own, LANE_BRANCHES) if own is not None else ()
    found = [_of_branch(own, branch) for branch in branches if own is not None and branch not in out]
    return tuple(one for one in found if one.count)


def _of_tree(top: Path) -> Unpushed:
    from loop_orchestrator.process import git

    branch, upstream, count = git.unpushed(top)
    if upstream is None and branch is not None:
        return _of_branch(top, branch)
    return Unpushed(path=top, branch=branch or "", upstream=upstream or "", count=count)


def _of_branch(top: Path, branch: str) -> Unpushed:
    """A branch without an upstream, compared with what it will be merged into, as far as that can be told."""
    from loop_orchestrator.process import git

    bases = [f"origin/{branch}", "origin/main", "origin/master"]
    if branch.startswith(LANE_BRANCHES):
        bases += [main] if (main := git.main_branch(top)) and main != branch else []
    for base in bases:
        count = git.ahead(top, branch, base)
        if count is not None:
            return Unpushed(path=top, branch=branch, upstream=base, count=count)
    return Unpushed(path=top, branch=branch, upstream="", count=None)
