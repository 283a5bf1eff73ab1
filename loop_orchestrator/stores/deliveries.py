"""Deliveries on disk: what was accepted, the step it reached, and its receipt. The same operation is accepted once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from loop_orchestrator.clock import Clock, format_time
from loop_orchestrator.crash import crash_point
from loop_orchestrator.errors import LockedError, StoreError, UsageError
from loop_orchestrator.ids import derived_id
from loop_orchestrator.model.delivery import (
    DELIVERY_MOVES,
    DeliveryMode,
    DeliveryProof,
    DeliveryRequest,
    DeliveryStatus,
    DeliveryStep,
    Receipt,
)
from loop_orchestrator.model.lane import LANE_NAME
from loop_orchestrator.stores.atomic import json_text, link_new, move, write_text
from loop_orchestrator.stores.documents import Fields, read_document
from loop_orchestrator.stores.eventlog import EventLog, source_of
from loop_orchestrator.stores.layout import Layout
from loop_orchestrator.stores.listing import Stamp, names_in, stamp_of
from loop_orchestrator.stores.lock import Lock, brief_lock

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.process.identity import ProcessId

SCHEMA = 1
OPERATION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")
"""An operation id, whole: it is the name of a file."""

BEGUN = "begun: "
"""Begins what a receipt says of a fresh context that was asked for and is not confirmed yet."""

RESOLVE = "resolve"
"""Key in the times of a receipt: when a person had what stood in the composer submitted or cleared."""

KNOWN_CLOSED = 2_000
"""Closed records that a process keeps, 2 kB each. At half, a cycle reads the receipts of 1,001 messages that nobody
acknowledged; at double, a daemon holds 8 MB."""

_STEPS = tuple(DeliveryStep)
_NONE: Mapping[str, datetime] = {}
_PROOF_OF_A_PERSON = {DeliveryStatus.SUBMITTED: DeliveryProof.PERSON}


class ReceiptChanges(TypedDict, total=False):
    """What a step may add to a receipt."""

    pane: str
    bytes: int
    removed: dict[str, int]
    evidence: str
    reset: str
    composer: str


@dataclass(frozen=True, kw_only=True)
class Place:
    """The place of a delivery in the line of its lane, and what its sender asked for beside the text."""

    number: int
    program: str
    """what ran in the lane when it was accepted"""
    text_sha: str
    """of the text in the line's folder: as it will be sent"""
    taken: bool
    """the process of the record carries it out, as long as it lives; else it waits"""
    options: Mapping[str, JsonValue]
    returned: str = ""
    """why it was put back when it was taken last; empty: it was not"""


@dataclass(frozen=True)
class Record:
    """One delivery as its file has it."""

    receipt: Receipt
    process: ProcessId
    """who carries it out, or accepted it"""
    place: Place | None = None
    """None: it never stood in line"""

    @property
    def waits(self) -> bool:
        """It stands in line, or does so again should its process be gone."""
        accepted = self.receipt.status is DeliveryStatus.ACCEPTED
        return self.place is not None and accepted and not self.receipt.step.touches_pane


