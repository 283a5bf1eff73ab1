"""Follows what the terminal of one lane shows: a thread that waits until it printed something, and then looks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from loop_orchestrator.errors import LoopError
from loop_orchestrator.operations.observe import read_panes, record_of
from loop_orchestrator.operations.send import held_connection

if TYPE_CHECKING:
    from loop_orchestrator.deck.desk import Desk, MakeDesk

LEAST_S = 0.1
"""Between two looks. At half, a program that draws all the time costs twice as much; at double, it stutters."""

LOOK_S = 0.5
"""How long one wait for news lasts: so long a lane that is chosen anew may wait for its first look. At half, twice the
wakes at rest; at double, twice that wait."""

AGAIN_S = 2.0
"""After a look that failed: tmux comes back, a lane is booted again."""

RENEW_S = 30.0
"""After so long everything is made anew, so that a changed config and a lost connection do not last. At half, twice the
connections for nothing; at double, news that are half a second late for a minute."""


class LiveScreen(NamedTuple):
    """What a lane's terminal showed."""

    lane: str
    rows: tuple[str, ...]
    at: datetime


class Follower:
    """Follows one lane at a time; none at first."""

    def __init__(self, make_desk: MakeDesk, tell: Callable[[LiveScreen], None]) -> None:
        """tell: is called in the thread that runs ``run``, whenever the screen is another one."""
        self._make_desk = make_desk
        self._tell = tell
        self._lane = ""
        self._turned = threading.Event()
        self._ended = False

    def turn_to(self, lane: str) -> None:
        """Follow this lane from now on; empty: none."""
        if lane != self._lane:
            self._lane = lane
            self._turned.set()

    def end(self) -> None:
        """Have ``run`` return soon."""
        self._ended = True
        self._turned.set()

    def run(self) -> None:
        """Follow until ``end``; raises nothing for a lane or a terminal that cannot be seen."""
        while True:
            self._turned.clear()
            if self._ended:
                return
            if not self._lane:
                self._turned.wait()
                continue
            try:
                self._follow(self._make_desk())
            except LoopError:
                self._turned.wait(AGAIN_S)

    def _follow(self, desk: Desk) -> None:
        world = desk.world
        last: LiveScreen | None = None
        until = world.clock.monotonic() + RENEW_S
        with held_connection(world) as wait:
            while (lane := self._lane) and not self._ended and world.clock.monotonic() < until:
                self._turned.clear()
                pane = record_of(world, lane).pane
                reading = read_panes(world, (pane,)).get(pane)
                rows = reading.screen.rows if reading else ()
                if reading and (last is None or (last.lane, last.rows) != (lane, rows)):
                    last = LiveScreen(lane, rows, world.clock.now())
                    self._tell(last)
                if not self._turned.wait(LEAST_S):
                    wait(pane, LOOK_S)
