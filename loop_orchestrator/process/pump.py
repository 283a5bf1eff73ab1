"""One program under way: fed, read, and ended together with its whole process group. No shell, no polling."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from loop_orchestrator.errors import ProcessError
from loop_orchestrator.process.cancel import Cancel
from loop_orchestrator.process.descent import below
from loop_orchestrator.process.identity import ProcessId, alive, from_pid

TERM_GRACE_S = 1.0
"""Between TERM and KILL. At half, programs that save their session are cut off; at double, stopping takes over 2 s."""

LEFTOVER_GRACE_S = 0.5
"""How long output is still read after the program itself ended while something it left behind holds the pipe open."""

LAST_GRACE_S = 0.1
"""Between TERM and KILL where this process itself is about to end. At half, git leaves its lock files behind; at
double, the daemon ends later than it promises."""

_CHUNK = 65_536
"""Bytes per read and write: what a pipe holds, so one read empties it."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a program ended."""

    code: int
    """0-255, or minus the number of the signal that ended it"""
    timed_out: bool
    cancelled: bool
    duration_s: float


def pump(
    argv: Sequence[str],
    *,
    cwd: Path | None,
    env: Mapping[str, str] | None,
    stdin: bytes | None,
    timeout_s: float,
    cancel: Cancel | None,
    on_stdout: Callable[[bytes], object],
    on_stderr: Callable[[bytes], object],
) -> Ended:
    """Run a program in a session of its own and hand over its output as it comes, until it ended.

    Blocks. On timeout and on cancel its process group gets TERM and a second later KILL, and with it every process
    that descends from the program. On an ordinary end what is left of the group is killed at once; so nothing stays
    behind but what made a session of its own. On any exception (one of ``on_stdout`` included) nothing stays behind at
    all. With ``cancel`` set beforehand nothing is started, and the code is that of TERM.
    stdin: None is the null device. Raises ProcessError if it cannot be started.
    """
    began = time.monotonic()
    if cancel is not None and cancel.is_set():
        return Ended(code=-signal.SIGTERM, timed_out=False, cancelled=True, duration_s=0.0)
    with _Job(_start(argv, cwd, env, stdin is not None), stdin or b"", cancel) as job:
        job.read_from(on_stdout, on_stderr)
        job.wait(began + timeout_s)
    return Ended(code=job.code, timed_out=job.timed_out, cancelled=job.cancelled, duration_s=time.monotonic() - began)


def end_running() -> None:
    """End every program that any thread has under way, with all that descends from it: this process is about to end.

    Blocks up to 0.1 s.
    """
    with _mutex:
        jobs = tuple(_running)
    for job in jobs:
        job.take_in_family()
        job.signal_group(signal.SIGTERM)
    deadline = time.monotonic() + LAST_GRACE_S
    while any(job.family_lives() for job in jobs) and time.monotonic() < deadline:
        time.sleep(LAST_GRACE_S / 20)
    for job in jobs:
        job.kill_family()


_running: set[_Job] = set()
_mutex = threading.Lock()
"""guards ``_running``"""