class DeliveryStore:
    """The deliveries of one session: open and unknown ones in one folder, closed ones in another, each for ever."""

    def __init__(self, layout: Layout, clock: Clock, events: EventLog) -> None:
        self._layout = layout
        self._clock = clock
        self._events = events
        self._abandoned: set[str] = set()
        self._closed: dict[str, tuple[Stamp, Record]] = {}
        """closed records as they were read, each while its file is the same"""

    def prepare(self) -> None:
        """Import what records and leases need, so that no step of a delivery waits for that."""
        import socket  # noqa: F401 - a lock names its host

        import filelock  # noqa: F401 - the locks

        from loop_orchestrator.process import identity

        identity.current()

    def accept(self, request: DeliveryRequest, text_sha: str, nbytes: int, sent_sha: str = "") -> tuple[Receipt, bool]:
        """Put a delivery on record for this process to carry out; of many callers with one id, one gets True.

        The others get the receipt as it stands and False. Raises UsageError for an id that cannot be a file name,
        StoreError if the id stands for another text or another lane.
        """
        from loop_orchestrator.process import identity

        path, receipt = self._path(request.op), self._first(request, text_sha, nbytes, sent_sha)
        with self._changing():
            earlier = self.get(request.op)
            if earlier is None:
                link_new(path, json_text(to_json(Record(receipt, identity.current()))))
                return receipt, True
        return same_delivery(earlier, request, text_sha), False

    def _first(self, request: DeliveryRequest, text_sha: str, nbytes: int, sent_sha: str) -> Receipt:
        """The receipt of a delivery that is accepted now."""
        return Receipt(
            op=request.op,
            lane=request.lane,
            sender=request.sender,
            mode=request.mode,
            status=DeliveryStatus.ACCEPTED,
            step=DeliveryStep.ACCEPT,
            sha256=text_sha,
            sent_sha256=sent_sha,
            bytes=nbytes,
            times={DeliveryStep.ACCEPT.value: self._clock.now()},
        )

    def step(
        self, op: str, step: DeliveryStep, *, passed: Mapping[str, datetime] = _NONE, **changes: Unpack[ReceiptChanges]
    ) -> Receipt:
        """Record that a step is about to be taken; it is on the disk on return.

        passed: steps before it that need no write of their own, since they leave everything outside of the process as
        it is, and when they were taken.

        Raises StoreError if the delivery is closed, and ValueError for a step back: a pane that may have been touched
        stays so.
        """
        with self._changing():
            record = self._record(op)
            receipt = record.receipt
            if receipt.status is not DeliveryStatus.ACCEPTED:
                raise StoreError(f"delivery {op} is {receipt.status.value}; no step can be taken")
            if _STEPS.index(step) < _STEPS.index(receipt.step):
                raise ValueError(f"delivery {op}: no way back from {receipt.step.value} to {step.value}")
            times = {**receipt.times, **passed, step.value: self._clock.now()}
            return self._write(replace(record, receipt=replace(receipt, step=step, times=times, **changes)))

    def close(self, receipt: Receipt) -> Receipt:
        """Record how a delivery ended, then the event ``delivery.closed``. Closing it the same way again is fine.

        Raises StoreError for a move that DELIVERY_MOVES does not have.
        """
        return self._close(receipt, self._tell_closed)

    def _tell_closed(self, closed: Receipt) -> None:
        self._events.append(
            "delivery.closed",
            source_of(closed.sender),
            {
                "op": closed.op,
                "lane": closed.lane,
                "status": closed.status.value,
                "step": closed.step.value,
                "sha256": closed.sha256,
            },
            id=derived_id("e", "delivery.closed", closed.op, closed.status),
        )

    def resolve(self, op: str, status: DeliveryStatus, *, by: str) -> Receipt:
        """Record what a person saw became of an unknown delivery: submitted or not-delivered; then the event.

        Raises StoreError if it is not unknown.
        """
        record = self._record(op)
        if record.receipt.status is not DeliveryStatus.UNKNOWN:
            raise StoreError(f"delivery {op} is {record.receipt.status.value}; only an unknown one can be resolved")
        said = replace(record.receipt, status=status, evidence=f"{by} said so", proof=_PROOF_OF_A_PERSON.get(status))
        return self._close(said, lambda _: self._tell_resolved(op, status.value, by))

    def _tell_resolved(self, op: str, outcome: str, by: str) -> None:
        self._events.append("delivery.resolved", "person", {"op": op, "outcome": outcome, "by": by})

    def resolving(self, op: str, what: str, *, by: str) -> Receipt:
        """Record that a person is about to have an unknown delivery submitted or cleared; it stays unknown.

        Raises StoreError if it is not unknown.
        """
        with self._changing():
            record = self._record(op)
            receipt = record.receipt
            if receipt.status is not DeliveryStatus.UNKNOWN:
                raise StoreError(f"delivery {op} is {receipt.status.value}; only an unknown one can be resolved")
            times = {**receipt.times, RESOLVE: self._clock.now()}
            evidence = f"{receipt.evidence}; {by} asked to {what} what stands in the composer, whose outcome is unknown"
            return self._write(replace(record, receipt=replace(receipt, times=times, evidence=evidence)))

    def resolved(self, receipt: Receipt, what: str, *, by: str) -> Receipt:
        """Record how that ended; it may be unknown still. The event ``delivery.resolved`` where it is not."""
        with self._changing():
            record = self._record(receipt.op)
            times = {**record.receipt.times, **receipt.times}
            left = replace(receipt, times=times)
            if receipt.status is DeliveryStatus.UNKNOWN:
                return self._write(replace(record, receipt=left))
        return self._close(left, lambda _: self._tell_resolved(receipt.op, what, by))

    def get(self, op: str) -> Receipt | None:
        """The receipt of a delivery as it stands; None if none was accepted under this id. Raises StoreError."""
        record = self._find(op)
        return record.receipt if record else None

    def open_ops(self) -> tuple[Receipt, ...]:
        """Receipts that are not closed, oldest first; unreadable() names what could not be read."""
        return self._with_status(DeliveryStatus.ACCEPTED)

    def unknown(self) -> tuple[Receipt, ...]:
        """Receipts that a person must look at, oldest first; unreadable() names what could not be read."""
        return self._with_status(DeliveryStatus.UNKNOWN)

    def unreadable(self) -> tuple[str, ...]:
        """One sentence for every record that cannot be read, file first."""
        return tuple(found.message for found in self._all() if isinstance(found, StoreError))

    def lease(self, lane: str, timeout_s: float | None = 0.0) -> Lock:
        """The right to type into a lane, across processes; for ``with``. Taking it raises LockedError."""
        if not LANE_NAME.fullmatch(lane):
            raise UsageError(f"{lane!r} cannot be the name of a lane")
        return Lock(self._layout.leases / f"{lane}.lock", f"lane {lane}", timeout_s=timeout_s)

    def abandon(self, op: str) -> None:
        """This process does no more for a delivery that it accepted and could not close; settle_dead closes it."""
        self._abandoned.add(op)

    def settle_dead(self) -> tuple[Receipt, ...]:
        """Close what a process left open that is gone, and return it: not-delivered if nothing can have reached the
        pane, else unknown. A lane that somebody types into now is left for the next time. What stands in line stays
        there, whoever put it there; what was taken from it, and did not reach the pane, is put back.
        """
        from loop_orchestrator.process.identity import alive

        settled = []
        for record in self._records():
            if _is_final(record.receipt.status):
                self.close(record.receipt)  # its process ended between the receipt and what follows it
            elif record.waits:
                self._put_back_of_dead(record)
            elif record.receipt.status is DeliveryStatus.ACCEPTED and self._is_left(record, alive):
                with suppress(LockedError), self.lease(record.receipt.lane):
                    settled.append(self.close(_as_left(record)))
        return tuple(settled)

    def _is_left(self, record: Record, alive: Callable[[ProcessId], bool]) -> bool:
        return record.receipt.op in self._abandoned or not alive(record.process)

    def _put_back_of_dead(self, record: Record) -> None:
        """Put back into the line what a process took that is gone."""
        from loop_orchestrator.process.identity import alive

        if record.place is None or not record.place.taken or not self._is_left(record, alive):
            return
        with self._changing():
            now = self._record(record.receipt.op)
            if now.waits and now.process == record.process:
                evidence = f"{_gone(now)} at the step {now.receipt.step.value}; it stands in line again"
                self._write(as_waiting(now, evidence))

    def _close(self, receipt: Receipt, tell: Callable[[Receipt], None]) -> Receipt:
        """tell: writes the event. It comes before the record leaves the folder in which ``settle_dead`` looks."""
        with self._changing():
            record = self._record(receipt.op)
            found, closed = record.receipt.status, record.receipt
            if found is not receipt.status:
                if receipt.status not in DELIVERY_MOVES[found]:
                    raise StoreError(f"delivery {receipt.op} is {found.value}; it cannot become {receipt.status.value}")
                times = {**receipt.times, DeliveryStep.RECEIPT.value: self._clock.now()}
                closed = self._write(replace(record, receipt=replace(receipt, times=times)))
                crash_point("delivery.recorded")
            tell(closed)
            if _is_final(closed.status):
                if record.place is not None:
                    self._text_path(record).unlink(missing_ok=True)
                with suppress(FileNotFoundError):
                    move(self._path(closed.op), self._closed_path(closed.op))
            return closed

    def _changing(self) -> AbstractContextManager[None]:
        return brief_lock(self._layout.deliveries / ".lock")

    def _path(self, op: str) -> Path:
        if not OPERATION_ID.fullmatch(op):
            raise UsageError(
                f"{op!r} cannot be the id of a delivery",
                hint="up to 81 letters, digits, '.', '_' and '-', beginning with a letter or a digit",
            )
        return self._layout.deliveries / f"{op}.json"

    def _text_path(self, record: Record) -> Path:
        """The text of a delivery that stands, or stood, in line."""
        assert record.place is not None
        return self._layout.lines / f"{record.receipt.lane}.{record.place.number:08d}.{record.receipt.op}.txt"

    def _closed_path(self, op: str) -> Path:
        return self._layout.deliveries_closed / f"{op}.json"

    def _find(self, op: str) -> Record | None:
        with suppress(FileNotFoundError):  # in the order in which it moves
            return _from_fields(read_document(self._path(op), SCHEMA))
        with suppress(FileNotFoundError):
            return self._closed_record(op)
        return None

    def _closed_record(self, op: str) -> Record:
        """A closed record is asked for in every cycle as long as what it handed over is not answered, and stays."""
        path = self._closed_path(op)
        stamp, known = stamp_of(path), self._closed.get(op)
        if known is not None and known[0] == stamp:
            return known[1]
        record = _from_fields(read_document(path, SCHEMA))
        if stamp is not None:
            if len(self._closed) >= KNOWN_CLOSED:
                self._closed.clear()
            self._closed[op] = (stamp, record)
        return record

    def _record(self, op: str) -> Record:
        record = self._find(op)
        if record is None:
            raise StoreError(f"there is no delivery {op}", hint="loop status")
        return record

    def _all(self) -> Iterator[Record | StoreError]:
        for name in names_in(self._layout.deliveries, ".json"):
            with suppress(FileNotFoundError):
                try:
                    yield _from_fields(read_document(self._layout.deliveries / name, SCHEMA))
                except StoreError as error:
                    yield error

    def _records(self) -> tuple[Record, ...]:
        return tuple(found for found in self._all() if isinstance(found, Record))

    def _with_status(self, status: DeliveryStatus) -> tuple[Receipt, ...]:
        found = [record.receipt for record in self._records() if record.receipt.status is status]
        return tuple(sorted(found, key=lambda receipt: (min(receipt.times.values()), receipt.op)))

    def _write(self, record: Record) -> Receipt:
        write_text(self._path(record.receipt.op), json_text(to_json(record)))
        return record.receipt


