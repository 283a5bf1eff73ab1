"""JSON documents with a schema number, and the typed reading of their fields, with one set of error sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from loop_orchestrator.clock import parse_time
from loop_orchestrator.errors import NewerSchemaError, StoreError
from loop_orchestrator.stores.atomic import read_json

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True)
class Fields:
    """One JSON object and where it stands, for the error sentence. Every method raises StoreError for a wrong type."""

    values: Mapping[str, JsonValue]
    where: str
    """the file, then the keys that lead to the object"""

    def text(self, key: str, default: str | None = None) -> str:
        return self._get(key, str, "a text", default)

    def integer(self, key: str, default: int | None = None) -> int:
        value = self._get(key, int, "a whole number", default)
        if isinstance(value, bool):
            raise self._wrong(key, "a whole number")
        return value

    def number(self, key: str) -> float:
        value = self.values.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(key, "a number")
        return float(value)

    def flag(self, key: str) -> bool:
        return self._get(key, bool, "true or false", None)

    def time(self, key: str) -> datetime:
        try:
            return parse_time(self.text(key))
        except ValueError as error:
            raise self._wrong(key, "a time with a zone") from error

    def word(self, key: str, words: type[E], default: E | None = None) -> E:
        """A member of an enum."""
        text = self.text(key, default)
        try:
            return words(text)
        except ValueError as error:
            raise self._wrong(key, "one of " + ", ".join(words)) from error

    def texts(self, key: str) -> tuple[str, ...]:
        items = self._get(key, list, "a list of texts", None)
        if not all(isinstance(item, str) for item in items):
            raise self._wrong(key, "a list of texts")
        return tuple(str(item) for item in items)

    def pairs(self, key: str) -> tuple[tuple[str, str], ...]:
        """A list of lists of two texts."""
        found = []
        for item in self._get(key, list, "a list of pairs", None):
            match item:
                case [str(name), str(value)]:
                    found.append((name, value))
                case _:
                    raise self._wrong(key, "a list of pairs")
        return tuple(found)

    def object(self, key: str, default: dict[str, JsonValue] | None = None) -> Fields:
        """The object under a key."""
        value = self._get(key, dict, "an object", default)
        return Fields(value, f"{self.where}: {key}")

    def objects(self, key: str) -> tuple[Fields, ...]:
        """The objects of a list."""
        items = self._get(key, list, "a list of objects", None)
        found = []
        for position, item in enumerate(items):
            if not isinstance(item, dict):
                raise self._wrong(key, "a list of objects")
            found.append(Fields(item, f"{self.where}: {key}[{position}]"))
        return tuple(found)

    def _get(self, key: str, kind: type[T], what: str, default: T | None) -> T:
        value = self.values.get(key, default)
        if not isinstance(value, kind):
            raise self._wrong(key, what)
        return value

    def _wrong(self, key: str, what: str) -> StoreError:
        found = "nothing" if key not in self.values else repr(self.values[key])[:60]
        return StoreError(f"{self.where}: {key}: {what} was expected, found {found}")


def read_document(path: Path, schema: int) -> Fields:
    """The fields of a JSON document.

    Raises FileNotFoundError; NewerSchemaError if its ``schema`` is newer than the one given; StoreError.
    """
    value = read_json(path)
    if not isinstance(value, dict):
        raise StoreError(f"{path}: an object was expected")
    fields = Fields(value, str(path))
    check_schema(path, fields.integer("schema"), schema)
    return fields


def check_schema(path: Path, found: int, known: int) -> None:
    """Raises NewerSchemaError, naming both, where a file is newer than this release."""
    if found > known:
        raise NewerSchemaError(
            f"{path} has schema {found}; this release reads up to schema {known}", hint="use the newer release"
        )
