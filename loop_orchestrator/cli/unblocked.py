"""Output that never holds up the program: written by a thread, and left out where nobody reads it in time.

For a daemon: a reader who stops reading (a pipe, a terminal that Ctrl-S stopped) or who goes away ends neither the
program nor its work.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

MOST_BYTES = 1_000_000
"""What waits for a reader at most. At half, a reader who comes back after a lunch break misses rows of a busy day; at
double, each program that nobody reads holds a MB more for ever."""

LAST_S = 0.1
"""How long the end of the program waits for what was not read yet. At half, the last row is lost on a busy machine; at
double, a program that nobody reads takes longer to end than the daemon promises."""

AGAIN_S = 1.0
"""Seconds after which a full disk is written to again. At half, it is asked twice as often; at double, its end is
noticed later."""


class Unblocked(io.TextIOBase):
    """A text stream whose ``write`` never blocks and never fails; whole lines are written by a thread."""

    def __init__(self, stream: TextIO, left_out: Callable[[int], str], on_gone: Callable[[], None]) -> None:
        """stream: where it goes, used by nobody else meanwhile. left_out: what is written, without a newline, in place
        of so many lines that nobody read in time. on_gone: called once, in the thread, when nobody reads any more.
        """
        stream.flush()
        self._stream = stream
        self._fd = stream.fileno()
        self._left_out = left_out
        self._on_gone = on_gone
        self._begun = ""
        """of a line that is not whole yet"""
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._missed = 0
        """lines that came when there was no room for them"""
        self._written = True
        """nothing waits to be written"""
        self._over = False
        """nothing is written any more"""
        self._changed = threading.Condition()
        threading.Thread(target=self._run, daemon=True, name="output").start()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        return self._stream.errors

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return self._stream.isatty()

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        with self._changed:
            whole, newline, self._begun = (self._begun + text).rpartition("\n")
            for line in whole.split("\n") if newline else ():
                self._take(self._encoded(line))
            self._changed.notify_all()
        return len(text)

    def finish(self) -> bool:
        """Wait until all is written, up to 0.1 s; whether it is. Nothing is written after that."""
        with self._changed:
            written = self._changed.wait_for(lambda: self._written or self._over, LAST_S) and not self._over
            self._over = True
            self._changed.notify_all()
        return written

    def _encoded(self, line: str) -> bytes:
        return f"{line}\n".encode(self.encoding, self.errors or "strict")

    def _take(self, line: bytes) -> None:
        if self._over:
            return
        self._written = False
        if self._missed or self._bytes + len(line) > MOST_BYTES:
            self._missed += 1
            return
        self._lines.append(line)
        self._bytes += len(line)

    def _next(self) -> tuple[bytes, int]:
        """What is to be written next, and for how many lines it stands; waits for it. Empty: it is over."""
        with self._changed:
            while not (self._lines or self._missed or self._over):
                self._written = True
                self._changed.notify_all()
                self._changed.wait()
            if self._over:
                return b"", 0
            if self._lines:
                line = self._lines.popleft()
                self._bytes -= len(line)
                return line, 1
            missed, self._missed = self._missed, 0
            return self._encoded(self._left_out(missed)), missed

    def _run(self) -> None:
        while True:
            data, lines = self._next()
            if not data:
                return
            try:
                self._put(data)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    break
                with self._changed:
                    self._missed += lines
                    self._changed.wait(AGAIN_S)
        with self._changed:
            self._over = True
            self._lines.clear()
            self._changed.notify_all()
        self._on_gone()

    def _put(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:  # whoever made the pipe wants it so
                select.select([], [self._fd], [])


@contextmanager
def unblocked(left_out: Callable[[int], str], on_gone: Callable[[], None]) -> Iterator[Callable[[], None]]:
    """While this lasts, neither stdout nor stderr holds anybody up; yields what hands over, up to 0.1 s each, what was
    not read yet, for whoever ends the process at once.

    What of them is not read by the end goes nowhere. left_out, on_gone: of stdout, see Unblocked.
    """
    before = (sys.stdout, sys.stderr)
    out = _behind(sys.stdout, left_out, on_gone)
    err = _behind(sys.stderr, lambda lines: f"({lines} lines are left out here)", lambda: None)
    sys.stdout, sys.stderr = out, err

    def finish() -> None:
        for stream in (out, err):
            if isinstance(stream, Unblocked) and not stream.finish():
                _to_nothing(stream.fileno())

    try:
        yield finish
    finally:
        sys.stdout, sys.stderr = before
        finish()


def _behind(stream: TextIO, left_out: Callable[[int], str], on_gone: Callable[[], None]) -> TextIO:
    """The stream, unblocked; as it is where it goes to no file."""
    try:
        return Unblocked(stream, left_out, on_gone)  # type: ignore[return-value]
    except (OSError, ValueError):
        return stream


def _to_nothing(fd: int) -> None:
    """What is still written there meets no reader, and waits for none."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, fd)
    os.close(null)