def _is_final(status: DeliveryStatus) -> bool:
    return not DELIVERY_MOVES[status]


def _as_left(record: Record) -> Receipt:
    """The receipt of a delivery whose process is gone."""
    step = record.receipt.step
    gone = _gone(record)
    if step.touches_pane or step is DeliveryStep.RECEIPT:
        evidence = f"{gone} at the step {step.value}: the text may have reached the pane"
        return replace(record.receipt, status=DeliveryStatus.UNKNOWN, evidence=evidence)
    evidence = f"{gone} at the step {step.value}, before anything of the text reached the pane"
    if record.receipt.reset.startswith(BEGUN):
        command = record.receipt.reset.removeprefix(BEGUN)
        evidence += f"; its composer may hold {command}, the command for a fresh context"
    return replace(record.receipt, status=DeliveryStatus.NOT_DELIVERED, evidence=evidence)


def _gone(record: Record) -> str:
    return f"process {record.process.pid}, which carried it out, ended"


def same_delivery(earlier: Receipt, request: DeliveryRequest, text_sha: str) -> Receipt:
    """The receipt that a request with a known id gets. Raises StoreError if the id stands for something else."""
    if (earlier.sha256, earlier.lane) != (text_sha, request.lane):
        differs = "another text" if earlier.sha256 != text_sha else f"lane {earlier.lane}"
        raise StoreError(
            f"delivery {request.op} was not accepted: the id stands for {differs}", hint="use another --op"
        )
    return earlier


