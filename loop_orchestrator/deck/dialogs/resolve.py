"""Asks what became of a delivery of which nobody knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual import on
from textual.app import ComposeResult
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from loop_orchestrator.deck.dialogs.base import Dialog
from loop_orchestrator.deck.text import Plain, harmless
from loop_orchestrator.operations.resolve import Outcome

MEANINGS: Mapping[Outcome, str] = {
    Outcome.HAPPENED: "the lane got the text: it is recorded as delivered",
    Outcome.DID_NOT: "the lane did not get it: it may be sent again, as another delivery",
    Outcome.DROP: "it is given up: what it was to hand over is free again",
    Outcome.SUBMIT: "it stands in the composer: Enter is pressed there, once",
    Outcome.CLEAR: "it stands in the composer: it is taken out again",
}
"""What each answer says, and does."""


class Resolve(Dialog[Outcome]):
    """Ends with an answer. Nothing is done yet."""

    DEFAULT_CSS = "Resolve OptionList { height: auto; max-height: 12; }"

    def __init__(self, op: str, lane: str, evidence: str, outcomes: Sequence[Outcome] = tuple(Outcome)) -> None:
        super().__init__()
        self.title = f"What became of {op}?"
        self._said = f"It was for lane {lane}. What is known: {evidence or 'nothing'}\nLook at the lane first."
        self._outcomes = tuple(outcomes)

    def compose(self) -> ComposeResult:
        with self.body():
            yield Plain(self._said)
            yield OptionList(*(Option(harmless(f"{one.value}: {MEANINGS[one]}")) for one in self._outcomes))

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._outcomes[event.option_index])
