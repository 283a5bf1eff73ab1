"""YAML with its lines: the only reader and writer of YAML. Text becomes a tree of nodes that know where they stand.

Booleans are ``true`` and ``false``, numbers are written as in JSON; ``yes``, ``on``, ``0012`` and dates are text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from json import dumps as json_text
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import yaml

    from loop_orchestrator.model.state import JsonValue

MAX_DEPTH = 100
"""Levels of nesting. A tenth would refuse plausible files; ten times as many would exhaust Python's stack."""

MAX_ALIASED = 10_000
"""Values that all aliases of a document may stand for together; no file written by hand comes near."""

# Patterns stand here as text and are compiled by re at their first use: most commands read and write no YAML.
_UNPRINTABLE = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff"
_INT = r"-?(0|[1-9][0-9]*)"
_FLOAT = _INT + r"(\.[0-9]+)?([eE][-+]?[0-9]+)?"
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})


class YamlProblem(ValueError):
    """The text is no YAML that is read here. ``line`` and ``column`` count from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(f"{line}:{column}: {message}")
        self.message = message
        self.line = line
        self.column = column


@dataclass(frozen=True)
class Mark:
    """Where a node begins; line and column count from 1."""

    line: int
    column: int
    file: str = ""
    """the name that ``parse`` was given"""


@dataclass(frozen=True)
class Scalar:
    """One value."""

    value: bool | int | float | str | None
    mark: Mark
    style_plain: bool
    """written without quotes, and not as a block"""


@dataclass(frozen=True)
class Sequence:
    """A list."""

    items: tuple[Node, ...]
    mark: Mark


@dataclass(frozen=True)
class Mapping:
    """Keys with their values, in file order; no key stands twice."""

    entries: tuple[tuple[str, Mark, Node], ...]
    """key, where the key stands, value"""
    mark: Mark

    def get(self, key: str) -> Node | None:
        """The value of a key; None if the key is not there."""
        return next((node for name, _, node in self.entries if name == key), None)


Node = Scalar | Sequence | Mapping


def parse(text: str, *, strict: bool = False, file: str = "") -> Node | None:
    """The one document of a text; None if there is none. Raises YamlProblem.

    Refused: several documents, duplicate keys, keys that are no text, tags, raw control characters, nesting past
    MAX_DEPTH, aliases that expand past MAX_ALIASED, and with ``strict`` every anchor and alias.
    file: goes into the marks.
    """
    import yaml

    text = text.removeprefix("\ufeff")
    if found := re.search(f"[{_UNPRINTABLE}]", text):
        start = text.rfind("\n", 0, found.start()) + 1
        raise YamlProblem(
            f"control character U+{ord(found[0]):04X}", text.count("\n", 0, start) + 1, found.start() - start + 1
        )
    loader: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Builder(yaml.parse(text, Loader=loader), strict=strict, file=file).document()
    except yaml.MarkedYAMLError as error:
        raise _syntax_problem(error) from None


def to_plain(node: Node | None) -> JsonValue:
    """The values without their places; None for no document."""
    match node:
        case None:
            return None
        case Scalar():
            return node.value
        case Sequence():
            return [to_plain(item) for item in node.items]
        case Mapping():
            return {key: to_plain(value) for key, _, value in node.entries}


def from_plain(value: JsonValue, mark: Mark) -> Node:
    """The tree of values that come from elsewhere; every node gets the same mark."""
    if isinstance(value, list):
        return Sequence(tuple(from_plain(item, mark) for item in value), mark)
    if isinstance(value, dict):
        return Mapping(tuple((key, mark, from_plain(item, mark)) for key, item in value.items()), mark)
    return Scalar(value, mark, style_plain=False)


def dump(value: JsonValue) -> str:
    """YAML text of a value: block style, keys in order, text of several lines as literal blocks, a newline at the end.

    ``to_plain(parse(dump(x))) == x`` for every JSON value nested less than MAX_DEPTH deep. Raises ValueError for
    what no YAML file can hold: a number that is not finite, a lone surrogate.
    """
    return "\n".join(_lines(value)) + "\n"


def _syntax_problem(error: yaml.MarkedYAMLError) -> YamlProblem:
    mark = error.problem_mark or error.context_mark
    message = error.problem or error.context or "cannot be read"
    if error.context and error.context_mark and error.context_mark.line != (mark.line if mark else -1):
        message += f" ({error.context} that begins on line {error.context_mark.line + 1})"
    return YamlProblem(message, mark.line + 1 if mark else 1, mark.column + 1 if mark else 1)


@dataclass
class _Builder:
    """Builds the tree from the parser's events; events, not nodes, still tell anchors, tags and documents apart."""

    events: Iterator[yaml.Event]
    strict: bool
    file: str
    anchors: dict[str, Node] = field(default_factory=dict)
    aliased: int = 0

    def document(self) -> Node | None:
        import yaml

        root: Node | None = None
        documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._problem(event, "a second document begins here, only one is read")
                root = self._node(next(self.events), 0)
        if isinstance(root, Scalar) and root.style_plain and root.value is None:
            return None
        return root

    def _node(self, event: yaml.Event, depth: int) -> Node:
        import yaml

        if depth >= MAX_DEPTH:
            raise self._problem(event, f"nested more than {MAX_DEPTH} levels deep")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        assert isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent), event
        if event.tag is not None:
            raise self._problem(event, f"the tag {event.tag} is not read")
        if event.anchor and self.strict:
            raise self._problem(event, f"the anchor &{event.anchor} is not allowed here")
        if isinstance(event, yaml.ScalarEvent):
            node: Node = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = Sequence(tuple(self._items(depth)), self._mark(event))
        else:
            node = Mapping(tuple(self._entries(depth)), self._mark(event))
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def _items(self, depth: int) -> Iterator[Node]:
        import yaml

        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            yield self._node(event, depth + 1)

    def _entries(self, depth: int) -> Iterator[tuple[str, Mark, Node]]:
        import yaml

        lines: dict[str, int] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            if not isinstance(key, Scalar) or isinstance(event, yaml.AliasEvent):
                raise self._problem(event, "a key must be plain text")
            if not isinstance(key.value, str):
                raise self._problem(event, f"the key {json_text(key.value)} is no text; put it in quotes")
            if key.value in lines:
                raise self._problem(event, f"the key {key.value!r} stands here again, first on line {lines[key.value]}")
            lines[key.value] = key.mark.line
            yield key.value, key.mark, self._node(next(self.events), depth + 1)

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        plain = event.style in (None, "")
        try:
            value = _resolve(event.value) if plain else event.value
        except ValueError:
            raise self._problem(event, "a number with too many digits") from None
        return Scalar(value, self._mark(event), style_plain=plain)

    def _alias(self, event: yaml.AliasEvent) -> Node:
        if self.strict:
            raise self._problem(event, f"the alias *{event.anchor} is not allowed here")
        node = self.anchors.get(event.anchor or "")
        if node is None:
            raise self._problem(event, f"the alias *{event.anchor} has no finished anchor before it")
        self.aliased += _size(node, MAX_ALIASED - self.aliased)
        if self.aliased > MAX_ALIASED:
            raise self._problem(event, f"the aliases expand to more than {MAX_ALIASED} values")
        return node

    def _mark(self, event: yaml.Event) -> Mark:
        assert event.start_mark is not None
        return Mark(event.start_mark.line + 1, event.start_mark.column + 1, self.file)

    def _problem(self, event: yaml.Event, message: str) -> YamlProblem:
        mark = self._mark(event)
        return YamlProblem(message, mark.line, mark.column)


