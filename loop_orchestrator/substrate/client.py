"""One control-mode client of tmux: lines of commands go in, replies and notifications come out."""

from __future__ import annotations

import time
from collections.abc import Sequence

from loop_orchestrator.errors import ProcessError
from loop_orchestrator.process.pipes import PipedProgram
from loop_orchestrator.substrate.framing import Exchange, Framer, OutOfStep
from loop_orchestrator.substrate.listing import outer_environment


class LostError(Exception):
    """The connection does not hold; the text is the reason."""


class ControlClient:
    """Holds until its pipe ends or what it says is out of step. Not thread-safe."""

    def __init__(self, argv: Sequence[str]) -> None:
        """Start it. Raises ProcessError."""
        self._program = PipedProgram(argv, env=outer_environment())
        self._framer = Framer()
        self._unsent = bytearray()
        self._said: list[bytes] = []
        self.holds = True

    @property
    def pid(self) -> int:
        return self._program.pid

    def fileno(self) -> int:
        return self._program.fileno()

    def ask(self, exchanges: Sequence[Exchange[object]], deadline: float) -> None:
        """Send the lines in one go and wait until the last is answered. Raises LostError.

        deadline: on the monotonic clock. What was asked and is answered later is dropped then, in its turn.
        """
        for exchange in exchanges:
            self._add(exchange)
        while exchanges and not exchanges[-1].done:
            self._send()
            if not self._receive() and not self._program.wait(to_send=bool(self._unsent), deadline=deadline):
                raise LostError("tmux does not answer in time")
        self._said.clear()

    def post(self, exchange: Exchange[object]) -> None:
        """Send a line without waiting, as far as it can be sent now. Raises LostError."""
        self._add(exchange)
        self._send()

    def said(self) -> list[bytes]:
        """The notifications until now; never waits. Raises LostError when there are none left and no more will be."""
        self._send()
        try:
            while self._receive():
                pass
        except LostError:
            if not self._said:
                raise
        said, self._said = self._said, []
        return said

    def await_notification(self, name: bytes, deadline: float) -> None:
        """Wait until it said this. Raises LostError."""
        while not any(line.startswith(name) for line in self._said):
            if not self._receive() and not self._program.wait(to_send=False, deadline=deadline):
                raise LostError("tmux does not answer in time")
            if any(line.startswith(b"%exit") for line in self._said):
                raise LostError("there is no such session")
        self._said.clear()

    def close(self) -> None:
        self.holds = False
        self._program.close()

    def _add(self, exchange: Exchange[object]) -> None:
        self._framer.expect(exchange)
        self._unsent += exchange.line.encode() + b"\n"

    def _send(self) -> None:
        if self._unsent:
            try:
                del self._unsent[: self._program.send(self._unsent)]
            except ProcessError as error:
                self.holds = False
                raise LostError(error.message) from error

    def _receive(self) -> bool:
        """Take in what came; False where nothing did."""
        data = self._program.receive()
        if data is None:
            return False
        if not data:
            self.holds = False
            raise LostError("tmux ended the connection")
        try:
            self._said += self._framer.feed(data)
        except OutOfStep as error:
            self.holds = False
            raise LostError(f"out of step: {error}") from error
        return True


def deadline_in(seconds: float) -> float:
    """On the monotonic clock."""
    return time.monotonic() + seconds
