"""Asks for one of several names."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from loop_orchestrator.deck.dialogs.base import Dialog
from loop_orchestrator.deck.text import harmless


class Choose(Dialog[str]):
    """Ends with the chosen name."""

    def __init__(self, title: str, names: Sequence[str]) -> None:
        super().__init__()
        self.title = title
        self._names = tuple(names)

    def compose(self) -> ComposeResult:
        with self.body():
            yield OptionList(*(Option(harmless(name)) for name in self._names))

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._names[event.option_index])
