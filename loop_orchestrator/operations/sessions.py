"""Sessions of several projects beside each other: one short row for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_age, format_time
from loop_orchestrator.errors import LoopError
from loop_orchestrator.model.decision import DecisionStatus
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.operations.need import Need
from loop_orchestrator.operations.status import status

if TYPE_CHECKING:
    from loop_orchestrator.model.budget import Spent
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.operations.shapes import Json
    from loop_orchestrator.operations.status import Status
    from loop_orchestrator.world import World


@dataclass(frozen=True, kw_only=True)
class Glance:
    """What matters first of a session that could be read."""

    at: datetime
    engine: str
    """running, paused, stopped, or ``none`` where the config has no engine"""
    decisions: int
    """that wait for a person"""
    lanes: Mapping[str, int] | Unknown
    """state -> how many lanes are in it"""
    needs: int
    oldest: Need | None
    """of what needs a person; None: nothing does"""
    spent: Spent


@dataclass(frozen=True, kw_only=True)
class SessionView:
    """One session of one project."""

    root: Path
    session: str
    glance: Glance | Unknown

    @property
    def key(self) -> str:
        """Which session of all projects."""
        return f"{self.root}\0{self.session}"

    @property
    def name(self) -> str:
        """``project/session``."""
        return f"{self.root.name}/{self.session}"


def session_view(root: Path, session: str, world: Callable[[], World]) -> SessionView:
    """Look at one session; writes nothing. What keeps it from being read stands in its row."""
    try:
        glance: Glance | Unknown = glance_at(status(world()))
    except LoopError as error:
        glance = Unknown(error.message)
    return SessionView(root=root, session=session, glance=glance)


def glance_at(found: Status) -> Glance:
    """The row of a session."""
    dated = [need for need in found.needs if need.since is not None]
    oldest = min(dated, key=lambda need: need.since or found.generated_at, default=next(iter(found.needs), None))
    words = Unknown(found.lanes.reason) if isinstance(found.lanes, Unknown) else _words(found)
    return Glance(
        at=found.generated_at,
        engine=found.engine.word.value if found.has_engine else "none",
        decisions=sum(1 for one in found.engine.decisions if one.status is DecisionStatus.WAITING),
        lanes=words,
        needs=len(found.needs),
        oldest=oldest,
        spent=found.engine.spent,
    )


def _words(found: Status) -> dict[str, int]:
    lanes = () if isinstance(found.lanes, Unknown) else found.lanes
    return dict(sorted(Counter(lane.state.word.value for lane in lanes).items()))


def lanes_text(glance: Glance) -> str:
    """``2 working, 1 idle``."""
    if isinstance(glance.lanes, Unknown):
        return f"not seen: {glance.lanes.reason}"
    return ", ".join(f"{count} {word}" for word, count in glance.lanes.items()) or "none"


def spent_text(glance: Glance) -> str:
    """Of the last 24 hours, with the limit where there is one."""
    spent, limit = glance.spent, glance.spent.limits.usd_per_day
    usd = f"{spent.usd:.2f}" + (f" of {limit:g}" if limit is not None else "") + " USD"
    return f"{usd}, {spent.calls_last_day} {'call' if spent.calls_last_day == 1 else 'calls'}"


TITLES = ("SESSION", "ENGINE", "DECIDE", "LANES", "SPENT", "OLDEST NEED")


def cells_of(view: SessionView) -> tuple[str, ...]:
    """One row under these titles."""
    glance = view.glance
    if isinstance(glance, Unknown):
        return (view.name, "?", "?", "?", "?", f"cannot be read: {glance.reason}")
    oldest = ""
    if (need := glance.oldest) is not None:
        waits = format_age((glance.at - need.since).total_seconds()) if need.since else ""
        oldest = f"{waits} {need.what}".strip()
    return (view.name, glance.engine, str(glance.decisions), lanes_text(glance), spent_text(glance), oldest)


def session_shape(view: SessionView) -> Json:
    """One row as JSON; null for what could not be read, ``unseen`` says why."""
    head: Json = {"root": str(view.root), "session": view.session}
    glance = view.glance
    if isinstance(glance, Unknown):
        nothing = ("generated_at", "engine", "decisions", "lanes", "needs", "oldest_need", "spent")
        return {**head, **dict.fromkeys(nothing), "unseen": glance.reason}
    oldest: JsonValue = None
    if (need := glance.oldest) is not None:
        oldest = {
            "what": need.what,
            "since": format_time(need.since) if need.since else None,
            "next_step": need.next_step,
        }
    return {
        **head,
        "generated_at": format_time(glance.at),
        "engine": glance.engine,
        "decisions": glance.decisions,
        "lanes": None if isinstance(glance.lanes, Unknown) else dict(glance.lanes),
        "needs": glance.needs,
        "oldest_need": oldest,
        "spent": {"usd_24h": glance.spent.usd, "calls_24h": glance.spent.calls_last_day},
        "unseen": glance.lanes.reason if isinstance(glance.lanes, Unknown) else None,
    }
