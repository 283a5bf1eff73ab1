"""Keeps lanes alive: looks at those whose program ended, and does what watch.restarts decides, one note for each step.

Everything it must not forget is in lane-restarts.jsonl; what it keeps in memory only makes it wait longer. What boots a
lane, a megabyte, is imported when one has to be started again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from loop_orchestrator.errors import ChangedElsewhereError, LockedError, LoopError, StoreError
from loop_orchestrator.model.lane import Detail, Lane, LaneWord
from loop_orchestrator.model.restart import RestartEvent, RestartNote, exit_status_of, has_ended
from loop_orchestrator.operations.dialogs import Attendant, allowed_dialogs
from loop_orchestrator.watch.restarts import LOOK_S, LaneFacts, Move, Step, decide, failed

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.world import World

SOURCE = "watch"

_UP = frozenset({Detail.READY, Detail.DRAFT, Detail.APPROVAL, Detail.QUESTION})
"""Beside work under way: what a lane that was ready once may show without being any worse for it."""


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """A program of a lane that was started again, as long as it is not known to be good."""

    booted_at: datetime
    since: float
    """when it was first looked at, on the clock that never jumps"""
    attendant: Attendant
    """says yes to its start-up dialogs, as far as the config allows it, each once"""
    ready: float | None = None
    """since when it has been ready or at work"""


class Keeper:
    """Restarts the lanes of one session. One thread at a time."""

    def __init__(self, world: World, *, say: Callable[[str], None] | None = None) -> None:
        """say: gets a line for every step; None: the records are enough."""
        self._world = world
        self._say = say
        self._seen: dict[str, _Seen] = {}
        self._due = math.inf

    @property
    def wait_s(self) -> float:
        """Seconds until lanes must be looked at, if nothing is heard of them before; may be infinite."""
        return max(0.0, self._due - self._world.clock.passed())

    def look(self, lanes: Sequence[Lane]) -> frozenset[str]:
        """Take the next step for each of these lanes; returns what a person must know, a sentence each.

        lanes: every lane of the session, as just seen. Raises StoreError where a step cannot be put on record.
        """
        self._due = math.inf
        agents = [lane for lane in lanes if lane.record.agent]
        notes = self._world.restarts.latest()
        if not notes and not any(has_ended(lane, None) for lane in agents):
            return frozenset()
        lives = self._session_lives(agents, notes)
        for lane in agents:
            last = notes.get(lane.name)
            if last is not None and last.event is RestartEvent.RESTARTING:
                self._settle(lane.name)
            elif lives or not has_ended(lane, last):
                self._keep(lane, last)
        return self._sentences(agents)

    def lanes_unseen(self) -> None:
        """The lanes could not be looked at; whatever is due waits for the next look, which is not at once."""
        if self.wait_s == 0.0:
            self._due = math.inf
            self._look_in(LOOK_S)

    def _session_lives(self, lanes: Sequence[Lane], notes: dict[str, RestartNote]) -> bool:
        """False where every pane may be gone because the session is: then nothing is started again."""
        given_up = {name for name, note in notes.items() if note.event is RestartEvent.GIVING_UP}
        if not any(lane.state.detail is Detail.MISSING and lane.name not in given_up for lane in lanes):
            return True
        try:
            return self._world.substrate.session_exists()
        except LoopError:
            self._look_in(LOOK_S)
            return False

    def _settle(self, name: str) -> None:
        """A restart that was cut off: what became of it is looked at with the next look."""
        from loop_orchestrator.operations.restart import settle_restart

        self._look_in(LOOK_S)
        try:
            settle_restart(self._world, name, by=SOURCE)
            self._look_in(0.0)
        except StoreError:
            raise
        except LoopError:
            return  # another process is at it

    def _keep(self, lane: Lane, last: RestartNote | None) -> None:
        facts = self._facts(lane, last if last is not None and last.is_of(lane.record) else None)
        restarted = facts.last is not None and facts.last.event is RestartEvent.RESTARTED
        if restarted and facts.asks and self._attended(lane):
            self._look_in(LOOK_S)
            return
        step = self._decide(facts)
        if step.move is Move.RESTART:
            step = self._restarted(lane, facts, step)
        self._record(lane, facts, step)
        if step.look_s is not None:
            self._look_in(step.look_s)

    def _facts(self, lane: Lane, last: RestartNote | None) -> LaneFacts:
        seen, now = self._look_at(lane), self._world.clock.passed()
        asks = lane.state.word is LaneWord.AWAITING_APPROVAL
        return LaneFacts(
            name=lane.name,
            agent=lane.record.agent,
            policy=self._world.config.restart_policy(lane.record),
            ended=has_ended(lane, last),
            exit_status=exit_status_of(lane, last),
            suspended=lane.run is not None and lane.run.suspended,
            up_s=None if seen.ready is None else now - seen.ready,
            started_s=now - seen.since,
            asks=f"it is {lane.state.word.value} ({lane.state.detail.value})" if asks else "",
            last=last,
        )

    def _attended(self, lane: Lane) -> bool:
        """A start-up dialog of a restarted lane was answered, as at its boot."""
        try:
            return self._seen[lane.name].attendant.attend(lane)
        except LoopError:
            return False  # it is left to a person

    def _decide(self, facts: LaneFacts) -> Step:
        return decide(facts, self._now, self._world.config.restart)

    def _look_at(self, lane: Lane) -> _Seen:
        """What is remembered of this program, with what it shows now."""
        now, state = self._world.clock.passed(), lane.state
        seen = self._seen.get(lane.name)
        if seen is None or seen.booted_at != lane.record.booted_at:
            attendant = Attendant(self._world, {lane.name: allowed_dialogs(self._world, lane.name)})
            seen = _Seen(booted_at=lane.record.booted_at, since=now, attendant=attendant)
        if seen.ready is None:
            seen = replace(seen, ready=now if state.ready else None)
        elif state.word is not LaneWord.WORKING and state.detail not in _UP:
            seen = replace(seen, ready=None)
        self._seen[lane.name] = seen
        return seen

    def _restarted(self, lane: Lane, facts: LaneFacts, step: Step) -> Step:
        """Start the lane again; the step that is left to record, if it did not go well."""
        from loop_orchestrator.operations.restart import HeldError, restart_ended

        started = Step(move=Move.NOTHING, look_s=LOOK_S)
        try:
            restart_ended(
                self._world,
                lane.name,
                booted_at=lane.record.booted_at,
                attempt=step.attempt,
                reason=step.reason,
                by=SOURCE,
            )
        except HeldError as error:
            return self._decide(replace(facts, held=error.message))
        except (ChangedElsewhereError, LockedError):
            # Somebody else started it, or a delivery, a boot or another restart is under way: it ends by itself.
            return started
        except StoreError:
            raise
        except LoopError as error:
            reason = f"it could not be started again: {error.message}"
            return failed(reason, facts, step.attempt, self._now, self._world.config.restart)
        self._tell(f"lane {lane.name}: started again, {step.attempt} in a row; {step.reason}")
        return started

    def _record(self, lane: Lane, facts: LaneFacts, step: Step) -> None:
        event = _EVENT_OF.get(step.move)
        if event is None:
            return
        note = RestartNote(
            event=event,
            lane=lane.name,
            at=self._now,
            attempt=step.attempt,
            reason=step.reason,
            exit_status=facts.exit_status if facts.ended else None,
            next_at=step.next_at,
            booted_at=lane.record.booted_at,
        )
        self._world.restarts.append(note)
        self._tell(f"lane {note.lane}: {event.value}: {note.reason}")
        payload: dict[str, JsonValue] = {"lane": note.lane, "attempt": note.attempt}
        if event is RestartEvent.GIVING_UP:
            self._event("lane.gave-up", {**payload, "reason": note.reason, "exit_status": note.exit_status})
        elif event is RestartEvent.POSTPONED:
            self._event("lane.restart-postponed", {**payload, "reason": note.reason})
        elif event is RestartEvent.READY:
            self._event("lane.recovered", payload)

    def _sentences(self, lanes: Sequence[Lane]) -> frozenset[str]:
        """Lanes that do not come back by themselves. A brain reads it, so nothing of a screen is in it."""
        notes = self._world.restarts.latest()
        found = set()
        for lane in lanes:
            last = notes.get(lane.name)
            if last is None or not last.is_of(lane.record):
                continue
            if last.event is RestartEvent.GIVING_UP:
                found.add(f"{lane.name} was given up: {last.reason}")
            elif last.event is RestartEvent.POSTPONED:
                found.add(f"{lane.name} is not started again yet, or not ready since: a person has to look")
        return frozenset(found)

    def _look_in(self, seconds: float) -> None:
        self._due = min(self._due, self._world.clock.passed() + seconds)

    def _tell(self, text: str) -> None:
        if self._say is not None:
            self._say(text)

    def _event(self, kind: str, payload: dict[str, JsonValue]) -> None:
        self._world.events.append(kind, SOURCE, payload)

    @property
    def _now(self) -> datetime:
        return self._world.clock.now()


_EVENT_OF = {
    Move.FAIL: RestartEvent.FAILED,
    Move.POSTPONE: RestartEvent.POSTPONED,
    Move.SETTLE: RestartEvent.READY,
    Move.GIVE_UP: RestartEvent.GIVING_UP,
}
"""What each move is on record as; a restart records itself."""
