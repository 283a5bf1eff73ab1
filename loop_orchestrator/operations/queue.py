"""Texts that wait in line for a lane: put in, delivered one by one, shown, and taken out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_time
from loop_orchestrator.config.schema import ADD_ENGINE
from loop_orchestrator.errors import LockedError, LoopError, StoreError, UsageError
from loop_orchestrator.ids import sha256_text
from loop_orchestrator.model.delivery import DeliveryRequest, DeliveryStatus, DeliveryStep, Receipt
from loop_orchestrator.model.lane import Detail
from loop_orchestrator.model.line import Queued, Turn, next_in_line, program_of
from loop_orchestrator.operations.observe import record_of, spec_of
from loop_orchestrator.operations.person import refuse_agent
from loop_orchestrator.operations.send import deliver_text
from loop_orchestrator.substrate.deliver import text_to_send, unsuitable

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Unpack

    from loop_orchestrator.model.lane import Lane, LaneRecord, LaneState
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.operations.shapes import Json
    from loop_orchestrator.stores.lock import Lock
    from loop_orchestrator.substrate.deliver import StepChanges
    from loop_orchestrator.world import World

READY_S = 1.0
"""How long a lane that was seen ready may take to be seen so again before its text goes back into the line. At half, a
screen that is drawn at this moment costs another try; at double, whoever sends without waiting is told longer that the
lane is held."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """What stands in line for one lane, the next one first, and why it is not delivered yet."""

    lane: str
    waiting: tuple[Queued, ...]
    held: bool
    """nothing of it is delivered before a person did something: resolved a delivery, started the engine, sent or
    cleared a draft"""
    reason: str
    """why the first of it waits; empty: it is about to be delivered"""


class Turned(StrEnum):
    """What became of the head of a line."""

    DELIVERED = "delivered"
    """it left the line, with a receipt"""
    CLOSED = "closed"
    """it left the line undelivered, with a receipt"""
    RETURNED = "returned"
    """it was tried, and is the first in line again"""
    WAITS = "waits"
    HELD = "held"
    EMPTY = "empty"
    """there is no line"""


def enqueue(world: World, request: DeliveryRequest) -> Receipt:
    """Put text in line for a lane; the daemon delivers it as soon as the lane is ready and nothing is before it.

    What no waiting would make right is closed at once as not-delivered. Raises UsageError for a lane that takes no text
    or is not there, NotAPersonError for an agent that would have a command run; LoopError, with nothing on record,
    where no daemon watches the session; StoreError.
    """
    record = record_of(world, request.lane)
    if not record.agent:
        refuse_agent(world, f"have a command run in lane {request.lane}; mail to that lane is put before a person")
    spec = spec_of(world, record)
    if spec is None:
        raise UsageError(
            f"lane {request.lane} runs a fixed command and takes no text", hint="loop lane list shows what runs where"
        )
    if world.queue.get(request.op) is None and world.control.watch_lock().holder() is None:
        needed = "" if world.config.engine else f"{ADD_ENGINE}, then "
        raise LoopError(
            f"nothing was put in line for lane {request.lane}: no engine watches session {world.session}, "
            "so nobody would deliver it",
            hint=f"{needed}loop-engine watch, in a terminal of its own; or wait here: loop send --wait-ready",
        )
    text, removed = text_to_send(request.text, spec)
    if reason := unsuitable(request, text, record, spec):
        receipt, fresh = world.deliveries.accept(request, sha256_text(request.text), len(text.encode("utf-8")))
        if not fresh:
            return receipt
        return world.deliveries.close(replace(receipt, status=DeliveryStatus.NOT_DELIVERED, evidence=reason))
    receipt, _ = world.queue.enqueue(request, text, removed=removed, program=program_of(record))
    return receipt


def deliver_next(world: World, name: str, state: LaneState | None) -> Turned:
    """Deliver the first text in line for a lane, if it may be; blocks as a delivery does.

    state: of the lane as it was just seen. One process at a time may call this, and for each lane one thread of it.
    Raises what a delivery raises; then ``settle`` has to be called for what this process took.
    """
    line = world.queue.line(name)
    if not line:
        return Turned.EMPTY
    records = world.lanes.records()
    record = records.get(name)
    turn = next_in_line(line, record, state, world.deliveries.unknown())
    op = line[0].receipt.op
    if turn.turn is Turn.CLOSE:
        return _dropped(world, op, turn.reason)
    if turn.turn is not Turn.TAKE or record is None:
        return Turned.HELD if turn.turn is Turn.HOLD else Turned.WAITS
    try:
        request = world.queue.request(op)
    except StoreError as error:
        return _dropped(world, op, error.message)
    if reason := _unsuitable(world, record, request):
        return _dropped(world, op, reason)
    receipt = deliver_text(world, replace(request, ready_timeout_s=READY_S), journal=_FromLine(world))
    return Turned.RETURNED if receipt.status is DeliveryStatus.ACCEPTED else Turned.DELIVERED


def settle(world: World, name: str, reason: str) -> None:
    """Settle what this process took from the line of a lane and no longer carries out. Raises StoreError."""
    for queued in world.queue.line(name):
        if queued.under_way:
            world.queue.settle_own(queued.receipt.op, reason)


def lines_of(world: World, lanes: Collection[Lane]) -> tuple[Line, ...]:
    """Every line that is not empty, by lane, with why it waits. lanes: as just seen; without them it is not known."""
    lines = world.queue.lines()
    if not lines:
        return ()
    records, unknown = world.lanes.records(), world.deliveries.unknown()
    states = {lane.name: lane.state for lane in lanes}
    watched = world.control.watch_lock().holder() is not None
    return tuple(
        _line(lane, line, records.get(lane), states.get(lane), unknown, watched) for lane, line in sorted(lines.items())
    )


def drop_queued(world: World, op: str, *, by: str) -> Receipt:
    """Take a text out of its line for good. Raises NotAPersonError from an agent's lane, UsageError for a delivery that
    there is not, LockedError while it is being delivered, StoreError if it does not stand in line.
    """
    refuse_agent(world, "take a text out of the line")
    if world.queue.get(op) is None:
        raise UsageError(f"there is no delivery {op}", hint="loop queue list")
    return world.queue.drop(op, f"{by} took it out of the line", by=by)


def close_lines(world: World, names: Collection[str], reason: str, *, by: str) -> tuple[Receipt, ...]:
    """Close what stands in line for these lanes as not-delivered; what is being delivered now ends by itself."""
    closed = []
    for name, line in world.queue.lines().items():
        for queued in line if name in names else ():
            with suppress(LockedError):
                if world.queue.waits(queued.receipt.op):
                    closed.append(world.queue.drop(queued.receipt.op, reason, by=by))
    return tuple(closed)


def texts_in_line(world: World, name: str) -> Mapping[str, str]:
    """Operation -> its text, of what stands in line for a lane, the next one first; unreadable ones say why."""
    found = {}
    for queued in world.queue.lines().get(name, ()):
        try:
            found[queued.receipt.op] = world.queue.request(queued.receipt.op).text
        except StoreError as error:
            found[queued.receipt.op] = f"[{error.message}]"
    return found


def line_shape(line: Line) -> Json:
    """A line as ``loop status --json`` and ``loop queue list --json`` have it."""
    waiting: list[JsonValue] = [
        {
            "op": queued.receipt.op,
            "sender": queued.receipt.sender,
            "since": format_time(queued.since),
            "sha256": queued.receipt.sha256,
            "bytes": queued.receipt.bytes,
            "under_way": queued.under_way,
            "returned": queued.returned or None,
        }
        for queued in line.waiting
    ]
    return {"lane": line.lane, "held": line.held, "reason": line.reason or None, "waiting": waiting}


def _line(
    lane: str,
    line: tuple[Queued, ...],
    record: LaneRecord | None,
    state: LaneState | None,
    unknown: tuple[Receipt, ...],
    watched: bool,
) -> Line:
    turn = next_in_line(line, record, state, unknown)
    reason = turn.reason
    if not watched:
        reason = f"no engine watches; {reason}" if reason else "no engine watches"
    elif turn.turn is Turn.TAKE:
        reason = line[0].returned
    held = turn.turn is Turn.HOLD or not watched or (state is not None and state.detail is Detail.DRAFT)
    return Line(lane=lane, waiting=line, held=held, reason=reason)


def _unsuitable(world: World, record: LaneRecord, request: DeliveryRequest) -> str:
    """Why this text can never be right for what the lane runs; the data of a harness may have changed meanwhile."""
    spec = spec_of(world, record)
    if spec is None:
        return f"lane {request.lane} runs a fixed command and takes no text"
    return unsuitable(request, text_to_send(request.text, spec)[0], record, spec)


def _dropped(world: World, op: str, reason: str) -> Turned:
    world.queue.drop(op, reason, by="watch")
    return Turned.CLOSED


class _FromLine:
    """The record of a delivery that is taken from its line, and goes back there if nothing of it reached the pane."""

    def __init__(self, world: World) -> None:
        self._queue = world.queue

    def accept(
        self,
        request: DeliveryRequest,
        text_sha: str,  # noqa: ARG002 - all of these are on record since it stands in line
        nbytes: int,  # noqa: ARG002
        sent_sha: str = "",  # noqa: ARG002
    ) -> tuple[Receipt, bool]:
        return self._queue.take(request.op)

    def step(
        self,
        op: str,
        step: DeliveryStep,
        *,
        passed: Mapping[str, datetime] = MappingProxyType({}),
        **changes: Unpack[StepChanges],
    ) -> Receipt:
        changes.pop("removed", None)  # the text in line is clean; what was taken out of it is on record since then
        return self._queue.step(op, step, passed=passed, **changes)

    def close(self, receipt: Receipt) -> Receipt:
        if receipt.status is DeliveryStatus.NOT_DELIVERED:
            return self._queue.put_back(receipt.op, receipt.evidence)
        return self._queue.close(receipt)

    def abandon(self, op: str) -> None:
        self._queue.abandon(op)

    def lease(self, lane: str, timeout_s: float | None = 0.0) -> Lock:
        return self._queue.lease(lane, timeout_s)
