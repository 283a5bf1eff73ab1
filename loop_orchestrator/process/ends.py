"""Tells at once when a process ends, of processes that are nobody's children here."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection

from loop_orchestrator.process.identity import from_pid

POLL_S = 1.0
"""Between two looks where the system has no descriptor for a process. At half, twice the wake-ups; at double, an end is
noticed later."""


class Ends:
    """Follows processes on the running event loop and calls back once for each that ended. Starts nothing."""

    def __init__(self, on_end: Callable[[int], None]) -> None:
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._descriptors: dict[int, int] = {}
        """pid -> its descriptor"""
        self._polled: set[int] = set()
        self._told: set[int] = set()
        """ended, and still asked for: a record may go on naming a process that is gone"""
        self._poll: asyncio.TimerHandle | None = None

    def follow(self, pids: Collection[int]) -> None:
        """Follow exactly these from now on. One that has ended already is called back for, once."""
        wanted = set(pids)
        self._told &= wanted
        for pid in self._descriptors.keys() - wanted:
            self._let_go(pid)
        self._polled &= wanted
        for pid in wanted - self._descriptors.keys() - self._polled - self._told:
            self._begin(pid)

    def close(self) -> None:
        self.follow(())
        if self._poll is not None:
            self._poll.cancel()

    def _begin(self, pid: int) -> None:
        opened = getattr(os, "pidfd_open", None)
        try:
            descriptor = opened(pid) if opened is not None else -1
        except ProcessLookupError:
            self._ended(pid)
            return
        except OSError:  # a kernel or a sandbox without it, or no descriptor left
            descriptor = -1
        if descriptor >= 0:
            self._descriptors[pid] = descriptor
            self._loop.add_reader(descriptor, self._ended, pid)
            return
        self._polled.add(pid)
        if self._poll is None:
            self._poll = self._loop.call_later(POLL_S, self._look)

    def _ended(self, pid: int) -> None:
        self._let_go(pid)
        self._told.add(pid)
        self._on_end(pid)

    def _let_go(self, pid: int) -> None:
        self._polled.discard(pid)
        descriptor = self._descriptors.pop(pid, None)
        if descriptor is not None:
            self._loop.remove_reader(descriptor)
            os.close(descriptor)

    def _look(self) -> None:
        for pid in [pid for pid in self._polled if from_pid(pid) is None]:
            self._ended(pid)
        self._poll = self._loop.call_later(POLL_S, self._look) if self._polled else None
