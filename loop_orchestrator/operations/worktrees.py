"""Worktrees of lanes: a directory and a branch of its own for each, made before its pane and removed only when empty
of work."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.crash import crash_point
from loop_orchestrator.errors import LoopError, ProcessError, UsageError
from loop_orchestrator.process import git, worktree
from loop_orchestrator.process.saving import uncommitted

if TYPE_CHECKING:
    from loop_orchestrator.model.lane import LaneSpec
    from loop_orchestrator.operations.plan import Plan
    from loop_orchestrator.stores.layout import Layout
    from loop_orchestrator.world import World

CACHES = frozenset(
    (
        *("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", ".import_linter_cache"),
        *(".tox", ".nox", ".eggs", ".venv", "venv", "node_modules", ".next", ".nuxt", ".turbo", ".parcel-cache"),
        *(".gradle", ".cache", ".DS_Store"),
    )
)
"""Ignored files and directories that their programs make again."""

_CACHE_ENDS = (".pyc", ".pyo", ".egg-info")

_SHOWN = 3
"""Names that a reason has; the rest is counted."""


@dataclass(frozen=True, kw_only=True)
class WorktreePlan:
    """How a lane comes to its worktree."""

    spec: LaneSpec
    """with the directory that its program starts in"""
    directory: Path
    """the top of the worktree"""
    branch: str
    """the one that it is on, or will be; empty for a worktree of before that is on none"""
    there: bool
    """it is there from before"""
    new_branch: bool
    note: str
    """what a person should know; empty: nothing"""


def branch_of(session: str, lane: str) -> str:
    """The branch of a lane's worktree."""
    return f"loop/{session}/{lane}"


def located(layout: Layout, spec: LaneSpec) -> LaneSpec:
    """The lane with the directory it starts in: for a worktree lane the place in its worktree that its ``repo`` is in
    the repository. Raises UsageError where that is no repository."""
    if spec.worktree_of is None:
        return spec
    top = git.toplevel(spec.worktree_of)
    if top is None:
        raise UsageError(
            f"lane {spec.name} cannot have a worktree: {spec.worktree_of} is no git repository",
            hint=f"make it one: git -C {spec.worktree_of} init; or leave the worktree out",
        )
    inside = os.path.relpath(os.path.realpath(spec.worktree_of), os.path.realpath(top))
    return replace(spec, cwd=Path(os.path.normpath(layout.worktrees / spec.name / inside)))


def located_plan(plan: Plan, layout: Layout) -> Plan:
    """The plan with the directories that worktree lanes will start in; makes none of them."""
    return replace(plan, lanes=tuple(located(layout, spec) for spec in plan.lanes))


def plan_worktree(world: World, spec: LaneSpec) -> WorktreePlan:
    """Look whether a located lane can have its worktree, and how; touches nothing.

    Raises UsageError and LoopError with the next step, and StoreError for a state file that cannot be changed.
    """
    repository = spec.worktree_of
    assert repository is not None
    world.state.read()
    directory, branch = world.layout.worktrees / spec.name, branch_of(world.session, spec.name)
    known = worktree.worktrees(repository)
    here = os.path.realpath(directory)
    mine = next((one for one in known if os.path.realpath(one.path) == here), None)
    if directory.is_dir() and any(directory.iterdir()):
        return _reused(spec, directory, branch, mine, repository)
    if directory.exists() and not directory.is_dir():
        raise _in_the_way(spec, directory)
    if mine is not None and mine.locked:
        raise LoopError(
            f"lane {spec.name} cannot have its worktree: {directory} is gone and git has it locked",
            hint=f"git -C {repository} worktree unlock {directory}",
        )
    _refuse_elsewhere(spec, known, branch, here)
    has = worktree.has_branch(repository, branch)
    if not has:
        _refuse_no_start(spec, repository, branch)
    return WorktreePlan(spec=spec, directory=directory, branch=branch, there=False, new_branch=not has, note="")


def left_worktree(world: World, lane: str) -> Path | None:
    """The place in a repository whose worktree an earlier lane of this name left; None: there is none, or git does not
    take it for one.
    """
    directory = world.layout.worktrees / lane
    if not (directory / ".git").is_file():
        return None
    try:
        mine = worktree.common_dir(directory)
        if git.is_repository(world.root) and worktree.common_dir(world.root) == mine:
            return world.root
        return worktree.worktrees(directory)[0].path
    except ProcessError:
        return None


