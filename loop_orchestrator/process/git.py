"""What this program asks of git, each question one call of the program."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from loop_orchestrator.errors import ProcessError
from loop_orchestrator.process.run import Finished, run

TIMEOUT_S = 60.0
"""A repository that takes longer to say its status is on a disk that does not answer."""

ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE")
"""Variables that a git hook sets and that would turn the questions to another repository."""


class Unpushed(NamedTuple):
    """How far a branch is ahead of its upstream."""

    branch: str | None
    """None on a detached head"""
    upstream: str | None
    """``origin/main``; None where none is set, or it is gone"""
    commits: int | None
    """how many the upstream has not; None without an upstream"""


def is_repository(path: Path) -> bool:
    """Whether the directory lies in the working tree of a repository. Raises ProcessError without git."""
    return path.is_dir() and _git(path, "rev-parse", "--is-inside-work-tree").text == "true\n"


def toplevel(path: Path) -> Path | None:
    """The working tree's top directory; None outside of a repository. Raises ProcessError without git."""
    if not is_repository(path):
        return None
    return Path(os.fsdecode(_asked(path, "rev-parse", "--show-toplevel").stdout.removesuffix(b"\n")))


def head(path: Path) -> str | None:
    """The full hash of the commit that is checked out; None before the first. Raises ProcessError, as all below."""
    _require(path)
    return _git(path, "rev-parse", "--verify", "--quiet", "HEAD^{commit}").text.strip() or None


def branch(path: Path) -> str | None:
    """The branch that is checked out, which before the first commit does not exist yet; None on a detached head."""
    _require(path)
    return _git(path, "symbolic-ref", "--quiet", "--short", "HEAD").text.strip() or None


def status_porcelain(path: Path) -> tuple[str, ...]:
    """What differs from the last commit, untracked files included: ``XY path``, as ``git status --porcelain`` says it.

    A path with unusual characters is quoted as git does it. Takes no lock and runs no program of the repository's.
    """
    done = _asked(path, "-c", "core.quotePath=false", "-c", "core.fsmonitor=false", "status", "--porcelain")
    return tuple(done.text.splitlines())


def init_repository(path: Path) -> None:
    """Make the existing directory a repository with the branch ``main``; one that is a repository stays as it is."""
    _asked(path, "init", "--quiet", "--initial-branch=main")


def add_all_commit(path: Path, message: str) -> bool:
    """Commit everything that is not ignored; False where there is nothing to commit.

    Unsigned, since nobody is there to type a passphrase; by the configured person, else by ``loop-orchestrator``.
    """
    _asked(path, "add", "--all")
    if _git(path, "diff", "--cached", "--quiet").code == 0:
        return False
    _asked(path, *_identity(path), "commit", "--quiet", "--no-gpg-sign", "--message", message)
    return True


def unpushed(path: Path) -> Unpushed:
    """The branch, its upstream, and the number of commits that are only here; asks no remote."""
    here = branch(path)
    upstream = _git(path, "rev-parse", "--abbrev-ref", "--symbolic-full-name", "@{upstream}")
    if here is None or upstream.code != 0:
        return Unpushed(here, None, None)
    count = _asked(path, "rev-list", "--count", "@{upstream}..HEAD").text
    return Unpushed(here, upstream.text.strip(), int(count))


def _identity(path: Path) -> tuple[str, ...]:
    if _git(path, "config", "user.email").code == 0 or os.environ.get("GIT_COMMITTER_EMAIL"):
        return ()
    return ("-c", "user.name=loop-orchestrator", "-c", "user.email=loop-orchestrator@localhost")


def _require(path: Path) -> None:
    _asked(path, "rev-parse", "--git-dir")


def _asked(path: Path, *words: str) -> Finished:
    """Raises ProcessError, in git's own last words, if it did not succeed."""
    done = _git(path, *words)
    if done.code != 0:
        word = next(word for word in words if not word.startswith(("-", "core.", "user.")))
        raise ProcessError(f"git {word} failed in {path}: {done.complaint}")
    return done


def _git(path: Path, *words: str) -> Finished:
    env = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    env |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    done = run(["git", *words], cwd=path, env=env, timeout_s=TIMEOUT_S)
    if done.timed_out:
        raise ProcessError(f"git {words[0]} in {path} did not end within {TIMEOUT_S:.0f} s")
    return done
