"""What every question to a person has in common: it stands over the screen, Esc is no, and it says what Enter does."""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen

from loop_orchestrator.deck.text import safe

T = TypeVar("T")


class Dialog(ModalScreen[T | None], Generic[T]):
    """Ends with an answer, or with None for no answer at all."""

    DEFAULT_CSS = """
    Dialog { align: center middle; }
    Dialog > VerticalScroll {
        width: 90%; max-width: 100; height: auto; max-height: 95%;
        background: $panel; border: round $primary; padding: 0 1;
    }
    Dialog Input { border: tall $border-blurred; }
    Dialog Input:focus { border: tall $border; }
    Dialog .said { color: $text-muted; }
    Dialog .wrong { color: $text-error; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "no_answer", "Cancel")]

    def body(self) -> VerticalScroll:
        """The box; its border bears the title."""
        box = VerticalScroll()
        box.border_title = Content(safe(self.title or "").replace("\n", " "))
        box.border_subtitle = "Esc cancels"
        return box

    def action_no_answer(self) -> None:
        self.dismiss(None)
