"""Follows what the terminal of one lane shows: a thread that waits until it printed something, and then looks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from loop_orchestrator.errors import LoopError
from loop_orchestrator.operations.observe import read_panes, record_of
from loop_orchestrator.operations.send import held_bells

if TYPE_CHECKING:
    from loop_orchestrator.deck.desk import Desk, MakeDesk

LEAST_S = 0.1
"""Between two looks. At half, a program that draws all the time costs twice as much; at double, it stutters."""

LOOK_S = 0.5
"""How long one wait for news lasts: so long a lane that is chosen anew may wait for its first look. At half, twice the
wakes at rest; at double, twice that wait."""

SWEEP_S = 10.0
"""Between two looks at a lane that prints nothing: its terminal may have another size. At half, twice that cost; at
double, a screen that was not announced is old for longer."""

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
        """Until the connection is lost, or might be had again."""
        world = desk.world
        now = world.clock.monotonic
        last: LiveScreen | None = None
        renew_at = now() + RENEW_S
        with held_bells(world) as bells:
            while (lane := self._lane) and not self._ended:
                self._turned.clear()
                pane = record_of(world, lane).pane
                reading = read_panes(world, (pane,)).get(pane)
                rows = reading.screen.rows if reading else ()
                if reading and (last is None or (last.lane, last.rows) != (lane, rows)):
                    last = LiveScreen(lane, rows, world.clock.now())
                    self._tell(last)
                if self._turned.wait(LEAST_S):
                    continue
                if bells is None:
                    self._turned.wait(LOOK_S)
                    if now() >= renew_at:
                        return
                    continue
                again_at = now() + SWEEP_S
                while not bells.rang_within(pane, LOOK_S) and not self._turned.is_set() and now() < again_at:
                    if bells.lost:
                        return
                    if record_of(world, lane).pane != pane:
                        break  # it was booted anew
