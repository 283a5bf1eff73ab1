"""What this program asks of git, each question one call of the program."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from loop_orchestrator.errors import ProcessError
from loop_orchestrator.process.run import Finished, run

TIMEOUT_S = 60.0
"""A repository that takes longer to say its status is on a disk that does not answer."""

MAX_OUTPUT = 1 << 30
"""A list of ten million paths; more is no project that somebody works in."""

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
    return path.is_dir() and ask(path, "rev-parse", "--is-inside-work-tree").text == "true\n"


def toplevel(path: Path) -> Path | None:
    """The working tree's top directory; None outside of a repository. Raises ProcessError without git."""
    if not is_repository(path):
        return None
    return Path(os.fsdecode(asked(path, "rev-parse", "--show-toplevel").stdout.removesuffix(b"\n")))


def head(path: Path) -> str | None:
    """The full hash of the commit that is checked out; None before the first. Raises ProcessError, as all below."""
    _require(path)
    return ask(path, "rev-parse", "--verify", "--quiet", "HEAD^{commit}").text.strip() or None


def branch(path: Path) -> str | None:
    """The branch that is checked out, which before the first commit does not exist yet; None on a detached head."""
    _require(path)
    return ask(path, "symbolic-ref", "--quiet", "--short", "HEAD").text.strip() or None


def status_porcelain(path: Path) -> tuple[str, ...]:
    """What differs from the last commit, untracked files included: ``XY path``, as ``git status --porcelain`` says it.

    A path with unusual characters is quoted as git does it. Takes no lock and runs no program of the repository's.
    """
    config = ("core.quotePath=false", "core.fsmonitor=false")
    done = asked(path, "status", "--porcelain", "--untracked-files=normal", config=config)
    return tuple(done.text.splitlines())


def init_repository(path: Path) -> None:
    """Make the existing directory a repository with the branch ``main``; one that is a repository stays as it is."""
    asked(path, "init", "--quiet", "--initial-branch=main")


def add_all_commit(path: Path, message: str) -> bool:
    """Commit everything that is not ignored; False where there is nothing to commit.

    Unsigned, since nobody is there to type a passphrase; by the configured person, else by ``loop-orchestrator``.
    """
    asked(path, "add", "--all")
    if ask(path, "diff", "--cached", "--quiet").code == 0:
        return False
    asked(path, "commit", "--quiet", "--no-gpg-sign", "--message", message, config=_identity(path))
    return True


def unpushed(path: Path) -> Unpushed:
    """The branch, its upstream, and the number of commits that are only here; asks no remote."""
    here = branch(path)
    upstream = ask(path, "rev-parse", "--abbrev-ref", "--symbolic-full-name", "@{upstream}")
    if here is None or upstream.code != 0:
        return Unpushed(here, None, None)
    count = asked(path, "rev-list", "--count", "@{upstream}..HEAD").text
    return Unpushed(here, upstream.text.strip(), int(count))


def ahead(path: Path, branch: str, base: str) -> int | None:
    """How many commits of a branch another one has not; None where either is not there."""
    done = ask(path, "rev-list", "--count", f"{base}..{branch}", "--")
    return int(done.text) if done.code == 0 else None


def branches_below(path: Path, prefix: str) -> tuple[str, ...]:
    """Local branches that begin with a prefix such as ``loop/``."""
    said = asked(path, "for-each-ref", "--format=%(refname)", f"refs/heads/{prefix}").stdout.splitlines()
    return tuple(os.fsdecode(line.removeprefix(b"refs/heads/")) for line in said)


def main_branch(path: Path) -> str | None:
    """The branch that the repository's main working tree has checked out; None on a detached head."""
    git_dir = asked(path, "rev-parse", "--path-format=absolute", "--git-common-dir").stdout.removesuffix(b"\n")
    return ask(Path(os.fsdecode(git_dir)), "symbolic-ref", "--quiet", "--short", "HEAD").text.strip() or None


def setting(path: Path, name: str) -> str:
    """A setting as it holds in this directory, the user's own included; empty where there is none, or no git."""
    try:
        done = asked(path, "config", "--get", name)
    except ProcessError:
        return ""
    return done.text.strip() if done.code == 0 else ""


def _identity(path: Path) -> tuple[str, ...]:
    if ask(path, "config", "user.email").code == 0 or os.environ.get("GIT_COMMITTER_EMAIL"):
        return ()
    return ("user.name=loop-orchestrator", "user.email=loop-orchestrator@localhost")


def _require(path: Path) -> None:
    asked(path, "rev-parse", "--git-dir")


def asked(
    path: Path,
    *words: str,
    config: Sequence[str] = (),
    stdin: bytes | None = None,
    env: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Finished:
    """Like ask. Raises ProcessError too, in git's own last words, if it did not succeed."""
    done = ask(path, *words, config=config, stdin=stdin, env=env, timeout_s=timeout_s)
    if done.code != 0:
        raise failure(path, words[0], done)
    return done


def failure(path: Path, word: str, done: Finished) -> ProcessError:
    """What to raise for a call that did not succeed."""
    return ProcessError(f"git {word} failed in {path}: {done.complaint}")


def ask(
    path: Path,
    *words: str,
    config: Sequence[str] = (),
    stdin: bytes | None = None,
    env: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Finished:
    """One call of git in a directory, whatever it answers.

    config: ``name=value`` settings for this call. env: variables beside this process's own. Raises ProcessError if git
    cannot be started, does not end in time, or writes more than can be kept.
    """
    settings = [word for one in config for word in ("-c", one)]
    done = run(
        ["git", *settings, *words],
        cwd=path,
        env=environment(env),
        stdin=stdin,
        timeout_s=timeout_s,
        max_output=MAX_OUTPUT,
    )
    if done.timed_out:
        raise ProcessError(f"git {words[0]} in {path} did not end within {timeout_s:.0f} s")
    if done.truncated:
        raise ProcessError(f"git {words[0]} in {path} wrote more than {MAX_OUTPUT} bytes")
    return done


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what would lead git elsewhere, and with what keeps it quiet."""
    env = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    return env | {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"} | dict(more or {})
