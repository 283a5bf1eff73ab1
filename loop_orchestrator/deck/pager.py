"""Text of any length, read-only, of which only the lines on the screen are painted."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.cells import cell_len, get_character_cell_size
from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from loop_orchestrator.deck.text import MOST_CHARS, harmless

Line = tuple[str, str]
"""Text of one line of the screen, and its component class."""

StyleOf = Callable[[str], str]
"""The component class of a line: ``pager--added``, ``pager--removed``, ``pager--head``, ``pager--quiet`` or plain."""


def plain(line: str) -> str:  # noqa: ARG001 - one of several
    return "pager--plain"


def of_diff(line: str) -> str:
    """The class of a line of a diff; its sign stands in the text as well."""
    if line.startswith(("diff ", "--- ", "+++ ", "@@", "??")):
        return "pager--head"
    signs = {"+": "pager--added", "-": "pager--removed"}
    return signs.get(line[:1], "pager--plain")


class Pager(ScrollView, can_focus=True):
    """Shows a text; what agents wrote in it is only text. Arrows, PgUp, PgDn, Home and End move."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "pager--plain",
        "pager--added",
        "pager--removed",
        "pager--head",
        "pager--quiet",
    }
    DEFAULT_CSS = """
    Pager { height: 1fr; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 1; }
    Pager > .pager--added { color: $text-success; }
    Pager > .pager--removed { color: $text-error; }
    Pager > .pager--head { text-style: bold; }
    Pager > .pager--quiet { color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "scroll_up", "Up", show=False),
        Binding("j", "scroll_down", "Down", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._text = ""
        self._wraps = True
        self._style_of: StyleOf = plain
        self._lines: tuple[Line, ...] = ()
        self._laid_out_for = 0

    @property
    def text(self) -> str:
        """what is shown, as it was given"""
        return self._text

    def show(self, text: str, *, wraps: bool = True, style_of: StyleOf = plain, at_end: bool = False) -> None:
        """Put this text in the place of what is shown.

        wraps: a line that is too long goes on in the next; else it is to be scrolled to. at_end: its end is shown,
        unless a person scrolled away from it.
        """
        width = self.scrollable_content_region.width
        if (text, wraps, style_of, width) == (self._text, self._wraps, self._style_of, self._laid_out_for):
            return
        stays = at_end and self.scroll_offset.y < self.max_scroll_y
        self._text, self._wraps, self._style_of = text, wraps, style_of
        self._lay_out(width)
        if at_end and not stays:
            self.call_after_refresh(self.scroll_end, animate=False, force=True)

    def to_top(self) -> None:
        self.scroll_to(0, 0, animate=False, force=True)

    def on_resize(self) -> None:
        width = self.scrollable_content_region.width
        if width != self._laid_out_for:
            self._lay_out(width)

    def render_line(self, y: int) -> Strip:
        width, (left, top) = self.size.width, self.scroll_offset
        place = top + y
        text, style = self._lines[place] if place < len(self._lines) else ("", "pager--plain")
        strip = Strip([Segment(text, self.get_component_rich_style(style))])
        return strip.crop_extend(left, left + width, self.get_component_rich_style("pager--plain"))

    def _lay_out(self, width: int) -> None:
        self._laid_out_for = width
        before = self._lines
        lines: list[Line] = []
        for line in _harmless_lines(self._text):
            style = self._style_of(line)
            parts = wrapped(line, width) if self._wraps and width > 0 else [line]
            lines += [(part, style) for part in parts]
        self._lines = tuple(lines)
        widest = max((cell_len(text) for text, _ in lines), default=0) if not self._wraps else width
        self.virtual_size = Size(max(width, widest), len(lines))
        top = self.scroll_offset.y
        for place in range(top, top + self.size.height):
            old = before[place] if place < len(before) else None
            new = lines[place] if place < len(lines) else None
            if old != new:
                self.refresh_lines(place)


def _harmless_lines(text: str) -> list[str]:
    """Line by line, since most lines hold nothing that has to be looked at twice."""
    if not text:
        return []
    lines = [harmless(line).plain for line in text[:MOST_CHARS].split("\n")]
    return lines if len(text) <= MOST_CHARS else [*lines, f"[{len(text) - MOST_CHARS} more characters are not shown]"]


def wrapped(line: str, width: int) -> list[str]:
    """The line in parts of at most so many cells, parted at spaces where there are any; its blanks stay in front."""
    if line.isascii() and len(line) <= width:
        return [line]
    parts, start = [], 0
    while start < len(line):
        head = line[start : start + width]
        if not head.isascii():
            head = _fitting(head, width)
        end = start + len(head)
        space = head.rstrip(" ").rfind(" ")
        if space > 0 and end < len(line) and line[end] != " " and head[-1] != " " and head[:space].strip():
            end = start + space + 1
        parts.append(line[start:end].rstrip(" "))
        start = end
        while start < len(line) and line[start] == " ":
            start += 1
    return parts or [""]


def _fitting(text: str, width: int) -> str:
    """The beginning that takes at most so many cells, one character at least."""
    total = 0
    for place, char in enumerate(text):
        total += get_character_cell_size(char)
        if total > width and place:
            return text[:place]
    return text
