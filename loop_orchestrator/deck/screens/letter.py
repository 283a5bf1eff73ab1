"""An event that was given up: what it was, why, and another try."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from loop_orchestrator.clock import format_time
from loop_orchestrator.deck.screens.events import EventScreen
from loop_orchestrator.deck.screens.whole import Whole
from loop_orchestrator.operations.person import refuse_agent
from loop_orchestrator.operations.routes import replay

if TYPE_CHECKING:
    from loop_orchestrator.deck.desk import Desk
    from loop_orchestrator.deck.picture import Picture
    from loop_orchestrator.model.route import DeadLetter


class LetterScreen(Whole):
    """r has it tried again, as if for the first time."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "replay", "Try again"),
        Binding("t", "trace", "Its event"),
    ]

    def __init__(self, id: str) -> None:
        super().__init__()
        self._id = id
        self.letter: DeadLetter | None = None

    def show(self, picture: Picture) -> None:
        self.letter = next((one for one in picture.status.dead_letters if one.id == self._id), None)
        if self.letter is None:
            self.put(f"{self._id} is not given up any more; Esc goes back", "")
        else:
            self.put(f"{self._id}: given up after {self.letter.attempts} tries", text_of(self.letter))

    def action_replay(self) -> None:
        if self.letter is not None:
            id = self.letter.id
            self.app.perform(
                f"trying {id} again",
                lambda desk: _replay(desk, id),
                lambda watched: self.app.tell(
                    "an engine takes it now" if watched else "it waits for an engine: loop watch", title=id
                ),
            )

    def action_trace(self) -> None:
        """The event and everything that followed from the same cause."""
        if self.letter is not None:
            self.app.push_screen(EventScreen(self.letter.event.seq))


def _replay(desk: Desk, id: str) -> bool:
    """Whether an engine watches, which takes it at once."""
    world = desk.world
    refuse_agent(world, "have a dead letter tried again")
    replay(world, id, by=desk.caller)
    return world.control.watch_lock().holder() is not None


def text_of(letter: DeadLetter) -> str:
    """What it is, why it was given up, and what another try does."""
    event = letter.event
    return "\n".join(
        [
            f"what: {event.payload.get('detail', '')}",
            f"why it was given up: {letter.reason}",
            f"when: {format_time(letter.at)}; it happened {format_time(event.at)}",
            f"route: {letter.route}",
            "",
            "r gives it to the route once more, with all its tries; t shows the event and its trace.",
            "",
            json.dumps(dict(event.payload), ensure_ascii=False, indent=2),
        ]
    )
