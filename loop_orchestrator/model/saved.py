"""Uncommitted work that was put into a commit before the lane it stood under was ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

SNAPSHOT_REFS = "refs/loop/snapshots/"
"""Every snapshot is a ref below this: ``<lane>/<time>``."""


class ChangeKind(StrEnum):
    """What a snapshot does to one path."""

    ADDED = "added"
    CHANGED = "changed"
    DELETED = "deleted"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One path that differs between the commit that was checked out and the snapshot."""

    kind: ChangeKind
    path: str
    """relative to the snapshot's directory; bytes that are no UTF-8 are surrogate escapes, as in any path"""
    mode: str
    """as git writes it: 100644, 100755, 120000; of the snapshot, 000000 for a deleted path"""
    oid: str
    """object id of the content, zeros for a deleted path"""
    base_mode: str
    base_oid: str


@dataclass(frozen=True, kw_only=True)
class SavedWork:
    """One snapshot."""

    ref: str
    """in full"""
    commit: str
    repository: Path
    """the directory that holds the objects and refs: ``.git`` of the main working tree"""
    lane: str
    session: str
    """empty where the commit was not made by this program"""
    at: datetime
    directory: Path | None
    """the top of the working tree it was taken of; None where the commit does not say"""
    branch: str
    """checked out then; empty on a detached head"""
    base: str
    """the commit that was checked out; empty before the first"""
    tree: str
    staged: str
    """tree of the index, where it differed from the commit; else empty"""
    files: int | None
    """paths that differ from the commit; None where the commit does not say"""
    worktree_of: Path | None
    """the repository's directory, for a worktree of this program's; else None"""

    @property
    def name(self) -> str:
        """``web/20261121T011530123``: what a person types."""
        return self.ref.removeprefix(SNAPSHOT_REFS)
