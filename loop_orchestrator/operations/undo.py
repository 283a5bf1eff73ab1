"""Snapshots of uncommitted work: which there are, what is in one, and bringing one back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_time
from loop_orchestrator.errors import LoopError, ProcessError, UsageError
from loop_orchestrator.model.saved import SNAPSHOT_REFS, Change, SavedWork
from loop_orchestrator.operations.person import refuse_agent
from loop_orchestrator.operations.saving import save_work
from loop_orchestrator.operations.shapes import Json
from loop_orchestrator.process import git, restoring, saved, worktree
from loop_orchestrator.process.restoring import Now, Placed

if TYPE_CHECKING:
    from loop_orchestrator.world import World

_SHOWN = 10
"""Files that a refusal names; the rest is counted."""


@dataclass(frozen=True, kw_only=True)
class Snapshots:
    """What was found."""

    all: tuple[SavedWork, ...]
    """newest first"""
    unread: tuple[str, ...]
    """repositories that could not be asked, with the reason"""


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What bringing a snapshot back did."""

    directory: Path
    written: tuple[Change, ...]
    same: int
    """paths that were already as the snapshot has them"""
    made_worktree: bool
    """the worktree was gone, and was made again on its branch"""
    saved_first: SavedWork | None
    """what stood there before, where it was overwritten"""
    staged: bool | None
    """what had been staged is staged again; None: nothing had, or the files went elsewhere"""


def snapshots(world: World, *, lane: str = "") -> Snapshots:
    """The snapshots of every repository that the project's lanes work or worked in; ``lane``: of this one alone."""
    found: dict[str, SavedWork] = {}
    unread = []
    for repository in _repositories(world):
        try:
            found |= {f"{repository}\0{one.ref}": one for one in saved.saved(repository)}
        except ProcessError as error:
            unread.append(f"{repository}: {error.message}")
    wanted = (one for one in found.values() if not lane or one.lane == lane)
    return Snapshots(all=tuple(sorted(wanted, key=lambda one: (one.at, one.ref), reverse=True)), unread=tuple(unread))


def find(world: World, name: str) -> SavedWork:
    """One snapshot, by its name, by the beginning of it, or by its ref in full.

    Raises UsageError if there is none, or more than one.
    """
    known = snapshots(world).all
    wanted = name.removeprefix(SNAPSHOT_REFS)
    exact = [one for one in known if one.name == wanted]
    near = exact or [one for one in known if wanted and one.name.startswith(wanted)]
    if not near:
        raise UsageError(f"there is no snapshot {name}", hint="loop undo list")
    if len(near) > 1:
        raise UsageError(
            f"{name} may be any of {len(near)} snapshots, the newest of {near[0].lane} is {near[0].name}",
            hint=f"loop undo restore {near[0].name}",
        )
    return near[0]


def changes(one: SavedWork) -> tuple[Change, ...]:
    """What the snapshot changes of its commit. Raises ProcessError."""
    return saved.changes(one)


def restore(world: World, one: SavedWork, *, to: Path | None, force: bool, by: str) -> Restored:
    """Bring a snapshot's files back, uncommitted as they were, into the directory they were taken from, or ``to``.

    A worktree that is gone is made again on its branch. Nothing that differs from both the snapshot and its commit is
    overwritten, unless ``force``, and then only after a snapshot of it. Raises LoopError naming what is in the way.
    """
    directory, made = (_made(to), False) if to is not None else _own_directory(world, one)
    places = restoring.placed(one, directory)
    _refuse_blocked(places, directory)
    first = None
    if other := [place for place in places if place.now is Now.OTHER]:
        if not force:
            raise _would_overwrite(one, other, directory)
        first = _save_first(world, one, directory)
    restoring.write_back(one, places, directory)
    staged = restoring.restage(one, directory) if one.staged and to is None else None
    written = tuple(place.change for place in places if place.now is not Now.RESTORED)
    fields: Json = {
        "lane": one.lane,
        "ref": one.ref,
        "directory": str(directory),
        "files": len(written),
        "by": by,
    }
    world.events.append("snapshot.restored", "cli", fields)
    return Restored(
        directory=directory,
        written=written,
        same=len(places) - len(written),
        made_worktree=made,
        saved_first=first,
        staged=staged,
    )


def forget(world: World, one: SavedWork, *, by: str) -> None:
    """Remove a snapshot for good. Raises NotAPersonError from an agent's lane."""
    refuse_agent(world, "remove a snapshot")
    saved.forget(one)
    fields: Json = {"lane": one.lane, "ref": one.ref, "commit": one.commit, "by": by}
    world.events.append("snapshot.forgotten", "cli", fields)


