"""Asks for a yes; for what cannot be taken back, with the name of the thing typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Label

from loop_orchestrator.deck.dialogs.base import Dialog
from loop_orchestrator.deck.page import Block, Page
from loop_orchestrator.deck.text import Plain


class Confirm(Dialog[bool]):
    """y is yes, anything else no; or, with ``typed``, that word and Enter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "yes", "Yes"),
        Binding("n", "no_answer", "No"),
    ]

    DEFAULT_CSS = "Confirm Page { height: auto; max-height: 15; }"

    def __init__(self, title: str, text: str | Sequence[Block], *, typed: str = "") -> None:
        """text: blocks where it may be long, or an agent's: they scroll.

        typed: what has to be typed for a yes; empty: y is enough.
        """
        super().__init__()
        self.title = title
        self._text = text
        self._typed = typed

    def compose(self) -> ComposeResult:
        with self.body():
            yield Plain(self._text) if isinstance(self._text, str) else Page(self._text)
            if self._typed:
                yield Label(f"Type {self._typed} and Enter for yes.", markup=False)
                yield Input(id="typed")
                yield Label("", classes="wrong", markup=False)
            else:
                yield Label("y yes   n no", classes="said", markup=False)

    def on_mount(self) -> None:
        for one in (*self.query(Page), *self.query(Input)):
            one.focus()

    def action_yes(self) -> None:
        if not self._typed:
            self.dismiss(True)

    @on(Input.Submitted, "#typed")
    def _submitted(self, event: Input.Submitted) -> None:
        if event.value == self._typed:
            self.dismiss(True)
        else:
            self.query_one(".wrong", Label).update(f"that is not {self._typed}; nothing was done")
