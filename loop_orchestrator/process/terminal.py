"""A program that has the terminal of this one until it ends."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from loop_orchestrator.errors import ProcessError


def run_here(argv: Sequence[str]) -> int:
    """Run a program on this process's own terminal and wait for its end; its exit status, minus the number of a signal.

    Raises ProcessError if it cannot be started.
    """
    try:
        return subprocess.run(list(argv), check=False).returncode
    except OSError as error:
        raise ProcessError(f"{argv[0]} cannot be started: {error.strerror}") from error