def saved_shape(one: SavedWork) -> Json:
    """Empty texts are null; ``files``: how many differ from the commit ``base``."""
    return {
        "lane": one.lane,
        "session": one.session or None,
        "at": format_time(one.at),
        "name": one.name,
        "ref": one.ref,
        "commit": one.commit,
        "base": one.base or None,
        "branch": one.branch or None,
        "directory": str(one.directory) if one.directory else None,
        "repository": str(one.repository),
        "files": one.files,
        "worktree": one.worktree_of is not None,
    }


def change_shape(change: Change) -> Json:
    return {"change": change.kind.value, "path": change.path}


def _repositories(world: World) -> tuple[Path, ...]:
    places = [world.root, *(record.spec.cwd for record in world.lanes.records().values())]
    places += [world.root / lane.repo for lane in world.config.lanes]
    found = dict.fromkeys(Path(one) for one in world.saved_places.items())
    for place in dict.fromkeys(places):
        try:
            repository = worktree.repository_of(place)
        except ProcessError:
            continue  # where it has snapshots, it is among the noted ones, and is asked below
        if repository is not None:
            found.setdefault(repository)
    return tuple(found)


def _own_directory(world: World, one: SavedWork) -> tuple[Path, bool]:
    """Where the snapshot was taken, made again where it was a worktree and is gone; True if it was made."""
    directory = one.directory
    elsewhere = f"loop undo restore {one.name} --to DIR"
    if directory is None:
        raise UsageError(f"snapshot {one.name} does not say where it was taken", hint=elsewhere)
    if directory.is_dir() and (one.worktree_of is None or any(directory.iterdir())):
        if worktree.repository_of(directory) != one.repository or git.toplevel(directory) != directory:
            raise LoopError(f"{directory} is no working tree of {one.repository} any more", hint=elsewhere)
        return directory, False
    ours = Path(os.path.realpath(world.layout.loop_dir)) / "worktrees"
    if one.worktree_of is None or directory.parent.parent != ours:
        raise LoopError(f"{directory}, where snapshot {one.name} was taken, is gone", hint=elsewhere)
    _make_again(world, one, directory, elsewhere)
    return directory, True


def _make_again(world: World, one: SavedWork, directory: Path, elsewhere: str) -> None:
    from loop_orchestrator.stores.layout import ensure_dir

    has = bool(one.branch) and worktree.has_branch(one.repository, one.branch)
    there = [known.path for known in worktree.worktrees(one.repository) if one.branch and known.branch == one.branch]
    taken = [path for path in there if path.is_dir() and path != directory]
    if not has or taken:
        why = f"is checked out in {taken[0]}" if taken else "is gone too"
        raise LoopError(f"{directory} is gone, and its branch {one.branch or '(none)'} {why}", hint=elsewhere)
    ensure_dir(directory.parent)
    worktree.add_worktree(one.repository, directory, one.branch, new=False)
    fields: Json = {"lane": one.lane, "directory": str(directory), "branch": one.branch}
    world.events.append("worktree.made", "cli", fields)


def _made(directory: Path) -> Path:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--to {directory}: cannot be made: {error.strerror}") from error
    return Path(os.path.realpath(directory))


def _save_first(world: World, one: SavedWork, directory: Path) -> SavedWork | None:
    if worktree.repository_of(directory) is None:
        raise LoopError(
            f"{directory} lies in no repository, so what stands there cannot be saved first",
            hint="choose an empty directory",
        )
    top = git.toplevel(directory)
    assert top is not None
    return save_work(world, one.lane, top, one.worktree_of if top == one.directory else None)


def _refuse_blocked(places: Sequence[Placed], directory: Path) -> None:
    blocked = [place for place in places if place.now is Now.BLOCKED]
    if blocked:
        raise LoopError(
            f"in {directory} a directory or a link stands in the way of {_paths(blocked)}; nothing was written",
            hint="move it away, or restore elsewhere: --to DIR",
        )


def _would_overwrite(one: SavedWork, other: Sequence[Placed], directory: Path) -> LoopError:
    return LoopError(
        f"{directory} has other changes in {_paths(other)}; nothing was written",
        hint=f"loop undo restore {one.name} --force (saves them first), or --to DIR",
    )


def _paths(places: Sequence[Placed]) -> str:
    names = [place.change.path for place in places]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
