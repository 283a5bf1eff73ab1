"""Drains the lines: as soon as a lane is seen ready, the first text in its line is delivered, in a thread of its own.

Lanes do not wait for each other, and nothing else of the daemon waits for them. Without a line there is no thread. What
stands in line is read from the disk each time, so nothing here has to survive the process.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from loop_orchestrator.errors import LoopError
from loop_orchestrator.operations.queue import Turned, deliver_next, settle

if TYPE_CHECKING:
    from loop_orchestrator.model.lane import Lane
    from loop_orchestrator.world import World

AGAIN_S = 0.5
"""Wait before a text that went back into its line is tried again, twice as long each time. At half, a screen that
flickers between ready and not costs twice the tries; at double, the end of another delivery is noticed later."""

AGAIN_MOST_S = 30.0
"""Longest wait between two tries for a lane that looks ready and takes nothing."""


@dataclass
class _Try:
    """What is remembered of a lane with a line."""

    booted_at: datetime | None
    """which start of the lane's program was looked at; None: there is no such lane"""
    at: float = -math.inf
    """when its next text may be tried, on the clock that never jumps"""
    wait_s: float = AGAIN_S
    left: str = ""
    """why this process gave up what it took, which is not settled on disk yet; empty: it did not"""


class Lines:
    """The lines of one session. ``look`` and ``to_read`` are called by one thread at a time, the others by any."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.on_done: Callable[[], None] = lambda: None
        """called from another thread when a lane is to be looked at again: see ``to_read``"""
        self._mutex = threading.Lock()
        self._tries: dict[str, _Try] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._unread: set[str] = set()
        """panes that were not read since text was typed into them, or may have been"""
        self.waiting: Mapping[str, int] = {}
        """lane -> how many texts stood in its line when it was looked at last"""

    def to_read(self) -> frozenset[str]:
        """The panes that have to be read before the next ``look``."""
        with self._mutex:
            unread, self._unread = frozenset(self._unread), set()
        return unread

    @property
    def calls_for_a_look(self) -> bool:
        """A delivery ended, or a text is to be tried again."""
        with self._mutex:
            return bool(self._unread) or self._due() <= self._world.clock.monotonic()

    @property
    def wait_s(self) -> float:
        """Seconds until a text is to be tried again, if nothing is heard before; may be infinite."""
        with self._mutex:
            return max(0.0, self._due() - self._world.clock.monotonic())

    def try_all(self) -> None:
        """Something was put in line or out of it, or a delivery was resolved: every line may go on now."""
        with self._mutex:
            for one in self._tries.values():
                one.at, one.wait_s = -math.inf, AGAIN_S

    def look(self, lanes: Sequence[Lane]) -> None:
        """Begin what the lines and these lanes, as just seen, call for. Raises StoreError.

        lanes: every lane of the session.
        """
        self.waiting = self._world.queue.lengths()
        seen = {lane.name: lane for lane in lanes}
        with self._mutex:
            self._tries = {name: one for name, one in self._tries.items() if name in self.waiting}
            for name in self.waiting:
                if name not in self._threads and self._calls(name, seen.get(name)):
                    self._begin(name, seen.get(name))

    def join(self, limit_s: float) -> bool:
        """Wait for what is under way; False if something still is."""
        deadline = self._world.clock.monotonic() + limit_s
        with self._mutex:
            threads = tuple(self._threads.values())
        for thread in threads:
            thread.join(max(0.0, deadline - self._world.clock.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _calls(self, name: str, lane: Lane | None) -> bool:
        """Whether there is anything to do for a lane's line now."""
        booted_at = lane.record.booted_at if lane is not None else None
        known = self._tries.get(name)
        if known is None or known.booted_at != booted_at:
            known = self._tries[name] = _Try(booted_at=booted_at, left=known.left if known else "")
            return True  # another program may run there by now, for which its texts are not meant
        if known.left:
            return known.at <= self._world.clock.monotonic()
        if lane is None or not lane.state.ready:
            if known.at < math.inf:
                known.at, known.wait_s = -math.inf, AGAIN_S
            return False
        return lane.record.pane not in self._unread and known.at <= self._world.clock.monotonic()

    def _begin(self, name: str, lane: Lane | None) -> None:
        if self._world.cancel.is_set():
            return
        thread = threading.Thread(target=self._go_on, args=(name, lane), name=f"line {name}", daemon=True)
        thread.start()
        self._threads[name] = thread  # it ends no sooner: the caller holds the lock

    def _go_on(self, name: str, lane: Lane | None) -> None:
        """Take the line one text further; those that can never be delivered leave it on the way."""
        with self._mutex:
            known = self._tries.get(name)
            left = known.left if known else ""
        turned, state = Turned.CLOSED, lane.state if lane is not None else None
        try:
            if left:
                settle(self._world, name, left)
                left = ""
            while turned is Turned.CLOSED and not self._world.cancel.is_set():
                turned = deliver_next(self._world, name, state)
        except Exception as error:  # whatever it is, the lane must not be taken for busy for ever
            turned, left = Turned.RETURNED, self._failed(name, error)
        self._end(name, lane, turned, left)

    def _end(self, name: str, lane: Lane | None, turned: Turned, left: str) -> None:
        now = self._world.clock.monotonic()
        with self._mutex:
            del self._threads[name]
            known = self._tries.setdefault(name, _Try(booted_at=lane.record.booted_at if lane else None))
            known.left = left
            if turned is Turned.RETURNED:
                known.at, known.wait_s = now + known.wait_s, min(AGAIN_MOST_S, 2 * known.wait_s)
            elif turned in (Turned.HELD, Turned.EMPTY):
                known.at = math.inf
            else:
                known.at, known.wait_s = -math.inf, AGAIN_S
            if lane is not None and turned in (Turned.DELIVERED, Turned.RETURNED):
                self._unread.add(lane.record.pane)
        self.on_done()

    def _due(self) -> float:
        """When the first text that went back is to be tried again; the caller holds the lock."""
        waits = (one.at for name, one in self._tries.items() if name not in self._threads and one.at > -math.inf)
        return min(waits, default=math.inf)

    def _failed(self, name: str, error: Exception) -> str:
        """Why; it is an event, as far as the disk takes one."""
        reason = error.message if isinstance(error, LoopError) else f"{type(error).__name__}: {error}"
        with suppress(LoopError):
            self._world.events.append("crash", "watch", {"what": f"the line of lane {name}", "reason": reason})
        return reason
