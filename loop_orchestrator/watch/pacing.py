"""When the daemon looks and when a cycle starts: its memory, and what it makes of what it sees."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from loop_orchestrator.engine.answers import next_deadline, settle_asks
from loop_orchestrator.engine.brain import can_be_asked
from loop_orchestrator.engine.cycle import engine_config, run_cycle
from loop_orchestrator.engine.expiry import expire_all
from loop_orchestrator.engine.ingest import take_in
from loop_orchestrator.engine.observe import claims_of, since_of
from loop_orchestrator.errors import LoopError, StoreError
from loop_orchestrator.ids import sha256_text
from loop_orchestrator.model.brain import FailureKind
from loop_orchestrator.model.ingest import IngestMode
from loop_orchestrator.model.lane import WORD_OF, Detail, LaneWord
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.model.task import ready_tasks
from loop_orchestrator.operations.drift import note_drifts
from loop_orchestrator.watch.heard import Heard
from loop_orchestrator.watch.keeper import Keeper
from loop_orchestrator.watch.lanes import LaneWatch
from loop_orchestrator.watch.linting import lint_when_due
from loop_orchestrator.watch.memory import load_pace, save_pace
from loop_orchestrator.watch.queue import Lines
from loop_orchestrator.watch.triggers import (
    ASKS_UNREAD,
    Look,
    Pace,
    changes,
    details_of,
    ended_asks,
    lanes_moved,
    look_of,
    overdue,
    settled,
    start_wait_s,
)

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from loop_orchestrator.model.event import Event
    from loop_orchestrator.model.lane import Lane
    from loop_orchestrator.model.message import Message
    from loop_orchestrator.model.snapshot import Snapshot
    from loop_orchestrator.model.task import Task
    from loop_orchestrator.operations.changed_config import ConfigWatch
    from loop_orchestrator.world import World

WORKING_SWEEP_S = 5.0
"""Seconds between two looks at the lanes while one of them works: nothing announces the end of a turn that sends no
mail. At half, twice the programs started for the same news; at double, a finished lane is noticed later."""

SETTLE_S = 1.0
"""Seconds for which a lane that worked must be at rest. At half, a pause between two tools is taken for the end; at
double, every end that nothing else announces is noticed a second later."""


class Pacing:
    """The daemon's own memory, and the decisions about looks and cycles that it takes from it."""

    def __init__(self, world: World, config: ConfigWatch | None = None) -> None:
        """config: sees what becomes of the project's config; None: nobody looks."""
        self.world = world
        self.config = config
        self.engine = engine_config(world)
        self.now = load_pace(world.layout.watch_pace)
        self.heard = Heard()
        self.lanes = LaneWatch(world, self.heard)
        self.rest: dict[str, float] = {}
        """lane that comes to rest -> when it was first seen so, on the monotonic clock"""
        world.ears = self.heard
        self.ask_deadline: datetime | None = None
        """when the time of the next ask is over, as the last look found it; None: none is outstanding"""
        self.keeper = Keeper(world)
        self.folders: tuple[int, ...] = ()
        """when the folders last changed that tell of mail that was dealt with"""
        self.lines = Lines(world)
        self.triggers: tuple[Event, ...] = ()
        """the pending ones, as far as the log was read"""
        self.read_to: int | None = None
        """where the log is read on for the next ones; None: nothing was read yet"""

    def remember(self, pace: Pace) -> None:
        self.now = pace
        save_pace(self.world.layout.watch_pace, pace)

    def pending(self) -> tuple[Event, ...]:
        """Triggers that no finished cycle knew of; all of them where the log was begun anew."""
        log = self.world.events
        newest = log.tail(1)
        if self.now.served > (newest[0].seq if newest else 0):
            self.now, self.read_to = replace(self.now, served=0), None
        if self.read_to is None:
            self.read_to, self.triggers = log.end(), ()
            fresh = tuple(log.since(self.now.served))
        else:
            fresh, self.read_to = log.read_from(self.read_to)
        seen = max(self.now.served, self.triggers[-1].seq if self.triggers else 0)
        noted = (event for event in fresh if event.kind == "trigger.noted" and event.seq > seen)
        self.triggers = (*(event for event in self.triggers if event.seq > self.now.served), *noted)
        return self.triggers

    def cycle_wait_s(self) -> float | None:
        """Seconds until the next cycle may start; None: nothing calls for one, or the engine is paused."""
        if self.world.control.paused() or not self.pending():
            return None
        if self.now.for_brain and can_be_asked(self.world):
            self.remember(self.now.freed())
        return start_wait_s(self.now, self.world.clock.now(), min_interval_s=self.engine.min_cycle_interval_s)

    def look_wait_s(self, *, pushed: bool) -> float:
        """Seconds until the next look at everything, if nothing is heard before.

        pushed: the terminal announces what lanes do.
        """
        if self.now.look.settling:
            return SETTLE_S
        details = (self.now.look.lanes or {}).values()
        awaited = self.lines.waiting or any(WORD_OF[Detail(detail)] is LaneWord.WORKING for detail in details)
        working = not pushed and awaited
        wait_s = min(WORKING_SWEEP_S, self.engine.sweep_interval_s) if working else self.engine.sweep_interval_s
        return min(wait_s, self._ask_wait_s())

    def _ask_wait_s(self) -> float:
        """Seconds until the time of an ask is over; at least SETTLE_S: its text may still be on its way."""
        if self.ask_deadline is None:
            return math.inf
        return max(SETTLE_S, (self.ask_deadline - self.world.clock.now()).total_seconds())

    def note_changes(
        self, panes: Collection[str] | None, *, ended: Collection[int] = (), compare: bool = False
    ) -> None:
        """Look at the project; of the lanes at those in these panes, or at all. See LaneWatch.look for the options."""
        if panes is None:
            self.lines.try_all()
            if self.config is not None:
                self.config.look(self.world)
            self._lint()
            self.folders = ()
        self._note(self._look(lambda: self.look_at_lanes(panes, ended=ended, compare=compare)))

    def look_at_lanes(
        self, panes: Collection[str] | None, *, ended: Collection[int] = (), compare: bool = False
    ) -> tuple[Lane, ...]:
        """Every lane, those in these panes as they are now; the lines of those that are ready go on."""
        unread = self.lines.to_read()
        lanes = self.lanes.look(panes if panes is None else {*panes, *unread}, ended=ended, compare=compare)
        self.lines.look(lanes)
        return lanes

    def _take_mail_in(self) -> None:
        """By the rules, without a cycle: mail that somebody acknowledged calls for none. A sweep looks in any case."""
        layout = self.world.layout
        folders = tuple(_changed_ns(folder) for folder in (layout.messages, layout.processed, layout.decisions))
        if self.engine.ingest.mode is IngestMode.RULES and folders != self.folders:
            take_in(self.world, self.engine.ingest)
        self.folders = folders

    def _lint(self) -> None:
        """Look at the wiki if that is due. What keeps it from being looked at holds nothing else up."""
        try:
            lint_when_due(self.world, self.engine)
            if self.world.lint.get("problem"):
                self.world.lint.discard("problem")
        except LoopError as error:
            reason = error.message
            with suppress(LoopError):
                if self.world.lint.get("problem") != reason:
                    self.world.lint.add("problem", reason)
                    self.world.events.append("wiki.blocked", "watch", {"what": "looking at the wiki", "reason": reason})

    def note_lanes(self, panes: Collection[str], ended: Collection[int] = ()) -> bool:
        """Look at the lanes in these panes, and at the rest only if that says anything new; False: it did not."""
        lanes = self.look_at_lanes(panes, ended=ended)
        if not lanes_moved(self.now.look, details_of(lanes)):
            return False
        self._note(self._look(lambda: lanes))
        return True

    def _note(self, seen: Look) -> None:
        """Triggers go into the log before the look is remembered: a crash in between notes them twice, never not."""
        now = self.world.clock.monotonic()
        too_soon = {lane for lane, since in self.rest.items() if now - since < SETTLE_S}
        look = settled(self.now.look, seen, too_soon=too_soon)
        self.rest = {lane: self.rest.get(lane, now) for lane in look.settling}
        for trigger in changes(self.now.look, look):
            self.world.events.append("trigger.noted", "watch", {"why": trigger.why, "detail": trigger.detail})
        self.remember(replace(self.now, look=look))

    def run_cycle(self) -> None:
        """One cycle for all pending triggers. They stay pending if the brain fails."""
        pending = self.pending()
        self.remember(self.now.started(self.world.clock.now()))
        why = list(dict.fromkeys(f"{event.payload['why']}: {event.payload['detail']}" for event in pending))
        state_version, mail = self._state_version(), self.world.mailbox.pending_names()
        result = run_cycle(self.world, why)
        if result.failure == FailureKind.STOPPED:
            return
        if result.outcome == "brain-failed":
            self.remember(self.now.failed(self.world.clock.now(), result.until))
            return
        served = self.now.succeeded(max(event.seq for event in pending))
        if result.snapshot is not None:
            # What the cycle saw is the measure of the next look: what changed while it ran calls for another one.
            # A report that came after the cycle had settled those before it was seen by it and not taken in.
            look = self._look_of(result.snapshot, state_version)
            served = replace(served, look=replace(look, mail=look.mail & mail, overdue=self.now.look.overdue))
        self.remember(served)

    def _look(self, look_at_lanes: Callable[[], tuple[Lane, ...]]) -> Look:
        world = self.world
        expire_all(world)
        asks = self._ended_asks()
        self._take_mail_in()
        mail, tasks = world.mailbox.peek(), ready_tasks(world.tasks.all())
        look = Look(
            mail=frozenset(message.file for message in mail),
            tasks=frozenset(task.id for task in tasks),
            asks=asks,
            decisions=self._decisions(),
            state_version=self._state_version(),
        )
        try:
            lanes = look_at_lanes()
        except LoopError:
            return replace(look, overdue=frozenset({"the lanes cannot be seen"}))
        since = since_of(world, lanes, record=True)
        note_drifts(world, lanes, since)
        overdue = self.keeper.look(lanes) | self._overdue(lanes, since, mail, tasks)
        return replace(look, lanes=details_of(lanes), overdue=overdue)

    def _ended_asks(self) -> frozenset[str]:
        """A sentence for each ask that ended lately, those included that this look ends."""
        self.ask_deadline = None
        try:
            asks = settle_asks(self.world)
        except StoreError:
            return ASKS_UNREAD
        self.ask_deadline = next_deadline(asks)
        return ended_asks(asks, self.world.clock.now())

    def _overdue(
        self,
        lanes: tuple[Lane, ...],
        since: Mapping[str, datetime],
        mail: Sequence[Message],
        tasks: Sequence[Task],
    ) -> frozenset[str]:
        world = self.world
        handed = world.handed_mail.items()
        awaited = {message.recipient for message in mail if message.file in handed}
        awaited |= {assignment.lane for assignment in world.tasks.assignments()}
        return overdue(
            lanes,
            since,
            world.clock.now(),
            awaited=awaited,
            claimed=claims_of(world),
            tasks=tasks,
        )

    def _look_of(self, snapshot: Snapshot, state_version: str) -> Look:
        seen = {name: said.partition(" ")[0] for name, said in self.world.lanes_seen.items().items()}
        known = None if isinstance(snapshot.lanes, Unknown) else details_of(snapshot.lanes)
        lanes = known and {name: seen.get(name, detail) for name, detail in known.items()}
        # A decision that held a lane when the cycle looked, and ended while it ran, is news.
        held = {part for lane, id in snapshot.claims.items() for part in (id, f"{id} {lane}")}
        return look_of(snapshot, lanes=lanes, decisions=self._decisions() | held, state_version=state_version)

    def _decisions(self) -> frozenset[str]:
        found = self.world.decisions.open_decisions()
        claims = {f"{decision.id} {lane}" for decision in found for lane in decision.claimed_lanes}
        return frozenset({decision.id for decision in found} | claims)

    def _state_version(self) -> str:
        path = self.world.layout.state_file
        return sha256_text(path.read_text(encoding="utf-8", errors="replace"))[:16] if path.is_file() else "none"


def _changed_ns(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0
