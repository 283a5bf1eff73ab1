"""One thing on the whole terminal, every line of it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from loop_orchestrator.deck.footer import Keys
from loop_orchestrator.deck.screens.pictured import Pictured
from loop_orchestrator.deck.text import Plain


class Whole(Pictured):
    """A text that is scrolled with the arrow keys; Esc goes back."""

    DEFAULT_CSS = """
    Whole > VerticalScroll { padding: 0 1; scrollbar-size-vertical: 1; border: none; }
    Whole > VerticalScroll > Plain { width: 100%; }
    Whole > #head { background: $panel; padding: 0 1; max-height: 5; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back"),
    ]

    def compose(self) -> ComposeResult:
        yield Plain(id="head")
        with VerticalScroll(id="scroll"):
            yield Plain(id="text")
        yield Keys()

    def on_mount(self) -> None:
        self.query_one("#scroll").focus()
        if self.app.picture is not None:
            self.show(self.app.picture)

    def put(self, head: str, text: str) -> None:
        """Show these; nothing is painted that stands there already."""
        for one, said in (("#head", head), ("#text", text)):
            for place in self.query(one).results(Plain):  # none in a screen that was left meanwhile
                place.show(said)


class Text(Whole):
    """A text that does not change."""

    def __init__(self, head: str, text: str) -> None:
        super().__init__()
        self._head = head
        self._text = text

    def on_mount(self) -> None:
        super().on_mount()
        self.put(self._head, self._text)
