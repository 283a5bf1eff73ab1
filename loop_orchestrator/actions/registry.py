"""The kinds of action, in the order in which a brain is told of them; and their reading and writing."""

from __future__ import annotations

from collections.abc import Mapping

from loop_orchestrator.actions.add_lane import AddLane
from loop_orchestrator.actions.base import ActionKind
from loop_orchestrator.actions.build import Build
from loop_orchestrator.actions.dispatch import Dispatch
from loop_orchestrator.actions.drop_lane import DropLane
from loop_orchestrator.actions.escalate import Escalate
from loop_orchestrator.actions.fields import fields_of, read_fields
from loop_orchestrator.actions.steer import Steer
from loop_orchestrator.actions.stop import Stop
from loop_orchestrator.actions.verify import Verify
from loop_orchestrator.model.action import Action
from loop_orchestrator.model.decision import MAX_ACTIONS
from loop_orchestrator.model.state import JsonValue

KINDS: Mapping[str, type[ActionKind]] = {
    kind.kind: kind for kind in (Dispatch, Steer, AddLane, DropLane, Build, Verify, Escalate, Stop)
}
"""Every kind of the contract. A brain is told of those that are offered."""


def read_action(values: Mapping[str, JsonValue]) -> tuple[ActionKind | None, tuple[str, ...]]:
    """An action from its fields with ``kind``, or None and one sentence for every problem with it."""
    name = values.get("kind")
    if not isinstance(name, str) or name not in KINDS:
        from difflib import get_close_matches

        near = get_close_matches(str(name), _offered(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; expected one of {', '.join(_offered())}"
        return None, ("kind is missing",) if name is None else (f"unknown kind {str(name)[:40]!r}{hint}",)
    read, problems = read_fields(KINDS[name], {key: value for key, value in values.items() if key != "kind"})
    if problems:
        return None, problems
    return KINDS[name](**read), ()  # type: ignore[arg-type]  # read_fields checked every value against its field


class ActionCodec:
    """How the decision store writes and reads actions."""

    def to_fields(self, action: Action) -> dict[str, JsonValue]:
        assert isinstance(action, ActionKind)
        return action.to_fields()

    def from_fields(self, kind: str, values: Mapping[str, JsonValue]) -> Action:
        """Raises ValueError, naming each problem, for fields that no action of the kind can have."""
        given = {name: value for name, value in values.items() if value != ""}
        action, problems = read_action({**given, "kind": kind})
        if action is None:
            raise ValueError("; ".join(problems))
        return action


def help_text() -> str:
    """What a brain is told about the kinds that it may use, generated from their definitions."""
    lines: list[str] = []
    for name, kind in _offered().items():
        lines.append(f"- `{name}`: {kind.does}")
        for one in fields_of(kind):
            need = "required" if one.required else f"default {one.default!r}" if one.default != "" else "optional"
            lines.append(f"    - `{one.name}` ({one.rule.describe()}; {need}): {one.sentence}")
    return "\n".join(lines)


def _offered() -> Mapping[str, type[ActionKind]]:
    return {name: kind for name, kind in KINDS.items() if kind.offered}


def contract_schema() -> dict[str, JsonValue]:
    """JSON Schema (draft 2020-12) of the decision block."""
    actions: list[JsonValue] = []
    for name, kind in KINDS.items():
        properties: dict[str, JsonValue] = {"kind": {"const": name}}
        needed: list[JsonValue] = ["kind"]
        for one in fields_of(kind):
            properties[one.name] = {**one.rule.schema(), "description": one.sentence}
            if one.required:
                needed.append(one.name)
        actions.append(
            {
                "type": "object",
                "description": kind.does + ("" if kind.offered else " Not offered yet: the gate blocks it."),
                "properties": properties,
                "required": needed,
                "additionalProperties": False,
            }
        )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "loop-orchestrator decision, version 1",
        "type": "object",
        "properties": {
            "version": {"const": 1},
            "critique": {"type": "string", "minLength": 1},
            "actions": {"type": "array", "maxItems": MAX_ACTIONS, "items": {"oneOf": actions}},
        },
        "required": ["version", "critique", "actions"],
        "additionalProperties": False,
    }
