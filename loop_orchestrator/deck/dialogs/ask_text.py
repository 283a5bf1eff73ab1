"""Asks for a text of one line or many: a reason, words for a lane, the new value of a field."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label, TextArea

from loop_orchestrator.deck.dialogs.base import Dialog
from loop_orchestrator.deck.dialogs.box import Box
from loop_orchestrator.deck.page import Block, Page, Part
from loop_orchestrator.deck.text import Plain


class AskText(Dialog[tuple[str, frozenset[str]]]):
    """Ends with the text and the names of the boxes that are ticked. Ctrl-S sends; Enter is a line of the text."""

    DEFAULT_CSS = """
    AskText TextArea { height: 8; }
    AskText Page { height: auto; max-height: 5; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "send", "Send", priority=True)]

    def __init__(
        self,
        title: str,
        said: str,
        *,
        text: str = "",
        old: str | None = None,
        boxes: tuple[tuple[str, str], ...] = (),
        needed: bool = True,
        wrong: str = "",
    ) -> None:
        """said: stands above the text. old: what the text is to replace, shown whole; None: nothing.

        boxes: name and words of each. needed: an empty text is no answer. wrong: why the last answer was none.
        """
        super().__init__()
        self.title = title
        self._said = said
        self._text = text
        self._old = old
        self._boxes = boxes
        self._needed = needed
        self._wrong = wrong

    def compose(self) -> ComposeResult:
        with self.body():
            if self._said:
                yield Plain(self._said)
            if self._old is not None:
                yield Page((Block("old", (Part("now:", "page--quiet"), Part(self._old))),))
            yield TextArea(self._text, id="text")
            for name, words in self._boxes:
                yield Box(words, id=f"box-{name}")
            yield Label(
                "Tab goes on · Space ticks · Ctrl-S sends" if self._boxes else "Ctrl-S sends",
                classes="said",
                markup=False,
            )
            yield Plain(self._wrong, id="wrong")

    def on_mount(self) -> None:
        self.query_one("#wrong").add_class("wrong")
        self.query_one(TextArea).focus()

    def action_send(self) -> None:
        text = self.query_one(TextArea).text
        if self._needed and not text.strip():
            self.query_one("#wrong", Plain).show("there is no text yet")
            return
        ticked = {name for name, _ in self._boxes if self.query_one(f"#box-{name}", Box).value}
        self.dismiss((text, frozenset(ticked)))
