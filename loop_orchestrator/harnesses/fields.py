"""Reads values out of JSON by the paths that harness data gives: ``usage.input_tokens``."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from loop_orchestrator.model.state import JsonValue

_MOST = 10**15
"""A number beyond it counts nothing that there is."""
_NAMES = r"[\w-]+(?:\.[\w-]+)*"
_STARRED = r"[\w-]+(?:\.(?:[\w-]+|\*(?=\.)))*\??"
PATH = re.compile(_NAMES)
"""A path alone."""
PATHS = re.compile(rf"{_NAMES}(?: \+ {_NAMES})*")
"""What ``text`` takes."""
SUM = re.compile(rf"{_STARRED}(?: [+-] {_STARRED})*")
"""What ``count`` takes."""


def field(document: JsonValue, path: str) -> JsonValue:
    """The value under a dotted path; None where there is none."""
    if not path:
        return None
    for name in path.split("."):
        if not isinstance(document, dict) or name not in document:
            return None
        document = document[name]
    return document


def text(document: JsonValue, paths: str) -> str:
    """What stands under a path, or under several (``a + b``) one behind the other; empty where there is nothing.

    What is no text is written as JSON.
    """
    if not paths:
        return ""
    found = [field(document, path) for path in paths.split(" + ")]
    return " ".join(_written(one) for one in found if one not in (None, ""))


def fits(document: JsonValue, wanted: Sequence[tuple[str, str]]) -> bool:
    """Whether all of these values stand there."""
    return all(_written(field(document, path)) == value for path, value in wanted)


def _written(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def count(document: JsonValue, terms: str) -> int | None:
    """The whole number that the terms add up to, at least 0; None where one of them is not there and has to be."""
    sign, sum_, terms = 1, 0, terms.strip()
    if not terms:
        return None
    for word in terms.split():
        if word in "+-":
            sign = 1 if word == "+" else -1
            continue
        found = _every(document, word.removesuffix("?"))
        if found is None and not word.endswith("?"):
            return None
        sum_ += sign * (found or 0)
    return sum_ if sum_ >= 0 else None


def _every(document: JsonValue, path: str) -> int | None:
    """``*`` stands for every name there, whose counts are added. None if one is not."""
    before, star, after = path.partition(".*.")
    if not star:
        return _whole(field(document, path))
    found = field(document, before)
    counts = [_every(one, after) for one in found.values()] if isinstance(found, dict) else []
    known = [one for one in counts if one is not None]
    return sum(known) if known and len(known) == len(counts) else None


def _whole(value: JsonValue) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MOST else None


def amount(document: JsonValue, path: str) -> float | None:
    """A number that can be an amount, at least 0; None for everything else."""
    value = field(document, path)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= _MOST else None
