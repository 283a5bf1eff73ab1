"""When a pane that printed something is looked at. Pure: times come in, times go out."""

from __future__ import annotations

from dataclasses import dataclass

QUIET_S = (0.2, 0.8, 2.2, 6.0)
"""Seconds after its last output at which a pane is looked at. The first is the look that counts: at half, screens are
read half drawn; at double, every state is known later. The others are for what only time settles: whether a
screen holds still, and whether what a program said before still counts."""

SOON_S = 0.25
"""After its first output at which a pane is looked at that had been silent and goes on printing. At half, a screen is
read while it is being built; at double, work that begins with a spinner is known half a second late."""

NOISY_S = 1.0
"""Between two looks at a pane that goes on printing. At half, twice the work for a spinner; at double, a dialog beside
a spinner is seen later."""


@dataclass
class _Pane:
    first: float
    """when it printed what was not looked at yet"""
    last: float
    unread: bool = True
    wait_s: float = NOISY_S
    """after ``first`` until it is looked at, whatever it goes on printing"""
    looks: int = 0
    """how many of QUIET_S are done"""

    def due(self) -> float:
        quiet = self.last + QUIET_S[self.looks]
        return min(quiet, self.first + self.wait_s) if self.unread else quiet


class DirtyPanes:
    """Panes whose screens may have changed since they were last looked at; times are of one monotonic clock."""

    def __init__(self) -> None:
        self._panes: dict[str, _Pane] = {}

    def spoke(self, pane: str, at: float) -> None:
        known = self._panes.get(pane)
        if known is None or not known.unread:
            was_silent = known is None or known.last + QUIET_S[0] <= at
            self._panes[pane] = _Pane(at, at, wait_s=SOON_S if was_silent else NOISY_S)
        else:
            known.last, known.looks = at, 0

    def hurry(self, pane: str, at: float) -> None:
        """The pane is to be looked at now, whatever it goes on printing."""
        self._panes[pane] = _Pane(at - NOISY_S, at)

    def next_due(self) -> float | None:
        """When the next pane is to be looked at; None: no pane is."""
        return min((pane.due() for pane in self._panes.values()), default=None)

    def take_due(self, now: float) -> frozenset[str]:
        """The panes to look at now. With one that goes on printing come all that printed: one look for them all."""
        due = {name for name, pane in self._panes.items() if pane.due() <= now}
        if any(self._panes[name].last + QUIET_S[0] > now for name in due):
            due |= {name for name, pane in self._panes.items() if pane.unread}
        return self._taken(due, now)

    def take_all(self, now: float) -> frozenset[str]:
        """Every pane that printed something that was not looked at."""
        return self._taken({name for name, pane in self._panes.items() if pane.unread}, now)

    def clear(self) -> None:
        self._panes.clear()

    def _taken(self, names: set[str], now: float) -> frozenset[str]:
        for name in names:
            pane = self._panes[name]
            pane.unread = False
            pane.looks = sum(pane.last + quiet <= now for quiet in QUIET_S)
            if pane.looks == len(QUIET_S):
                del self._panes[name]
        return frozenset(names)
