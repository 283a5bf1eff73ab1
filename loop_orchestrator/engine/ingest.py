"""Mail that was dealt with goes into the wiki: in every cycle, and by the rules also when a message was acknowledged.

What is taken in is mail to coord that stands in processed/: somebody acknowledged it, the engine settled it, or a
person answered the escalation about it with yes. Mail that waits for somebody to read it is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from loop_orchestrator.actions.escalate import Escalate
from loop_orchestrator.clock import parse_time
from loop_orchestrator.crash import crash_point
from loop_orchestrator.engine.ingestbrain import fitting, take_in_headless
from loop_orchestrator.engine.ingestlane import ask_lane, go_on, why_not
from loop_orchestrator.engine.ingestpages import PAGE_BYTES, Ledger, as_it_stands, page_of, pages_for, source_of
from loop_orchestrator.engine.ingestwrite import (
    begin,
    close_recorded,
    move_quarantined,
    quarantine,
    set_problem,
    write_batch,
)
from loop_orchestrator.engine.trust import untrusted_mail
from loop_orchestrator.errors import ConfigError, DecisionStateError, LockedError, LoopError, StoreError
from loop_orchestrator.ids import new_id
from loop_orchestrator.model.decision import ItemStatus
from loop_orchestrator.model.ingest import ANSWER_SUBJECT, RECIPIENT, Batch, Edit, Fate, IngestMode, Taken, waiting
from loop_orchestrator.stores.messagefile import may_pass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from loop_orchestrator.config.memory import IngestConfig
    from loop_orchestrator.model.decision import ApprovalMode
    from loop_orchestrator.model.message import Message
    from loop_orchestrator.world import World

BATCHES = 10
"""Batches that the rules take in at once. At half, a backlog of years takes twice the cycles; at double, a cycle that
finds one begins a second later."""

LOOKAHEAD = 4
"""Batches' worth of messages among which those of one kind of source are picked. At half, mixed mail comes in smaller
batches; at double, twice as many files are read for nothing."""


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Who may be asked, now."""

    cycle: str
    """stands in events and transcripts"""
    mode: ApprovalMode
    lane: bool = False
    brain: bool = False


def take_in(world: World, config: IngestConfig, asking: Asking | None = None) -> None:
    """Carry on what is under way, and take in what waits, as the mode says.

    asking: None where neither a lane nor a brain may be asked now. What stands in the way is on disk and an event
    once; it never holds a cycle up. Raises nothing but what a broken project raises.
    """
    if config.mode is IngestMode.OFF or not world.wiki.root.is_dir():
        return
    try:
        if not _anything(world):
            return
        lock = world.ingest.lock()
        lock.acquire()
    except LockedError:
        return  # another process takes mail in
    except LoopError as error:
        _note(world, error)
        return
    try:
        _Step(world, config, asking).run()
    except LoopError as error:
        _note(world, error)
    finally:
        lock.release()


def waiting_files(world: World) -> tuple[str, ...]:
    """Names of the messages that wait to be taken in, oldest first. Raises StoreError."""
    return waiting(world.mailbox.acknowledged(RECIPIENT), world.ingest.fates())


def ledger_of(world: World) -> Ledger:
    """What tells where a message belongs; a state file or tasks that cannot be read tell nothing."""
    try:
        loops = world.state.read().loops
    except StoreError:
        loops = ()
    try:
        tasks = {task.id: task.loop for task in world.tasks.all() if task.loop}
    except StoreError:
        tasks = {}
    return Ledger(loops=loops, tasks=tasks)


def answered_mail(world: World) -> Iterator[Message]:
    """Pending mail to coord of which a person said, by a yes to the escalation about it, that it is dealt with."""
    escalated = world.escalations.items()
    answered: dict[str, frozenset[str]] = {}
    for message in world.mailbox.peek(RECIPIENT) if escalated else ():
        key = f"mail:{message.file}"
        decision = escalated.get(key, "")
        if decision and decision not in answered:
            answered[decision] = _answered(world, decision)
        if decision and key in answered[decision]:
            yield message


def _anything(world: World) -> bool:
    return bool(world.ingest.batch() or waiting_files(world) or _quarantined(world)) or any(
        True for _ in answered_mail(world)
    )


def _answered(world: World, decision: str) -> frozenset[str]:
    """What the escalations of a decision were about that a person answered with yes."""
    try:
        items = world.decisions.get(decision).items
    except (DecisionStateError, StoreError):
        return frozenset()
    done = (item.action for item in items if item.status is ItemStatus.DONE)
    return frozenset(action.about for action in done if isinstance(action, Escalate))


def _quarantined(world: World) -> tuple[str, ...]:
    """Messages that are recorded as quarantined and were not moved."""
    fates = world.ingest.fates()
    found = (name for name in world.mailbox.acknowledged(RECIPIENT) if name in fates)
    return tuple(name for name in found if fates[name].outcome is Taken.QUARANTINED)


def _note(world: World, error: LoopError) -> None:
    try:
        set_problem(world, error.message)
    except LoopError:
        return  # a full disk takes no note of itself


