"""A table that paints a row only when its text changed, however many there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from loop_orchestrator.plaintext import cells, cut, shown

GAP = 2
"""Cells between two columns."""

FILTERED = "No row has these words; Esc shows all."


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    title: str
    width: int
    """cells; the last column takes what is left"""


@dataclass(frozen=True)
class Row:
    """One line of a table. Its texts may hold anything an agent wrote."""

    key: str
    """which thing it is; unique in its table"""
    cells: tuple[str, ...]
    style: str = ""
    """component class of the row: ``rows--person``, ``rows--failure``, ``rows--quiet``, or none"""
    order: tuple[str | float, ...] = field(default=())
    """what each column is sorted by, where the text itself says it wrongly"""


class Rows(ScrollView, can_focus=True):
    """Rows under a headline. ``show`` puts others in their place; the chosen one stays chosen by its key."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "rows--head",
        "rows--row",
        "rows--chosen",
        "rows--person",
        "rows--failure",
        "rows--quiet",
    }
    DEFAULT_CSS = """
    Rows { height: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1; }
    Rows > .rows--head { color: $text-muted; text-style: bold; }
    Rows > .rows--row { color: $foreground; }
    Rows > .rows--chosen { background: $surface-lighten-1; }
    Rows:focus > .rows--chosen { background: $block-cursor-background; color: $block-cursor-foreground; }
    Rows > .rows--person { color: $text-warning; text-style: bold; }
    Rows > .rows--failure { color: $text-error; }
    Rows > .rows--quiet { color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "move(-1000000)", "First", show=False),
        Binding("end", "move(1000000)", "Last", show=False),
        Binding("enter", "choose", "Open"),
        Binding("o", "sort", "Sort", show=False),
    ]

    class Moved(Message):
        """Another row is the chosen one."""

        def __init__(self, rows: Rows, key: str) -> None:
            super().__init__()
            self.rows = rows
            self.key = key

        @property
        def control(self) -> Rows:
            return self.rows

    class Chosen(Message):
        """A person wants to see the whole of a row."""

        def __init__(self, rows: Rows, key: str) -> None:
            super().__init__()
            self.rows = rows
            self.key = key

        @property
        def control(self) -> Rows:
            return self.rows

    def __init__(self, columns: Sequence[Column], *, empty: str, id: str | None = None) -> None:
        """empty: what stands there when there is no row."""
        super().__init__(id=id)
        self._columns = tuple(columns)
        self._empty = self._says = empty
        self._all: Sequence[Row] = ()
        self._rows: Sequence[Row] = ()
        self._place = 0
        self._sorted_by: int | None = None
        self._filter: Callable[[Row], bool] | None = None

    @property
    def key(self) -> str:
        """Of the chosen row; empty: there is none."""
        return self._rows[self._place].key if self._rows else ""

    def show(self, rows: Sequence[Row], *, empty: str | None = None) -> None:
        """Put these in the place of what is shown; lines that stay the same are not painted.

        rows: kept, so nobody may change them after; the same ones again cost nothing.
        """
        said, self._empty = self._empty, self._empty if empty is None else empty
        if rows is not self._all or said != self._empty:
            self._all = rows
            self._arrange()

    def filter_by(self, words: str) -> None:
        """Show only rows that have all these words, in any case; empty: every row."""
        wanted = words.casefold().split()

        def has(row: Row) -> bool:
            text = " ".join(row.cells).casefold()
            return all(word in text for word in wanted)

        self._filter = has if wanted else None
        self._arrange()

    def reshape(self, columns: Sequence[Column]) -> None:
        """Have these columns from now on; the rows for them are shown next. The order stays, if its column does."""
        if tuple(columns) == self._columns:
            return
        by = None if self._sorted_by is None else self._columns[self._sorted_by].title
        titles = [column.title for column in columns]
        self._columns = tuple(columns)
        self._sorted_by = titles.index(by) if by in titles else None
        self.refresh()

    def go_to(self, key: str) -> None:
        """Choose the row of this key, if it is shown."""
        for place, row in enumerate(self._rows):
            if row.key == key:
                self._choose(place)

    def action_move(self, by: int) -> None:
        self._choose(self._place + by)

    def action_page(self, by: int) -> None:
        self._choose(self._place + by * max(1, self.size.height - 2))

    def action_choose(self) -> None:
        if self._rows:
            self.post_message(self.Chosen(self, self.key))

    def action_sort(self) -> None:
        """By the next column, and after the last one in the order in which the rows were given."""
        number = 0 if self._sorted_by is None else self._sorted_by + 1
        self._sorted_by = number if number < len(self._columns) else None
        self._arrange()
        self.refresh(Region(0, 0, self.size.width, 1))

    async def _on_click(self, event: object) -> None:
        place = int(getattr(event, "y", 0)) - 1 + self.scroll_offset.y
        if 0 <= place < len(self._rows):
            if place == self._place:
                self.action_choose()
            self._choose(place)

    def on_resize(self) -> None:
        self._measure()

    def render_line(self, y: int) -> Strip:
        """The headline stays where it is; the rows scroll below it."""
        width = self.size.width
        if y == 0:
            return self._strip(self._head(), self.get_component_rich_style("rows--head"), width)
        place = y - 1 + self.scroll_offset.y
        base = self.get_component_rich_style("rows--row")
        if not self._rows:
            quiet = self.get_component_rich_style("rows--quiet")
            return self._strip(self._says if y == 1 else "", quiet, width)
        if place >= len(self._rows):
            return self._strip("", base, width)
        row = self._rows[place]
        style = self.get_component_rich_style(row.style) if row.style else base
        if place == self._place:
            style += self.get_component_rich_style("rows--chosen")
        return self._strip(self._text(row.cells), style, width)

    def _strip(self, text: str, style: Style, width: int) -> Strip:
        text = cut(text, width) if width > 0 else ""
        return Strip([Segment(text + " " * max(0, width - cells(text)), style)], width)

    def _head(self) -> str:
        titles = [column.title for column in self._columns]
        if self._sorted_by is not None:
            by = self._columns[self._sorted_by]
            titles[self._sorted_by] = f"{by.title[: by.width - 1]}▾"
        return self._text(tuple(titles))

    def _text(self, texts: tuple[str, ...]) -> str:
        found = []
        for text, column in zip(texts, self._columns, strict=True):
            flat = shown(text[: 4 * max(column.width, self.size.width)])
            if column is self._columns[-1]:
                found.append(flat)
            else:
                kept = cut(flat, column.width)
                found.append(kept + " " * (column.width - cells(kept)))
        return (" " * GAP).join(found)

    def _arrange(self) -> None:
        """Filter and sort; paint the lines that differ from those that are shown."""
        rows: Sequence[Row] = self._all if self._filter is None else [row for row in self._all if self._filter(row)]
        if self._sorted_by is not None:
            rows = sorted(rows, key=partial(_rank, column=self._sorted_by))
        key, before, was = self.key, self._rows, self._place
        self._rows = rows
        found = (place for place, row in enumerate(rows) if row.key == key)
        self._place = next(found if key else iter(()), min(was, max(0, len(rows) - 1)))
        if len(before) != len(rows):
            self._measure()
        top = self.scroll_offset.y
        for y in range(self.size.height - 1):
            place = top + y
            old = before[place] if place < len(before) else None
            new = rows[place] if place < len(rows) else None
            if old != new or (place in (was, self._place) and was != self._place):
                self._paint(place)
        says = "" if rows else FILTERED if self._all else self._empty
        if says != self._says:
            self._says = says
            self.refresh()
        if self.key != key:
            self.post_message(self.Moved(self, self.key))

    def _choose(self, place: int) -> None:
        place = max(0, min(place, len(self._rows) - 1))
        if place == self._place or not self._rows:
            return
        was, self._place = self._place, place
        self._paint(was)
        self._paint(place)
        shown_rows, top = max(1, self.size.height - 1), self.scroll_offset.y
        if place < top:
            self.scroll_to(y=place, animate=False, force=True)
        elif place >= top + shown_rows:
            self.scroll_to(y=place - shown_rows + 1, animate=False, force=True)
        self.post_message(self.Moved(self, self.key))

    def _paint(self, place: int) -> None:
        self.refresh(Region(0, place - self.scroll_offset.y + 1, self.size.width, 1))

    def _measure(self) -> None:
        """Tell the scrollbar how many rows there are; only where it comes or goes is the screen laid out anew."""
        size, was = Size(self.size.width, len(self._rows) + 1), self.virtual_size
        if (was.height > self.size.height) != (size.height > self.size.height) or not was.height:
            self.virtual_size = size
        elif size != was:
            self.set_reactive(Rows.virtual_size, size)
            self._scroll_update(size)


def _rank(row: Row, column: int) -> tuple[int, float, str]:
    """Numbers by their size and before every text; texts in any case."""
    value = row.order[column] if row.order else row.cells[column]
    if isinstance(value, str):
        digits = value.rstrip("%")
        if not (digits.isascii() and digits.isdecimal() and len(digits) < 16):
            return 1, 0.0, value.casefold()
        value = int(digits)
    return 0, float(value), ""
