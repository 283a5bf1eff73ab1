"""The whole picture of a session, what needs a person first. What could not be read says why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from loop_orchestrator.clock import format_time
from loop_orchestrator.errors import LoopError
from loop_orchestrator.model.decision import DecisionStatus, ItemStatus
from loop_orchestrator.model.delivery import DeliveryStep
from loop_orchestrator.model.lane import Detail, LaneWord, SignalSource
from loop_orchestrator.model.restart import RestartEvent, has_ended
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.model.task import TaskStatus
from loop_orchestrator.operations.asks import ask_shape, unanswered
from loop_orchestrator.operations.drift import Drift, drifts_of
from loop_orchestrator.operations.engine_view import (
    EngineStatus,
    EngineWord,
    budget_shape,
    engine_shape,
    engine_status,
    full_decision_shape,
    rest_shape,
)
from loop_orchestrator.operations.ingest import IngestView, ingest_shape, ingest_view
from loop_orchestrator.operations.memory_view import LintView, lint_shape, lint_view, memory_needs
from loop_orchestrator.operations.need import Need, NeedKind
from loop_orchestrator.operations.queue import Line, line_shape, lines_of
from loop_orchestrator.operations.resolve import next_step, standing
from loop_orchestrator.operations.shapes import (
    Json,
    letter_shape,
    message_shape,
    receipt_shape,
    restarts_shape,
    spec_shape,
    state_shape,
    task_shape,
)

if TYPE_CHECKING:
    from loop_orchestrator.model.ask import Ask
    from loop_orchestrator.model.decision import Decision
    from loop_orchestrator.model.delivery import Receipt
    from loop_orchestrator.model.lane import Lane
    from loop_orchestrator.model.message import Message
    from loop_orchestrator.model.restart import RestartNote
    from loop_orchestrator.model.route import DeadLetter
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.model.task import Task
    from loop_orchestrator.stores.lock import Holder
    from loop_orchestrator.world import World

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Status:
    """The whole picture of a session at one moment."""

    session: str
    root: str
    generated_at: datetime
    needs: tuple[Need, ...]
    lanes: tuple[Lane, ...] | Unknown
    engine: EngineStatus
    has_engine: bool
    """the config has an ``engine:`` section"""
    mail: tuple[Message, ...] | Unknown
    """pending, oldest first"""
    mail_failed: int
    """files that were no messages and were set aside"""
    tasks: tuple[Task, ...] | Unknown
    task_problems: tuple[str, ...]
    unknown_deliveries: tuple[Receipt, ...] | Unknown
    restarts: Mapping[str, RestartNote]
    """lane -> the newest note about its restarts; none where they cannot be read"""
    guard: Holder | None
    """who restarts lanes while no engine watches"""
    standing: frozenset[str] = frozenset()
    """operations of unknown deliveries whose text stands, alone, in the composer of its lane"""
    drifts: tuple[Drift, ...] | Unknown = ()
    """versions of programs whose screens no rule knew"""
    lines: tuple[Line, ...] | Unknown = ()
    """what stands in line for lanes"""
    ingest: IngestView | Unknown
    """mail that is taken into the wiki"""
    lint: LintView
    """what is known to be wrong with wiki and tasks"""
    asks: tuple[Ask, ...] | Unknown = ()
    """lanes that owe an answer, the longest first"""
    dead_letters: tuple[DeadLetter, ...] = ()
    """events that were given up, and not tried again since; oldest first"""


def status(world: World, lanes: tuple[Lane, ...] | Unknown | None = None) -> Status:
    """Look at everything once; writes nothing.

    lanes: as the caller saw them, or why it did not; None: they are looked at too.
    """
    engine_config = world.config.engine
    if lanes is None:
        lanes = _seen(world.observe_lanes)
    engine = engine_status(
        world.control,
        world.decisions,
        world.events,
        world.budget,
        world.brain_rests,
    )
    mail = _seen(world.mailbox.peek)
    tasks = _seen(world.tasks.all)
    problems = () if isinstance(tasks, Unknown) else world.tasks.problems()
    failed = sum(1 for path in world.layout.failed.glob("*.md")) if world.layout.failed.is_dir() else 0
    found = Status(
        session=world.session,
        root=str(world.root),
        generated_at=world.clock.now(),
        needs=(),
        lanes=lanes,
        engine=engine,
        has_engine=engine_config is not None,
        mail=mail,
        mail_failed=failed,
        tasks=tasks,
        task_problems=problems,
        unknown_deliveries=_seen(world.deliveries.unknown),
        restarts={},
        guard=world.control.guard_lock().holder(),
        asks=_seen(lambda: unanswered(world.asks)),
        ingest=ingest_view(world),
        lint=lint_view(world),
        dead_letters=tuple(letter for letter in world.routing.dead() if not letter.tried_again),
    )
    return with_lanes(found, world, lanes)


def with_lanes(found: Status, world: World, lanes: tuple[Lane, ...] | Unknown) -> Status:
    """The same with lanes as they were seen since; of what is no lane's, nothing is looked at again."""
    seen = () if isinstance(lanes, Unknown) else lanes
    return _with_needs(
        replace(
            found,
            generated_at=world.clock.now(),
            lanes=lanes,
            standing=_standing(world, found.unknown_deliveries, lanes),
            restarts=restarts_of(world, seen),
            drifts=() if isinstance(lanes, Unknown) else _seen(lambda: drifts_of(world, [one.record for one in lanes])),
            lines=_seen(lambda: lines_of(world, seen)),
        )
    )


