"""Text that agents wrote, shown as text: no markup, no escape codes, no line that takes the screen away."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static

from loop_orchestrator.plaintext import shown

MOST_CHARS = 200_000
"""Of a text that is shown at once; a line of a megabyte would cost seconds to wrap."""


class Plain(Static):
    """Any text, every line of it; what could act on a terminal is written as an escape."""

    def __init__(self, text: str = "", *, id: str | None = None) -> None:
        super().__init__(harmless(text), id=id, markup=False)
        self._shown = text

    def show(self, text: str) -> None:
        """Paint it if it is another."""
        if text != self._shown:
            self._shown = text
            self.update(harmless(text))


def harmless(text: str) -> Text:
    """The text as a terminal may show it, newlines kept."""
    cut = "" if len(text) <= MOST_CHARS else f"\n[{len(text) - MOST_CHARS} more characters are not shown here]"
    return Text(shown(text[:MOST_CHARS].expandtabs(4), keep="\n") + cut, no_wrap=False, overflow="fold")