def _size(node: Node, limit: int) -> int:
    """Number of values in a tree; counts no further than just past the limit."""
    size, waiting = 0, [node]
    while waiting and size <= limit:
        size += 1
        match waiting.pop():
            case Sequence(items=items):
                waiting.extend(items)
            case Mapping(entries=entries):
                waiting.extend(value for _, _, value in entries)
    return size


def _resolve(text: str) -> bool | int | float | str | None:
    """The value of a plain scalar. Raises ValueError for an integer longer than Python converts."""
    if text in _NULLS:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if re.fullmatch(_INT, text):
        return int(text)
    if re.fullmatch(_FLOAT, text) and math.isfinite(number := float(text)):
        return number
    return text


_PLAIN = r"[^\W\d]\w*(?:[ ./:+-]+\w+)*"
"""Text that needs no quotes, checked further for ``: ``; everything else is quoted."""
_NOT_LITERAL = f"[{_UNPRINTABLE}\\r\\x85\\u2028\\u2029]"
_ESCAPED = r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]"
_LONGEST_KEY = 1000
"""Characters after which a key is written as ``? key``; libyaml looks for the colon within 1024."""


def _lines(value: JsonValue) -> list[str]:
    """The value as lines without indentation of their own."""
    if isinstance(value, dict) and value:
        return [line for key, item in value.items() for line in _entry_lines(key, item)]
    if isinstance(value, list) and value:
        return [line for item in value for line in _hung("- ", _lines(item))]
    if isinstance(value, str) and "\n" in value and value[0] not in " \t\n" and not re.search(_NOT_LITERAL, value):
        return _literal(value)
    return [_flat(value)]


def _entry_lines(key: str, value: JsonValue) -> list[str]:
    lines, written = _lines(value), _quoted(key)
    if len(written) > _LONGEST_KEY:
        return [f"? {written}", *_hung(": ", lines)]
    if isinstance(value, list | dict) and value:
        return [f"{written}:", *(f"  {line}" if line else "" for line in lines)]
    return [f"{written}: {lines[0]}", *lines[1:]]


def _hung(lead: str, lines: list[str]) -> list[str]:
    return [lead + lines[0], *(f"  {line}" if line else "" for line in lines[1:])]


def _literal(text: str) -> list[str]:
    body = text.rstrip("\n")
    ends = len(text) - len(body)
    lead = {0: "|-", 1: "|"}.get(ends, "|+")
    return [lead, *(f"  {line}" if line else "" for line in body.split("\n")), *([""] * (ends - 1))]


def _flat(value: JsonValue) -> str:
    """A scalar or an empty collection on one line."""
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} cannot be written")
    return json_text(value)


def _quoted(text: str) -> str:
    if re.fullmatch(_PLAIN, text) and ": " not in text and isinstance(_resolve(text), str):
        return text
    text.encode()  # a lone surrogate is a ValueError here, not a file that nobody can read
    return re.sub(_ESCAPED, lambda found: f"\\u{ord(found[0]):04x}", json_text(text, ensure_ascii=False))
