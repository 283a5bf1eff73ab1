"""The tables of CONTRACT.md, made from the enums and catalogues they describe.

``python -m docs.tables`` rewrites them in place; a test fails while they differ.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from pathlib import Path

from loop_orchestrator.actions.fields import fields_of
from loop_orchestrator.actions.registry import KINDS
from loop_orchestrator.config.jsonschema import key_table
from loop_orchestrator.crash import CRASH_POINTS
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.model.adr import ADR_MOVES, AdrStatus
from loop_orchestrator.model.ask import ASK_MOVES, AskStatus
from loop_orchestrator.model.brain import MOST_WAIT_S, POLICY_OF, FailureKind, FailurePolicy, wait_s
from loop_orchestrator.model.decision import ITEM_MOVES, ApprovalMode, DecisionStatus, ItemStatus
from loop_orchestrator.model.delivery import DELIVERY_MOVES, DeliveryStatus
from loop_orchestrator.model.event import EVENT_KINDS
from loop_orchestrator.model.lane import WORD_OF, Detail, LaneWord
from loop_orchestrator.model.notice import NoticeKind
from loop_orchestrator.model.prompt import Fit
from loop_orchestrator.model.restart import RestartEvent
from loop_orchestrator.model.task import TASK_MOVES, TaskStatus
from loop_orchestrator.model.verdict import Level
from loop_orchestrator.model.wiki import PARTITIONS, Area, Right, Writer
from loop_orchestrator.operations.wiki_check import Kind

CONTRACT = Path(__file__).parent.parent / "CONTRACT.md"


def meanings(kind: type[Enum]) -> dict[str, str]:
    """Value -> the sentence under it in the source."""
    body = ast.parse(inspect.getsource(kind)).body[0]
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    name = ""
    for node in body.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and name:
            found[str(kind[name].value)] = str(node.value.value)
            name = ""
    return found


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(head)
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _moves(kind: type[Enum], moves: Mapping[Enum, frozenset[Enum]]) -> str:
    said = meanings(kind)
    rows = (
        (f"`{one.value}`", said[str(one.value)], ", ".join(f"`{to.value}`" for to in kind if to in moves[one]) or "–")
        for one in kind
    )
    return _table(("state", "meaning", "moves to"), rows)


def _enum(kind: type[Enum], head: str) -> str:
    return _table((head, "meaning"), ((f"`{value}`", text) for value, text in meanings(kind).items()))


def _details() -> str:
    said = meanings(Detail)
    return _table(
        ("word", "detail", "meaning"),
        ((f"`{WORD_OF[one].value}`", f"`{one.value}`", said[one.value]) for one in Detail),
    )


def _events() -> str:
    return _table(
        ("kind", "meaning", "fields", "on disk before the writer goes on"),
        (
            (f"`{name}`", kind.meaning, ", ".join(f"`{one}`" for one in kind.fields), "yes" if kind.promised else "")
            for name, kind in EVENT_KINDS.items()
        ),
    )


def _actions() -> str:
    rows = []
    for name, kind in KINDS.items():
        for one in fields_of(kind):
            need = "required" if one.required else f"`{one.default!r}`" if one.default != "" else "optional"
            rows.append((f"`{name}`", f"`{one.name}`", one.rule.describe(), need, one.sentence))
    return _table(("kind", "field", "value", "default", "meaning"), rows)


def _failures() -> str:
    said = meanings(FailureKind)
    rows = []
    for kind in FailureKind:
        policy = POLICY_OF[kind]
        named = "until the time that it named, else " if policy is FailurePolicy.WAIT else ""
        growing = f"{wait_s(kind, 1):g}, {wait_s(kind, 2):g}, {wait_s(kind, 3):g} … {MOST_WAIT_S:g} s"
        left_out = growing if wait_s(kind, 1) != wait_s(kind, 2) else f"{named}{wait_s(kind, 1):g} s"
        told = "yes" if policy is FailurePolicy.PERSON else ""
        rows.append((f"`{kind.value}`", said[kind.value], "–" if policy is FailurePolicy.NONE else left_out, told))
    return _table(("failure", "meaning", "the brain is left out for", "a person is asked"), rows)


def _partitions() -> str:
    said = meanings(Area)
    rows = []
    for area in Area:
        rights = (Writer("x", role).right(area) for role in PARTITIONS)
        cells = ("" if right is Right.NONE else right.value for right in rights)
        rows.append(
            (
                f"`{area.value}`" if "/" not in area.value and " " not in area.value else area.value,
                said[area.value],
                *cells,
            )
        )
    return _table(("part", "what it is", *PARTITIONS), rows)


TABLES: Mapping[str, Callable[[], str]] = {
    "lane-words": lambda: _enum(LaneWord, "word"),
    "lane-details": _details,
    "restarts": lambda: _enum(RestartEvent, "event"),
    "delivery": lambda: _moves(DeliveryStatus, DELIVERY_MOVES),  # type: ignore[arg-type]
    "ask": lambda: _moves(AskStatus, ASK_MOVES),  # type: ignore[arg-type]
    "item": lambda: _moves(ItemStatus, ITEM_MOVES),  # type: ignore[arg-type]
    "decision": lambda: _enum(DecisionStatus, "state"),
    "task": lambda: _moves(TaskStatus, TASK_MOVES),  # type: ignore[arg-type]
    "adr": lambda: _moves(AdrStatus, ADR_MOVES),  # type: ignore[arg-type]
    "levels": lambda: _enum(Level, "level"),
    "modes": lambda: _enum(ApprovalMode, "mode"),
    "prompt-fits": lambda: _enum(Fit, "fit"),
    "actions": _actions,
    "wiki-partitions": _partitions,
    "wiki-findings": lambda: _enum(Kind, "finding"),
    "brain-failures": _failures,
    "events": _events,
    "notices": lambda: _enum(NoticeKind, "kind"),
    "exit-codes": lambda: _table(("code", "meaning"), ((value, text) for value, text in meanings(ExitCode).items())),
    "config": lambda: _table(("key", "type", "default", "meaning"), ((f"`{row[0]}`", *row[1:]) for row in key_table())),
    "crash-points": lambda: _table(("point", "what is true there"), ((f"`{k}`", v) for k, v in CRASH_POINTS.items())),
}
"""Name of a marked table of CONTRACT.md -> its text."""


def filled(text: str) -> str:
    """The document with every marked table made anew."""

    def one(match: re.Match[str]) -> str:
        return f"<!-- table: {match[1]} -->\n{TABLES[match[1]]()}\n<!-- end -->"

    return re.sub(r"<!-- table: (\S+) -->\n.*?<!-- end -->", one, text, flags=re.DOTALL)


if __name__ == "__main__":
    CONTRACT.write_text(filled(CONTRACT.read_text(encoding="utf-8")), encoding="utf-8")
