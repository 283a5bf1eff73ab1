"""The daemon's memory on disk: its pace, and the record of who watches."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from loop_orchestrator.clock import format_time, parse_time
from loop_orchestrator.errors import StoreError
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.stores.atomic import read_json, write_json
from loop_orchestrator.watch.triggers import Look, Pace


def load_pace(path: Path) -> Pace:
    """The pace as last saved; a missing or unreadable file is a fresh start, which asks for one look at everything."""
    try:
        value = read_json(path)
        return _pace(value) if isinstance(value, dict) else Pace()
    except (StoreError, FileNotFoundError, KeyError, TypeError, ValueError):
        return Pace()


def save_pace(path: Path, pace: Pace) -> None:
    look = pace.look
    value: dict[str, JsonValue] = {
        "schema": 1,
        "served": pace.served,
        "last_start": format_time(pace.last_start) if pace.last_start else None,
        "failures": pace.failures,
        "retry_at": format_time(pace.retry_at) if pace.retry_at else None,
        "retry_wait_s": pace.retry_wait_s,
        "for_brain": pace.for_brain,
        "look": {
            "mail": _listed(look.mail),
            "tasks": _listed(look.tasks),
            "asks": _listed(look.asks),
            "lanes": dict(look.lanes) if look.lanes is not None else None,
            "decisions": _listed(look.decisions),
            "settling": _listed(look.settling),
            "overdue": _listed(look.overdue),
            "state_version": look.state_version,
        },
    }
    write_json(path, value)


def _pace(value: dict[str, JsonValue]) -> Pace:
    look = value["look"]
    if not isinstance(look, dict):
        raise ValueError("look is no mapping")
    lanes = look["lanes"]
    return Pace(
        served=int(str(value["served"])),
        last_start=_time(value["last_start"]),
        failures=int(str(value["failures"])),
        retry_at=_time(value["retry_at"]),
        retry_wait_s=float(str(value["retry_wait_s"])),
        for_brain=bool(value.get("for_brain", value["failures"])),
        look=Look(
            mail=_names(look["mail"]),
            tasks=_names(look["tasks"]),
            asks=_names(look.get("asks", [])),
            lanes={name: str(detail) for name, detail in lanes.items()} if isinstance(lanes, dict) else None,
            decisions=_names(look["decisions"]),
            settling=_names(look["settling"]),
            overdue=_names(look["overdue"]),
            state_version=str(look["state_version"]),
        ),
    )


def _listed(names: frozenset[str]) -> list[JsonValue]:
    return [*sorted(names)]


def _time(value: JsonValue) -> datetime | None:
    return parse_time(value) if isinstance(value, str) else None


def _names(value: JsonValue) -> frozenset[str]:
    if not isinstance(value, list):
        raise ValueError("names are no list")
    return frozenset(str(one) for one in value)
