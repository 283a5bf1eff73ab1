"""What becomes of a decision that nobody answers. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_age
from loop_orchestrator.model.decision import ItemStatus

if TYPE_CHECKING:
    from loop_orchestrator.deck.picture import Picture
    from loop_orchestrator.model.decision import Decision


def silence(decision: Decision, picture: Picture) -> str:
    """What happens if nobody answers, in a sentence."""
    ends, now = ends_at(decision, picture.expires_s), picture.status.generated_at
    by = f" ({picture.config_note})" if picture.config_note else ""
    if ends is None:
        lanes = ", ".join(sorted(decision.claimed_lanes))
        held = f"; meanwhile no other decision may act on {lanes}" if lanes else ""
        return f"If nobody answers, it waits for ever{by}{held}."
    if ends <= now:
        return "The time to answer is over: it is rejected as soon as the engine, or an answer, looks at it."
    left = format_age((ends - now).total_seconds())
    return f"If nobody answers until {ends.astimezone():%H:%M:%S}, in {left}, it is rejected{by}."


def silence_in_short(decision: Decision, expires_s: float | None, now: datetime) -> str:
    """The same in ten cells."""
    ends = ends_at(decision, expires_s)
    if ends is None:
        return "waits"
    return "no: late" if ends <= now else f"no in {format_age((ends - now).total_seconds())}"


def ends_at(decision: Decision, expires_s: float | None) -> datetime | None:
    """When the first of its waiting actions is rejected by silence; None: never."""
    waiting = [item.changed_at for item in decision.items if item.status is ItemStatus.WAITING]
    return min(waiting) + timedelta(seconds=expires_s) if waiting and expires_s is not None else None