def _start(
    argv: Sequence[str], cwd: Path | None, env: Mapping[str, str] | None, has_stdin: bool
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=env,
            stdin=subprocess.PIPE if has_stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise _start_error(argv, cwd, error) from error


def _start_error(argv: Sequence[str], cwd: Path | None, error: OSError | ValueError) -> ProcessError:
    program = argv[0]
    if cwd is not None and not cwd.is_dir():
        return ProcessError(f"{program} cannot be started in {cwd}: there is no such directory")
    if isinstance(error, FileNotFoundError):
        return ProcessError(f"{program} cannot be started: no such program", hint=f"install {program}, or correct PATH")
    if isinstance(error, PermissionError):
        return ProcessError(f"{program} cannot be started: it may not be executed by this user")
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return ProcessError(f"{program} cannot be started: {reason}")


class _Job:
    """One program under way: its pipes, its end, and the request to stop, waited for in one place."""

    def __init__(self, process: subprocess.Popen[bytes], stdin: bytes, cancel: Cancel | None) -> None:
        self.timed_out = False
        self.cancelled = False
        self.code = 0
        self._process = process
        self._unsent = memoryview(stdin)
        self._exited = False
        self._ending = False
        self._collected = False
        self._deadline = 0.0
        self._open_outputs = 0
        self._family: set[ProcessId] = set()
        """what descended from the program when its end was begun"""
        self._selector = selectors.DefaultSelector()
        self._readers: list[tuple[IO[bytes], Callable[[bytes], object]]] = []
        self._exit_fd = _exit_fd(process)
        self._selector.register(self._exit_fd, selectors.EVENT_READ, self._note_exit)
        if cancel is not None:
            self._selector.register(cancel, selectors.EVENT_READ, lambda: self._note_cancel(cancel))
        if process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)
            self._selector.register(process.stdin, selectors.EVENT_WRITE, self._send)

    def __enter__(self) -> _Job:
        with _mutex:
            _running.add(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End what is left of the group and collect the program; its pid stays its own until then."""
        with _mutex:
            _running.discard(self)
        if self._ending or kind is not None:
            self.take_in_family()
        self.kill_family()
        self.code = self._process.wait()
        self._collected = True
        for pipe, _sink in self._readers:
            pipe.close()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._selector.close()
        os.close(self._exit_fd)

    def read_from(self, on_stdout: Callable[[bytes], object], on_stderr: Callable[[bytes], object]) -> None:
        """Say where the output goes."""
        assert self._process.stdout is not None and self._process.stderr is not None
        for pipe, sink in ((self._process.stdout, on_stdout), (self._process.stderr, on_stderr)):
            os.set_blocking(pipe.fileno(), False)
            self._readers.append((pipe, sink))
            self._selector.register(pipe, selectors.EVENT_READ, lambda pipe=pipe, sink=sink: self._receive(pipe, sink))
            self._open_outputs += 1

    def wait(self, deadline: float) -> None:
        """Until the program ended and its output was read, or until the deadline and the grace after it are over."""
        self._deadline = deadline
        while not (self._exited and self._open_outputs == 0):
            for key, _ in self._selector.select(max(0.0, self._deadline - time.monotonic())):
                key.data()
            if time.monotonic() < self._deadline:
                continue
            if self._exited or self._ending:
                break
            self.timed_out = True
            self._end()
        for pipe, sink in self._readers:
            if not pipe.closed:
                self._receive(pipe, sink)

    def take_in_family(self) -> None:
        """Remember what descends from the program: a process whose parent ended is not found any more."""
        self._family |= below(self._process.pid)

    def family_lives(self) -> bool:
        return not self._collected and (from_pid(self._process.pid) is not None or any(map(alive, self._family)))

    def kill_family(self) -> None:
        """KILL to the group, and to what is remembered."""
        self.signal_group(signal.SIGKILL)
        for process in self._family:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if alive(process):
                    os.kill(process.pid, signal.SIGKILL)

    def signal_group(self, number: signal.Signals) -> None:
        if self._collected:
            return  # its pid may be another's by now
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _end(self) -> None:
        self._ending = True
        self._deadline = time.monotonic() + TERM_GRACE_S
        self.take_in_family()
        self.signal_group(signal.SIGTERM)

    def _note_exit(self) -> None:
        self._selector.unregister(self._exit_fd)
        self._exited = True
        self._deadline = min(self._deadline, time.monotonic() + LEFTOVER_GRACE_S)

    def _note_cancel(self, cancel: Cancel) -> None:
        self._selector.unregister(cancel)
        if not self._exited and not self._ending:
            self.cancelled = True
            self._end()

    def _send(self) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        try:
            self._unsent = self._unsent[os.write(stdin.fileno(), self._unsent[:_CHUNK]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._unsent = self._unsent[:0]  # it does not read its stdin; that is its business
        if not self._unsent:
            self._selector.unregister(stdin)
            stdin.close()

    def _receive(self, pipe: IO[bytes], sink: Callable[[bytes], object]) -> bool:
        """Read once; False when there is nothing now, or will never be."""
        try:
            data = os.read(pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return False
        if data:
            sink(data)
            return True
        self._selector.unregister(pipe)
        pipe.close()
        self._open_outputs -= 1
        return False


def _exit_fd(process: subprocess.Popen[bytes]) -> int:
    """A descriptor that becomes readable when the program ended; the caller closes it."""
    if hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):  # a kernel or sandbox without it
            return os.pidfd_open(process.pid)
    reader, writer = os.pipe()

    def watch() -> None:
        process.wait()
        os.close(writer)

    threading.Thread(target=watch, daemon=True, name=f"wait-{process.pid}").start()
    return reader
