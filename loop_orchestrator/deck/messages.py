"""What the deck tells its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from loop_orchestrator.deck.picture import Picture


class Taken(Message):
    """There is a new picture."""

    def __init__(self, picture: Picture) -> None:
        super().__init__()
        self.picture = picture


class Blind(Message):
    """No picture could be taken."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason
