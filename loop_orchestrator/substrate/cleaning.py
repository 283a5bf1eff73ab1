"""Takes out of a text what a terminal could take for a key or for the end of a bracketed paste."""

from __future__ import annotations

import re
from collections import Counter

_NOT_TEXT = re.compile(r"\r\n?|[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_NAMES = {
    "\x00": "NUL",
    "\x03": "ETX",
    "\x07": "BEL",
    "\x08": "BS",
    "\x0b": "VT",
    "\x0c": "FF",
    "\x1b": "ESC",
    "\x7f": "DEL",
}


def clean(text: str) -> tuple[str, dict[str, int]]:
    """The text without control characters but newline and tab, and what was taken out: name -> how many.

    A carriage return becomes a newline, with the newline after it if there is one. Lone surrogates, which no terminal
    can be sent, go too. The rest is unchanged, character for character.
    """
    removed: Counter[str] = Counter()

    def take(found: re.Match[str]) -> str:
        char = found[0][0]
        removed["CR" if char == "\r" else _NAMES.get(char, f"U+{ord(char):04X}")] += 1
        return "\n" if char == "\r" else ""

    return _NOT_TEXT.sub(take, text), dict(removed)
