"""The daemon's looks: what the sources find to be new is in the event log before the look is remembered."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from loop_orchestrator.crash import crash_point
from loop_orchestrator.engine.answers import next_deadline, settle_asks
from loop_orchestrator.engine.cycle import CycleResult, engine_config
from loop_orchestrator.engine.expiry import expire_all
from loop_orchestrator.engine.ingest import take_in
from loop_orchestrator.engine.observe import claims_of, since_of
from loop_orchestrator.errors import LoopError, StoreError
from loop_orchestrator.hearing.heard import Heard
from loop_orchestrator.hearing.lanes import LaneWatch
from loop_orchestrator.ids import sha256_text
from loop_orchestrator.model.ingest import IngestMode
from loop_orchestrator.model.snapshot import Snapshot, Unknown
from loop_orchestrator.model.task import ready_tasks
from loop_orchestrator.operations.drift import note_drifts
from loop_orchestrator.routing.pump import emit
from loop_orchestrator.sources.asks import ASKS_UNREAD, ended_asks
from loop_orchestrator.sources.clock import overdue
from loop_orchestrator.sources.lanes import details_of, is_working, lanes_moved, settled, told_at_rest
from loop_orchestrator.sources.look import Look
from loop_orchestrator.sources.registry import emissions
from loop_orchestrator.watch.keeper import Keeper
from loop_orchestrator.watch.linting import lint_when_due
from loop_orchestrator.watch.memory import load_look, save_look
from loop_orchestrator.watch.queue import Lines

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from loop_orchestrator.model.lane import Lane
    from loop_orchestrator.model.message import Message
    from loop_orchestrator.model.task import Task
    from loop_orchestrator.operations.changed_config import ConfigWatch
    from loop_orchestrator.world import World

WORKING_SWEEP_S = 5.0
"""Seconds between two looks at the lanes while one of them works: nothing announces the end of a turn that sends no
mail. At half, twice the programs started for the same news; at double, a finished lane is noticed later."""

SETTLE_S = 1.0
"""Seconds for which a lane that worked must be at rest. At half, a pause between two tools is taken for the end; at
double, every end that nothing else announces is noticed a second later."""


class Looking:
    """Looks at one session. One thread looks at a time; that of a cycle says when the cycle begins and ends."""

    def __init__(self, world: World, config: ConfigWatch | None = None) -> None:
        """config: sees what becomes of the project's config; None: nobody looks."""
        self.world = world
        self.config = config
        self.engine = engine_config(world)
        self.last = self._kept = load_look(world.layout.watch_look)
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
        self._mutex = threading.Lock()
        """held while a look is made and remembered"""
        self._before_cycle: tuple[Look, str, frozenset[str]] = (self.last, "", frozenset())
        """when the cycle began: the last look, the version of the state file, the pending mail"""
        if not self.last.number:  # a number that an earlier, lost look had would make news look like an old copy
            newest = world.events.tail(1)
            self.last = replace(self.last, number=newest[0].seq if newest else 0)

    def wait_s(self, *, pushed: bool) -> float:
        """Seconds until the next look at everything, if nothing is heard before. pushed: see lanes_wait_s."""
        return min(self.lanes_wait_s(pushed=pushed), self._ask_wait_s())

    def lanes_wait_s(self, *, pushed: bool) -> float:
        """Seconds until the next look at the lanes, if nothing is heard of them before.

        pushed: the terminal announces what lanes do.
        """
        if self.last.settling:
            return SETTLE_S
        awaited = self.lines.waiting or any(map(is_working, (self.last.lanes or {}).values()))
        working = not pushed and awaited
        return min(WORKING_SWEEP_S, self.engine.sweep_interval_s) if working else self.engine.sweep_interval_s

    def _ask_wait_s(self) -> float:
        """Seconds until the time of an ask is over; at least SETTLE_S: its text may still be on its way."""
        if self.ask_deadline is None:
            return math.inf
        return max(SETTLE_S, (self.ask_deadline - self.world.clock.now()).total_seconds())

    def look(self, panes: Collection[str] | None, *, ended: Collection[int] = (), compare: bool = False) -> None:
        """Look at the project; of the lanes at those in these panes, or at all. See LaneWatch.look for the options."""
        with self._mutex:
            if panes is None:
                self.lines.try_all()
                if self.config is not None:
                    self.config.look(self.world)
                self._lint()
                self.folders = ()
            self._note(self._seen(lambda: self._lanes(panes, ended=ended, compare=compare)))

    def look_if_moved(self, panes: Collection[str], ended: Collection[int] = ()) -> bool:
        """Look at the lanes in these panes, and at the rest only if that says anything new; False: it did not."""
        with self._mutex:
            lanes = self._lanes(panes, ended=ended)
            if not lanes_moved(self.last, details_of(lanes)):
                return False
            self._note(self._seen(lambda: lanes))
            return True

    def look_beside_cycle(self, panes: Collection[str] | None, *, ended: Collection[int] = ()) -> None:
        """While a cycle runs: at the mail and the lanes alone. What else changes may be that cycle's own doing."""
        with self._mutex:
            seen = replace(self.last, mail=frozenset(message.file for message in self.world.mailbox.peek()))
            try:
                lanes = self._lanes(panes, ended=ended)
            except LoopError:
                self.keeper.lanes_unseen()
                self._note(seen)
                return
            note_drifts(self.world, lanes, since_of(self.world, lanes, record=True))
            self.keeper.look(lanes)
            told = told_at_rest(lanes, self.world.clock.machine_now())
            self._note(replace(seen, lanes=details_of(lanes), told=told))

    def cycle_begins(self) -> None:
        """A cycle is about to look for itself."""
        with self._mutex:
            self._before_cycle = self.last, self._state_version(), self.world.mailbox.pending_names()

    def cycle_ended(self, result: CycleResult) -> None:
        """What the cycle saw is the measure of the next look: what changed while it ran calls for another one."""
        if result.snapshot is None:
            return
        before, state_version, mail = self._before_cycle
        saw = self._look_of(result.snapshot, state_version)
        with self._mutex:
            if self.last == before:
                # A report that came after the cycle had settled those before it was seen by it and not taken in.
                known = replace(saw, mail=saw.mail & mail)
            else:
                tasks, asks = self.last.tasks | saw.tasks, self.last.asks | saw.asks
                lanes = None if self.last.lanes is None else self._with_handed(self.last.lanes)
                known = replace(saw, mail=self.last.mail, tasks=tasks, asks=asks, lanes=lanes)
                known = replace(known, settling=self.last.settling)
            self._remember(replace(known, overdue=self.last.overdue, number=self.last.number))

    def _lanes(
        self, panes: Collection[str] | None, *, ended: Collection[int] = (), compare: bool = False
    ) -> tuple[Lane, ...]:
        """Every lane, those in these panes as they are now; the lines of those that are ready go on."""
        unread = self.lines.to_read()
        lanes = self.lanes.look(panes if panes is None else {*panes, *unread}, ended=ended, compare=compare)
        self.lines.look(lanes)
        return lanes

    def _note(self, seen: Look) -> None:
        now = self.world.clock.monotonic()
        too_soon = {lane for lane, since in self.rest.items() if now - since < SETTLE_S}
        look = settled(self.last, replace(seen, number=self.last.number), too_soon=too_soon)
        self.rest = {lane: self.rest.get(lane, now) for lane in look.settling}
        if look != self.last:
            look = replace(look, number=look.number + 1)
        if not self._kept.number:  # whoever begins anew after a crash has to count from the same number
            self._remember(self.last)
        emit(self.world.events, self.world.clock, emissions(self.last, look))
        crash_point("source.emitted")
        self._remember(look)

    def _remember(self, look: Look) -> None:
        self.last = look
        if look != self._kept:
            save_look(self.world.layout.watch_look, look)
            self._kept = look

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

    def _seen(self, look_at_lanes: Callable[[], tuple[Lane, ...]]) -> Look:
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
            self.keeper.lanes_unseen()
            return replace(look, overdue=frozenset({"the lanes cannot be seen"}))
        since = since_of(world, lanes, record=True)
        note_drifts(world, lanes, since)
        overdue = self.keeper.look(lanes) | self._overdue(lanes, since, mail, tasks)
        told = told_at_rest(lanes, world.clock.machine_now())
        return replace(look, lanes=details_of(lanes), overdue=overdue, told=told)

    def _ended_asks(self) -> frozenset[str]:
        """The asks that ended lately, those included that this look ends."""
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
        """The look that a cycle took, with the texts that it handed to lanes since."""
        lanes = None if isinstance(snapshot.lanes, Unknown) else self._with_handed(details_of(snapshot.lanes), all=True)
        # A decision that held a lane when the cycle looked, and ended while it ran, is news.
        held = {part for lane, id in snapshot.claims.items() for part in (id, f"{id} {lane}")}
        return look_of(snapshot, lanes=lanes, decisions=self._decisions() | held, state_version=state_version)

    def _with_handed(self, lanes: Mapping[str, str], *, all: bool = False) -> dict[str, str]:
        """Lane -> detail, at work where a text was handed to it since; all: whatever was last seen of it."""
        seen = {name: said.partition(" ")[0] for name, said in self.world.lanes_seen.items().items()}
        return {
            name: seen[name] if name in seen and (all or is_working(seen[name])) else detail
            for name, detail in lanes.items()
        }

    def _decisions(self) -> frozenset[str]:
        found = self.world.decisions.open_decisions()
        claims = {f"{decision.id} {lane}" for decision in found for lane in decision.claimed_lanes}
        return frozenset({decision.id for decision in found} | claims)

    def _state_version(self) -> str:
        path = self.world.layout.state_file
        return sha256_text(path.read_text(encoding="utf-8", errors="replace"))[:16] if path.is_file() else "none"


def look_of(
    snapshot: Snapshot, *, lanes: Mapping[str, str] | None, decisions: frozenset[str], state_version: str
) -> Look:
    """The look that a cycle took; ``lanes``: what is known of them after it, texts delivered by it included."""
    mail = () if isinstance(snapshot.mail, Unknown) else snapshot.mail
    tasks = () if isinstance(snapshot.tasks, Unknown) else ready_tasks(snapshot.tasks)
    return Look(
        mail=frozenset(message.file for message in mail),
        tasks=frozenset(task.id for task in tasks),
        asks=ASKS_UNREAD if isinstance(snapshot.asks, Unknown) else ended_asks(snapshot.asks, snapshot.at),
        lanes=lanes,
        decisions=decisions,
        state_version=state_version,
    )


def _changed_ns(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0
