"""What the programs of lanes said through their terminals, newest first, and what that says about their states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from loop_orchestrator.model.lane import Detail, LaneRecord, Signal, SignalSource
from loop_orchestrator.model.terminal import TerminalSignal, TerminalSignalKind
from loop_orchestrator.substrate.screenrules import one_line

STATUS_RULE = "terminal:osc-7501"

_DETAILS = {"idle": Detail.READY, "done": Detail.READY, "working": Detail.BUSY, "error": Detail.API_ERROR}
_BLOCKED = {"permission": Detail.APPROVAL, "question": Detail.QUESTION}


def status_detail(text: str) -> Detail | None:
    """What a status of OSC 7501 speaks for; None: for nothing that is known."""
    state, _, rest = text.partition(":")
    word = state.removeprefix("state=")
    if word == "blocked":
        named = dict(part.split("=", 1) for part in rest.split(":") if "=" in part)
        return _BLOCKED.get(named.get("kind", ""))
    return _DETAILS.get(word)


def lane_signals(said: Iterable[TerminalSignal]) -> tuple[Signal, ...]:
    """What a lane's newest terminal signals say about its state, each with the time at which it was heard."""
    found = []
    for one in said:
        detail = status_detail(one.text) if one.kind is TerminalSignalKind.STATUS else None
        if detail is not None:
            signal = Signal(
                source=SignalSource.TERMINAL, detail=detail, rule=STATUS_RULE, seen=one_line(one.text), at=one.at
            )
            found.append(signal)
    return tuple(found)


class Heard:
    """The newest signal of each kind of each pane. It holds no longer than the connection and the program."""

    def __init__(self) -> None:
        self._since: datetime | None = None
        """since when everything is heard; None: nothing is"""
        self._drew: dict[str, datetime] = {}
        """pane -> when it printed something last"""
        self._newest: dict[str, dict[TerminalSignalKind, TerminalSignal]] = {}

    def begin(self, at: datetime) -> None:
        """From now on everything is heard."""
        self._since = at

    def note(self, signals: Iterable[TerminalSignal], spoke: Iterable[str] = (), at: datetime | None = None) -> None:
        """Signals, and the panes that printed something at that time."""
        if at is not None:
            self._drew |= dict.fromkeys(spoke, at)
        for one in signals:
            self._newest.setdefault(one.pane, {})[one.kind] = one

    def forget(self, pane: str) -> None:
        """The program of the pane ended."""
        self._newest.pop(pane, None)

    def clear(self) -> None:
        """The connection is gone: what is said from now on is not heard."""
        self._newest.clear()
        self._drew.clear()
        self._since = None

    def signals(self, records: Iterable[LaneRecord]) -> Mapping[str, tuple[Signal, ...]]:
        """By lane; lanes of which nothing was heard are left out."""
        newest = dict(self._newest)  # another thread goes on listening
        said = {record.spec.name: newest.get(record.pane, {}) for record in records}
        return {lane: lane_signals(of_lane.values()) for lane, of_lane in said.items() if of_lane}

    def drawn(self, records: Iterable[LaneRecord]) -> Mapping[str, datetime]:
        """Lane -> when it drew something last, or since when it drew nothing; empty where nothing is heard."""
        since, drew = self._since, dict(self._drew)
        return {} if since is None else {one.spec.name: drew.get(one.pane, since) for one in records}
