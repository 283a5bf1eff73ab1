"""Asks for one of several names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual import on
from textual.app import ComposeResult
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from loop_orchestrator.deck.dialogs.base import Dialog
from loop_orchestrator.deck.text import Plain, harmless
from loop_orchestrator.plaintext import shorten

WORDS = 60
"""Characters of what is said of a name; the whole of it stands where the name is chosen from."""


class Choose(Dialog[str]):
    """Ends with the chosen name."""

    def __init__(
        self, title: str, names: Sequence[str], *, words: Mapping[str, str] | None = None, wrong: str = ""
    ) -> None:
        """words: what is said of a name, beside it. wrong: why the last answer was none."""
        super().__init__()
        self.title = title
        self._names = tuple(names)
        self._words = words or {}
        self._wrong = wrong

    def compose(self) -> ComposeResult:
        with self.body():
            if self._wrong:
                yield Plain(self._wrong, id="wrong")
            yield OptionList(*(Option(harmless(self._told(name))) for name in self._names))

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()  # not the box around it, where Enter does nothing
        for one in self.query("#wrong"):
            one.add_class("wrong")

    def _told(self, name: str) -> str:
        said = self._words.get(name, "")
        return f"{name}: {shorten(said, WORDS)}" if said else name

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._names[event.option_index])
