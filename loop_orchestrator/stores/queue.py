"""The lines of all lanes on disk: texts that were accepted to be delivered later, first in, first out for each lane.

A delivery in line is a record like any other, with its place; its text lies beside it until the delivery is closed. The
names of the texts are the lines: listing them reads no file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.crash import crash_point
from loop_orchestrator.errors import LockedError, StoreError
from loop_orchestrator.ids import derived_id, sha256_text
from loop_orchestrator.model.delivery import DeliveryRequest, DeliveryStatus, DeliveryStep, Receipt
from loop_orchestrator.model.line import Queued
from loop_orchestrator.stores.atomic import json_text, link_new, read_text, write_text
from loop_orchestrator.stores.deliveries import DeliveryStore, Place, Record, as_waiting, same_delivery, to_json
from loop_orchestrator.stores.eventlog import source_of

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue

SOURCE = "watch"
"""Who takes texts from lines, in the log."""

_IN_RECEIPT = ("op", "lane", "text", "mode", "sender")
_NOT_KEPT = ("ready_timeout_s", "interrupt")
"""What a text in line has no use for: it waits for its lane, and interrupts nobody."""


@dataclass(frozen=True)
class _Name:
    """The name of a text's file."""

    lane: str
    number: int
    op: str


class DeliveryQueue(DeliveryStore):
    """The deliveries of one session, seen as the lines that they stand in."""

    def enqueue(
        self, request: DeliveryRequest, text: str, *, removed: dict[str, int], program: str
    ) -> tuple[Receipt, bool]:
        """Put a text at the end of its lane's line; it is on the disk on return. Of many callers with one id, one gets
        True; the others get the receipt as it stands and False.

        text: as it will be sent; removed: what was taken out of it. Raises what ``accept`` raises.
        """
        from loop_orchestrator.process import identity

        text_sha = sha256_text(request.text)
        receipt = self._first(request, text_sha, len(text.encode("utf-8")), sha256_text(text))
        path = self._path(request.op)
        with self._changing():
            earlier = self.get(request.op)
            if earlier is not None:
                return same_delivery(earlier, request, text_sha), False
            names = self._tidied()
            before = [name.number for name in names if name.lane == request.lane]
            place = Place(
                number=max(before, default=0) + 1,
                program=program,
                text_sha=sha256_text(text),
                taken=False,
                options=_options_of(request),
            )
            evidence = f"it stands in line, {_others(len(before))} before it"
            record = Record(replace(receipt, removed=removed, evidence=evidence), identity.current(), place)
            kept = self._text_path(record)
            try:
                write_text(kept, text)
                crash_point("line.text-kept")
                link_new(path, json_text(to_json(record)))
            except StoreError:
                kept.unlink(missing_ok=True)
                raise
        crash_point("line.accepted")
        self._events.append(
            "delivery.queued",
            source_of(request.sender),
            {"op": request.op, "lane": request.lane, "sender": request.sender, "before": len(before)},
            id=derived_id("e", "delivery.queued", request.op),
        )
        return record.receipt, True

    def lengths(self) -> dict[str, int]:
        """Lane -> how many texts stand in its line, or are being delivered from it; reads no file."""
        found: dict[str, int] = {}
        for name in self._names():
            found[name.lane] = found.get(name.lane, 0) + 1
        return found

    def lines(self) -> dict[str, tuple[Queued, ...]]:
        """Lane -> its line, the next one first. What cannot be read is named by ``unreadable()``."""
        lines = {lane: self._line(lane) for lane in self.lengths()}
        return {lane: line for lane, line in lines.items() if line}

    def line(self, lane: str) -> tuple[Queued, ...]:
        """The line of one lane, the next one first; the lane's texts that nobody accepted are removed."""
        line = self._line(lane)
        if not line:
            with self._changing():
                self._tidied()
        return line

    def _line(self, lane: str) -> tuple[Queued, ...]:
        found = []
        for name in self._names():
            record = self._readable(name.op) if name.lane == lane else None
            if record is not None and record.place is not None and record.receipt.status is DeliveryStatus.ACCEPTED:
                found.append(_queued(record, record.place))
        return tuple(found)

    def waits(self, op: str) -> bool:
        """Whether a delivery stands in line, or is being delivered from it. Raises StoreError."""
        record = self._find(op)
        return record is not None and record.place is not None and record.receipt.status is DeliveryStatus.ACCEPTED

    def request(self, op: str) -> DeliveryRequest:
        """What a delivery in line asked for, with its text as it will be sent. Raises StoreError if it does not stand
        in line, or its text is not the one that was accepted.
        """
        record = self._record(op)
        if record.place is None or record.receipt.status not in (DeliveryStatus.ACCEPTED, DeliveryStatus.UNKNOWN):
            raise StoreError(f"delivery {op} is {record.receipt.status.value}; it does not stand in line")
        path = self._text_path(record)
        try:
            text = read_text(path)
        except FileNotFoundError:
            raise StoreError(f"the text of delivery {op} is gone: {path}") from None
        receipt = record.receipt
        if sha256_text(text) != record.place.text_sha:
            raise StoreError(f"the text of delivery {op} is not the one that was accepted: {path}")
        kept = {one.name for one in fields(DeliveryRequest)} & record.place.options.keys()
        options = {name: record.place.options[name] for name in kept}
        return DeliveryRequest(
            op=op,
            lane=receipt.lane,
            text=text,
            mode=receipt.mode,
            sender=receipt.sender,
            **options,  # type: ignore[arg-type]
        )

    def take(self, op: str) -> tuple[Receipt, bool]:
        """Take a delivery from the line, for this process to carry out; of many callers one gets True.

        The others get the receipt as it stands and False. Raises StoreError.
        """
        taken = self._take(op)
        if taken is None:
            return self._record(op).receipt, False
        crash_point("line.taken")
        waited_s = max(0.0, (self._clock.now() - min(taken.times.values())).total_seconds())
        self._events.append("delivery.taken", SOURCE, {"op": op, "lane": taken.lane, "waited_s": round(waited_s, 3)})
        return taken, True

    def put_back(self, op: str, reason: str) -> Receipt:
        """Make a delivery that this process took the next in line again: nothing of it reached the pane.

        The event is written where the reason is a new one. Raises StoreError for a delivery that was not taken.
        """
        with self._changing():
            record = self._record(op)
            if record.place is None or record.receipt.status is not DeliveryStatus.ACCEPTED or not record.place.taken:
                raise StoreError(f"delivery {op} is {record.receipt.status.value}; it was not taken from the line")
            receipt = self._write(as_waiting(record, reason))
        crash_point("line.returned")
        if reason != record.place.returned:
            self._events.append("delivery.returned", SOURCE, {"op": op, "lane": receipt.lane, "reason": reason})
        return receipt

    def drop(self, op: str, reason: str, *, by: str) -> Receipt:
        """Take a delivery out of the line for good: it is closed as not-delivered.

        Raises LockedError while it is being delivered, StoreError if it does not stand in line.
        """
        if not self.waits(op):
            raise StoreError(f"delivery {op} is {self._record(op).receipt.status.value}; it does not stand in line")
        taken = self._take(op)
        if taken is None:
            raise LockedError(f"delivery {op} is being delivered now", hint="loop queue list")
        crash_point("line.dropping")
        payload: dict[str, JsonValue] = {"op": op, "lane": taken.lane, "reason": reason, "by": by}
        self._events.append("delivery.dropped", source_of(by), payload, id=derived_id("e", "delivery.dropped", op))
        return self.close(replace(taken, status=DeliveryStatus.NOT_DELIVERED, evidence=reason))

    def settle_own(self, op: str, reason: str) -> Receipt:
        """Settle what this process took and no longer carries out: back into the line, or unknown once the pane may
        have been touched.
        """
        from loop_orchestrator.process import identity

        record = self._record(op)
        taken = record.place is not None and record.place.taken and record.process == identity.current()
        if record.receipt.status is not DeliveryStatus.ACCEPTED or not taken:
            return record.receipt
        if record.waits:
            return self.put_back(op, reason)
        evidence = f"{reason}; that was at the step {record.receipt.step.value}: the text may have reached the pane"
        return self.close(replace(record.receipt, status=DeliveryStatus.UNKNOWN, evidence=evidence))

    def _take(self, op: str) -> Receipt | None:
        """Make this process the one that carries a delivery out; None if another one does, or it does not wait."""
        from loop_orchestrator.process import identity

        me = identity.current()
        with self._changing():
            record = self._record(op)
            if record.place is None or not record.waits or (record.place.taken and identity.alive(record.process)):
                return None
            accepted = DeliveryStep.ACCEPT.value
            times = {accepted: record.receipt.times[accepted]}
            receipt = replace(record.receipt, step=DeliveryStep.ACCEPT, times=times)
            return self._write(replace(record, receipt=receipt, process=me, place=replace(record.place, taken=True)))

    def _names(self) -> Iterator[_Name]:
        """The texts of all lines, by lane, each line in its order."""
        files: list[str] = []
        with suppress(FileNotFoundError):
            files = sorted(path.name for path in self._layout.lines.iterdir())
        for file in files:
            match file.removesuffix(".txt").split(".", 2):
                case [lane, number, op] if lane and number.isdecimal() and file.endswith(".txt"):
                    yield _Name(lane, int(number), op)

    def _tidied(self) -> list[_Name]:
        """The texts whose deliveries are on record; the others are removed: their senders died before they accepted.

        The caller holds the lock.
        """
        names = []
        for name in self._names():
            if self._path(name.op).exists():
                names.append(name)
            else:
                self._file(name).unlink(missing_ok=True)
        return names

    def _file(self, name: _Name) -> Path:
        return self._layout.lines / f"{name.lane}.{name.number:08d}.{name.op}.txt"

    def _readable(self, op: str) -> Record | None:
        try:
            return self._find(op)
        except StoreError:
            return None


def _queued(record: Record, place: Place) -> Queued:
    from loop_orchestrator.process.identity import alive

    return Queued(
        receipt=record.receipt,
        number=place.number,
        program=place.program,
        returned=place.returned,
        under_way=place.taken and alive(record.process),
    )


def _options_of(request: DeliveryRequest) -> dict[str, JsonValue]:
    """What the sender asked for beside what the receipt says, as far as it holds for a text in line."""
    names = [one.name for one in fields(request) if one.name not in (*_IN_RECEIPT, *_NOT_KEPT)]
    return {name: getattr(request, name) for name in names}


def _others(count: int) -> str:
    return "nobody" if count == 0 else "1 other" if count == 1 else f"{count} others"
