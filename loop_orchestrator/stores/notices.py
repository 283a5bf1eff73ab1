"""What is open of what needs a person, and what each service was told of it, on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_time, parse_time
from loop_orchestrator.errors import StoreError
from loop_orchestrator.model.notice import Ledger, Notice, NoticeKind, Wait
from loop_orchestrator.model.outbox import Outbox
from loop_orchestrator.stores.atomic import write_json
from loop_orchestrator.stores.documents import Fields, read_document
from loop_orchestrator.stores.layout import Layout

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Notices:
    """The ledger, and the outbox of each service."""

    ledger: Ledger = field(default_factory=Ledger)
    outboxes: Mapping[str, Outbox] = field(default_factory=dict)


class NoticeStore:
    """The file of one session; its one writer is the daemon."""

    def __init__(self, layout: Layout) -> None:
        self._path = layout.notices

    def load(self) -> Notices | None:
        """As last saved; None: nothing ever was. Raises StoreError."""
        try:
            document = read_document(self._path, SCHEMA)
        except FileNotFoundError:
            return None
        return Notices(
            ledger=Ledger(
                seq=document.integer("seq"),
                open={one.key: one for one in map(_notice, document.objects("open"))},
                waits={one.text("lane"): _wait(one) for one in document.objects("waits")},
            ),
            outboxes={one.text("service"): _outbox(one) for one in document.objects("services")},
        )

    def save(self, notices: Notices) -> None:
        """Raises StoreError."""
        ledger = notices.ledger
        opened: list[JsonValue] = [_notice_fields(one) for one in ledger.open.values()]
        waits: list[JsonValue] = [
            {"lane": lane, "detail": wait.detail, "since": format_time(wait.since), "seq": wait.seq}
            for lane, wait in ledger.waits.items()
        ]
        services: list[JsonValue] = [_outbox_fields(name, one) for name, one in notices.outboxes.items()]
        write_json(
            self._path, {"schema": SCHEMA, "seq": ledger.seq, "open": opened, "waits": waits, "services": services}
        )


def _notice(fields: Fields) -> Notice:
    return Notice(
        kind=fields.word("kind", NoticeKind),
        key=fields.text("key"),
        what=fields.text("what"),
        answer=fields.text("answer"),
        at=fields.time("at"),
        seq=fields.integer("seq"),
        passing=fields.flag("passing"),
    )


def _notice_fields(one: Notice) -> dict[str, JsonValue]:
    return {
        "kind": one.kind.value,
        "key": one.key,
        "what": one.what,
        "answer": one.answer,
        "at": format_time(one.at),
        "seq": one.seq,
        "passing": one.passing,
    }


def _wait(fields: Fields) -> Wait:
    return Wait(detail=fields.text("detail"), since=fields.time("since"), seq=fields.integer("seq"))


def _outbox(fields: Fields) -> Outbox:
    times = {}
    for name in ("sent_at", "retry_at"):
        said = fields.text(name, "")
        try:
            times[name] = parse_time(said) if said else None
        except ValueError as error:
            raise StoreError(f"{fields.where}: {name}: a time with a zone was expected") from error
    return Outbox(
        told=frozenset(fields.texts("told")),
        sent_at=times["sent_at"],
        failures=fields.integer("failures"),
        retry_at=times["retry_at"],
        reason=fields.text("reason"),
    )


def _outbox_fields(name: str, outbox: Outbox) -> dict[str, JsonValue]:
    told: list[JsonValue] = [*sorted(outbox.told)]
    return {
        "service": name,
        "told": told,
        "sent_at": format_time(outbox.sent_at) if outbox.sent_at else "",
        "failures": outbox.failures,
        "retry_at": format_time(outbox.retry_at) if outbox.retry_at else "",
        "reason": outbox.reason,
    }
