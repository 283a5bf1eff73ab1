"""Which programs a lane would find: on the search path of the user's login shell, not on that of this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from loop_orchestrator.process.launch import PATH_MARK, path_argv
from loop_orchestrator.process.run import run

PROFILE_S = 10.0
"""How long the user's profile may take. At half, one that starts a version manager on a busy machine is given up on."""

_ANSWER_S = 5.0
_LOOK_UP = 'for word do command -v "$word" >/dev/null 2>&1 || printf "%s\\0" "$word"; done'


def login_path(shell: str, environ: Mapping[str, str]) -> str | None:
    """The search path of a lane, after the profile of this shell ran; empty: the user's own shell.

    None if the shell does not say it. Blocks while the profile runs. Raises ProcessError.
    """
    said = run(path_argv(shell), env=environ, timeout_s=PROFILE_S).stdout.rpartition(PATH_MARK)
    path, end, _ = said[2].partition(b"\0")
    return path.decode("utf-8", "surrogateescape") if said[1] and end else None


def not_found(words: Sequence[str], path: str) -> tuple[str, ...]:
    """Those of the words that a shell would not find on this path; its own commands count as found.

    Raises ProcessError.
    """
    if not words:
        return ()
    done = run(("/bin/sh", "-c", _LOOK_UP, "sh", *words), env={"PATH": path}, timeout_s=_ANSWER_S)
    missing = set(done.text.split("\0"))
    return tuple(word for word in words if word in missing)
