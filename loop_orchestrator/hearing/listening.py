"""What is heard from the terminal: holds the connection, and knows which panes to look at and when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from loop_orchestrator.errors import SubstrateError
from loop_orchestrator.hearing.dirty import DirtyPanes
from loop_orchestrator.process.ends import Ends

if TYPE_CHECKING:
    from loop_orchestrator.clock import Clock
    from loop_orchestrator.hearing.heard import Heard
    from loop_orchestrator.hearing.lanes import Missed
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.substrate.port import Feed

RETRY_FIRST_S = 0.5
"""Wait before the first try to connect again; each next one is twice as long. At half, twice the programs started for a
tmux that is gone; at double, a short break lasts twice as long."""

RETRY_MOST_S = 60.0
"""Longest wait between two tries: what the sweep costs meanwhile is more."""

BUSY_S = 0.05
"""Between two times that pushes are taken in while there are always some. At half, lanes that draw cost nearly twice as
much; at double, a word of one lane may be heard a tenth of a second late because another one draws."""

LATE_S = 0.5
"""How much later than the screen a push may come. At half, a busy machine reports changes as missed that were not."""


Record = Callable[[str, "dict[str, JsonValue]"], None]
"""Takes the kind and the payload of an event; raises nothing."""


class Listening:
    """Everything here runs on the event loop, and nothing blocks it: what does is done in a thread."""

    def __init__(
        self,
        feed: Feed | None,
        heard: Heard,
        clock: Clock,
        *,
        on_due: Callable[[], None],
        record: Record | None = None,
    ) -> None:
        """feed: None: there is no connection, and only ends of programs are heard of.

        on_due: called when lanes are to be looked at: some, or all (see ``everything``). record: gets
        ``control.connected``, ``control.lost`` and ``sweep.found``; None: whoever listens keeps no record.
        """
        self.connected = False
        self.everything = False
        """all lanes are to be looked at: panes came or went, or the connection did"""
        self._feed = feed
        self._heard = heard
        self._clock = clock
        self._record = record
        self._on_due = on_due
        self._loop = asyncio.get_running_loop()
        self._dirty = DirtyPanes()
        self._spoke_at: dict[str, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._took_at = -BUSY_S
        """when pushes were taken in last"""
        self._later: asyncio.TimerHandle | None = None
        """listens again after a moment"""
        self._ends = Ends(self._program_ended)
        self._programs: Mapping[int, str] = {}
        self._ended: set[int] = set()
        self._lost = asyncio.Event()
        self._again = asyncio.Event()
        """a try to connect is worth while now"""
        self._told = ""
        """the last reason for having no connection that was recorded"""

    async def run(self) -> None:
        """Connect, and connect again with growing waits, until cancelled."""
        if self._feed is None:
            return
        wait_s = RETRY_FIRST_S
        while True:
            try:
                await asyncio.to_thread(self._feed.open, on_lost=self._lost_elsewhere)
            except SubstrateError as error:
                self._say_lost(error.message)
            else:
                wait_s = RETRY_FIRST_S
                await self._hear(self._feed)
            self._again.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._again.wait(), wait_s)
            wait_s = min(RETRY_MOST_S, 2 * wait_s)

    def try_again(self) -> None:
        """The session may be there (again)."""
        if not self.connected:
            self._again.set()

    def take_due(self, *, all_dirty: bool = False) -> frozenset[str]:
        """The panes to look at now; ``all_dirty``: those that would have waited for silence too."""
        now = self._loop.time()
        due = self._dirty.take_all(now) | self._dirty.take_due(now) if all_dirty else self._dirty.take_due(now)
        self._arm()
        return due

    def take_ended(self) -> frozenset[int]:
        """Processes that ended since the last call."""
        ended, self._ended = frozenset(self._ended), set()
        return ended

    def look_again(self, panes: Iterable[str]) -> None:
        """Look at these again as if they had printed something now."""
        for pane in panes:
            self._dirty.spoke(pane, self._loop.time())
        self._arm()

    def follow(self, programs: Mapping[int, str]) -> None:
        """Be told when one of these processes ends; process -> its pane."""
        self._programs = programs
        self._ends.follow(programs)

    def confirm(self, missed: tuple[Missed, ...]) -> None:
        """Say what a sweep found, unless the push was only later than the sweep."""
        if missed and self.connected:
            self._loop.call_later(LATE_S, self._say_missed, missed, self._loop.time() - LATE_S)

    async def close(self) -> None:
        """The connection is ended, if nobody uses it any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._ends.close()
        if self._feed is not None:
            await asyncio.to_thread(self._feed.close)

    async def _hear(self, feed: Feed) -> None:
        """Until the connection is lost."""
        if not feed.lost:
            self._lost.clear()
        self._loop.add_reader(feed.fileno(), self._take_pushed, feed)
        self.connected = True
        self._heard.begin(self._clock.machine_now())
        self._told = ""
        self._event("control.connected", {})
        self._look_at_everything()
        try:
            await self._lost.wait()
        finally:
            if self._later is not None:
                self._later.cancel()
                self._later = None
            self._loop.remove_reader(feed.fileno())
            self.connected = False
            self._dirty.clear()
            self._heard.clear()
        self._say_lost(feed.lost)
        self._look_at_everything()

    def _take_pushed(self, feed: Feed) -> None:
        """Take in what was pushed; while much is, only every BUSY_S: each time costs more than what it brings."""
        now = self._loop.time()
        if now - self._took_at < BUSY_S:
            self._loop.remove_reader(feed.fileno())
            self._later = self._loop.call_later(BUSY_S, self._listen_again, feed)
        self._took_at = now
        at = self._clock.machine_now()
        pushed = feed.pushed(at)
        for pane in pushed.spoke:
            self._dirty.spoke(pane, now)
            self._spoke_at[pane] = now
        if pushed.signals or pushed.spoke:
            self._heard.note(pushed.signals, pushed.spoke, at)
        if pushed.ended:
            self._lost.set()
        elif pushed.layout:
            self._look_at_everything()
        self._arm()

    def _listen_again(self, feed: Feed) -> None:
        self._later = None
        self._loop.add_reader(feed.fileno(), self._take_pushed, feed)

    def _lost_elsewhere(self) -> None:
        """Another thread found it out; what it does meanwhile may take long."""
        with suppress(RuntimeError):  # the event loop is closed
            self._loop.call_soon_threadsafe(self._lost.set)

    def _program_ended(self, pid: int) -> None:
        pane = self._programs.get(pid, "")
        self._heard.forget(pane)
        self._ended.add(pid)
        if not self.connected:
            self._look_at_everything()
            return
        self._dirty.hurry(pane, self._loop.time())
        self._on_due()

    def _look_at_everything(self) -> None:
        self.everything = True
        self._on_due()

    def _arm(self) -> None:
        """One timer, for the pane that is due first."""
        due = self._dirty.next_due()
        if self._timer is not None and (due is None or self._timer.when() > due or self._timer.cancelled()):
            self._timer.cancel()
            self._timer = None
        if due is not None and self._timer is None:
            self._timer = self._loop.call_at(due, self._rang)

    def _rang(self) -> None:
        """A pane that printed again meanwhile is due later."""
        self._timer = None
        due = self._dirty.next_due()
        if due is not None and due <= self._loop.time():
            self._on_due()
        else:
            self._arm()

    def _say_lost(self, reason: str) -> None:
        if not self._told:
            self._told = reason
            self._event("control.lost", {"reason": reason})

    def _say_missed(self, missed: tuple[Missed, ...], since: float) -> None:
        for one in missed:
            if self._spoke_at.get(one.pane, 0.0) < since:
                self._event("sweep.found", {"lane": one.lane, "was": one.was, "now": one.now})

    def _event(self, kind: str, payload: dict[str, JsonValue]) -> None:
        if self._record is not None:
            self._record(kind, payload)
