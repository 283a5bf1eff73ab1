"""A box to tick that tells by its sign, not by its colour alone, whether it is ticked."""

from __future__ import annotations

from textual.widgets import Checkbox


class Box(Checkbox):
    """One line; Space or Enter ticks it."""

    def __init__(self, words: str, *, id: str) -> None:
        super().__init__(words, id=id, compact=True)

    @property
    def BUTTON_INNER(self) -> str:  # type: ignore[override]  # noqa: N802 - the name by which Textual asks
        """The sign between the sides of the button."""
        return "x" if self.value else " "
