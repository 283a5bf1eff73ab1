"""Before the composer: ``rehearsal starting…`` on the screen, and keys that go nowhere, as with real programs."""

from __future__ import annotations

import os
import signal
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from loop_orchestrator.clock import Clock
from loop_orchestrator.rehearsal import VERSION


class Boot:
    """The time between the program's start and its composer."""

    def __init__(self, clock: Clock, began: float) -> None:
        self._clock = clock
        self._began = began

    def finish(self, boot_s: float) -> None:
        """Wait until ``boot_s`` seconds have passed since the start, forget what was typed, and clear the two rows."""
        self._clock.sleep(max(0.0, self._began + boot_s - self._clock.monotonic()))
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
        sys.stdout.write("\r\x1b[K\x1b[A\x1b[K")
        sys.stdout.flush()


@contextmanager
def starting(lane: str, clock: Clock) -> Iterator[Boot]:
    """Show that the program starts. The terminal does not echo inside the block and is as it was after it.

    SIGTERM becomes SystemExit, so that the terminal is given back then too.
    """
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    quiet = termios.tcgetattr(fd)
    quiet[3] &= ~(termios.ECHO | termios.ICANON)
    signal.signal(signal.SIGTERM, _end)
    termios.tcsetattr(fd, termios.TCSADRAIN, quiet)
    sys.stdout.write(f"rehearsal starting…\n{VERSION} · {lane or '-'} · starting")
    sys.stdout.flush()
    try:
        yield Boot(clock, clock.monotonic())
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _end(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


def at_terminal() -> bool:
    """Standard input and output are a terminal."""
    return os.isatty(sys.stdin.fileno()) and os.isatty(sys.stdout.fileno())
