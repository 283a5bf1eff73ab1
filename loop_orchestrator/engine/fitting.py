"""Cutting a prompt until it fits: parts with shorter and shorter forms, the least important part first. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from loop_orchestrator.engine.fences import UNTRUSTED, longest_run
from loop_orchestrator.model.prompt import Part, bytes_of


@dataclass(frozen=True)
class Form:
    """One way to put a part."""

    text: str
    cut: str = ""
    """what it leaves out, in words; empty: nothing"""


@dataclass(frozen=True)
class Shrinking:
    """A part of a prompt in shorter and shorter forms."""

    name: str
    last: int
    """the number of its shortest form; 0 is the whole"""
    form: Callable[[int], Form]


@dataclass(frozen=True)
class Rung:
    """How far one part is cut before the next one is."""

    name: str
    last: int
    """the number of the shortest form that is tried here"""


class Fitted:
    """The forms that were chosen."""

    def __init__(self, parts: Iterable[Shrinking]) -> None:
        self._parts = {part.name: part for part in parts}
        self._chosen = dict.fromkeys(self._parts, 0)
        self._forms: dict[tuple[str, int], Form] = {}

    def form(self, name: str) -> Form:
        """The form of a part as it now is."""
        return self._form(name, self._chosen[name])

    def part(self, name: str) -> Part:
        form = self.form(name)
        return Part(name, form.text, form.cut)

    def size(self, name: str) -> int:
        return bytes_of(self.form(name).text)

    @property
    def bytes(self) -> int:
        """Of all parts together."""
        return sum(map(self.size, self._parts))

    def choose(self, name: str, number: int) -> None:
        self._chosen[name] = number

    def shorten(self, rungs: Sequence[Rung], room: int) -> None:
        """Cut one part after the other, each no further than it must be, until all have at most ``room`` bytes.

        They may have more where every rung was tried.
        """
        for rung in rungs:
            excess = self.bytes - room
            if excess <= 0:
                return
            first, last = self._chosen[rung.name], max(rung.last, self._chosen[rung.name])
            target = self.size(rung.name) - excess
            self.choose(rung.name, self._first_within(rung.name, first, last, target))

    def _first_within(self, name: str, first: int, last: int, target: int) -> int:
        """The number of the longest form that has at most ``target`` bytes; ``last`` where none has."""
        numbers = range(first, last + 1)
        found = bisect_left(numbers, True, key=lambda number: bytes_of(self._form(name, number).text) <= target)
        return min(first + found, last)

    def _form(self, name: str, number: int) -> Form:
        if (name, number) not in self._forms:
            self._forms[name, number] = self._parts[name].form(number)
        return self._forms[name, number]


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Rows of others' text in one fence, of which the least important are cut."""

    rows: Sequence[str]
    """the most important first"""
    said: Callable[[int], str]
    """number of rows that were cut -> the sentence about them"""
    head: str = ""
    """what stands before the fence, in words of this program"""
    joint: str = "\n"
    in_order: Callable[[Sequence[str]], Sequence[str]] = field(default=lambda rows: rows)
    """the rows that are left, as they are shown"""

    def form(self, cut: int) -> Form:
        """The listing without its last rows."""
        rows = self.rows[: len(self.rows) - cut]
        sentence = self.said(cut) if cut else ""
        fence = "`" * max(3, self._run + 1)
        text = self.joint.join(self.in_order(rows)).rstrip("\n")
        shown = f"{fence}{UNTRUSTED}\n{text}\n{fence}" if rows else ""
        return Form("\n\n".join(one for one in (self.head, sentence, shown) if one), sentence)

    @cached_property
    def _run(self) -> int:
        return max(map(longest_run, self.rows), default=0)
