"""The first line: what needs somebody, what is at work, what it costs, and whether the engine runs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from textual.widgets import Static

from loop_orchestrator.deck.text import harmless
from loop_orchestrator.deck.words import age, counted
from loop_orchestrator.model.lane import LaneWord
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.operations.engine_view import EngineWord

if TYPE_CHECKING:
    from loop_orchestrator.deck.picture import Picture
    from loop_orchestrator.operations.status import Status


class TopLine(Static):
    """One line; what matters most stands first, so that a narrow terminal cuts the rest."""

    DEFAULT_CSS = """
    TopLine { height: 1; background: $panel; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(self) -> None:
        super().__init__("", markup=False, id="topline")
        self._text = ""

    def show(self, picture: Picture, *, only_shows: bool = False) -> None:
        """only_shows: say first that nothing can be changed here."""
        first, *rest = parts_of(picture.status)
        note = [harmless(picture.config_note).plain] if picture.config_note else []
        self.say(" · ".join([*(["read-only"] if only_shows else []), first, *note, *rest]))

    def say(self, text: str) -> None:
        """Paint it if it is another."""
        if text != self._text:
            self._text = text
            self.update(text, layout=False)


def parts_of(found: Status) -> list[str]:
    """``2 need you``, ``3 working``, … in this order."""
    needs = len(found.needs)
    parts = [f"{needs} {'needs' if needs == 1 else 'need'} you" if needs else "nothing needs you"]
    if isinstance(found.lanes, Unknown):
        parts.append("lanes unseen")
    else:
        words = Counter(lane.state.word for lane in found.lanes)
        waiting = words[LaneWord.AWAITING_APPROVAL] + words[LaneWord.ERRORED]
        parts += [f"{words[LaneWord.WORKING]} working", f"{words[LaneWord.IDLE]} idle", f"{waiting} waiting"]
        parts.append(f"{words[LaneWord.UNKNOWN]} unknown")
    parts.append(_engine(found))
    spent = found.engine.spent
    parts.append(f"{counted(spent.calls_left, 'call')} left")
    if spent.limits.usd_per_day is not None:
        parts.append(f"{spent.usd:.2f} of {spent.limits.usd_per_day:g} USD")
    if not isinstance(found.mail, Unknown) and found.mail:
        parts.append(f"oldest mail {age(found.generated_at, found.mail[0].sent_at)}")
    return parts


def _engine(found: Status) -> str:
    engine = found.engine
    if not found.has_engine:
        return "no engine"
    if engine.word is EngineWord.STOPPED:
        return "engine paused and off" if engine.paused_by else "engine off"
    if engine.word is EngineWord.PAUSED:
        return f"engine paused by {engine.paused_by}"
    if engine.resting:
        until = min(rest.until for rest in engine.resting)
        return f"engine waits for {engine.resting[0].brain} until {until.astimezone():%H:%M}"
    return "engine running" + (" old code" if engine.code == "stale" else "")
