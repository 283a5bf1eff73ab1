"""What differs in a working tree from its commit, as text for a person: the diff of git, and the untracked files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from loop_orchestrator.process.git import asked, branch, environment, failure, head, toplevel
from loop_orchestrator.process.run import Finished, run
from loop_orchestrator.process.worktree import NO_PROGRAMS, split

MAX_BYTES = 150_000
"""Of a diff. At half, a morning's work of one agent is cut; at double, more than a screen reader's patience."""

MAX_UNTRACKED = 500
"""Names of files that git does not know; more of them are a build that is not ignored."""

_TIMEOUT_S = 60.0

_SETTINGS = (*NO_PROGRAMS, "core.quotePath=false", "diff.noprefix=false", "diff.mnemonicPrefix=false")


class Changes(NamedTuple):
    """What is uncommitted in a working tree."""

    top: Path
    branch: str
    """empty on a detached head"""
    diff: str
    """against the commit that is checked out, staged or not; before the first, against nothing"""
    cut: bool
    """the diff is longer than MAX_BYTES, and this is its beginning"""
    untracked: tuple[str, ...]
    """files that git does not know and does not ignore; a whole folder of them ends with /; at most MAX_UNTRACKED"""
    more_untracked: int
    """how many are not named"""


def changes_in(place: Path) -> Changes | None:
    """Of the working tree that a directory lies in; None outside of any.

    Takes no lock and runs no program that the repository names, filters of files aside. Raises ProcessError without
    git, and where it fails.
    """
    top = toplevel(place)
    if top is None:
        return None
    base = head(top) or asked(top, "hash-object", "-t", "tree", os.devnull).text.strip()
    words = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=dirty", base, "--")
    said = _bounded(top, words)
    others = ("ls-files", "-z", "--others", "--exclude-standard", "--directory")
    names = split(asked(top, *others, config=NO_PROGRAMS).stdout)
    return Changes(
        top=top,
        branch=branch(top) or "",
        diff=said.text,
        cut=said.truncated,
        untracked=tuple(names[:MAX_UNTRACKED]),
        more_untracked=max(0, len(names) - MAX_UNTRACKED),
    )


def _bounded(top: Path, words: tuple[str, ...]) -> Finished:
    settings = [word for one in _SETTINGS for word in ("-c", one)]
    argv = ["git", *settings, *words]
    done = run(argv, cwd=top, env=environment(), timeout_s=_TIMEOUT_S, max_output=MAX_BYTES)
    if done.code != 0:
        raise failure(top, words[0], done)
    return done
