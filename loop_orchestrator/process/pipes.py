"""A program that is held open and talked to over pipes, without a terminal of its own."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from loop_orchestrator.errors import ProcessError
from loop_orchestrator.process.identity import ProcessId, alive, current

PIPE_BYTES = 1024 * 1024
"""What a pipe holds where the system lets it: the most that a user without rights may ask for on Linux."""

HOLDER = "LOOP_HELD_BY"
"""In its environment: which process holds it."""

_CHUNK = 256 * 1024
"""Bytes per read."""

END_GRACE_S = 0.2
"""Between the closing of its pipes and KILL: a program that was talked to ends when nobody talks to it any more."""


class PipedProgram:
    """Its stdin and stdout as descriptors that never block; what it says on stderr is dropped.

    Its stdin closes with this process, however that ends; one that does not end then can be told by ``end_orphans``.
    Not thread-safe.
    """

    def __init__(self, argv: Sequence[str], *, env: Mapping[str, str]) -> None:
        """Start it, in a session of its own, where no key of this terminal reaches it. Raises ProcessError."""
        try:
            self._process = subprocess.Popen(
                list(argv),
                env={**env, HOLDER: _written(current())},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise ProcessError(f"{argv[0]} cannot be started: {error.strerror}") from error
        assert self._process.stdin is not None and self._process.stdout is not None
        with _mutex:
            _open.add(self)
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        for pipe in (self._stdin, self._stdout):
            os.set_blocking(pipe.fileno(), False)
            if hasattr(fcntl, "F_SETPIPE_SZ"):
                with suppress(OSError):  # a user with very many pipes gets the small one
                    fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    @property
    def pid(self) -> int:
        return self._process.pid

    def fileno(self) -> int:
        """Readable when it has said something, and when it has ended."""
        return self._stdout.fileno()

    def receive(self) -> bytes | None:
        """What it said, as much as is read at once; None: nothing now. Empty: it said its last word. Never blocks."""
        try:
            return os.read(self._stdout.fileno(), _CHUNK)
        except BlockingIOError:
            return None

    def send(self, data: bytes | bytearray) -> int:
        """Write what fits now; how many bytes that were. Never blocks. Raises ProcessError if it takes no more."""
        try:
            return os.write(self._stdin.fileno(), data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise ProcessError(f"it takes no input any more: {error.strerror}") from error

    def wait(self, *, to_send: bool, deadline: float) -> bool:
        """Block until something can be received or, where wanted, sent; False when the deadline is over first.

        deadline: on the monotonic clock.
        """
        poll = select.poll()
        poll.register(self._stdout.fileno(), select.POLLIN)
        if to_send:
            poll.register(self._stdin.fileno(), select.POLLOUT)
        return bool(poll.poll(max(0.0, deadline - time.monotonic()) * 1000))

    def close(self) -> None:
        """Close its stdin and collect it; killed if it has not ended by itself soon. Blocks up to 0.2 s.

        What it still says is read away: a program whose last word is refused may wait for ever to be rid of it.
        """
        deadline = time.monotonic() + END_GRACE_S
        with suppress(OSError):
            self._stdin.close()
        with suppress(OSError):
            while self.receive() != b"" and self.wait(to_send=False, deadline=deadline):
                pass
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with _mutex:
            _open.discard(self)
        self._stdout.close()

    def kill(self) -> None:
        """End it at once, whoever is talking to it; it is collected by ``close``, or with this process."""
        self._process.kill()


_open: set[PipedProgram] = set()
_mutex = threading.Lock()
"""guards ``_open``"""


def kill_held() -> None:
    """End every program that any thread holds open: this process is about to end. Does not block."""
    with _mutex:
        held = tuple(_open)
    for program in held:
        program.kill()


def end_orphans(pids: Iterable[int]) -> None:
    """Kill those of these processes whose holder is gone; all others, and what was not started here, are left alone."""
    for pid in pids:
        with suppress(ValueError, OSError):
            number, _, start = _holder(pid).partition(" ")
            if number and not alive(ProcessId(int(number), float(start))):
                os.kill(pid, signal.SIGKILL)


def _holder(pid: int) -> str:
    """Which process holds this one, as it was written; empty for one that was not started here, or is gone."""
    return _holder_on_linux(pid) if sys.platform == "linux" else _holder_elsewhere(pid)


def _holder_on_linux(pid: int) -> str:
    """From the kernel itself: psutil would add two megabytes to a daemon that asks for nothing else of it."""
    mark = f"{HOLDER}=".encode()
    variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return next((one.removeprefix(mark).decode() for one in variables if one.startswith(mark)), "")


def _holder_elsewhere(pid: int) -> str:
    import psutil

    try:
        return str(psutil.Process(pid).environ().get(HOLDER, ""))
    except psutil.Error:
        return ""


def _written(process: ProcessId) -> str:
    return f"{process.pid} {process.start!r}"
