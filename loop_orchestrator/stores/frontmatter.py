"""Front matter: YAML between two ``---`` lines, then the body, which is kept as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue


# Patterns stand here as text and are compiled by re at their first use: most commands read no front matter.
_FENCE = r"---[ \t]*\r?$"
_SIMPLE = r"""(?x)(?P<key>[A-Za-z_][A-Za-z0-9_]*):(?:[ ]+(?:
        (?P<plain>[A-Za-z](?:[A-Za-z0-9 _./@()-]*[A-Za-z0-9_./@()-])?)
        |'(?P<single>[ -&(-~]*)'
        |"(?P<double>[ !#-\[\]-~]*)"
    ))[ ]*"""
"""One line that YAML can only read as this key with this text; everything else is left to the YAML reader."""
_NO_TEXT = frozenset({"true", "false", "null"})
_ONE_LINE = r"([A-Za-z_][A-Za-z0-9_]*):[ \t]+(\S.*?)[ \t]*"


@dataclass(frozen=True)
class FrontMatter:
    """A text taken apart."""

    data: Mapping[str, JsonValue]
    body: str
    """everything after the line break of the closing fence"""


def split(text: str) -> FrontMatter:
    """Take a text apart. A BOM, CRLF and blanks behind a fence are fine.

    Raises ValueError, naming the line, if there is no front matter or it is no YAML mapping. Imports the YAML reader
    only for what is not ``key: plain text``.
    """
    header, body = _cut(text)
    data = _simple(header)
    return FrontMatter(_yaml(header) if data is None else data, body)


def split_one_line_texts(text: str) -> FrontMatter:
    """Take apart a text whose front matter is ``key: text`` lines that YAML need not take, as people write
    ``subject: Re: build``. Raises ValueError, naming the line.
    """
    header, body = _cut(text)
    data: dict[str, JsonValue] = {}
    for number, line in enumerate(header, start=2):
        found = re.fullmatch(_ONE_LINE, line)
        if line and (found is None or found[1] in data):
            raise ValueError(f"line {number}: not one new key with one text")
        if found:
            data[found[1]] = found[2]
    return FrontMatter(data, body)


def join(data: Mapping[str, JsonValue], body: str) -> str:
    """The text that ``split`` takes apart into this. Raises ValueError for a lone surrogate."""
    from loop_orchestrator.yamltext import dump

    return f"---\n{dump(dict(data)) if data else ''}---\n{body}"


def _cut(text: str) -> tuple[list[str], str]:
    """The lines between the fences, without line breaks, and the body."""
    rest = text.removeprefix("\ufeff")
    lines: list[str] = []
    place = 0
    while place < len(rest):
        end = rest.find("\n", place)
        line = rest[place : len(rest) if end < 0 else end]
        place = len(rest) if end < 0 else end + 1
        if re.match(_FENCE, line):
            if lines:
                return lines[1:], rest[place:]
        elif not lines:
            break
        lines.append(line.removesuffix("\r"))
    if not lines:
        raise ValueError("line 1: no front matter: the first line is not ---")
    raise ValueError(f"line {len(lines)}: the front matter has no closing --- line")


def _simple(header: list[str]) -> dict[str, JsonValue] | None:
    data: dict[str, JsonValue] = {}
    for line in header:
        found = re.fullmatch(_SIMPLE, line)
        if found is None or found["key"] in data or {found["key"].lower(), (found["plain"] or "").lower()} & _NO_TEXT:
            return None
        data[found["key"]] = found["plain"] or found["single"] or found["double"] or ""
    return data


def _yaml(header: list[str]) -> dict[str, JsonValue]:
    from loop_orchestrator.yamltext import YamlProblem, parse, to_plain

    try:
        value = to_plain(parse("\n".join(header) + "\n"))
    except YamlProblem as problem:
        raise ValueError(f"line {problem.line + 1}: {problem.message}") from problem
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError("line 2: the front matter is no list of keys")
    return value
