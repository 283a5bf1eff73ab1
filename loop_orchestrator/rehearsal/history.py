"""The part of the screen that shows the conversation: its end, right above the status row."""

from __future__ import annotations

from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout.controls import UIContent, UIControl

from loop_orchestrator.rehearsal.rows import last_rows
from loop_orchestrator.rehearsal.turn import Conversation


class History(UIControl):
    """Draws the end of a conversation, or rows further up that a person scrolled to."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._back = 0

    def move(self, rows_up: int) -> None:
        """Scroll; past either end it stays there."""
        self._back = max(0, self._back + rows_up)

    def move_to_end(self) -> None:
        """Show the newest rows again."""
        self._back = 0

    def create_content(self, width: int, height: int) -> UIContent:
        end = last_rows(self._conversation.entries, width, height + self._back)
        self._back = max(0, min(self._back, len(end) - height))
        shown = end[max(0, len(end) - self._back - height) : len(end) - self._back]
        shown = [""] * (height - len(shown)) + shown

        def line(number: int) -> StyleAndTextTuples:
            row = shown[number]
            return [("bold", row[:1]), ("", row[1:])]

        return UIContent(get_line=line, line_count=len(shown), show_cursor=False)
