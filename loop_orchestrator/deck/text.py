"""Text that agents wrote, shown as text: no markup, no escape codes, no line that takes the screen away."""

from __future__ import annotations

import re
from unicodedata import category

from rich.text import Text
from textual.widgets import Static

from loop_orchestrator.plaintext import shown

MOST_CHARS = 200_000
"""Of a text that is shown at once by Plain; a line of a megabyte would cost seconds to wrap. Page has no such end."""

_SELECTED = re.compile("(?<=[^\\s\ufe00-\ufe0f\U000e0000-\U000e0fff])\ufe0f(?![\ufe00-\ufe0f\U000e0000-\U000e0fff])")
"""The mark after a character that makes it a picture. Terminals disagree on how wide that is; without it they agree."""

_UNSEEN = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u206f\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufffb"
    "\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff\U000e0000-\U000e0fff]"
)
"""Characters that are read and not drawn, and those that melt into the one before, which every terminal does its own
way: both are written as escapes, like those that nobody has assigned, so that what a person reads is what a program
reads, as wide as it is counted."""


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
    return Text(safe(text[:MOST_CHARS]) + cut, no_wrap=False, overflow="fold")


def safe(text: str) -> str:
    """The text with every character escaped that acts on a terminal or is not drawn; newlines kept, tabs as spaces."""
    if text.isascii() and text.isprintable():
        return text
    kept = text if text.isascii() else _SELECTED.sub("", text)
    return kept.expandtabs(4).translate(_ESCAPES)


class _Escapes(dict[int, str]):
    """Code of a character -> how it is shown; filled as characters are met."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if _UNSEEN.match(char) or category(char) in ("Cn", "Co"):
            self[code] = f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
        else:
            self[code] = shown(char, keep="\n")
        return self[code]


_ESCAPES = _Escapes()
