"""Reads the JSON Lines of a one-shot program as they come: what a person can follow, the reply, and what it used.

Pure. Which events say what is harness data (``model.harness.StreamRule``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from loop_orchestrator.harnesses import fields
from loop_orchestrator.model.brain import Usage, used
from loop_orchestrator.model.harness import OneShot, StreamRule
from loop_orchestrator.model.state import JsonValue

_ARGUMENTS = ("file_path", "path", "command", "pattern", "url", "query", "prompt")
"""What a call of a tool is about: the first of these that it has."""
_ARGUMENT_CHARS = 120
_WARNINGS = 5
"""Of those, the last are kept: a program may try again for as long as it may."""


class Stream:
    """One call; give it what the program prints, in any pieces."""

    def __init__(self, oneshot: OneShot) -> None:
        self.reply = ""
        self.failure = ""
        """what the program said about it; empty: it told of none, or went on"""
        self.said = ""
        """the events that told of it, and of the last warnings, whole: a time may stand in them"""
        self.warned = ""
        self.is_done = not any(rule.ends for rule in oneshot.events)
        """the program said so, or never does"""
        self.other = ""
        """lines that are no JSON"""
        self.events = 0
        self._rules = oneshot.events
        self._half = b""
        self._warnings: list[str] = []
        self._trouble: list[str] = []
        self._sums: dict[str, float] = {}
        self._unknown: set[str] = set()
        self._in_line = False
        self._shown_by: StreamRule | None = None
        self._last_row = ""

    @property
    def usage(self) -> Usage:
        return used(
            input_tokens=self._sum("input_tokens"),
            output_tokens=self._sum("output_tokens"),
            cached_tokens=self._sum("cached_tokens"),
            said_usd=self._sums.get("cost") if "cost" not in self._unknown else None,
        )

    def add(self, data: bytes) -> str:
        """Read on; what it says to a person."""
        *lines, self._half = (self._half + data).split(b"\n")
        return "".join(shown for line in lines for shown in self._line(line))

    def end(self) -> str:
        """Read the last line, which has no newline; what it says to a person."""
        line, self._half = self._half, b""
        return "".join(self._line(line)) + ("\n" if self._in_line else "")

    def _line(self, line: bytes) -> Iterator[str]:
        said = line.decode("utf-8", "replace").strip()
        if not said:
            return
        try:
            event: JsonValue = json.loads(said)
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict):
            self.other += said + "\n"
            yield from self._row(said)
            return
        self.events += 1
        for rule in self._rules:
            if fields.fits(event, rule.when):
                for part in _parts(event, rule):
                    yield from self._apply(rule, part)
                if rule.failure or rule.warns:
                    self._trouble = [*self._trouble, said][-_WARNINGS:]
                    self.said = "\n".join(self._trouble)

    def _apply(self, rule: StreamRule, part: JsonValue) -> Iterator[str]:
        self._count(rule, part)
        yield from self._read_reply(rule, part)
        if shown := fields.text(part, rule.shows):
            yield from self._verbatim(shown, rule)
        if told := fields.text(part, rule.tells):
            yield from self._row(told)
        if warning := fields.text(part, rule.warns):
            self._warnings = [*self._warnings, warning][-_WARNINGS:]
            self.warned = "\n".join(self._warnings)
            yield from self._row(warning)
        if tool := fields.text(part, rule.tool):
            yield from self._row(_call(tool, fields.field(part, rule.arguments)))
        if failed := fields.text(part, rule.failure):
            self.failure = failed
            yield from self._row(failed)
        self.is_done = self.is_done or rule.ends

    def _read_reply(self, rule: StreamRule, part: JsonValue) -> Iterator[str]:
        if whole := fields.text(part, rule.reply):
            self.reply, self.failure = whole, ""
        if piece := fields.text(part, rule.piece):
            self._go_on(piece)
            yield from self._verbatim(piece, rule)
        if paragraph := fields.text(part, rule.text):
            self._go_on(paragraph if not self.reply else f"\n\n{paragraph}")
            if not rule.quiet:
                yield from self._row(paragraph)

    def _go_on(self, text: str) -> None:
        """What stood there before a failure belongs to an attempt that was given up."""
        self.reply = text.lstrip("\n") if self.failure else self.reply + text
        self.failure = ""

    def _count(self, rule: StreamRule, part: JsonValue) -> None:
        for name, terms in (
            ("input_tokens", rule.input_tokens),
            ("output_tokens", rule.output_tokens),
            ("cached_tokens", rule.cached_tokens),
        ):
            if terms:
                self._add(name, fields.count(part, terms))
        if rule.cost:
            self._add("cost", fields.amount(part, rule.cost))

    def _add(self, name: str, number: float | None) -> None:
        """One that is not known makes the sum unknown."""
        if number is None:
            self._unknown.add(name)
        else:
            self._sums[name] = self._sums.get(name, 0) + number

    def _sum(self, name: str) -> int | None:
        return int(self._sums[name]) if name in self._sums and name not in self._unknown else None

    def _verbatim(self, text: str, rule: StreamRule) -> Iterator[str]:
        """What one rule shows goes on in its line; another one, as of what was thought, begins a line."""
        if self._in_line and rule is not self._shown_by:
            yield "\n"
        self._in_line, self._shown_by, self._last_row = not text.endswith("\n"), rule, ""
        yield text

    def _row(self, text: str) -> Iterator[str]:
        """A line of its own, once: some programs tell of a failure in several events."""
        if text != self._last_row:
            before, self._in_line, self._last_row = "\n" if self._in_line else "", False, text
            yield f"{before}{text}" if text.endswith("\n") else f"{before}{text}\n"


class Document:
    """One JSON document: at its end, what it answers; all of it where it holds no answer."""

    def __init__(self, oneshot: OneShot) -> None:
        self._reply = oneshot.reply
        self._data = b""

    def add(self, data: bytes) -> str:
        self._data += data
        return ""

    def end(self) -> str:
        said = self._data.decode("utf-8", "replace")
        try:
            document: JsonValue = json.loads(said)
        except (ValueError, RecursionError):
            return said
        last = document[-1] if isinstance(document, list) and document else document
        return fields.text(last, self._reply) or said


def _parts(event: JsonValue, rule: StreamRule) -> Iterator[JsonValue]:
    if not rule.each:
        yield event
        return
    found = fields.field(event, rule.each)
    for member in found if isinstance(found, list) else []:
        if fields.fits(member, rule.of):
            yield member


def _call(tool: str, arguments: JsonValue) -> str:
    """A call of a tool in one line."""
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            return f"[{tool}] {_cut(arguments if isinstance(arguments, str) else '')}"
    about = next((fields.field(arguments, name) for name in _ARGUMENTS if fields.field(arguments, name)), None)
    if isinstance(about, list):
        about = " ".join(map(str, about))
    return f"[{tool}] {_cut(about)}" if isinstance(about, str) else f"[{tool}]"


def _cut(text: str) -> str:
    return " ".join(text.split())[:_ARGUMENT_CHARS]
