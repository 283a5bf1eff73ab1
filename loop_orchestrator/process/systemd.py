"""systemd's manager of this user, through ``systemctl --user``."""

from __future__ import annotations

import os
import shutil
import sys
from typing import NoReturn

from loop_orchestrator.errors import ProcessError
from loop_orchestrator.process.run import Finished, run

ANSWER_S = 30.0
"""Within which it answers; stopping a service waits for its end, which is promised within 2 s."""


def problem() -> str:
    """Why this user has no systemd that listens; empty: it does. Starts a program."""
    if shutil.which("systemctl") is None:
        return "macOS has launchd instead" if sys.platform == "darwin" else "there is no systemctl on this machine"
    asked = run(("systemctl", "--user", "show-environment"), timeout_s=ANSWER_S)
    return "" if asked.code == 0 else f"systemd of this user does not answer: {asked.complaint}"


def systemctl(*words: str, limit_s: float = ANSWER_S) -> Finished:
    """``systemctl --user WORDS``. Raises ProcessError where it cannot be started or gives no answer."""
    done = run(("systemctl", "--user", *words), timeout_s=limit_s)
    if done.timed_out:
        raise ProcessError(f"systemctl --user {' '.join(words)}: no answer within {limit_s:g} s")
    return done


def change(*words: str, limit_s: float = ANSWER_S) -> None:
    """The same, for what must succeed. Raises ProcessError with what systemd said."""
    done = systemctl(*words, limit_s=limit_s)
    if done.code != 0:
        raise ProcessError(f"systemctl --user {' '.join(words)}: {done.complaint}")


def state_of(unit: str) -> str:
    """``active``, ``inactive``, ``failed``, ``activating``, …; empty where systemd cannot be asked."""
    if shutil.which("systemctl") is None:
        return ""
    words = systemctl("is-active", unit).text.split()
    return words[0] if words else ""


def become_journal(unit: str, lines: int, *, follow: bool) -> NoReturn:
    """Become the program that shows what a unit printed. Does not return; raises ProcessError where there is none."""
    argv = ["journalctl", "--user", "--unit", unit, "--lines", str(lines), "--no-pager"]
    try:
        os.execvp(argv[0], [*argv, *(["--follow"] if follow else [])])
    except OSError as error:
        raise ProcessError(f"journalctl cannot be started: {error.strerror}") from error
