"""A long text of any size, whole: every character of it can be reached, and only the lines in sight are painted."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from loop_orchestrator.deck.text import safe
from loop_orchestrator.plaintext import cells

LINES_KEPT = 256
"""Texts whose folding is remembered: those of a decision with eight actions, several times over."""

MARKS_IN_A_LINE = 4
"""Characters for each cell of a line, at most: letters can bear any number of marks that take no cell."""


WIDEST = 2
"""Cells that one character takes at most."""


@dataclass(frozen=True)
class Part:
    """A text with a look of its own: ``page--person``, ``page--failure``, ``page--quiet``, or none."""

    text: str
    style: str = ""
    indent: int = 0
    """cells before each of its lines"""


@dataclass(frozen=True)
class Block:
    """Parts that belong together; a bar stands beside them."""

    key: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class _Run:
    """The lines of one part, as they stand on the page."""

    start: int
    lines: tuple[str, ...]
    part: Part
    key: str


class Page(ScrollView, can_focus=True):
    """Blocks one below the other, an empty line between them. One may be the chosen one."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "page--text",
        "page--person",
        "page--failure",
        "page--quiet",
        "page--bar",
        "page--chosen",
    }
    DEFAULT_CSS = """
    Page { height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    Page > .page--text { color: $foreground; }
    Page > .page--person { color: $text-warning; text-style: bold; }
    Page > .page--failure { color: $text-error; text-style: bold; }
    Page > .page--quiet { color: $text-muted; }
    Page > .page--bar { color: $panel-lighten-2; }
    Page > .page--chosen { color: $accent; text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll_up", "Up", show=False),
        Binding("down", "scroll_down", "Down", show=False),
        Binding("pageup", "page_up", "Page up", show=False),
        Binding("pagedown", "page_down", "Page down", show=False),
        Binding("home", "scroll_home", "Top", show=False),
        Binding("end", "scroll_end", "End", show=False),
    ]

    class Folded(Message):
        """The text stands in other lines than before."""

    def __init__(self, blocks: Sequence[Block] = (), *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._blocks = tuple(blocks)
        self._runs: tuple[_Run, ...] = ()
        self._count = 0
        self._chosen = ""

    def show(self, blocks: Sequence[Block], chosen: str = "") -> None:
        """Put these in the place of what is shown; lines that stay the same are not painted."""
        if (tuple(blocks), chosen) == (self._blocks, self._chosen):
            return
        self._blocks, self._chosen = tuple(blocks), chosen
        self._fold()
        self.refresh()

    def on_resize(self) -> None:
        self._fold()

    def go_to(self, key: str) -> None:
        """Bring the first line of this block into sight, as high as it gets."""
        for run in self._runs:
            if run.key == key:
                self.scroll_to(y=run.start, animate=False, force=True)
                return

    @property
    def in_sight(self) -> tuple[int, int, int]:
        """The first and the last line that is shown, counted from 1, and how many there are."""
        top = int(self.scroll_offset.y)
        return min(top + 1, self._count), min(top + self.size.height, self._count), self._count

    def action_page_up(self) -> None:
        self.scroll_page_up(animate=False)

    def action_page_down(self) -> None:
        self.scroll_page_down(animate=False)

    def action_scroll_up(self) -> None:
        self.scroll_up(animate=False)

    def action_scroll_down(self) -> None:
        self.scroll_down(animate=False)

    def action_scroll_home(self) -> None:
        self.scroll_home(animate=False)

    def action_scroll_end(self) -> None:
        self.scroll_end(animate=False)

    def render_line(self, y: int) -> Strip:
        width, place = self.size.width, y + int(self.scroll_offset.y)
        base = self.get_component_rich_style("page--text")
        if place >= self._count:
            return Strip([Segment(" " * width, base)], width)
        run = self._runs[bisect_right(self._runs, place, key=lambda one: one.start) - 1]
        text = " " * run.part.indent + run.lines[place - run.start]
        look = self.get_component_rich_style(run.part.style) if run.part.style else base
        bar, bar_look = self._bar(run.key, base)
        rest = max(0, width - len(bar) - cells(text))
        return Strip([Segment(bar, bar_look), Segment(text, look), Segment(" " * rest, base)], width)

    def _bar(self, key: str, base: Style) -> tuple[str, Style]:
        if not key:
            return "  ", base
        if key == self._chosen:
            return "█ ", self.get_component_rich_style("page--chosen")
        return "│ ", self.get_component_rich_style("page--bar")

    def _fold(self) -> None:
        # A scrollbar that comes and goes changes the width, which would fold everything anew: its cell stays free.
        width = self.container_size.width or self.size.width
        if not width:
            return
        runs: list[_Run] = []
        start = 0
        for number, block in enumerate(self._blocks):
            for part in (*((Part(""),) if number else ()), *block.parts):
                lines = folded(part.text, max(8, width - 3 - part.indent))
                runs.append(_Run(start, lines, part, block.key if part.text else ""))
                start += len(lines)
        self._runs, self._count = tuple(runs), start
        self.virtual_size = Size(self.size.width, start)
        self.post_message(self.Folded())


@lru_cache(maxsize=LINES_KEPT)
def folded(text: str, width: int) -> tuple[str, ...]:
    """The text as lines of at most this many cells, cut between words where that is possible; nothing is left out."""
    found: list[str] = []
    for line in safe(text).split("\n"):
        if len(line) <= width and line.isascii():
            found.append(line)
        else:
            found.extend(_pieces(line, width))
    return tuple(found)


def _pieces(line: str, width: int) -> Iterator[str]:
    place, end = 0, len(line)
    plain = line.isascii()
    while True:
        reach = width if plain else _reach(line, place, width)
        if place + reach >= end:
            yield line[place:]
            return
        space = line.rfind(" ", place, place + reach)
        stop = space + 1 if space > place else place + reach
        yield line[place:stop]
        place = stop


def _reach(line: str, place: int, width: int) -> int:
    """How many characters from this place on take at most this many cells; at least one."""
    stop = min(len(line), place + MARKS_IN_A_LINE * width)
    here, left = place, width
    while left >= WIDEST and here < stop:
        chunk = line[here : min(stop, here + left // WIDEST)]
        left -= sum(map(_cells, chunk))
        here += len(chunk)
    while here < stop and (left := left - _cells(line[here])) >= 0:
        here += 1
    return max(1, here - place)


@lru_cache(maxsize=4096)
def _cells(char: str) -> int:
    return cells(char)
