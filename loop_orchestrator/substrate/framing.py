"""Takes apart what tmux says in control mode. Pure: bytes in, replies and notifications out.

A pane may print lines that look like the end of a reply, and may guess the time and number in it. So whoever asks says
how many lines the body of a reply has where a pane has a hand in it. Only behind them the guard is looked for, and
where it is not found the connection is out of step.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Generator
from functools import lru_cache
from typing import Generic, TypeVar

T = TypeVar("T", covariant=True)

_BEGIN = re.compile(rb"%begin (\d+ \d+ (\d+))")
_OURS = b"1"
"""Flags of a reply to a command that this client sent; other replies belong to hooks and to the attaching itself."""

MOST_BYTES = 16 * 1024 * 1024
"""No reply is longer: a screen of 1000x1000 cells in colours."""


class OutOfStep(Exception):
    """What came is not what must come: nothing after it can be told apart."""


class RepliedError(Exception):
    """tmux answered a command with an error, and ran no later command of the same line."""


Lines = int | None
"""How many lines the body of a reply has; None: as many as stand before the guard."""


class Exchange(Generic[T]):
    """One line of commands and what is to be made of the replies, one for each command in it.

    steps: yields how long the next reply's body is and is sent that body, without its last newline; returns the result.
    """

    def __init__(self, line: str, steps: Generator[Lines, bytes, T]) -> None:
        if not line.strip():
            raise ValueError("an empty line would detach the client")
        self.line = line
        self.done = False
        self.failed = ""
        """what tmux said when it refused a command of the line"""
        self._steps = steps
        self._result: T | None = None
        self.expected = next(steps)

    def result(self) -> T:
        """Raises RepliedError if tmux refused one of the commands."""
        if self._result is None:
            raise RepliedError(self.failed or "no answer")
        return self._result

    def take(self, body: bytes) -> None:
        """Give it the body of the reply that it expected."""
        try:
            self.expected = self._steps.send(body)
        except StopIteration as stopped:
            self._result, self.done = stopped.value, True

    def fail(self, said: bytes) -> None:
        self._steps.close()
        self.failed, self.done = said.decode("utf-8", "replace").strip() or "refused", True


class Framer:
    """The state between two reads of one client. Any cut of the stream gives the same replies and notifications."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._awaited: deque[Exchange[object]] = deque()
        self._guard = b""
        """time, number and flags of the reply that is being read; empty between replies"""
        self._lines: Lines = None
        self._end = 0
        """where in the buffer the lines of the body end, as far as they were looked at"""
        self._body_left = False
        """lines of the body are still to come, which are no guard whatever they say"""
        self._ours = False

    @property
    def awaiting(self) -> bool:
        """Replies are still to come."""
        return bool(self._awaited)

    def expect(self, exchange: Exchange[object]) -> None:
        """Its line was, or is about to be, sent; after all lines that were expected before."""
        self._awaited.append(exchange)

    def feed(self, data: bytes) -> list[bytes]:
        """The notifications in it, in order; exchanges that got their replies are done. Raises OutOfStep."""
        self._buffer += data
        said: list[bytes] = []
        while self._reply() if self._guard else self._between(said):
            pass
        return said

    def _between(self, said: list[bytes]) -> bool:
        """Take one line that stands between two replies; False if there is no whole one."""
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > MOST_BYTES:
                raise OutOfStep("a line without an end")
            return False
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        begin = _BEGIN.fullmatch(line)
        if begin is None:
            if not line.startswith(b"%") or line.startswith((b"%end ", b"%error ")):
                raise OutOfStep(f"a line outside of a reply: {line[:80]!r}")
            said.append(line)
            return True
        self._guard, self._ours = begin[1], begin[2] == _OURS
        if self._ours and not self._awaited:
            raise OutOfStep("a reply that nobody asked for")
        self._lines = self._awaited[0].expected if self._ours else None
        self._body_left = bool(self._lines)
        self._end = 0
        return True

    def _reply(self) -> bool:
        """Take the reply whose begin was read; False if it is not whole."""
        while True:
            if self._body_left:
                body = _lines(self._lines or 0).match(self._buffer)
                if body is None:
                    return self._wait()
                self._body_left, self._end = False, body.end()
            end = self._buffer.find(b"\n", self._end)
            if end < 0:
                return self._wait()
            line = bytes(self._buffer[self._end : end])
            if line in (b"%end " + self._guard, b"%error " + self._guard):
                self._finish(line.startswith(b"%end "), end + 1)
                return True
            if self._lines is not None:
                raise OutOfStep(f"in place of the end of a reply: {line[:80]!r}")
            self._end = end + 1

    def _wait(self) -> bool:
        if len(self._buffer) > MOST_BYTES:
            raise OutOfStep("a reply without an end")
        return False

    def _finish(self, fine: bool, end: int) -> None:
        body = bytes(self._buffer[: max(0, self._end - 1)])
        del self._buffer[:end]
        self._guard = b""
        if not self._ours:
            return
        exchange = self._awaited[0]
        exchange.take(body) if fine else exchange.fail(body)
        if exchange.done:
            self._awaited.popleft()


@lru_cache(maxsize=64)
def _lines(count: int) -> re.Pattern[bytes]:
    return re.compile(rb"(?:[^\n]*\n){%d}" % count)
