"""One lane on the whole terminal: for one that is too narrow to show it beside the fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from loop_orchestrator.deck.footer import Keys
from loop_orchestrator.deck.pager import Pager
from loop_orchestrator.deck.panels.lane import LanePanel
from loop_orchestrator.deck.screens.deeds import Deeds

if TYPE_CHECKING:
    from loop_orchestrator.deck.picture import Picture


class LaneScreen(Deeds):
    """The lane panel, with the same keys as beside the fleet."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back"),
        Binding("R", "restart_lane", "Restart"),
        Binding("c", "cycle", "Cycle", show=False),
        Binding("b", "app.brain", "Brain", show=False),
    ]

    def __init__(self, lane: str) -> None:
        super().__init__()
        self._lane = lane

    @property
    def lane(self) -> str:
        return self._lane

    def compose(self) -> ComposeResult:
        yield LanePanel()
        yield Keys()

    def on_mount(self) -> None:
        self.query_one(Pager).focus()
        if self.app.picture is not None:
            self.show(self.app.picture)

    def show(self, picture: Picture) -> None:
        self.query_one(LanePanel).show(picture, self._lane)