def make_worktree(world: World, plan: WorktreePlan) -> LaneSpec:
    """Make what was planned, and write the lane's branch into the state file. Raises ProcessError and StoreError."""
    from loop_orchestrator.operations.init import protect
    from loop_orchestrator.stores.layout import ensure_dir

    spec = plan.spec
    assert spec.worktree_of is not None
    if not plan.there:
        protect(world.root)
        ensure_dir(plan.directory.parent)
        worktree.add_worktree(spec.worktree_of, plan.directory, plan.branch, new=plan.new_branch)
        made = {"lane": spec.name, "directory": str(plan.directory), "branch": plan.branch}
        world.events.append("worktree.made", "cli", {**made})
    crash_point("worktree.made")
    if plan.branch:
        world.state.set_loop(spec.name, {"branch": plan.branch}, by="loop")
    return spec if spec.cwd.is_dir() else replace(spec, cwd=plan.directory)


def remove_if_empty(world: World, spec: LaneSpec) -> str:
    """Remove the worktree of a lane whose program ended; its branch stays, and the ledger's entry.

    Returns why it was kept; empty where it is gone. Raises nothing for a worktree that cannot be judged: it is kept.
    """
    directory = world.layout.worktrees / spec.name
    if not directory.is_dir():
        return ""
    try:
        kept = why_kept(directory)
        if not kept:
            branch = git.branch(directory) or ""
            worktree.remove_worktree(worktree.common_dir(directory), directory)
            made = {"lane": spec.name, "directory": str(directory), "branch": branch}
            world.events.append("worktree.removed", "cli", {**made})
    except ProcessError as error:
        return f"it could not be judged: {error.message}"
    return kept


def why_kept(directory: Path) -> str:
    """What of a worktree would be lost with it; empty: nothing. Raises ProcessError."""
    top = git.toplevel(directory)
    if top is None or not top.samefile(directory):
        return "git no longer takes it for a worktree"
    if what := worktree.under_way(directory):
        return f"{what} under way"
    if git.branch(directory) is None:
        return "commits on no branch (its head is detached)"
    work = uncommitted(directory)
    if not work.clean:
        return "uncommitted changes"
    if inner := (*work.left_out, *worktree.submodules(directory)):
        return f"repositories of its own: {_names(inner)}"
    if kept := [name for name in worktree.ignored(directory) if not _is_cache(directory, name)]:
        return f"ignored files that are no cache: {_names(kept)}"
    return ""


def _reused(
    spec: LaneSpec, directory: Path, branch: str, mine: worktree.Worktree | None, repository: Path
) -> WorktreePlan:
    if mine is None or not (directory / ".git").is_file():
        raise _in_the_way(spec, directory)
    if not git.is_repository(directory):
        raise LoopError(
            f"lane {spec.name} cannot have its worktree: git no longer knows {directory}",
            hint=f"git -C {repository} worktree repair {directory}",
        )
    on = f"on {mine.branch}" if mine.branch else "on no branch"
    note = "" if mine.branch == branch else f"lane {spec.name}: its worktree is {on}, not on {branch}; it stays so"
    return WorktreePlan(
        spec=spec, directory=directory, branch=mine.branch or "", there=True, new_branch=False, note=note
    )


def _in_the_way(spec: LaneSpec, directory: Path) -> LoopError:
    return LoopError(
        f"lane {spec.name} cannot have its worktree: {directory} is there and is no worktree of that repository",
        hint=f"look at it, and move it away: mv {directory} {directory}.old",
    )


def _refuse_elsewhere(spec: LaneSpec, known: tuple[worktree.Worktree, ...], branch: str, here: str) -> None:
    for one in known:
        if one.branch == branch and os.path.realpath(one.path) != here and one.path.is_dir():
            raise LoopError(
                f"lane {spec.name} cannot have its worktree: its branch {branch} is checked out in {one.path}",
                hint=f"git -C {one.path} switch --detach",
            )


def _refuse_no_start(spec: LaneSpec, repository: Path, branch: str) -> None:
    if git.head(repository) is None:
        raise LoopError(
            f"lane {spec.name} cannot have a worktree: the repository {repository} has no commit yet",
            hint=f"git -C {repository} commit --allow-empty -m 'Begin'",
        )
    parts = branch.split("/")
    for above in ("/".join(parts[:count]) for count in range(1, len(parts))):
        if worktree.has_branch(repository, above):
            raise LoopError(
                f"lane {spec.name} cannot have the branch {branch}: a branch {above} stands in its way",
                hint=f"git -C {repository} branch -m {above} {above}-branch",
            )


def _is_cache(directory: Path, name: str) -> bool:
    place = directory / name
    own = place.name in CACHES or place.name.endswith(_CACHE_ENDS)
    return own or any(parent in CACHES for parent in Path(name).parts) or (place / "CACHEDIR.TAG").is_file()


def _names(names: tuple[str, ...] | list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