def _standing(
    world: World, deliveries: tuple[Receipt, ...] | Unknown, lanes: tuple[Lane, ...] | Unknown
) -> frozenset[str]:
    if isinstance(deliveries, Unknown) or isinstance(lanes, Unknown) or not deliveries:
        return frozenset()
    return standing(world, deliveries, lanes)


def status_document(found: Status) -> Json:
    """The document of ``loop status --json``; null for what could not be read; ``unseen`` says why."""
    needs: list[JsonValue] = [
        {"what": need.what, "since": format_time(need.since) if need.since else None, "next_step": need.next_step}
        for need in found.needs
    ]
    decisions: list[JsonValue] = [full_decision_shape(decision) for decision in found.engine.decisions]
    return {
        "session": found.session,
        "root": found.root,
        "generated_at": format_time(found.generated_at),
        "needs": needs,
        "lanes": _list(found.lanes, lambda lane: _lane_shape(lane, found)),
        "engine": engine_shape(found.engine),
        "guard": {"pid": found.guard.pid, "since": format_time(found.guard.since)} if found.guard else None,
        "decisions": decisions,
        "budget": budget_shape(found.engine),
        "resting_brains": [rest_shape(rest) for rest in found.engine.resting],
        "mail": {"pending": _list(found.mail, message_shape), "failed": found.mail_failed},
        "tasks": _list(found.tasks, task_shape),
        "task_problems": list(found.task_problems),
        "unknown_deliveries": _list(found.unknown_deliveries, receipt_shape),
        "lines": _list(found.lines, line_shape),
        "asks": _list(found.asks, ask_shape),
        "ingest": ingest_shape(found.ingest),
        "lint": lint_shape(found.lint),
        "dead_letters": [letter_shape(letter) for letter in found.dead_letters],
        "unseen": dict(unseen(found)),
    }


def _lane_shape(lane: Lane, found: Status) -> Json:
    restarts = restarts_shape(found.restarts.get(lane.name))
    return {**spec_shape(lane.record.spec), **state_shape(lane.state), "restarts": restarts}


def restarts_of(world: World, lanes: tuple[Lane, ...]) -> dict[str, RestartNote]:
    """Lane -> the newest note about its restarts; lanes that were booted anew since have none."""
    try:
        notes = world.restarts.latest()
    except LoopError:
        return {}
    found = ((lane, notes.get(lane.name)) for lane in lanes)
    return {lane.name: note for lane, note in found if note is not None and note.is_of(lane.record)}


def unseen(found: Status) -> Mapping[str, str]:
    """What could not be read -> why."""
    parts = {
        "lanes": found.lanes,
        "mail": found.mail,
        "tasks": found.tasks,
        "unknown_deliveries": found.unknown_deliveries,
        "drifts": found.drifts,
        "lines": found.lines,
        "asks": found.asks,
        "ingest": found.ingest,
    }
    return {name: part.reason for name, part in parts.items() if isinstance(part, Unknown)}


def task_counts(tasks: tuple[Task, ...]) -> dict[str, int]:
    """How many tasks have each status, in the order of the statuses; those with none are left out."""
    counted = Counter(task.status for task in tasks)
    return {one.value: counted[one] for one in TaskStatus if counted[one]}


def _seen(look: Callable[[], T]) -> T | Unknown:
    try:
        return look()
    except LoopError as error:
        return Unknown(error.message)


