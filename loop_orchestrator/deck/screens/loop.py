"""One loop of the ledger, with every key that its file has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from loop_orchestrator.deck.screens.whole import Whole
from loop_orchestrator.model.snapshot import Unknown

if TYPE_CHECKING:
    from loop_orchestrator.deck.picture import Picture
    from loop_orchestrator.model.state import LoopRecord


class LoopScreen(Whole):
    """By its id."""

    def __init__(self, id: str) -> None:
        super().__init__()
        self._id = id

    def show(self, picture: Picture) -> None:
        state = picture.state
        if isinstance(state, Unknown):
            self.put(f"loop {self._id} cannot be read: {state.reason}", "")
            return
        found = next((one for one in state.loops if one.id == self._id), None)
        if found is None:
            self.put(f"there is no loop {self._id} any more", "")
        else:
            self.put(f"loop {found.id}  {found.status}  {found.name}", text_of(found, picture))


def text_of(loop: LoopRecord, picture: Picture) -> str:
    """Its keys, then the tasks that name it."""
    named = {
        "id": loop.id,
        "name": loop.name,
        "status": loop.status,
        "branch": loop.branch,
        "updated_at": loop.updated_at,
        "updated_by": loop.updated_by,
    }
    lines = [f"{key}: {value}" for key, value in named.items() if value]
    lines += [f"{key}: {_value(value)}" for key, value in loop.extra.items()]
    tasks = picture.status.tasks
    mine = [] if isinstance(tasks, Unknown) else [one for one in tasks if one.loop == loop.id]
    lines += ["", "Its tasks:", *(f"    {one.id} {one.status.value}  {one.title}" for one in mine)] if mine else []
    return "\n".join(lines)


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
