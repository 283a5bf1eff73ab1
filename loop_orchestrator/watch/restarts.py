"""Which lanes are started again, when, and when that is given up. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

from loop_orchestrator.model.restart import (
    NOT_STARTED,
    ON_PURPOSE,
    RestartEvent,
    RestartNote,
    RestartPolicy,
    how_it_ended,
)

if TYPE_CHECKING:
    from loop_orchestrator.config.schema import RestartConfig

HELD_S = 15.0
"""Wait before a lane that somebody has in hand is looked at again. At half, twice the looks; at double, a lane that was
let go lies still for half a minute."""

LOOK_S = 3.0
"""Wait between two looks at a restarted lane that is not ready yet: nothing announces that. At half, twice the programs
started; at double, its time of being ready begins later."""

_ROUNDING_S = 0.001
"""A time is kept in whole microseconds, and in whole milliseconds on the disk."""

SLOW_S = 120.0
"""How long a restarted lane may take to be ready before a person is told; the known programs take ten seconds. At half,
a slow machine is reported; at double, a lane that hangs costs minutes of a night."""


@dataclass(frozen=True, kw_only=True)
class LaneFacts:
    """What is known of a lane for this decision."""

    name: str
    agent: bool
    policy: RestartPolicy
    ended: bool
    """its program provably ended, or its pane is gone while the session lives"""
    exit_status: int | None
    """of the program that ended; None where that is not known"""
    suspended: bool
    """a person stopped its program from the keyboard"""
    up_s: float | None
    """how long it has been ready or at work since it was ready first; None: it was not ready yet"""
    started_s: float
    """how long this program has been looked at"""
    asks: str
    """what it waits for a person with, as a sentence; empty if it does not"""
    last: RestartNote | None
    """the newest note of this boot of the lane; None: nothing was noted since it was booted"""
    held: str = ""
    """who has a lane that ended in hand, as a sentence; empty if nobody has, and while it is not due"""


class Move(Enum):
    """What is to be done about a lane."""

    NOTHING = "nothing"
    FAIL = "note that it ended, and when it is tried again"
    POSTPONE = "note that its restart waits for somebody"
    RESTART = "start it again"
    SETTLE = "note that its restart was good"
    GIVE_UP = "note that it is given up, and tell a person"


@dataclass(frozen=True, kw_only=True)
class Step:
    """What is to be done about a lane now, and when to look again."""

    move: Move
    attempt: int = 0
    """for the note: restarts in a row"""
    reason: str = ""
    next_at: datetime | None = None
    """for the note"""
    look_s: float | None = None
    """seconds until the lane must be looked at, if nothing is heard of it before; None: nothing is awaited"""


def decide(facts: LaneFacts, now: datetime, limits: RestartConfig) -> Step:
    """The next step for a lane."""
    if not facts.agent or facts.suspended or facts.policy is RestartPolicy.NEVER:
        return Step(move=Move.NOTHING)
    return _of_ended(facts, now, limits) if facts.ended else _of_running(facts, limits)


def _of_running(facts: LaneFacts, limits: RestartConfig) -> Step:
    """A restarted lane is good when it was ready and stayed so; until then its restarts count."""
    last = facts.last
    asked = last is not None and last.event is RestartEvent.POSTPONED and last.next_at is None
    if last is None or not (asked or last.event is RestartEvent.RESTARTED):
        return Step(move=Move.NOTHING)
    if facts.up_s is not None:
        if facts.up_s >= limits.settle_s:
            return Step(move=Move.SETTLE, attempt=last.attempt, reason="it was ready and stayed so")
        return Step(move=Move.NOTHING, look_s=limits.settle_s - facts.up_s)
    slow = "it has not become ready" if facts.started_s >= SLOW_S else ""
    if (reason := facts.asks or slow) and not asked:
        return Step(move=Move.POSTPONE, attempt=last.attempt, reason=reason, look_s=HELD_S)
    return Step(move=Move.NOTHING, look_s=HELD_S if asked else LOOK_S)


def _of_ended(facts: LaneFacts, now: datetime, limits: RestartConfig) -> Step:
    last = facts.last
    attempt = last.attempt if last is not None and last.event is not RestartEvent.READY else 0
    if last is not None and last.event is RestartEvent.GIVING_UP:
        return Step(move=Move.NOTHING)
    if last is not None and last.event is RestartEvent.RESTARTING:
        return Step(move=Move.NOTHING, look_s=LOOK_S)  # somebody is at it
    if last is None or not last.is_of_an_end:
        return _of_an_end(facts, attempt, now, limits)
    wait_s = limits.waits_s[min(attempt, len(limits.waits_s) - 1)]
    left_s = _left_s(last.next_at, now, wait_s if last.event is RestartEvent.FAILED else max(wait_s, HELD_S))
    if left_s > 0:
        return Step(move=Move.NOTHING, look_s=left_s)
    if facts.held:
        if last.event is RestartEvent.POSTPONED and last.reason == facts.held:
            return Step(move=Move.NOTHING, look_s=HELD_S)
        next_at = now + timedelta(seconds=HELD_S)
        return Step(move=Move.POSTPONE, attempt=attempt, reason=facts.held, next_at=next_at, look_s=HELD_S)
    if attempt >= len(limits.waits_s):
        return _given_up(facts, attempt, _in_vain(attempt))
    return Step(move=Move.RESTART, attempt=attempt + 1, reason=f"its program {how_it_ended(facts.exit_status)}")


def _of_an_end(facts: LaneFacts, attempt: int, now: datetime, limits: RestartConfig) -> Step:
    """An end that is not on record yet."""
    if facts.policy is not RestartPolicy.ALWAYS and facts.exit_status in ON_PURPOSE:
        return Step(move=Move.NOTHING)
    if facts.exit_status in NOT_STARTED:
        return _given_up(facts, attempt, "it cannot be started")
    return failed(f"its program {how_it_ended(facts.exit_status)}", facts, attempt, now, limits)


def failed(reason: str, facts: LaneFacts, attempt: int, now: datetime, limits: RestartConfig) -> Step:
    """The step after ``attempt`` restarts in a row that were not good: the next wait, or the end of it."""
    if attempt >= len(limits.waits_s):
        return _given_up(facts, attempt, _in_vain(attempt))
    wait_s = limits.waits_s[attempt]
    return Step(move=Move.FAIL, attempt=attempt, reason=reason, next_at=now + timedelta(seconds=wait_s), look_s=wait_s)


def _given_up(facts: LaneFacts, attempt: int, why: str) -> Step:
    return Step(move=Move.GIVE_UP, attempt=attempt, reason=f"{why}: its program {how_it_ended(facts.exit_status)}")


def _left_s(at: datetime | None, now: datetime, most_s: float) -> float:
    """A time that lies further ahead than it was ever set belongs to a clock that was put back since: it is over."""
    left_s = (at - now).total_seconds() if at is not None else 0.0
    return left_s if 0 < left_s <= most_s + _ROUNDING_S else 0.0


def _in_vain(attempts: int) -> str:
    return "1 restart did not help" if attempts == 1 else f"{attempts} restarts in a row did not help"
