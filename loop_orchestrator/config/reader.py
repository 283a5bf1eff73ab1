"""Reads a YAML section into a frozen dataclass, strictly, by the types of its fields.

A field may be str, bool, int, float, a StrEnum, re.Pattern[str], a dataclass (a section), any of these ``| None``,
``tuple[X, ...]`` of any of these (a list), ``tuple[tuple[str, str], ...]`` (a map of text to text),
``tuple[tuple[str, tuple[str, ...]], ...]`` (a map of text to lists of text), or a tuple of dataclasses with
``About(keyed_by=…)`` (named sections). The config is declared in these terms, and harness data.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import types
import typing
from collections.abc import Callable, Iterable
from collections.abc import Mapping as MappingType
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from loop_orchestrator.config.problems import Problems, did_you_mean
from loop_orchestrator.yamltext import Mapping, Mark, Node, Scalar, Sequence, YamlProblem, parse

T = TypeVar("T")


@dataclass(frozen=True)
class About:
    """What is known about a field besides its type and default."""

    sentence: str = ""
    """what it is for, as the key table says it"""
    _: KW_ONLY
    unit: str = ""
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    pattern: str = ""
    """regex that each text of the field fits, whole"""
    pattern_says: str = ""
    """the pattern in words, after "expected" """
    keys: str = ""
    """regex that each key of a map, or each name of a named section, fits, whole"""
    keyed_by: str = ""
    """the field of the section that gets the key it stands under"""
    default_says: str = ""
    """the default in words, where it depends on other keys"""

    @property
    def metadata(self) -> dict[str, About]:
        """As ``dataclasses.field`` takes it."""
        return {"about": self}


class Kind(StrEnum):
    """The shape of a value in the file."""

    TEXT = "text"
    BOOL = "true or false"
    INT = "whole number"
    FLOAT = "number"
    CHOICE = "choice"
    REGEX = "regex"
    SECTION = "section"
    LIST = "list"
    MAP = "map of text to text"
    LISTS = "map of text to lists of text"
    NAMED = "named sections"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A field's type, read from its annotation."""

    kind: Kind
    choices: tuple[str, ...] = ()
    cls: type | None = None
    """the enum of a choice; the dataclass of a section or of named sections"""
    item: Shape | None = None
    """what a list holds"""


@dataclass(frozen=True, kw_only=True)
class Key:
    """One field of a section."""

    name: str
    shape: Shape
    about: About
    default: Callable[[], object] | None
    """gives the default; None: the key is needed"""


def keys_of(cls: type) -> tuple[Key, ...]:
    """The keys of a section, in the order of their declaration. Raises TypeError for a type that is not read."""
    return _keys_of(cls)


@functools.cache
def _keys_of(cls: type) -> tuple[Key, ...]:
    hints = typing.get_type_hints(cls)
    keys = []
    for field in dataclasses.fields(cls):
        said = field.metadata.get("about", About())
        default: Callable[[], object] | None = None
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory
        elif field.default is not dataclasses.MISSING:
            default = functools.partial(_same, field.default)
        keys.append(Key(name=field.name, shape=_shape(hints[field.name], said), about=said, default=default))
    return tuple(keys)


def _same(value: object) -> object:
    return value


def _shape(hint: object, said: About) -> Shape:
    simple = {str: Kind.TEXT, bool: Kind.BOOL, int: Kind.INT, float: Kind.FLOAT}
    arguments = typing.get_args(hint)
    if isinstance(hint, type) and hint in simple:
        return Shape(kind=simple[hint])
    if typing.get_origin(hint) is re.Pattern:
        return Shape(kind=Kind.REGEX)
    if isinstance(hint, types.UnionType) and len(arguments) == 2 and type(None) in arguments:
        return _shape(next(argument for argument in arguments if argument is not type(None)), said)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return Shape(kind=Kind.CHOICE, choices=tuple(hint), cls=hint)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return Shape(kind=Kind.SECTION, cls=hint)
    if arguments == (tuple[str, str], ...):
        return Shape(kind=Kind.MAP)
    if arguments == (tuple[str, tuple[str, ...]], ...):
        return Shape(kind=Kind.LISTS)
    if typing.get_origin(hint) is tuple and len(arguments) == 2 and arguments[1] is ...:
        item = _shape(arguments[0], said)
        if said.keyed_by:
            return Shape(kind=Kind.NAMED, cls=item.cls)
        return Shape(kind=Kind.LIST, item=item)
    raise TypeError(f"no key can have the type {hint}")


