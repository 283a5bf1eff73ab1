"""What needs a person, oldest first, with what happens if nobody answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loop_orchestrator.deck.rows import Column, Row, Rows
from loop_orchestrator.deck.silence import silence_in_short
from loop_orchestrator.deck.words import BEING_READ, age
from loop_orchestrator.model.decision import DecisionStatus, ItemStatus
from loop_orchestrator.operations.need import NeedKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loop_orchestrator.deck.app import Deck
    from loop_orchestrator.deck.picture import Picture
    from loop_orchestrator.model.decision import Decision
    from loop_orchestrator.operations.need import Need

NOTHING = "Nothing needs you. n adds a lane, d hands one work, ? says what else there is."
NOTHING_TO_READ = "Nothing needs you. ? says what there is to read."
"""The same in a deck that only shows."""

SILENCE: Mapping[NeedKind, str] = {
    NeedKind.DECISION: "stays so",
    NeedKind.DELIVERY: "stays so",
    NeedKind.LINE: "waits",
    NeedKind.LANE: "waits",
    NeedKind.BRAIN: "not asked",
    NeedKind.DEAD_LETTER: "stays so",
    NeedKind.TASK: "in review",
    NeedKind.OTHER: "stays so",
}
"""What happens if nobody answers. A decision that waits is the only thing that an answer may come too late for."""


class Needs(Rows):
    """One row for each thing; Enter opens it."""

    app: Deck

    def __init__(self) -> None:
        columns = (Column("AGE", 4), Column("UNANSWERED", 10), Column("NEEDS YOU (Enter opens it)", 40))
        super().__init__(columns, empty=BEING_READ, id="needs")
        self._needs: dict[str, Need] = {}

    def need(self, key: str) -> Need | None:
        """What stands in the row of this key."""
        return self._needs.get(key)

    def paint(self, picture: Picture) -> None:
        now = picture.status.generated_at
        decisions = {one.id: one for one in picture.status.engine.decisions}
        self._needs = {key_of(need): need for need in picture.status.needs}
        needs = sorted(picture.status.needs, key=lambda need: need.since.timestamp() if need.since else now.timestamp())
        empty = NOTHING_TO_READ if self.app.only_shows else NOTHING
        self.show([_row(need, decisions, picture) for need in needs], empty=empty)


def key_of(need: Need) -> str:
    """The same as long as it is the same thing."""
    if need.kind is NeedKind.DECISION and need.next_step.startswith("loop approve"):
        return need.next_step  # its words change with every action that is answered
    return f"{need.next_step}\0{need.what}"


def _row(need: Need, decisions: Mapping[str, Decision], picture: Picture) -> Row:
    now = picture.status.generated_at
    decision = decisions.get(need.key) if need.kind is NeedKind.DECISION else None
    silence, what = SILENCE[need.kind], need.what
    if decision is not None and decision.status is DecisionStatus.WAITING and key_of(need) == need.next_step:
        silence, what = silence_in_short(decision, picture.expires_s, now), _asked(decision)
    return Row(key=key_of(need), cells=(age(now, need.since), silence, what), style="rows--person")


def _asked(decision: Decision) -> str:
    """What is to be answered first, the long name of the decision last: it is cut where there is no room."""
    waiting = [item for item in decision.items if item.status is ItemStatus.WAITING]
    words = ", ".join(f"{item.action.kind} {item.action.target}".rstrip() for item in waiting)
    return f"{words}: yes or no? decision {decision.id}"
