"""Edits of a JSON text that leave every other character of it as it is. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue

_BLANK = re.compile(r"[ \t\r\n]*")
_decode = json.JSONDecoder().raw_decode


class JsonProblem(ValueError):
    """The text is not the JSON that is needed; line and column count from 1."""

    def __init__(self, message: str, text: str, at: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = text.count("\n", 0, at) + 1
        self.column = at - text.rfind("\n", 0, at)


@dataclass(frozen=True)
class Member:
    """One item of a list, or one key of an object with its value."""

    key: str
    """empty in a list"""
    start: int
    """where the key begins, or the item"""
    value: Span


@dataclass(frozen=True)
class Span:
    """One value and where it stands in the text."""

    start: int
    end: int
    plain: JsonValue
    members: tuple[Member, ...] = ()

    def get(self, key: str) -> Span | None:
        return next((one.value for one in self.members if one.key == key), None)


def read(text: str) -> Span:
    """The whole document. Raises JsonProblem."""
    try:
        json.loads(text, object_pairs_hook=_unique)
        return _value(text, _after(text, 0))
    except json.JSONDecodeError as error:
        raise JsonProblem(error.msg, text, error.pos) from None
    except _Twice as error:
        raise JsonProblem(f"the key {error.args[0]!r} stands twice in one object", text, 0) from None
    except (RecursionError, ValueError) as error:
        raise JsonProblem(str(error) or "nested too deeply", text, 0) from None


def with_member(text: str, container: Span, value: JsonValue, *, key: str = "") -> str:
    """The text with one more item at the end of a list, or one more key of an object, laid out as its neighbours."""
    newline = "\r\n" if "\r\n" in text else "\n"
    outer = _indent_at(text, container.start)
    spread = "\n" in text[container.start : container.members[0].start] if container.members else "\n" in text
    unit = _unit(text)
    indent = _indent_at(text, container.members[0].start) if container.members and spread else outer + unit
    label = f"{json.dumps(key, ensure_ascii=False)}: " if key else ""
    if spread:
        laid = json.dumps(value, indent=unit, ensure_ascii=False).replace("\n", newline + indent)
    else:
        laid = json.dumps(value, ensure_ascii=False)
    before = newline + indent if spread else ""
    if container.members:
        end = container.members[-1].value.end
        return f"{text[:end]},{before or ' '}{label}{laid}{text[end:]}"
    opening, closing = text[container.start], text[container.end - 1]
    after = newline + outer if spread else ""
    return f"{text[: container.start]}{opening}{before}{label}{laid}{after}{closing}{text[container.end :]}"


def without_member(text: str, container: Span, index: int) -> str:
    """The text without one item or key, and without what parted it from its neighbours."""
    members = container.members
    if len(members) == 1:
        return text[: container.start + 1] + text[container.end - 1 :]
    if index == 0:
        return text[: members[0].start] + text[members[1].start :]
    return text[: members[index - 1].value.end] + text[members[index].value.end :]


class _Twice(Exception):
    pass


def _unique(pairs: Iterable[tuple[str, object]]) -> None:
    seen = set()
    for key, _ in pairs:
        if key in seen:
            raise _Twice(key)
        seen.add(key)


def _value(text: str, at: int) -> Span:
    """The value that begins here; the text is known to be JSON."""
    match text[at]:
        case "{":
            return _container(text, at, "}")
        case "[":
            return _container(text, at, "]")
    plain, end = _decode(text, at)
    return Span(at, end, plain)


def _container(text: str, start: int, closing: str) -> Span:
    members: list[Member] = []
    at = _after(text, start + 1)
    while text[at] != closing:
        at = _after(text, at + 1) if text[at] == "," else at
        begin, key = at, ""
        if closing == "}":
            key, at = _decode(text, at)
            at = _after(text, _after(text, at) + 1)
        value = _value(text, at)
        members.append(Member(key, begin, value))
        at = _after(text, value.end)
    items = [one.value.plain for one in members]
    plain: JsonValue = items if closing == "]" else {one.key: one.value.plain for one in members}
    return Span(start, at + 1, plain, tuple(members))


def _after(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    assert blank is not None
    return blank.end()


def _indent_at(text: str, at: int) -> str:
    """The blanks with which the row begins in which this stands."""
    row = text[text.rfind("\n", 0, at) + 1 : at]
    return row[: len(row) - len(row.lstrip(" \t"))]


def _unit(text: str) -> str:
    """One step of the text's own indentation; two blanks where it has none."""
    found = re.search(r"\n([ \t]+)", text)
    return found[1] if found else "  "