def _list(values: tuple[T, ...] | Unknown, shape: Callable[[T], Json]) -> JsonValue:
    if isinstance(values, Unknown):
        return None
    return [shape(value) for value in values]


def _with_needs(found: Status) -> Status:
    return replace(
        found,
        needs=(
            *_decision_needs(found),
            *_delivery_needs(found),
            *_line_needs(found),
            *_lane_needs(found),
            *_drift_needs(found),
            *_brain_needs(found),
            *_letter_needs(found),
            *memory_needs(found.ingest),
            *_rest(found),
        ),
    )


def _decision_needs(found: Status) -> Iterator[Need]:
    for decision in found.engine.decisions:
        if decision.status is DecisionStatus.WAITING:
            yield Need(
                what=f"decision {decision.id}: {_waiting(decision)}",
                since=decision.created_at,
                next_step=f"loop approve {decision.id}",
                kind=NeedKind.DECISION,
                key=decision.id,
            )
        unknown = [item for item in decision.items if item.status is ItemStatus.UNKNOWN]
        for item in unknown:
            yield Need(
                what=f"decision {decision.id}: outcome of action {item.idx} ({item.action.kind}) is not known",
                since=item.changed_at,
                next_step=f"loop engine show {decision.id}",
                kind=NeedKind.DECISION,
                key=decision.id,
            )
    for problem in found.engine.unreadable:
        yield Need(what=problem, since=None, next_step="mend the file by hand")


def _waiting(decision: Decision) -> str:
    waiting = [item for item in decision.items if item.status is ItemStatus.WAITING]
    words = [f"{item.action.kind} {item.action.target}".strip() for item in waiting]
    return f"{', '.join(words)} {'waits' if len(words) == 1 else 'wait'} for a yes or a no"


def _delivery_needs(found: Status) -> Iterator[Need]:
    receipts = () if isinstance(found.unknown_deliveries, Unknown) else found.unknown_deliveries
    for receipt in receipts:
        stands = receipt.op in found.standing
        what = "its text stands in the composer, not submitted" if stands else "nobody knows whether the text arrived"
        yield Need(
            what=f"delivery {receipt.op} to {receipt.lane}: {what}",
            since=receipt.times.get(DeliveryStep.RECEIPT.value),
            next_step=f"loop attach {receipt.lane}, then: {next_step(receipt.op, stands=stands)}",
            kind=NeedKind.DELIVERY,
            key=receipt.op,
        )


def _line_needs(found: Status) -> Iterator[Need]:
    """Lines that do not go on by themselves."""
    unknown = () if isinstance(found.unknown_deliveries, Unknown) else found.unknown_deliveries
    doubted = {receipt.lane: receipt.op for receipt in unknown}
    for line in () if isinstance(found.lines, Unknown) else found.lines:
        if not line.held:
            continue
        count = "1 text stands" if len(line.waiting) == 1 else f"{len(line.waiting)} texts stand"
        step = f"loop attach {line.lane}, and send or clear what stands in its composer"
        if found.engine.word is EngineWord.STOPPED:
            step = "loop watch"
        elif line.lane in doubted:
            step = f"loop resolve {doubted[line.lane]} happened|did-not|drop"
        yield Need(
            what=f"{count} in line for lane {line.lane}: {line.reason}",
            since=line.waiting[0].since,
            next_step=step,
            kind=NeedKind.LINE,
            key=line.lane,
        )


_LANE_STEPS: Mapping[Detail, tuple[str, str]] = {
    Detail.APPROVAL: ("asks for permission", "loop attach {lane}"),
    Detail.QUESTION: ("asks a question", "loop attach {lane}"),
    Detail.DIALOG: ("waits at a dialog", "loop attach {lane}"),
    Detail.AUTH: ("is not logged in", "loop attach {lane}"),
    Detail.API_ERROR: ("was stopped by an error of its service", "loop attach {lane}"),
    Detail.RATE_LIMITED: ("is refused by its service for a while", "loop why {lane}"),
    Detail.EXITED: ("has ended", "loop lane restart {lane}"),
    Detail.SUSPENDED: ("is suspended", "loop attach {lane}, and press Enter"),
    Detail.MISSING: ("is gone", "loop up"),
    Detail.DRIFTED: ("shows a screen that no rule knows", "loop why {lane}"),
    Detail.STALE: ("could not be read lately", "loop why {lane}"),
    Detail.CONFLICTING: ("contradicts its record", "loop why {lane}"),
}
"""What a person is told of a lane in this state, and what to do."""


