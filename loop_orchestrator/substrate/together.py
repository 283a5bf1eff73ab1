"""Looks of several threads at the same time, in one round trip: while one is under way, the others gather for the next.

Twenty deliveries at once ask tmux no more often than one does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from loop_orchestrator.errors import SubstrateError
from loop_orchestrator.model.terminal import PaneReading

Read = Callable[[Sequence[str]], tuple[PaneReading, ...]]


class _Round:
    """One round trip: the panes that are asked for, then what they showed, or why nobody knows."""

    def __init__(self) -> None:
        self.panes: dict[str, None] = {}
        self._readings: dict[str, PaneReading] = {}
        self._error: Exception | None = SubstrateError("tmux: a look was cut off")

    def go(self, read: Read) -> None:
        try:
            self._readings = {reading.facts.pane: reading for reading in read(tuple(self.panes))}
            self._error = None
        except Exception as error:  # it belongs to every thread that takes part
            self._error = error

    def of(self, panes: Sequence[str]) -> tuple[PaneReading, ...]:
        if self._error is not None:
            raise self._error
        return tuple(self._readings[pane] for pane in panes if pane in self._readings)


class Together:
    """May be asked by any number of threads. What a call returns was read after the call began."""

    def __init__(self, read: Read) -> None:
        """read: one round trip for these panes; called by one thread at a time."""
        self._read = read
        self._joining = threading.Lock()
        self._reading = threading.Lock()
        self._next: _Round | None = None

    def read(self, panes: Sequence[str]) -> tuple[PaneReading, ...]:
        """The readings of these panes, in their order, without those that are gone. Raises what ``read`` raises."""
        with self._joining:
            mine = self._next = self._next or _Round()
            mine.panes |= dict.fromkeys(panes)
        with self._reading:  # while another round is under way, more threads join this one
            with self._joining:
                is_first = self._next is mine
                if is_first:
                    self._next = None
            if is_first:
                mine.go(self._read)
        return mine.of(panes)
