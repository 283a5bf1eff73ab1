"""What every screen is that shows something of the newest picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.screen import Screen

if TYPE_CHECKING:
    from loop_orchestrator.deck.app import Deck
    from loop_orchestrator.deck.picture import Picture


class Pictured(Screen[None]):
    """It is shown every picture, for as long as it is on the stack."""

    app: Deck

    def show(self, picture: Picture) -> None:
        """What this picture says of it; a screen that shows something settled has nothing to do."""
