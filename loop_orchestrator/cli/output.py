"""The only writer of stdout. Text of agents is data: what could act on a terminal is shown escaped, never sent."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue

CONTRACT_VERSION = 1
"""Stands in every JSON document; a change that breaks a reader raises it."""

_REORDERING = frozenset("\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Characters that make a terminal show another order, or another number of lines, than the text has."""

_GAP = "  "


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


def line(text: str = "") -> None:
    """One line on stdout; a newline inside the text is shown as ``\\n``."""
    sys.stdout.write(shown(text) + "\n")


def block(text: str) -> None:
    """Text of several lines on stdout; newlines and tabs stay, everything else that acts is shown."""
    sys.stdout.write(shown(text, keep="\n\t").rstrip("\n") + "\n")


def raw(text: str) -> None:
    """Text of this program's own, or of a file the reader wants byte for byte, as it is."""
    sys.stdout.write(text)


def clear_screen() -> None:
    """Start a new frame, where stdout is a terminal."""
    if sys.stdout.isatty():
        sys.stdout.write("\x1b[H\x1b[2J\x1b[3J")


def document(fields: Mapping[str, JsonValue]) -> None:
    """One JSON document on stdout, ``contract_version`` first; pure ASCII, so that nothing in it acts."""
    value = {"contract_version": CONTRACT_VERSION, **fields}
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=True) + "\n")


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Rows under their headers, in columns; wide characters take two cells, the last column is not padded."""
    lines = [tuple(headers), *(tuple(shown(cell) for cell in row) for row in rows)]
    widths = [max(_cells(row[column]) for row in lines) for column in range(len(headers))]
    for row in lines:
        padded = [cell + " " * (width - _cells(cell)) for cell, width in zip(row[:-1], widths, strict=False)]
        sys.stdout.write(_GAP.join((*padded, row[-1])).rstrip() + "\n")


def _cells(text: str) -> int:
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth

    return max(0, wcswidth(text))


def shorten(text: str, cells: int) -> str:
    """The text in one line of at most this many characters, cut with an ellipsis."""
    flat = " ".join(text.split())
    return flat if len(flat) <= cells else flat[: cells - 1] + "…"


def note(text: str) -> None:
    """One line for the person, on stderr."""
    sys.stderr.write(shown(text, keep="\n\t") + "\n")


def prepare() -> None:
    """A character that the terminal's encoding lacks is written as an escape instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def flush() -> None:
    """Hand everything to the system; raises BrokenPipeError where the reader has gone."""
    sys.stdout.flush()


def abandon() -> None:
    """Point stdout at nothing, so that the interpreter's own last flush is quiet after a broken pipe."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
