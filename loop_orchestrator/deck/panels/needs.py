"""What needs a person, oldest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loop_orchestrator.deck.rows import Column, Row, Rows
from loop_orchestrator.deck.words import age

if TYPE_CHECKING:
    from datetime import datetime

    from loop_orchestrator.deck.picture import Picture
    from loop_orchestrator.operations.need import Need

NOTHING = "Nothing needs you. n adds a lane, d hands one work, ? says what else there is."


class Needs(Rows):
    """One row for each thing; Enter opens it."""

    def __init__(self) -> None:
        super().__init__((Column("AGE", 4), Column("NEEDS YOU", 40)), empty=NOTHING, id="needs")
        self._needs: dict[str, Need] = {}

    def need(self, key: str) -> Need | None:
        """What stands in the row of this key."""
        return self._needs.get(key)

    def paint(self, picture: Picture) -> None:
        now = picture.status.generated_at
        self._needs = {key_of(need): need for need in picture.status.needs}
        needs = sorted(picture.status.needs, key=lambda need: need.since.timestamp() if need.since else now.timestamp())
        self.show([_row(need, now) for need in needs])


def key_of(need: Need) -> str:
    """The same as long as it is the same thing."""
    return f"{need.next_step}\0{need.what}"


def _row(need: Need, now: datetime) -> Row:
    return Row(key=key_of(need), cells=(age(now, need.since), need.what), style="rows--person")
