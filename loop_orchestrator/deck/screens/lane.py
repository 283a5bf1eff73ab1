"""One lane on the whole terminal: for one that is too narrow to show it beside the fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from loop_orchestrator.deck.footer import Keys
from loop_orchestrator.deck.pager import Pager
from loop_orchestrator.deck.panels.lane import LanePanel
from loop_orchestrator.deck.screens.deeds import Deeds
from loop_orchestrator.deck.text import Plain
from loop_orchestrator.operations.need import NeedKind

if TYPE_CHECKING:
    from loop_orchestrator.deck.picture import Picture


class LaneScreen(Deeds):
    """The lane panel, with the same keys as beside the fleet."""

    DEFAULT_CSS = "LaneScreen > #need { dock: bottom; height: auto; max-height: 3; padding: 0 1; margin: 0 0 1 0; }"

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
        yield Plain(id="need")
        yield Keys()

    def on_mount(self) -> None:
        self.query_one(Pager).focus()
        if self.app.picture is not None:
            self.show(self.app.picture)

    def show(self, picture: Picture) -> None:
        self.query_one(LanePanel).show(picture, self._lane)
        needs = [one for one in picture.status.needs if one.kind is NeedKind.LANE and one.key == self._lane]
        line = self.query_one("#need", Plain)
        line.show("\n".join(f"{one.what}. In a terminal: {one.next_step}" for one in needs))
        line.display = bool(needs)