def as_waiting(record: Record, reason: str) -> Record:
    """The delivery as the one in line that it was before it was taken, with why it was put back."""
    assert record.place is not None
    accepted = DeliveryStep.ACCEPT.value
    times = {accepted: record.receipt.times[accepted]}
    receipt = replace(
        record.receipt,
        step=DeliveryStep.ACCEPT,
        times=times,
        evidence=reason,
        pane="",
        reset="",
        composer="",
        enters=0,
        proof=None,
    )
    return replace(record, receipt=receipt, place=replace(record.place, taken=False, returned=reason))


def to_json(record: Record) -> dict[str, JsonValue]:
    receipt, place = record.receipt, record.place
    line: dict[str, JsonValue] = {}
    if place is not None:
        line = {
            "number": place.number,
            "program": place.program,
            "text_sha256": place.text_sha,
            "taken": place.taken,
            "options": dict(place.options),
            "returned": place.returned,
        }
    return {
        "schema": SCHEMA,
        "op": receipt.op,
        "lane": receipt.lane,
        "sender": receipt.sender,
        "mode": receipt.mode.value,
        "status": receipt.status.value,
        "step": receipt.step.value,
        "sha256": receipt.sha256,
        "bytes": receipt.bytes,
        "removed": dict(receipt.removed),
        "times": {step: format_time(at) for step, at in receipt.times.items()},
        "evidence": receipt.evidence,
        "pane": receipt.pane,
        "sent_sha256": receipt.sent_sha256,
        "reset": receipt.reset,
        "composer": receipt.composer,
        "enters": receipt.enters,
        "proof": receipt.proof.value if receipt.proof else "",
        "process": {"pid": record.process.pid, "start": record.process.start},
        **({"line": line} if line else {}),
    }


