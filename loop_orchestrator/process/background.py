"""A program that runs beside this one until it is told to stop."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from loop_orchestrator.errors import ProcessError
from loop_orchestrator.process.run import describe_code

STOP_LIMIT_S = 4.0
"""Between TERM and KILL: the daemon promises to end within 2 s. At half, a slow disk would make it break its word."""


class Background:
    """``with Background(argv, …) as daemon:`` ends the program, and what is left of its group, on the way out."""

    def __init__(self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: Path) -> None:
        """Start it in a session of its own; its output goes to the end of ``log``. Raises ProcessError."""
        self._name = argv[0]
        try:
            with log.open("ab") as output:
                self._process = subprocess.Popen(
                    list(argv),
                    cwd=cwd,
                    env=dict(env),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            raise ProcessError(f"{argv[0]} cannot be started: {error.strerror}") from error

    def check_running(self) -> None:
        """Raises ProcessError if it ended by itself."""
        code = self._process.poll()
        if code is not None:
            raise ProcessError(f"{self._name} ended with {describe_code(code)}")

    def stop(self) -> None:
        """TERM, then KILL for what is left after STOP_LIMIT_S; one that has ended is fine."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_LIMIT_S)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def __enter__(self) -> Background:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