def _lane_needs(found: Status) -> Iterator[Need]:
    for lane in () if isinstance(found.lanes, Unknown) else found.lanes:
        if _is_being_drawn(lane):
            continue
        note = found.restarts.get(lane.name)
        if note is not None and has_ended(lane, note) and note.is_of_an_end:
            yield from _restart_need(lane, note, found)
        elif lane.state.detail in _LANE_STEPS and (lane.record.agent or lane.state.word is LaneWord.ERRORED):
            says, step = _LANE_STEPS[lane.state.detail]
            seen = next((signal.seen for signal in lane.state.evidence), "")
            yield Need(
                what=f"lane {lane.name} {says}" + (f": {seen}" if seen else ""),
                since=lane.run.ended_at if lane.run else None,
                next_step=step.format(lane=lane.name),
                kind=NeedKind.LANE,
                key=lane.name,
            )


def _restart_need(lane: Lane, note: RestartNote, found: Status) -> Iterator[Need]:
    """What a person is told of a lane that ended and is being restarted; nothing while that goes by itself."""
    name = lane.name
    watched = found.guard is not None or found.engine.word is not EngineWord.STOPPED
    if note.event is RestartEvent.GIVING_UP:
        what, step = f"was given up: {note.reason}", f"loop lane restart {name}, or look first: loop attach {name}"
    elif note.event is RestartEvent.POSTPONED and watched:
        what, step = (
            f"is not started again yet: {note.reason}",
            f"loop attach {name}, or: loop lane restart {name} --force",
        )
    elif not (watched and note.is_under_way(found.generated_at)):
        what, step = f"has ended and nobody restarts it: {note.reason}", f"loop lane restart {name}"
    else:
        return
    yield Need(what=f"lane {name} {what}", since=note.at, next_step=step, kind=NeedKind.LANE, key=name)


def _is_being_drawn(lane: Lane) -> bool:
    """Its signs contradict each other for a moment, which needs nobody; its record contradicts nothing."""
    return lane.state.detail is Detail.CONFLICTING and lane.state.evidence[0].source is not SignalSource.PROCESS


def _drift_needs(found: Status) -> Iterator[Need]:
    for drift in () if isinstance(found.drifts, Unknown) else found.drifts:
        tried = ", ".join(drift.verified)
        yield Need(
            what=f"{drift.harness} {drift.version} showed screens that no rule knows; its rules were tried on {tried}",
            since=None,
            next_step=f"loop why {drift.lane}",
        )


def _brain_needs(found: Status) -> Iterator[Need]:
    for rest in found.engine.resting:
        if rest.needs_person:
            yield Need(
                what=f"brain {rest.brain} refuses to answer: {rest.reason}",
                since=rest.since,
                next_step="log in to it, then: loop engine once --retry",
                kind=NeedKind.BRAIN,
                key=rest.brain,
            )


def _letter_needs(found: Status) -> Iterator[Need]:
    for letter in found.dead_letters:
        detail = letter.event.payload.get("detail", "")
        yield Need(
            what=f"nothing came of event {letter.event.seq} ({detail}), tried {letter.attempts} times: {letter.reason}",
            since=letter.at,
            next_step=f"loop routes replay {letter.id}",
            kind=NeedKind.DEAD_LETTER,
            key=letter.id,
        )


def _rest(found: Status) -> Iterator[Need]:
    for task in () if isinstance(found.tasks, Unknown) else found.tasks:
        if task.status is TaskStatus.REVIEW:
            yield Need(
                what=f"task {task.id} is in review: {task.title}",
                since=None,
                next_step=f"loop task done {task.id}",
                kind=NeedKind.TASK,
                key=task.id,
            )
    for problem in found.task_problems:
        yield Need(what=problem, since=None, next_step="mend the file by hand")
    quarantined = 0 if isinstance(found.ingest, Unknown) else found.ingest.counts["quarantined"]
    if found.mail_failed > quarantined:
        yield Need(
            what=f"{found.mail_failed - quarantined} files of the mailbox could not be read as messages",
            since=None,
            next_step="look into failed/ of the mailbox",
        )
    pending = () if isinstance(found.mail, Unknown) else found.mail
    if found.has_engine and found.engine.word is EngineWord.STOPPED and pending:
        count = "1 message waits" if len(pending) == 1 else f"{len(pending)} messages wait"
        yield Need(what=f"{count} and no engine watches", since=pending[0].sent_at, next_step="loop watch")