def _from_fields(fields: Fields) -> Record:
    from loop_orchestrator.process.identity import ProcessId

    process, removed, times = fields.object("process"), fields.object("removed"), fields.object("times")
    receipt = Receipt(
        op=fields.text("op"),
        lane=fields.text("lane"),
        sender=fields.text("sender"),
        mode=fields.word("mode", DeliveryMode),
        status=fields.word("status", DeliveryStatus),
        step=fields.word("step", DeliveryStep),
        sha256=fields.text("sha256"),
        bytes=fields.integer("bytes"),
        removed={name: removed.integer(name) for name in removed.values},
        times={
            DeliveryStep.ACCEPT.value: times.time(DeliveryStep.ACCEPT),
            **{step: times.time(step) for step in times.values},
        },
        evidence=fields.text("evidence"),
        pane=fields.text("pane"),
        sent_sha256=fields.text("sent_sha256", ""),
        reset=fields.text("reset", ""),
        composer=fields.text("composer", ""),
        enters=fields.integer("enters", 0),
        proof=fields.word("proof", DeliveryProof) if fields.text("proof", "") else None,
    )
    return Record(receipt, ProcessId(process.integer("pid"), process.number("start")), _place(fields))


def _place(fields: Fields) -> Place | None:
    if "line" not in fields.values:
        return None
    line = fields.object("line")
    return Place(
        number=line.integer("number"),
        program=line.text("program"),
        text_sha=line.text("text_sha256"),
        taken=line.flag("taken"),
        options=line.object("options").values,
        returned=line.text("returned"),
    )
