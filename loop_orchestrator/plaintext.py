"""Text of agents made harmless for a terminal, and how many cells it takes there."""

from __future__ import annotations

import unicodedata

_REORDERING = frozenset("\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Characters that make a terminal show another order, or another number of lines, than the text has."""


def shown(text: str, *, keep: str = "") -> str:
    """The text with every control and reordering character written as an escape; those in ``keep`` stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char in keep or not _acts(char) else _escaped(char) for char in text)


def _acts(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs") or char in _REORDERING


def _escaped(char: str) -> str:
    named = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(char)
    if named:
        return named
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def cut(text: str, most: int) -> str:
    """The text in at most this many cells, with an ellipsis where some of it is left out."""
    if cells(text) <= most:
        return text
    kept = text[:most]
    while cells(kept) > most - 1:
        kept = kept[:-1]
    return kept + "…"


def cells(text: str) -> int:
    """How many cells of a terminal's row the text takes."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth

    return max(0, wcswidth(text))


def shorten(text: str, cells: int) -> str:
    """The text in one line of at most this many characters, cut with an ellipsis."""
    flat = " ".join(text.split())
    return flat if len(flat) <= cells else flat[: cells - 1] + "…"
