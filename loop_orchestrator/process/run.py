"""Run a program to its end and keep what it wrote, bounded in time and output."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from loop_orchestrator.process.cancel import Cancel
from loop_orchestrator.process.pump import Ended, pump


@dataclass(frozen=True, kw_only=True)
class Finished(Ended):
    """A program that ended, with what it wrote."""

    argv: tuple[str, ...]
    stdout: bytes
    stderr: bytes
    truncated: bool
    """it wrote more than was kept; stdout and stderr hold the beginning"""

    @property
    def text(self) -> str:
        """stdout as UTF-8, with U+FFFD for what is not."""
        return self.stdout.decode("utf-8", "replace")

    @property
    def complaint(self) -> str:
        """The last non-empty line of stderr, else how it ended: for an error message."""
        lines = [line.strip() for line in self.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
        return lines[-1] if lines else describe_code(self.code)


class Kept:
    """Takes bytes and keeps the first ``limit`` of them."""

    def __init__(self, limit: int) -> None:
        self.data = bytearray()
        self.truncated = False
        self._limit = limit

    def add(self, data: bytes) -> bytes:
        """Keep what still fits, and return that part."""
        fits = data[: self._limit - len(self.data)]
        self.truncated = self.truncated or len(fits) < len(data)
        self.data += fits
        return fits


def run(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    timeout_s: float,
    cancel: Cancel | None = None,
    max_output: int = 10_000_000,
) -> Finished:
    """Run a program, never through a shell, and wait for its end; see ``pump.pump`` for how it is ended.

    env: the whole environment; None hands on this process's own.
    max_output: bytes kept of stdout, and as many of stderr; the rest is read and dropped.
    Raises ProcessError if it cannot be started. An exit code other than 0 is an answer, not an error.
    """
    stdout, stderr = Kept(max_output), Kept(max_output)
    ended = pump(
        argv,
        cwd=cwd,
        env=env,
        stdin=stdin,
        timeout_s=timeout_s,
        cancel=cancel,
        on_stdout=stdout.add,
        on_stderr=stderr.add,
    )
    return Finished(
        argv=tuple(argv),
        code=ended.code,
        timed_out=ended.timed_out,
        cancelled=ended.cancelled,
        duration_s=ended.duration_s,
        stdout=bytes(stdout.data),
        stderr=bytes(stderr.data),
        truncated=stdout.truncated or stderr.truncated,
    )


def describe_code(code: int) -> str:
    """``exit status 3`` or ``signal SIGKILL``."""
    if code >= 0:
        return f"exit status {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
