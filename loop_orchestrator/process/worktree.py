"""Worktrees of a repository: which there are, making and removing them, and what stands in one beside its commits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from loop_orchestrator.errors import ProcessError
from loop_orchestrator.process.git import ask, asked

NO_PROGRAMS = ("core.hooksPath=/dev/null", "core.fsmonitor=false")
"""Settings under which git starts no program that the repository names, filters of files aside."""

CHECKOUT_TIMEOUT_S = 600.0
"""Writing or hashing every file of a large repository on a slow disk."""

_UNDER_WAY = {
    "MERGE_HEAD": "a merge",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "BISECT_LOG": "a bisection",
}
"""What lies in a git directory in the middle of something."""


class Worktree(NamedTuple):
    """One working tree that a repository knows of, the main one included."""

    path: Path
    branch: str | None
    """short; None on a detached head"""
    locked: bool
    bare: bool


def repository_of(path: Path) -> Path | None:
    """The directory with objects and refs of the repository whose working tree this lies in; None outside of any.

    Raises ProcessError where something called ``.git`` is there and git does not take it: whether there is work in it
    is not known then.
    """
    if not path.is_dir():
        return None
    done = ask(path, "rev-parse", "--is-inside-work-tree")
    if done.code == 0:
        return common_dir(path) if done.text == "true\n" else None
    if marked := next((place for place in (path, *path.parents) if (place / ".git").exists()), None):
        raise ProcessError(
            f"git does not take {marked} for a repository: {done.complaint}", hint=f"git -C {path} status"
        )
    return None


def common_dir(path: Path) -> Path:
    """The directory with objects and refs, absolute. Raises ProcessError, as all below."""
    said = asked(path, "rev-parse", "--git-common-dir").stdout.removesuffix(b"\n")
    return Path(os.path.realpath(path / os.fsdecode(said)))


def git_path(path: Path, name: str) -> Path:
    """Where git keeps a file of its own for this working tree, ``index`` for one."""
    return path / os.fsdecode(asked(path, "rev-parse", "--git-path", name).stdout.removesuffix(b"\n"))


def worktrees(path: Path) -> tuple[Worktree, ...]:
    """Every working tree of the repository, the main one first; one whose directory is gone may be among them."""
    text = asked(path, "worktree", "list", "--porcelain", "-z").stdout
    return tuple(_read(block.split(b"\0")) for block in text.split(b"\0\0") if block.strip(b"\0"))


def _read(lines: list[bytes]) -> Worktree:
    values = {name: value for name, _, value in (line.partition(b" ") for line in lines if line)}
    branch = values.get(b"branch")
    return Worktree(
        path=Path(os.fsdecode(values[b"worktree"])),
        branch=os.fsdecode(branch.removeprefix(b"refs/heads/")) if branch is not None else None,
        locked=b"locked" in values,
        bare=b"bare" in values,
    )


def branch_on_file(top: Path) -> str:
    """The branch that a working tree has checked out, given its top, read from git's files: no program is started.

    Empty on a detached head, and where that cannot be told.
    """
    marked = top / ".git"
    try:
        git_dir = marked if marked.is_dir() else top / os.fsdecode(marked.read_bytes().removeprefix(b"gitdir:").strip())
        head = (git_dir / "HEAD").read_bytes()
    except (OSError, ValueError):
        return ""
    name = head.removeprefix(b"ref:").strip()
    return os.fsdecode(name.removeprefix(b"refs/heads/")) if name.startswith(b"refs/heads/") else ""


def branch_at(place: Path) -> str:
    """The same for any directory inside of a working tree; empty outside of any."""
    top = next((one for one in (place, *place.parents) if (one / ".git").exists()), None)
    return branch_on_file(top) if top is not None else ""


def has_branch(path: Path, branch: str) -> bool:
    """Whether the repository has a local branch of this name."""
    return ask(path, "show-ref", "--verify", "--quiet", f"refs/heads/{branch}").code == 0


def add_worktree(path: Path, directory: Path, branch: str, *, new: bool) -> None:
    """Check a branch out in a directory that is not there, or is empty.

    new: the branch is made from the commit that is checked out at ``path``. A worktree that was registered there and
    whose directory is gone is replaced, so the caller has looked where the branch is checked out. Runs no hook.
    """
    what = ("--no-track", "-b", branch, str(directory), "HEAD") if new else (str(directory), branch)
    asked(path, "worktree", "add", "--quiet", "--force", *what, config=NO_PROGRAMS, timeout_s=CHECKOUT_TIMEOUT_S)


def remove_worktree(repository: Path, directory: Path) -> None:
    """Remove a worktree in which nothing is uncommitted; git refuses otherwise."""
    asked(repository, "worktree", "remove", str(directory), config=NO_PROGRAMS, timeout_s=CHECKOUT_TIMEOUT_S)


def under_way(path: Path) -> str:
    """What this working tree is in the middle of, ``a merge``; a git that holds its index; empty: nothing."""
    if git_path(path, "index.lock").exists():
        return "another git command"
    return next((what for name, what in _UNDER_WAY.items() if git_path(path, name).exists()), "")


def ignored(path: Path) -> tuple[str, ...]:
    """What git ignores in this working tree: files, and whole directories with a slash at the end."""
    listed = asked(path, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    return split(listed.stdout)


def submodules(path: Path) -> tuple[str, ...]:
    """Submodules that are checked out in this working tree."""
    staged = asked(path, "ls-files", "-z", "--stage").stdout
    return tuple(name for name in _links(staged) if (path / name / ".git").exists())


def _links(staged: bytes) -> Iterator[str]:
    for line in split(staged):
        facts, _, name = line.partition("\t")
        if facts.startswith("160000 "):
            yield name


def split(data: bytes) -> tuple[str, ...]:
    """Paths that git ended with NUL each."""
    return tuple(os.fsdecode(part) for part in data.split(b"\0") if part)
