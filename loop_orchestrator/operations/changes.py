"""What the working tree of a lane holds beside its commits, in lines for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loop_orchestrator.operations.observe import record_of
from loop_orchestrator.process.changes import MAX_BYTES, Changes, changes_in

if TYPE_CHECKING:
    from loop_orchestrator.world import World


def lane_changes(world: World, lane: str) -> str:
    """The diff of the directory that a lane works in, and the untracked files by name. Starts git, several times.

    Raises UsageError for an unknown lane, ProcessError without git.
    """
    place = record_of(world, lane).spec.cwd
    if not place.is_dir():
        return f"{place} is gone."
    found = changes_in(place)
    return f"{place} lies in no git repository." if found is None else changes_text(found)


def changes_text(found: Changes) -> str:
    """The working tree and its branch, the untracked files, and the diff."""
    lines = [f"{found.top}, {f'branch {found.branch}' if found.branch else 'no branch'}"]
    if not found.diff and not found.untracked:
        return "\n".join((*lines, "Nothing is uncommitted."))
    if found.untracked:
        lines += ["", "Untracked files:", *(f"?? {name}" for name in found.untracked)]
    if found.more_untracked:
        lines.append(f"and {found.more_untracked} more: git status")
    if found.diff:
        lines += ["", found.diff.rstrip("\n")]
    if found.cut:
        lines.append(f"[the diff goes on; these are its first {MAX_BYTES} bytes: git -C {found.top} diff HEAD]")
    return "\n".join(lines)
