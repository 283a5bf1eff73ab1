"""Decisions, actions and events as a person reads them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from loop_orchestrator import plaintext
from loop_orchestrator.cli import output
from loop_orchestrator.clock import format_time
from loop_orchestrator.model.decision import ItemStatus

if TYPE_CHECKING:
    from loop_orchestrator.model.action import Action
    from loop_orchestrator.model.decision import Decision
    from loop_orchestrator.model.event import Event
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.model.verdict import Verdict

_SHORT = 200
"""Characters of a field in a list: enough to recognise it; `show` and `approve` print all of it."""


def print_decision(decision: Decision, *, whole: bool) -> None:
    """A decision with its actions; ``whole``: nothing shortened."""
    output.line(f"decision {decision.id}: {decision.status.value}")
    output.line(f"  made {format_time(decision.created_at)} by {decision.brain} in mode {decision.mode.value}")
    output.line(f"  digest {decision.digest if whole else decision.digest[:12]}")
    _print_text("  critique", decision.critique, whole=whole)
    for item in decision.items:
        print_action(item.idx, item.action, item.verdict, status=item.status, note=item.note, whole=whole)
    if not whole and any(item.status is ItemStatus.WAITING for item in decision.items):
        output.line(f"  next: loop approve {decision.id}", whole=True)
        output.line(f"  or:   loop reject {decision.id}", whole=True)
        output.line(f"  all:  loop engine show {decision.id}", whole=True)


def print_action(
    idx: int, action: Action, verdict: Verdict, *, status: ItemStatus, note: str = "", whole: bool = True
) -> None:
    """One action with its verdict, the reasons for it, and its fields."""
    from loop_orchestrator.actions.base import ActionKind

    where = f" {action.target}" if action.target else ""
    output.line(f"  {idx}. {action.kind}{where} [{verdict.level.value}/{status.value}]")
    for reason in verdict.reasons:
        output.line(f"     because {reason}")
    if note:
        output.line(f"     note: {note}")
    for name, value in (action.to_fields() if isinstance(action, ActionKind) else {}).items():
        if value not in ("", None, False):
            _print_text(f"     {name}", _flat(value), whole=whole)


def print_told(event: Event) -> None:
    """One event as a person who looks on is told of it, if it is; a held decision with the command that shows it."""
    from loop_orchestrator.operations.telling import sentence

    said = sentence(event)
    if not said:
        return
    output.line(f"{event.at.astimezone():%H:%M:%S} {said}")
    if event.kind == "decision.filed":
        output.line(f"         loop engine show {event.payload['decision']}", whole=True)
        output.line(f"         loop approve {event.payload['decision']}", whole=True)


def print_event(event: Event) -> None:
    """One event in a line."""
    fields = " ".join(f"{name}={_flat(value)}" for name, value in event.payload.items() if value not in ("", None, []))
    output.line(f"  #{event.seq} {format_time(event.at)} {event.kind} {plaintext.shorten(fields, _SHORT)}".rstrip())


def _print_text(name: str, text: str, *, whole: bool) -> None:
    """A field; the lines after its first are marked, so that no text of an agent's can pass for another field."""
    if not whole:
        output.line(f"{name}: {plaintext.shorten(text, _SHORT)}")
        return
    first, *more = text.splitlines() or [""]
    output.line(f"{name}: {first}")
    margin = " " * (len(name) - len(name.lstrip()))
    for line in more:
        output.line(f"{margin}| {line}")


def _flat(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)
