"""Waits for panes to print, over one held connection: any number of threads, each for a pane of its own."""

from __future__ import annotations

import select
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loop_orchestrator.clock import Clock
    from loop_orchestrator.substrate.port import Feed


class Bells:
    """Of the threads that wait, one listens to the connection and wakes the others; when it leaves, the next one does.

    What a pane printed since the last wait for it ends the next one at once.
    """

    def __init__(self, feed: Feed, clock: Clock) -> None:
        """feed: open, and closed by the caller once nobody waits any more; nobody else may take what it pushes."""
        self._feed = feed
        self._clock = clock
        self._changed = threading.Condition()
        self._rang: set[str] = set()
        self._listened_to = False
        """a thread listens to the connection now"""

    def wait(self, pane: str, seconds: float) -> None:
        """Until the pane printed something, at most so long; as long where the connection does not hold any more."""
        self.rang_within(pane, seconds)

    @property
    def lost(self) -> str:
        """Why nothing is heard any more; empty: the connection holds."""
        return self._feed.lost

    def rang_within(self, pane: str, seconds: float) -> bool:
        """The same; whether the pane printed something."""
        deadline = self._clock.monotonic() + seconds
        with self._changed:
            while pane not in self._rang and (left_s := deadline - self._clock.monotonic()) > 0:
                if self._listened_to or self._feed.lost:
                    self._changed.wait(left_s)
                else:
                    self._listen(left_s)
            rang = pane in self._rang
            self._rang.discard(pane)
        return rang

    def _listen(self, limit_s: float) -> None:
        """Take in what is pushed next, and wake everybody. The caller holds the lock, which is free meanwhile."""
        self._listened_to = True
        self._changed.release()
        spoke: frozenset[str] = frozenset()
        try:
            poll = select.poll()
            poll.register(self._feed.fileno(), select.POLLIN)
            if poll.poll(limit_s * 1000):
                spoke = self._feed.pushed(self._clock.machine_now()).spoke
        finally:
            self._changed.acquire()
            self._listened_to = False
            self._rang |= spoke
            self._changed.notify_all()
