"""What the programs of lanes said through their terminals, newest first, and what that says about their states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from loop_orchestrator.clock import format_age
from loop_orchestrator.model.lane import Detail, LaneRecord, Signal, SignalSource
from loop_orchestrator.model.terminal import TerminalSignal, TerminalSignalKind

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


def lane_signals(said: Iterable[TerminalSignal], now: datetime) -> tuple[Signal, ...]:
    """What a lane's newest terminal signals say about its state.

    A status holds until the program says another: so it counts as seen now, with its age in the text.
    """
    found = []
    for one in said:
        detail = status_detail(one.text) if one.kind is TerminalSignalKind.STATUS else None
        if detail is not None:
            seen = f"{one.text}, said {format_age((now - one.at).total_seconds())} ago"
            found.append(Signal(source=SignalSource.TERMINAL, detail=detail, rule=STATUS_RULE, seen=seen, at=now))
    return tuple(found)


class Heard:
    """The newest signal of each kind of each pane. It holds no longer than the connection and the program."""

    def __init__(self) -> None:
        self._newest: dict[str, dict[TerminalSignalKind, TerminalSignal]] = {}

    def note(self, signals: Iterable[TerminalSignal]) -> None:
        for one in signals:
            self._newest.setdefault(one.pane, {})[one.kind] = one

    def forget(self, pane: str) -> None:
        """The program of the pane ended."""
        self._newest.pop(pane, None)

    def clear(self) -> None:
        """The connection is gone: what is said from now on is not heard."""
        self._newest.clear()

    def signals(self, records: Iterable[LaneRecord], now: datetime) -> Mapping[str, tuple[Signal, ...]]:
        """By lane; lanes of which nothing was heard are left out."""
        newest = dict(self._newest)  # another thread goes on listening
        said = {record.spec.name: newest.get(record.pane, {}) for record in records}
        return {lane: lane_signals(tuple(of_lane.values()), now) for lane, of_lane in said.items() if of_lane}
