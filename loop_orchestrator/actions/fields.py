"""Fields of an action: how each is read, described to a brain, and written as JSON Schema."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from loop_orchestrator.actions.spelling import visible
from loop_orchestrator.model.lane import LANE_NAME
from loop_orchestrator.model.state import JsonValue

TEXT_LIMIT = 16_384
"""Characters of a text field. At half, a task brief with its context is refused; at double, two of them
exceed what a person reads before approving."""

NAME_LIMIT = 300
"""Characters of a name, an id or a key: the longest file name, 255 bytes, with what a key puts before it."""

_TYPE_NAMES = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a mapping"}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_DECEIVING = re.compile(r"[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f\ud800-\udfff]")
"""Characters that show a person another text than the one a program reads: they reorder it, or are read and not drawn;
and halves of characters, which no file can hold."""
_ONE_LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]*")
_MODEL = re.compile(r"[A-Za-z0-9_.:/][A-Za-z0-9_.:/-]*")
_ROLE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")


class Rule(ABC):
    """How one field is read."""

    @abstractmethod
    def read(self, value: JsonValue) -> JsonValue:
        """The value, checked. Raises ValueError saying what was expected."""

    @abstractmethod
    def describe(self) -> str:
        """What may stand there, in a few words."""

    @abstractmethod
    def schema(self) -> dict[str, JsonValue]:
        """The JSON Schema of the value."""


@dataclass(frozen=True)
class Text(Rule):
    """Non-empty text of at most TEXT_LIMIT characters. Newline and tab are the only control characters, and nothing in
    it shows a person another text than is meant.
    """

    lines: bool = True
    """may hold more than one line"""

    def read(self, value: JsonValue) -> JsonValue:
        if not isinstance(value, str):
            raise ValueError(f"expected text, got {_named(value)}")
        if not visible(value).strip():
            raise ValueError("expected text, got nothing")
        if len(value) > TEXT_LIMIT:
            raise ValueError(f"expected at most {TEXT_LIMIT} characters, got {len(value)}")
        bad = _CONTROL.search(value)
        if bad:
            raise ValueError(f"holds the control character U+{ord(bad[0]):04X}")
        if bad := _DECEIVING.search(value):
            raise ValueError(f"holds U+{ord(bad[0]):04X}, which shows a person another text than is meant")
        if not self.lines and not _ONE_LINE.fullmatch(value):
            raise ValueError("expected a single line")
        return value

    def describe(self) -> str:
        return "text" if self.lines else "one line of text"

    def schema(self) -> dict[str, JsonValue]:
        return {"type": "string", "minLength": 1, "maxLength": TEXT_LIMIT}


@dataclass(frozen=True)
class Pattern(Rule):
    """Text that fits an expression as a whole."""

    pattern: re.Pattern[str]
    what: str

    def read(self, value: JsonValue) -> JsonValue:
        if isinstance(value, str) and len(value) > NAME_LIMIT:
            raise ValueError(f"expected at most {NAME_LIMIT} characters, got {len(value)}")
        if not isinstance(value, str) or not self.pattern.fullmatch(value):
            raise ValueError(f"expected {self.what}, got {_named(value)}")
        return value

    def describe(self) -> str:
        return self.what

    def schema(self) -> dict[str, JsonValue]:
        return {"type": "string", "maxLength": NAME_LIMIT, "pattern": f"^(?:{self.pattern.pattern})$"}


@dataclass(frozen=True)
class Flag(Rule):
    """true or false, no other spelling."""

    def read(self, value: JsonValue) -> JsonValue:
        if not isinstance(value, bool):
            raise ValueError(f"expected true or false, got {_named(value)}")
        return value

    def describe(self) -> str:
        return "true or false"

    def schema(self) -> dict[str, JsonValue]:
        return {"type": "boolean"}


@dataclass(frozen=True)
class Choice(Rule):
    """One of a few words."""

    words: tuple[str, ...]

    def read(self, value: JsonValue) -> JsonValue:
        if value not in self.words:
            raise ValueError(f"expected {self.describe()}, got {_named(value)}")
        return value

    def describe(self) -> str:
        return " or ".join(self.words)

    def schema(self) -> dict[str, JsonValue]:
        return {"enum": list(self.words)}


@dataclass(frozen=True)
class Seconds(Rule):
    """A whole number of seconds within bounds."""

    least: int
    most: int

    def read(self, value: JsonValue) -> JsonValue:
        if isinstance(value, bool) or not isinstance(value, int) or not self.least <= value <= self.most:
            given = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else _named(value)
            raise ValueError(f"expected {self.describe()}, got {given[:40]}")
        return value

    def describe(self) -> str:
        return f"whole seconds, {self.least} to {self.most}"

    def schema(self) -> dict[str, JsonValue]:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


TEXT = Text()
ONE_LINE = Text(lines=False)
LANE = Pattern(LANE_NAME, "the name of a lane")
NEW_LANE = Pattern(re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,59}"), "the name of a lane, at most 60 characters")
ROLE = Pattern(_ROLE, "a role: a letter, then letters, digits, _ or -")
HARNESS = Pattern(re.compile(r"[a-z][a-z0-9-]*"), "the name of a harness")
MODEL = Pattern(_MODEL, "a model id: letters, digits, . _ : / -, not beginning with -")
TASK = Pattern(re.compile(r"T[0-9]{4}"), "a task id such as T0001")
FILE = Pattern(re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.md"), "the file name of a message")
KEY = Pattern(re.compile(r"[a-z]+:[A-Za-z0-9._:-]+"), "a key such as mail:<file> or lane:<name>:<state>")
FLAG = Flag()


def required(rule: Rule, sentence: str) -> Any:
    """A field that every action of the kind has."""
    return field(metadata={"rule": rule, "sentence": sentence})


def optional(rule: Rule, default: JsonValue, sentence: str) -> Any:
    """A field with a default."""
    return field(default=default, metadata={"rule": rule, "sentence": sentence})


@dataclass(frozen=True)
class FieldHelp:
    """One field as a brain, a schema or a reader sees it."""

    name: str
    rule: Rule
    sentence: str
    required: bool
    default: JsonValue


def fields_of(kind: type) -> tuple[FieldHelp, ...]:
    """The fields of an action class, in the order of its definition, ``rationale`` last."""
    found = [
        FieldHelp(
            one.name,
            one.metadata["rule"],
            one.metadata["sentence"],
            one.default is MISSING,
            None if one.default is MISSING else one.default,
        )
        for one in fields(kind)
        if "rule" in one.metadata
    ]
    rationale = FieldHelp("rationale", TEXT, "why, in a sentence or two", True, None)
    return (*found, rationale)


def read_fields(kind: type, values: Mapping[str, JsonValue]) -> tuple[dict[str, JsonValue], tuple[str, ...]]:
    """The checked fields of one action, and one sentence for every problem with them."""
    known = {one.name: one for one in fields_of(kind)}
    problems = [_unknown_field(name, known) for name in values if name not in known]
    read: dict[str, JsonValue] = {}
    for name, one in known.items():
        if name not in values:
            if one.required:
                problems.append(f"{name} is missing")
            continue
        try:
            read[name] = one.rule.read(values[name])
        except ValueError as problem:
            problems.append(f"{name}: {problem}")
    return read, tuple(problems)


def _unknown_field(name: str, known: Mapping[str, FieldHelp]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1)
    return f"unknown field {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")


def _named(value: JsonValue) -> str:
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else value[:37] + "…")
    return "nothing" if value is None else _TYPE_NAMES.get(type(value), "something else")
