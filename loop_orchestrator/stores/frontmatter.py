"""Front matter: YAML between two ``---`` lines, then the body, which is kept as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
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


class FrontMatterProblem(ValueError):
    """The text has no front matter that can be read. ``line`` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line
        self.message = message


@dataclass(frozen=True)
class FrontMatter:
    """A text taken apart."""

    data: Mapping[str, JsonValue]
    body: str
    """everything after the line break of the closing fence"""


def split(text: str) -> FrontMatter:
    """Take a text apart. A BOM, CRLF and blanks behind a fence are fine.

    Raises FrontMatterProblem if there is no front matter or it is no YAML mapping. Imports the YAML reader only for
    what is not ``key: plain text``.
    """
    header, body = _cut(text)
    data = _simple(header)
    return FrontMatter(_yaml(header) if data is None else data, body)


def split_one_line_texts(text: str) -> FrontMatter:
    """Take apart a text whose front matter is ``key: text`` lines that YAML need not take, as people write
    ``subject: Re: build``. Raises FrontMatterProblem.
    """
    header, body = _cut(text)
    data: dict[str, JsonValue] = {}
    for number, line in enumerate(header, start=2):
        found = re.fullmatch(_ONE_LINE, line)
        if line and (found is None or found[1] in data):
            raise FrontMatterProblem(number, "not one new key with one text")
        if found:
            data[found[1]] = found[2]
    return FrontMatter(data, body)


def join(data: Mapping[str, JsonValue], body: str) -> str:
    """The text that ``split`` takes apart into this. Raises ValueError for a lone surrogate."""
    from loop_orchestrator.yamltext import dump

    return f"---\n{dump(dict(data)) if data else ''}---\n{body}"


def key_lines(text: str) -> dict[str, int]:
    """Key of the front matter -> the line of the text on which it stands, from 1. Raises FrontMatterProblem."""
    from loop_orchestrator.yamltext import Mapping as YamlMapping
    from loop_orchestrator.yamltext import YamlProblem, parse

    header, _ = _cut(text)
    try:
        node = parse("\n".join(header) + "\n")
    except YamlProblem as problem:
        raise FrontMatterProblem(problem.line + 1, problem.message) from problem
    return {key: mark.line + 1 for key, mark, _ in node.entries} if isinstance(node, YamlMapping) else {}


def header_of(text: str, front: FrontMatter) -> str:
    """The text as far as the closing fence, that line included."""
    return text[: len(text) - len(front.body)]


def with_values(text: str, values: Mapping[str, str]) -> str:
    """The text with other values under some keys and not one other byte changed; a comment behind a value stays.

    A key that is not there gets a line before the closing fence. Raises ValueError where that cannot be done: for a
    value of several lines, a key in quotes, a value that is no plain text.
    """
    before = split(text)
    header = header_of(text, before)
    newline = "\r\n" if re.match(r"[^\n]*\r\n", header) else "\n"
    for key, value in values.items():
        line = rf"(?m)^({re.escape(key)}[ \t]*:)[ \t]*[^#\r\n]*?([ \t]+#[^\r\n]*)?(\r?)$"
        place = re.search(line, header)
        if place:
            changed = f"{place[1]} {value}{place[2] or ''}{place[3]}"
            header = header[: place.start()] + changed + header[place.end() :]
        else:
            fence = header.rindex("---")
            header = header[:fence] + f"{key}: {value}{newline}" + header[fence:]
    with suppress(FrontMatterProblem):
        after = split(header + before.body)
        if {**before.data, **values} == dict(after.data) and before.body == after.body:
            return header + before.body
    raise ValueError(f"{' and '.join(values)} cannot be changed, each on a line of its own")


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
        raise FrontMatterProblem(1, "no front matter: the first line is not ---")
    raise FrontMatterProblem(len(lines), "the front matter has no closing --- line")


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
        raise FrontMatterProblem(problem.line + 1, problem.message) from problem
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise FrontMatterProblem(2, "the front matter is no list of keys")
    return value
