"""The lanes: what each one is, does and costs."""

from __future__ import annotations

from collections.abc import Mapping
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
        tasks = _tasks(picture)
        self.show([_row(lane, picture, tasks) for lane in lanes], empty=NONE)


def _row(lane: Lane, picture: Picture, tasks: Mapping[str, str] | Unknown) -> Row:
    state, spec = lane.state, lane.record.spec
    note = picture.status.restarts.get(lane.name)
    cells = (
        lane.name,
        f"{SIGNS[state.word]} {state.detail.value}",
        age(picture.status.generated_at, picture.since.get(lane.name)),
        f"{state.confidence:.0%}",
        "?" if isinstance(tasks, Unknown) else tasks.get(lane.name, ""),
        spec.role,
        spec.harness or spec.cmd,
        str(note.attempt) if note is not None and note.attempt else "",
        spec.worktree_of.name if spec.worktree_of is not None else "",
    )
    return Row(key=lane.name, cells=cells, style=STYLES.get(state.word, ""))


def _tasks(picture: Picture) -> Mapping[str, str] | Unknown:
    """Lane -> the tasks that it has."""
    if isinstance(picture.assignments, Unknown):
        return picture.assignments
    found: dict[str, str] = {}
    for one in picture.assignments:
        found[one.lane] = f"{found[one.lane]} {one.task}" if one.lane in found else one.task
    return found
