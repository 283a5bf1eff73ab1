"""The daemon, and what is left of it when it has ended."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import psutil

from tests.support.scratch import Scratch
from tests.support.waiting import eventually

_MARK = "STARTED_BY_A_DAEMON_OF_A_TEST"
"""In the environment of a daemon and of what it starts: which daemon."""


class Daemon:
    """The command ``loop-engine watch``, and what it has said so far, on stdout and stderr together."""

    def __init__(
        self, scratch: Scratch, *words: str, program: bool = False, env: Mapping[str, str] | None = None
    ) -> None:
        """program: see ``Scratch.watch``. env: variables that it has besides."""
        self._mark = os.urandom(8).hex()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed with the daemon
        self.process = scratch.watch(
            *words, out=self._said.fileno(), program=program, env={_MARK: self._mark, **(env or {})}
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def said(self) -> str:
        return os.pread(self._said.fileno(), 1_000_000, 0).decode()

    def ended(self) -> int | None:
        return self.process.poll()

    def end(self, number: signal.Signals = signal.SIGKILL) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)

    def started(self) -> list[psutil.Process]:
        """What it started and what those started, as far as it runs: by descent, and by what they inherited."""
        found: dict[int, psutil.Process] = {}
        with suppress(psutil.NoSuchProcess):
            found = {one.pid: one for one in psutil.Process(self.pid).children(recursive=True)}
        for one in psutil.process_iter():
            with suppress(psutil.Error):
                if one.environ().get(_MARK) == self._mark and one.pid != self.pid:
                    found[one.pid] = one
        return [one for one in found.values() if runs(one)]

    def told_to_stop(self) -> float:
        """After SIGTERM it ends with 0 and leaves no process behind. Returns the seconds that it took to end."""
        started = self.started()
        began = time.monotonic()
        code = self.end(signal.SIGTERM)
        took_s = time.monotonic() - began
        assert code == 0, self.said
        left = {one.pid: one for one in (*started, *self.started())}
        eventually(lambda: not any(runs(one) for one in left.values()), what=f"the end of {left}")
        assert "Traceback" not in self.said
        return took_s

    def close(self) -> None:
        self.end()
        self._said.close()


@contextmanager
def daemon(scratch: Scratch, *words: str, program: bool = False) -> Iterator[Daemon]:
    """A daemon that watches. program: see ``Scratch.watch``."""
    started = Daemon(scratch, *words, program=program)
    try:
        eventually(lambda: watches(scratch, started) or started.ended() is not None)
        assert started.ended() is None, started.said
        yield started
    finally:
        started.close()


def watches(scratch: Scratch, one: Daemon) -> bool:
    return any(event.payload["pid"] == one.pid for event in scratch.events("watch.started"))


def runs(one: psutil.Process) -> bool:
    """A zombie does not."""
    with suppress(psutil.NoSuchProcess):
        return bool(one.is_running()) and one.status() != psutil.STATUS_ZOMBIE
    return False
