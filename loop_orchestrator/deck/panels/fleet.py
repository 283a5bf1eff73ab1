"""The lanes: what each one is, does and costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loop_orchestrator.deck.rows import Column, Row, Rows
from loop_orchestrator.deck.words import SIGNS, STYLES, age
from loop_orchestrator.model.snapshot import Unknown

if TYPE_CHECKING:
    from loop_orchestrator.deck.picture import Picture
    from loop_orchestrator.model.lane import Lane

COLUMNS = (
    Column("LANE", 12),
    Column("STATE", 16),
    Column("FOR", 4),
    Column("SURE", 4),
    Column("TASK", 6),
    Column("ROLE", 14),
    Column("RUNS", 12),
    Column("RST", 3),
    Column("BRANCH", 20),
)
NONE = "No lane runs. n adds one; loop up boots those of the config."


class Fleet(Rows):
    """One row for each lane; the chosen one is looked at closely beside it."""

    def __init__(self) -> None:
        super().__init__(COLUMNS, empty=NONE, id="fleet")

    def paint(self, picture: Picture) -> None:
        lanes = picture.status.lanes
        if isinstance(lanes, Unknown):
            self.show([], empty=f"The lanes cannot be seen: {lanes.reason}")
            return
        self.show([_row(lane, picture) for lane in lanes], empty=NONE)


def _row(lane: Lane, picture: Picture) -> Row:
    state, spec = lane.state, lane.record.spec
    note = picture.status.restarts.get(lane.name)
    cells = (
        lane.name,
        f"{SIGNS[state.word]} {state.detail.value}",
        age(picture.status.generated_at, picture.since.get(lane.name)),
        f"{state.confidence:.0%}",
        _task(lane.name, picture),
        spec.role,
        spec.harness or spec.cmd,
        str(note.attempt) if note is not None and note.attempt else "",
        spec.worktree_of.name if spec.worktree_of is not None else "",
    )
    return Row(key=lane.name, cells=cells, style=STYLES.get(state.word, ""))


def _task(lane: str, picture: Picture) -> str:
    if isinstance(picture.assignments, Unknown):
        return "?"
    return " ".join(one.task for one in picture.assignments if one.lane == lane)
