"""The daemon's memory on disk: when it may start a cycle, and what its last look saw."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from loop_orchestrator.clock import format_time
from loop_orchestrator.errors import StoreError
from loop_orchestrator.model.lane import Detail
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.sources.look import Look
from loop_orchestrator.stores.atomic import write_json
from loop_orchestrator.stores.documents import Fields, read_document
from loop_orchestrator.watch.pace import Pace

SCHEMA = 1


def load_pace(path: Path) -> Pace:
    """The pace as last saved; a missing or unreadable file is a fresh start."""
    try:
        fields = read_document(path, SCHEMA)
        return Pace(
            last_start=_time(fields, "last_start"),
            failures=fields.integer("failures"),
            retry_at=_time(fields, "retry_at"),
            retry_wait_s=fields.number("retry_wait_s"),
            for_brain=fields.flag("for_brain"),
        )
    except (StoreError, FileNotFoundError):
        return Pace()


def save_pace(path: Path, pace: Pace) -> None:
    """On the disk on return. Raises StoreError."""
    value: dict[str, JsonValue] = {
        "schema": SCHEMA,
        "last_start": format_time(pace.last_start) if pace.last_start else None,
        "failures": pace.failures,
        "retry_at": format_time(pace.retry_at) if pace.retry_at else None,
        "retry_wait_s": pace.retry_wait_s,
        "for_brain": pace.for_brain,
    }
    write_json(path, value)


def load_look(path: Path) -> Look:
    """The look as last saved; a missing or unreadable file is a fresh start, to which everything is new."""
    try:
        fields = read_document(path, SCHEMA)
        lanes = None if fields.values.get("lanes") is None else fields.object("lanes")
        known = None if lanes is None else {name: lanes.word(name, Detail).value for name in lanes.values}
        return Look(
            number=fields.integer("number"),
            mail=frozenset(fields.texts("mail")),
            tasks=frozenset(fields.texts("tasks")),
            asks=frozenset(fields.texts("asks")),
            lanes=known,
            decisions=frozenset(fields.texts("decisions")),
            settling=frozenset(fields.texts("settling")),
            overdue=frozenset(fields.texts("overdue")),
            state_version=fields.text("state_version"),
        )
    except (StoreError, FileNotFoundError):
        return Look()


def save_look(path: Path, look: Look) -> None:
    """On the disk on return. Raises StoreError."""
    value: dict[str, JsonValue] = {
        "schema": SCHEMA,
        "number": look.number,
        "mail": _listed(look.mail),
        "tasks": _listed(look.tasks),
        "asks": _listed(look.asks),
        "lanes": dict(look.lanes) if look.lanes is not None else None,
        "decisions": _listed(look.decisions),
        "settling": _listed(look.settling),
        "overdue": _listed(look.overdue),
        "state_version": look.state_version,
    }
    write_json(path, value)


def _time(fields: Fields, key: str) -> datetime | None:
    return None if fields.values.get(key) is None else fields.time(key)


def _listed(names: frozenset[str]) -> list[JsonValue]:
    return [*sorted(names)]