def read_file(path: Path, problems: Problems, *, shown: str = "") -> Node | None:
    """The document of a file; None if it is empty, or if a problem was added: missing, no file, no UTF-8, no YAML.

    shown: the name of the file in problems and marks; the path as given if empty.
    """
    shown = shown or str(path)
    try:
        if path.exists() and not path.is_file():
            problems.add_file(shown, "is a directory, not a file" if path.is_dir() else "is not a regular file")
            return None
        raw = path.read_bytes()
        return parse(raw.decode("utf-8"), file=shown)
    except OSError as error:
        problems.add_file(shown, f"cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problems.add_yaml(shown, YamlProblem("is not UTF-8 text", line, error.start - raw.rfind(b"\n", 0, error.start)))
    except YamlProblem as error:
        problems.add_yaml(shown, error)
    return None


def read_section(
    cls: type[T], node: Node, problems: Problems, path: str, *, given: MappingType[str, object] | None = None
) -> T | None:
    """The section as a value of ``cls``; None if anything in it is wrong, all of which is then in ``problems``.

    A ValueError of the class itself becomes a problem of the section.
    path: dotted key of the section, for problems; empty for the top of a file.
    given: values of fields that do not come from the file; as keys of the file they are unknown.
    """
    return _Reader(problems, partial=False).section(cls, node, node.mark, path, given or {})


def check_section(cls: type, node: Node, problems: Problems, path: str) -> None:
    """Adds what is wrong with the keys that stand here; a section laid over another one need not be complete."""
    _Reader(problems, partial=True).section(cls, node, node.mark, path, {})


def one_of(choices: Iterable[str]) -> str:
    """``a, b or c``"""
    *most, last = choices
    return f"{', '.join(most)} or {last}" if most else last


def describe(node: Node) -> str:
    """What stands there, for ``(got …)``."""
    match node:
        case Sequence():
            return "a list"
        case Mapping():
            return "a section"
        case Scalar(value=None):
            return "nothing"
        case Scalar(value=bool() as value):
            return "true" if value else "false"
        case Scalar(value=str() as value):
            return f"the text {value!r}" if len(value) <= 40 else f"the text {value[:40]!r}…"
        case Scalar(value=value):
            return f"the number {value}"[:60]


class _Wrong(Exception):
    """The value is wrong; the message says what was expected."""


@dataclass(frozen=True)
class _Reader:
    problems: Problems
    partial: bool
    """missing keys and rules between keys are not looked at; the values that come back mean nothing"""

    def section(self, cls: type[T], node: Node, at: Mark, path: str, given: MappingType[str, object]) -> T | None:
        """at: where the section's own key stands."""
        if isinstance(node, Scalar) and node.value is None:
            node = Mapping((), node.mark)
        if not isinstance(node, Mapping):
            self.problems.add(node.mark, path, f"expected a section of keys (got {describe(node)})")
            return None
        before = len(self.problems.found)
        keys = {key.name: key for key in keys_of(cls) if key.name not in given}
        values = dict(given)
        for name, mark, child in node.entries:
            where = _join(path, name)
            if name not in keys:
                self.problems.add(mark, where, f"no such key{did_you_mean(name, keys)}")
                continue
            values[name] = self.value(keys[name].shape, child, mark, where, keys[name].about)
        if self.partial:
            return None
        for key in keys.values():
            if key.default is None and node.get(key.name) is None:
                self.problems.add(at, _join(path, key.name), "this key is needed")
        if len(self.problems.found) > before:
            return None
        try:
            return cls(**values)
        except ValueError as error:
            self.problems.add(at, path, str(error))
            return None

    def value(self, shape: Shape, node: Node, at: Mark, path: str, said: About) -> object:
        """The value for one field; None after a problem."""
        try:
            if shape.cls is not None and shape.kind is Kind.SECTION:
                return self.section(shape.cls, node, at, path, {})
            if shape.cls is not None and shape.kind is Kind.NAMED:
                return self.named(shape.cls, node, path, said)
            if shape.item is not None:
                return self.items(shape.item, node, path, said)
            if shape.kind is Kind.MAP:
                return self.texts(node, path, said)
            if shape.kind is Kind.LISTS:
                return self.lists(node, path, said)
            return _scalar(shape, node, said)
        except _Wrong as wrong:
            self.problems.add(node.mark, path, str(wrong))
            return None

    def items(self, item: Shape, node: Node, path: str, said: About) -> tuple[object, ...]:
        if not isinstance(node, Sequence):
            raise _Wrong(f"expected a list (got {describe(node)})")
        return tuple(
            self.value(item, child, child.mark, f"{path}[{index}]", said) for index, child in enumerate(node.items)
        )

    def named(self, cls: type, node: Node, path: str, said: About) -> tuple[object, ...]:
        def read(name: str, at: Mark, child: Node) -> object:
            return self.section(cls, child, at, _join(path, name), {said.keyed_by: name})

        return self.children(node, path, said, "expected named sections", read)

    def texts(self, node: Node, path: str, said: About) -> tuple[object, ...]:
        def read(name: str, at: Mark, child: Node) -> object:
            return name, self.value(Shape(kind=Kind.TEXT), child, at, _join(path, name), About())

        return self.children(node, path, said, "expected a map of text to text", read)

    def lists(self, node: Node, path: str, said: About) -> tuple[object, ...]:
        text = Shape(kind=Kind.TEXT)

        def read(name: str, at: Mark, child: Node) -> object:
            return name, self.value(Shape(kind=Kind.LIST, item=text), child, at, _join(path, name), About())

        return self.children(node, path, said, "expected a map of text to lists of text", read)

    def children(
        self, node: Node, path: str, said: About, expected: str, read: Callable[[str, Mark, Node], object]
    ) -> tuple[object, ...]:
        if isinstance(node, Scalar) and node.value is None:
            return ()
        if not isinstance(node, Mapping):
            raise _Wrong(f"{expected} (got {describe(node)})")
        for name, mark, _ in node.entries:
            if said.keys and not re.fullmatch(said.keys, name):
                self.problems.add(mark, _join(path, name), f"expected a name that fits {said.keys} (got {name!r})")
        return tuple(read(name, mark, child) for name, mark, child in node.entries)


def _scalar(shape: Shape, node: Node, said: About) -> object:
    value = node.value if isinstance(node, Scalar) else None
    match shape.kind, value:
        case (Kind.BOOL, bool()):
            return value
        case (Kind.INT, int(number)) if not isinstance(number, bool) and _in_bounds(number, said):
            return number
        case (Kind.FLOAT, int(number) | float(number)) if not isinstance(number, bool) and _in_bounds(number, said):
            return float(number)
        case (Kind.TEXT, str(text)) if "\0" not in text and (not said.pattern or re.fullmatch(said.pattern, text)):
            return text
        case (Kind.CHOICE, str()) if shape.cls is not None and value in shape.choices:
            return shape.cls(value)
        case (Kind.REGEX, str()):
            try:
                return re.compile(value)
            except (re.error, OverflowError, RecursionError) as error:
                raise _Wrong(f"expected a regular expression (got {value!r}: {error})") from None
    raise _Wrong(f"expected {expectation(shape, said)} (got {describe(node)}){_advice(shape, node)}")


def expectation(shape: Shape, said: About) -> str:
    """What a single value must be, in words."""
    if shape.kind is Kind.CHOICE:
        return one_of(shape.choices)
    if shape.kind is Kind.TEXT:
        return (said.pattern_says or f"text that fits {said.pattern}") if said.pattern else "text"
    words = {Kind.REGEX: "a regular expression", Kind.BOOL: "true or false"}
    if shape.kind in words:
        return words[shape.kind]
    bounds = [
        f"{word} {bound:g}"
        for word, bound in (("above", said.above), ("at least", said.at_least), ("at most", said.at_most))
        if bound is not None
    ]
    number = f"a {shape.kind}" + (f" of {said.unit}" if said.unit else "")
    return f"{number}, {' and '.join(bounds)}" if bounds else number


def _in_bounds(number: float, said: About) -> bool:
    return (
        (said.at_least is None or number >= said.at_least)
        and (said.above is None or number > said.above)
        and (said.at_most is None or number <= said.at_most)
    )


def _advice(shape: Shape, node: Node) -> str:
    """What to write in its place, where that is plain."""
    if not isinstance(node, Scalar):
        return ""
    if shape.kind is Kind.CHOICE and isinstance(node.value, str):
        return did_you_mean(node.value, shape.choices)
    if shape.kind in (Kind.TEXT, Kind.REGEX) and isinstance(node.value, bool | int | float):
        return "; put it in quotes"
    if shape.kind is Kind.BOOL and isinstance(node.value, str):
        words = {"yes": "true", "on": "true", "no": "false", "off": "false"}
        return did_you_mean(words.get(node.value.lower(), node.value), ("true", "false"))
    return ""


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