class _Step:
    """One step of taking mail in, with the lock held."""

    def __init__(self, world: World, config: IngestConfig, asking: Asking | None) -> None:
        self.world = world
        self.config = config
        self.asking = asking
        self.had: set[str] = set()
        """messages that this step took up; what is tried in vain is tried again in the next one"""

    def run(self) -> None:
        world = self.world
        for message in answered_mail(world):
            world.mailbox.ack(message.file, "engine")
        tries = world.ingest.tries()
        for file in _quarantined(world):
            move_quarantined(world, file, tries.get(file, (0, "it was tried in vain"))[1])
        batch = world.ingest.batch()
        if batch is not None and not self._carried_on(batch):
            return
        for _ in range(BATCHES):
            if world.cancel.is_set():
                return
            messages = self._next()
            if not messages or not self._take(messages):
                break
        self._quarantine_hopeless()

    def _carried_on(self, batch: Batch) -> bool:
        """Whether the batch under way is out of the way."""
        if close_recorded(self.world, batch):
            return True
        if batch.is_planned:
            write_batch(self.world, batch)
            set_problem(self.world, "")
            return True
        if batch.mode is not IngestMode.LANE:
            self.world.ingest.drop()  # killed before anything of it was planned
            return True
        asking = self.asking if self.asking and self.asking.lane else None
        named = (name for name in waiting_files(self.world) if f"-{batch.lane}-to-{RECIPIENT}" in name)
        answers = (*self.world.mailbox.peek(RECIPIENT), *self._readable(named))
        return go_on(
            self.world,
            batch,
            answers,
            cycle=asking.cycle if asking else "",
            mode=asking.mode if asking else None,
        )

    def _take(self, messages: Sequence[Message]) -> bool:
        """Take these in; whether to go on with more."""
        world, config, asking = self.world, self.config, self.asking
        self.had |= {message.file for message in messages}
        now = world.clock.now()
        batch = Batch(
            id=new_id("i", now),
            mode=config.mode,
            session=world.session,
            begun_at=now,
            files=tuple(message.file for message in messages),
            outside=tuple(sorted({name for sources in self._outside(messages).values() for name in sources})),
        )
        if config.mode is IngestMode.RULES:
            begin(world, batch)
            planned = batch.planned(self._as_they_stand(messages))
            world.ingest.put(planned)
            crash_point("ingest.planned")
            write_batch(world, planned)
            set_problem(world, "")
            return True
        if config.mode is IngestMode.LANE and asking is not None and asking.lane:
            if reason := why_not(world, config):
                set_problem(world, reason)
                return False
            set_problem(world, "")
            asked = replace(batch, lane=config.lane, decision=new_id("d", now))
            ask_lane(world, asked, cycle=asking.cycle, mode=asking.mode)
            return False
        if config.mode is IngestMode.HEADLESS and asking is not None and asking.brain and self._may_call():
            ledger = ledger_of(world)
            pages = [page_of(message, ledger) for message in messages]
            try:
                if take_in_headless(world, batch, messages, pages, asking.cycle):
                    set_problem(world, "")
            except ConfigError as error:
                set_problem(world, error.message)
        return False

    def _may_call(self) -> bool:
        failures, until = self.world.ingest.wait()
        return not failures or self.world.clock.now() >= parse_time(until)

    def _next(self) -> tuple[Message, ...]:
        """The oldest messages that wait, of one kind of source: those of which none was tried in vain come together,
        the others one by one, so that it shows which of them it is.
        """
        tries = self.world.ingest.tries()
        names = [name for name in waiting_files(self.world) if name not in self.had]
        fresh = self._readable(name for name in names if name not in tries)
        seen = list(islice((one for one in fresh if not self._is_answer(one)), LOOKAHEAD * self.config.batch))
        outside = self._outside(seen)
        alike = (message for message in seen if (message.file in outside) == (seen[0].file in outside))
        found = list(islice(alike, self.config.batch))
        if found:
            return fitting(found) if self.config.mode is IngestMode.HEADLESS else tuple(found)
        tried = [name for name in names if 0 < tries.get(name, (0, ""))[0] < self.config.tries]
        return tuple(self._readable(sorted(tried, key=lambda name: (tries[name][0], name))[:1]))

    def _readable(self, names: Iterable[str]) -> Iterator[Message]:
        """The messages of these names; of what cannot be read it is counted that it was tried."""
        for name in names:
            try:
                message = self.world.mailbox.read(name)
            except StoreError as error:
                if not may_pass(error):
                    self.world.ingest.tried([name], error.message)
                continue
            if message.recipient == RECIPIENT:
                yield message
            else:
                fate = Fate(file=name, outcome=Taken.OTHER, batch="", at=self.world.clock.now())
                self.world.ingest.record([fate])

    def _is_answer(self, message: Message) -> bool:
        """A lane's answer about a batch of its that has ended; it is put on record and not taken in."""
        found = ANSWER_SUBJECT.fullmatch(message.subject)
        if not found or self.world.ingest.asked(found[1]) != message.sender:
            return False
        now = self.world.clock.now()
        self.world.ingest.record([Fate(file=message.file, outcome=Taken.ANSWER, batch=found[1], at=now)])
        return True

    def _quarantine_hopeless(self) -> None:
        for file, (count, reason) in self.world.ingest.tries().items():
            if count >= self.config.tries and file in waiting_files(self.world):
                quarantine(self.world, file, reason)

    def _as_they_stand(self, messages: Sequence[Message]) -> tuple[Edit, ...]:
        ledger = ledger_of(self.world)
        outside = self._outside(messages)
        sizes: dict[str, int] = {}
        edits = []
        for message in messages:
            for page in pages_for(message, ledger):
                size = sizes.setdefault(page, self.world.wiki.size(page))
                if size < PAGE_BYTES:
                    break
            edits.append(as_it_stands(message, page, outside=outside.get(message.file, ())))
            sizes[page] = size + len(edits[-1].text.encode())
        return tuple(edits)

    def _outside(self, messages: Sequence[Message]) -> dict[str, frozenset[str]]:
        """Message -> its sources, of those that are not trusted. Where it is not known which lanes are outside, all."""
        try:
            return untrusted_mail(messages, self.world)
        except StoreError:
            return {message.file: frozenset((source_of(message),)) for message in messages}
