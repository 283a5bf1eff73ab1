"""The lanes: what each one is, does and costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from loop_orchestrator.deck.panels.sides import NOT_KNOWN, restarts_in_short, tasks_by_lane
from loop_orchestrator.deck.rows import GAP, Column, Row, Rows
from loop_orchestrator.deck.words import BEING_READ, SIGNS, STYLES, age
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.plaintext import cells

if TYPE_CHECKING:
    from datetime import datetime

    from loop_orchestrator.deck.picture import Picture
    from loop_orchestrator.model.lane import Lane
    from loop_orchestrator.model.restart import RestartNote

NONE = "No lane runs. n adds one; loop up boots those of the config."

Order = str | float
"""What a cell is sorted by."""


@dataclass(frozen=True)
class _Facts:
    """All that a row is made from; as long as they are the same, so is the row."""

    lane: Lane
    since: datetime | None
    age: str
    task: str
    restarts: RestartNote | None
    branch: str

    @property
    def attempt(self) -> float:
        return float(self.restarts.attempt) if self.restarts is not None else 0.0


@dataclass(frozen=True)
class _Field:
    """One column that the fleet may have."""

    title: str
    most: int
    """cells it takes at most, where it is not the last one"""
    text: Callable[[_Facts], str]
    order: Callable[[_Facts], Order] | None = None
    """None: by its text"""


FIELDS: tuple[_Field, ...] = (
    _Field("LANE", 14, lambda facts: facts.lane.name),
    _Field("STATE", 14, lambda facts: f"{SIGNS[facts.lane.state.word]} {facts.lane.state.detail.value}"),
    _Field("FOR", 4, lambda facts: facts.age, order=lambda facts: -facts.since.timestamp() if facts.since else -inf),
    _Field(
        "SURE",
        4,
        lambda facts: f"{facts.lane.state.confidence:.0%}",
        order=lambda facts: facts.lane.state.confidence,
    ),
    _Field("TASK", 11, lambda facts: facts.task),
    _Field("ROLE", 14, lambda facts: facts.lane.record.spec.role),
    _Field("RUNS", 12, lambda facts: facts.lane.record.spec.harness or facts.lane.record.spec.cmd),
    _Field("RST", 3, lambda facts: restarts_in_short(facts.restarts), order=lambda facts: facts.attempt),
    _Field("TOK", 3, lambda _: NOT_KNOWN),
    _Field("BRANCH", 30, lambda facts: facts.branch),
)
"""In the order in which they stand; no program of a lane says how many tokens it took."""

_FIRST_TO_GO = ("TOK", "ROLE", "RST", "RUNS", "SURE", "BRANCH", "TASK", "FOR")
"""Where they do not all fit; what the chosen lane has there stands in its panel."""

_SQUEEZED = {"LANE": 10, "ROLE": 8, "RUNS": 8, "BRANCH": 8, "TASK": 5}
"""Cells to which a column is squeezed before one is left out."""


@dataclass
class _Line:
    """One lane as it stands in the table."""

    facts: _Facts
    texts: Mapping[str, str]
    """title -> what its column says"""
    widths: Mapping[str, int]
    """title -> cells, at most those that the column takes"""
    row: Row | None = None


class Fleet(Rows):
    """One row for each lane; the chosen one is looked at closely beside it."""

    def __init__(self) -> None:
        super().__init__([Column(one.title, one.most) for one in FIELDS], empty=BEING_READ, id="fleet")
        self._picture: Picture | None = None
        self._lines: Mapping[str, _Line] = {}
        """lane -> its line, from the last picture"""
        self._fields: tuple[_Field, ...] = ()
        """those of the rows in ``_lines``"""

    def paint(self, picture: Picture) -> None:
        """Show the lanes of this picture; the row of a lane that is as it was is the one that it had."""
        self._picture = picture
        lanes = picture.status.lanes
        if isinstance(lanes, Unknown):
            self.show([], empty=f"The lanes cannot be seen: {lanes.reason}")
            return
        self._lines = {facts.lane.name: self._line(facts) for facts in _facts_of(lanes, picture)}
        lines = self._lines.values()
        widest = {one.title: max((line.widths[one.title] for line in lines), default=0) for one in FIELDS}
        columns = fitting(widest, self.size.width)
        self.reshape(columns)
        shown = {column.title for column in columns}
        fields = tuple(one for one in FIELDS if one.title in shown)
        for line in lines:
            if line.row is None or fields != self._fields:
                line.row = _row(line, fields)
        self._fields = fields
        self.show([line.row for line in lines if line.row is not None], empty=NONE)

    def _line(self, facts: _Facts) -> _Line:
        line = self._lines.get(facts.lane.name)
        if line is not None and line.facts == facts:
            return line
        texts = {one.title: one.text(facts) for one in FIELDS}
        return _Line(facts, texts, {one.title: min(one.most, cells(texts[one.title])) for one in FIELDS})

    def on_resize(self) -> None:
        super().on_resize()
        if self._picture is not None:
            self.paint(self._picture)


def _facts_of(lanes: Sequence[Lane], picture: Picture) -> Iterator[_Facts]:
    now, tasks = picture.status.generated_at, tasks_by_lane(picture)
    for lane in lanes:
        name, since = lane.name, picture.since.get(lane.name)
        yield _Facts(
            lane=lane,
            since=since,
            age=age(now, since),
            task="?" if tasks is None else tasks.get(name, ""),
            restarts=picture.status.restarts.get(name),
            branch=picture.branches.get(name, ""),
        )


def fitting(widest: dict[str, int], width: int) -> tuple[Column, ...]:
    """The columns that stand side by side in so many cells, as wide as their texts need.

    widest: title -> cells that its widest text takes. Columns are squeezed before any is left out.
    """
    kept = {one.title: max(len(one.title), widest[one.title]) for one in FIELDS}
    for title in (None, *_FIRST_TO_GO):
        if title is not None:
            kept.pop(title)
        if _needs(kept) <= width:
            break
        squeezed = {name: min(cell, _SQUEEZED.get(name, cell)) for name, cell in kept.items()}
        if _needs(squeezed) <= width:
            kept = _grown(squeezed, kept, width - _needs(squeezed))
            break
    return tuple(Column(title, cell) for title, cell in kept.items())


def _needs(columns: dict[str, int]) -> int:
    return sum(columns.values()) + GAP * (len(columns) - 1)


def _grown(squeezed: dict[str, int], wanted: dict[str, int], left: int) -> dict[str, int]:
    """What is left over goes to the squeezed columns, from the left."""
    found = {}
    for title, cell in squeezed.items():
        more = min(left, wanted[title] - cell)
        found[title], left = cell + more, left - more
    return found


def _row(line: _Line, fields: Sequence[_Field]) -> Row:
    facts, texts = line.facts, line.texts
    return Row(
        key=facts.lane.name,
        cells=tuple(texts[one.title] for one in fields),
        style=STYLES.get(facts.lane.state.word, ""),
        order=tuple(one.order(facts) if one.order else texts[one.title].casefold() for one in fields),
    )
