"""Taking mail into the wiki by hand, and what is to be seen of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_time
from loop_orchestrator.errors import LoopError, UsageError
from loop_orchestrator.model.ingest import RECIPIENT, Batch, Closed, Fate, IngestMode, Taken, waiting
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.operations.shapes import Json, time_or_none

if TYPE_CHECKING:
    from datetime import datetime

    from loop_orchestrator.config.memory import IngestConfig
    from loop_orchestrator.config.schema import EngineConfig
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.world import World

NOT_IN = (Taken.DECLINED, Taken.UNANSWERED, Taken.QUARANTINED)
"""What became of a message that is in no page; ``--again`` takes these up."""


@dataclass(frozen=True, kw_only=True)
class IngestView:
    """What is to be seen of taking mail in, at one moment."""

    mode: IngestMode
    """off also where the project has no wiki"""
    waiting: int
    """messages that were dealt with and are not in the wiki"""
    batch: Batch | None
    """under way"""
    last: Closed | None
    """the one that ended last"""
    counts: dict[str, int]
    """word of NOT_IN -> messages of which that became"""
    problem: str
    """what stands in the way; empty: nothing"""
    unfiled: int
    """closed decisions of this session that are not in the checkpoint"""
    filing_problem: str


@dataclass(frozen=True, kw_only=True)
class TakenIn:
    """What a run by hand came to."""

    fates: tuple[Fate, ...]
    """what became of messages by it"""
    view: IngestView


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """A message that would be taken up."""

    file: str
    page: str
    """where the rules would put it; empty where it cannot be read"""
    note: str = ""


def ingest_view(world: World) -> IngestView | Unknown:
    """Look; writes nothing. Unknown where the files of it cannot be read."""
    engine = world.config.engine
    try:
        fates = world.ingest.fates()
        here = world.mailbox.acknowledged(RECIPIENT)
        filing = world.filing.items()
        return IngestView(
            mode=engine.ingest.mode if engine and world.wiki.is_there else IngestMode.OFF,
            waiting=len(waiting(here, fates)),
            batch=world.ingest.batch(),
            last=world.ingest.last_closed(),
            counts={word.value: sum(fate.outcome is word for fate in fates.values()) for word in NOT_IN},
            problem=world.ingest.problem(),
            unfiled=sum(key.startswith("d-") for key in filing),
            filing_problem=filing.get("problem", ""),
        )
    except LoopError as error:
        return Unknown(error.message)


def take_in_now(world: World, *, mode: IngestMode | None = None, again: bool = False) -> TakenIn:
    """Take in what waits, as the config or ``mode`` says. Blocks until it is done, a lane's answer not awaited.

    again: also what was declined, never answered, or quarantined.
    Raises NotAPersonError from an agent's lane, LockedError while a cycle or another process is at it, UsageError for
    a mode that cannot be, DecisionStateError without an engine, and StoreError where there is no wiki.
    """
    from loop_orchestrator.engine.cycle import engine_config, mode_of
    from loop_orchestrator.engine.ingest import Asking, take_in, waiting_files
    from loop_orchestrator.ids import new_id
    from loop_orchestrator.operations.person import refuse_agent

    refuse_agent(world, "take mail into the wiki; the engine does it")
    config = _config(engine_config(world), mode)
    world.wiki.require()
    asking = Asking(cycle=new_id("c", world.clock.now()), mode=mode_of(world), lane=True, brain=True)
    with world.decisions.cycle_lock():
        with world.ingest.lock():
            if again:
                _take_up_again(world)
        before = dict(world.ingest.fates())
        while True:
            left = len(waiting_files(world))
            take_in(world, config, asking)
            if config.mode is not IngestMode.RULES or not 0 < len(waiting_files(world)) < left:
                break
    now = world.ingest.fates()
    view = ingest_view(world)
    if isinstance(view, Unknown):
        raise LoopError(view.reason)
    return TakenIn(fates=tuple(fate for file, fate in now.items() if before.get(file) != fate), view=view)


def rehearse_taking_in(world: World) -> tuple[Rehearsed, ...]:
    """What would be taken up, oldest first; writes, sends and calls nothing."""
    from loop_orchestrator.engine.ingest import answered_mail, ledger_of, waiting_files
    from loop_orchestrator.engine.ingestpages import page_of

    ledger = ledger_of(world)
    found = []
    for file in waiting_files(world):
        try:
            found.append(Rehearsed(file=file, page=page_of(world.mailbox.read(file), ledger)))
        except LoopError as error:
            found.append(Rehearsed(file=file, page="", note=error.message))
    settled = "a person said yes to the escalation about it; it will be acknowledged"
    found += [Rehearsed(file=one.file, page=page_of(one, ledger), note=settled) for one in answered_mail(world)]
    return tuple(found)


def ingest_shape(view: IngestView | Unknown) -> JsonValue:
    """As it stands in the documents of ``loop status`` and ``loop engine ingest``; null where it is not known."""
    if isinstance(view, Unknown):
        return None
    counts: dict[str, JsonValue] = dict(view.counts)
    return {
        "mode": view.mode.value,
        "waiting": view.waiting,
        "batch": _batch_shape(view.batch) if view.batch else None,
        "last": _closed_shape(view.last) if view.last else None,
        **counts,
        "problem": view.problem or None,
        "unfiled_decisions": view.unfiled,
        "filing_problem": view.filing_problem or None,
    }


def taken_document(found: TakenIn) -> Json:
    """The document of ``loop engine ingest --json``."""
    messages: list[JsonValue] = [
        {"file": fate.file, "outcome": fate.outcome.value, "pages": list(fate.pages), "batch": fate.batch or None}
        for fate in found.fates
    ]
    return {"messages": messages, "ingest": ingest_shape(found.view)}


def rehearsed_document(found: tuple[Rehearsed, ...]) -> Json:
    """The document of ``loop engine ingest --dry-run --json``."""
    messages: list[JsonValue] = [
        {"file": one.file, "page": one.page or None, "note": one.note or None} for one in found
    ]
    return {"messages": messages}


def ingest_lines(view: IngestView | Unknown, age: Callable[[datetime], str]) -> tuple[str, ...]:
    """What ``loop status`` says of it; nothing where there is nothing to say. age: of a time, in words."""
    if isinstance(view, Unknown):
        return (f"wiki: not known: {view.reason}",)
    on = view.mode is not IngestMode.OFF
    parts = [f"{view.waiting} of mail to be taken in ({view.mode.value})"] if on and view.waiting else []
    if view.batch is not None:
        who = f", lane {view.batch.lane} has it" if view.batch.lane else ""
        parts.append(f"batch {view.batch.id} under way for {age(view.batch.begun_at)}{who}")
    if view.last is not None:
        parts.append(f"last {len(view.last.batch.files)} {view.last.outcome.value}, {age(view.last.at)} ago")
    parts += [f"{count} {word}" for word, count in view.counts.items() if count]
    if view.unfiled:
        parts.append(f"{view.unfiled} decisions to be filed")
    return ("wiki: " + ", ".join(parts),) if parts else ()


def _config(engine: EngineConfig, mode: IngestMode | None) -> IngestConfig:
    if mode is IngestMode.HEADLESS and not engine.ingest_brain:
        raise UsageError(
            "mode headless needs a program to ask", hint="name one under engine.ingest.brain, or engine.brain.use"
        )
    config = replace(engine.ingest, mode=mode) if mode is not None else engine.ingest
    if config.mode is IngestMode.OFF:
        raise UsageError("engine.ingest.mode is off", hint="loop engine ingest --mode rules")
    return config


def _take_up_again(world: World) -> None:
    from loop_orchestrator.stores.listing import names_in

    lying = set(names_in(world.layout.failed, ".md"))
    now = world.clock.now()
    for fate in [one for one in world.ingest.fates().values() if one.outcome in NOT_IN]:
        if fate.outcome is Taken.QUARANTINED and fate.file in lying:
            world.mailbox.bring_back(fate.file)
        world.ingest.record([Fate(file=fate.file, outcome=Taken.AGAIN, batch=fate.batch, at=now)])
        world.ingest.forget_tries([fate.file])
    world.ingest.set_wait(0, "")


def _batch_shape(batch: Batch) -> Json:
    return {
        "batch": batch.id,
        "mode": batch.mode.value,
        "begun_at": format_time(batch.begun_at),
        "files": list(batch.files),
        "lane": batch.lane or None,
        "decision": batch.decision or None,
    }


def _closed_shape(closed: Closed) -> Json:
    return {
        **_batch_shape(closed.batch),
        "outcome": closed.outcome.value,
        "closed_at": time_or_none(closed.at),
        "pages": list(closed.batch.pages),
        "note": closed.note or None,
    }
