"""The lanes: what each one is, does and costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loop_orchestrator.deck.panels.sides import NOT_KNOWN, restarts_of, task_of
from loop_orchestrator.deck.rows import GAP, Column, Row, Rows
from loop_orchestrator.deck.words import SIGNS, STYLES, age
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.plaintext import cells

if TYPE_CHECKING:
    from loop_orchestrator.deck.picture import Picture
    from loop_orchestrator.model.lane import Lane

NONE = "No lane runs. n adds one; loop up boots those of the config."

Order = str | float
"""What a cell is sorted by."""


@dataclass(frozen=True)
class _Field:
    """One column that the fleet may have."""

    title: str
    most: int
    """cells it takes at most, where it is not the last one"""
    text: Callable[[Lane, Picture], str]
    order: Callable[[Lane, Picture], Order] | None = None
    """None: by its text"""


def _for_s(lane: Lane, picture: Picture) -> float:
    since = picture.since.get(lane.name)
    return (picture.status.generated_at - since).total_seconds() if since else -1.0


def _restarts(lane: Lane, picture: Picture) -> float:
    note = picture.status.restarts.get(lane.name)
    return float(note.attempt) if note is not None else 0.0


FIELDS: tuple[_Field, ...] = (
    _Field("LANE", 14, lambda lane, _: lane.name),
    _Field("STATE", 14, lambda lane, _: f"{SIGNS[lane.state.word]} {lane.state.detail.value}"),
    _Field(
        "FOR", 4, lambda lane, picture: age(picture.status.generated_at, picture.since.get(lane.name)), order=_for_s
    ),
    _Field(
        "SURE",
        4,
        lambda lane, _: f"{lane.state.confidence:.0%}",
        order=lambda lane, _: lane.state.confidence,
    ),
    _Field("TASK", 11, lambda lane, picture: task_of(lane.name, picture)),
    _Field("ROLE", 14, lambda lane, _: lane.record.spec.role),
    _Field("RUNS", 12, lambda lane, _: lane.record.spec.harness or lane.record.spec.cmd),
    _Field("RST", 3, lambda lane, picture: restarts_of(lane.name, picture), order=_restarts),
    _Field("TOK", 3, lambda _, __: NOT_KNOWN),
    _Field("BRANCH", 30, lambda lane, picture: picture.branches.get(lane.name, "")),
)
"""In the order in which they stand; no program of a lane says how many tokens it took."""

_FIRST_TO_GO = ("TOK", "ROLE", "RST", "RUNS", "SURE", "BRANCH", "TASK", "FOR")
"""Where they do not all fit; what the chosen lane has there stands in its panel."""

_SQUEEZED = {"LANE": 10, "ROLE": 8, "RUNS": 8, "BRANCH": 8, "TASK": 5}
"""Cells to which a column is squeezed before one is left out."""


class Fleet(Rows):
    """One row for each lane; the chosen one is looked at closely beside it."""

    def __init__(self) -> None:
        super().__init__([Column(one.title, one.most) for one in FIELDS], empty=NONE, id="fleet")
        self._picture: Picture | None = None

    def paint(self, picture: Picture) -> None:
        self._picture = picture
        lanes = picture.status.lanes
        if isinstance(lanes, Unknown):
            self.show([], empty=f"The lanes cannot be seen: {lanes.reason}")
            return
        texts = [{one.title: one.text(lane, picture) for one in FIELDS} for lane in lanes]
        widest = {one.title: max((min(one.most, cells(row[one.title])) for row in texts), default=0) for one in FIELDS}
        columns = fitting(widest, self.size.width)
        self.reshape(columns)
        fields = [one for one in FIELDS if any(one.title == column.title for column in columns)]
        self.show([_row(lane, picture, text, fields) for lane, text in zip(lanes, texts, strict=True)], empty=NONE)

    def on_resize(self) -> None:
        super().on_resize()
        if self._picture is not None:
            self.paint(self._picture)


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


def _row(lane: Lane, picture: Picture, text: dict[str, str], fields: Sequence[_Field]) -> Row:
    return Row(
        key=lane.name,
        cells=tuple(text[one.title] for one in fields),
        style=STYLES.get(lane.state.word, ""),
        order=tuple(one.order(lane, picture) if one.order else text[one.title].casefold() for one in fields),
    )
