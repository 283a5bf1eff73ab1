"""Before something ends, what is uncommitted in its directory is put under a ref; `loop undo` brings it back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.crash import crash_point
from loop_orchestrator.errors import LoopError, ProcessError
from loop_orchestrator.process import git, saved, worktree

if TYPE_CHECKING:
    from loop_orchestrator.model.lane import LaneSpec
    from loop_orchestrator.model.saved import SavedWork
    from loop_orchestrator.world import World


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What is known of the work that stands under one lane."""

    top: Path | None
    """top of the working tree that the lane works in; None outside of any repository"""
    work: SavedWork | None
    """None where nothing is uncommitted, or nothing was to be saved"""


def save_lanes(world: World, specs: Iterable[LaneSpec]) -> dict[str, Kept]:
    """Save what is uncommitted under these lanes, each directory once, under the name of its first lane.

    Raises LoopError where it cannot be saved; then nothing may be ended.
    """
    tops: dict[Path, Kept] = {}
    found = {}
    for spec in specs:
        try:
            top = _top(world, spec)
            if top is None:
                found[spec.name] = Kept(top=None, work=None)
                continue
            if top not in tops:
                tops[top] = Kept(top=top, work=save_work(world, spec.name, top, spec.worktree_of))
            found[spec.name] = tops[top]
        except ProcessError as error:
            raise LoopError(
                f"lane {spec.name} goes on: its uncommitted work could not be saved: {error.message}",
                hint=f"{error.hint or 'mend that'}; or end it --without-snapshot: its files stay where they are",
            ) from error
    crash_point("snapshot.made")
    return found


def unsaved(specs: Iterable[LaneSpec]) -> dict[str, Kept]:
    """The same for a person who wants no snapshot: nothing is looked at."""
    return {spec.name: Kept(top=None, work=None) for spec in specs}


def save_work(world: World, lane: str, top: Path, worktree_of: Path | None) -> SavedWork | None:
    """Save one working tree; None where nothing in it is uncommitted. Raises ProcessError and StoreError."""
    repository = worktree.common_dir(top)
    label = saved.Label(lane=lane, session=world.session, at=world.clock.now(), worktree_of=worktree_of)
    made = saved.save(top, label)
    if made is None:
        return None
    work, is_new = made
    if world.saved_places.get(str(repository)) is None:
        world.saved_places.add(str(repository), str(top))
    if is_new:
        fields = {"lane": lane, "ref": work.ref, "commit": work.commit, "directory": str(top)}
        world.events.append("snapshot.made", "cli", {**fields})
    return work


def _top(world: World, spec: LaneSpec) -> Path | None:
    """Raises ProcessError for a worktree that git takes for a part of the repository around it."""
    top = git.toplevel(spec.cwd) if worktree.repository_of(spec.cwd) is not None else None
    own = world.layout.worktrees / spec.name
    if spec.worktree_of is not None and spec.cwd.is_dir() and not (top is not None and top.samefile(own)):
        raise ProcessError(f"{own} is no worktree any more", hint=f"git -C {spec.worktree_of} worktree repair {own}")
    return top
