"""The only writer of stdout. Text of agents is data: what could act on a terminal is shown escaped, never sent."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from loop_orchestrator.plaintext import cells, shown

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue

CONTRACT_VERSION = 1
"""Stands in every JSON document; a change that breaks a reader raises it."""

_GAP = "  "

_NARROWEST = 16
"""Cells in which a folded last column is still read more easily than one that the terminal wraps."""


def line(text: str = "", *, whole: bool = False) -> None:
    """One line on stdout; a newline inside the text is shown as ``\\n``.

    A terminal that is narrower gets it folded at blanks, further in than it began; ``whole``: never, so that a command
    or a path can be copied.
    """
    sys.stdout.write((shown(text) if whole else folded(shown(text), _columns(sys.stdout))) + "\n")


def hung(head: str, text: str, *, margin: str = "") -> None:
    """One line on stdout that begins with a head; where the terminal is narrower, the text is folded beside the head.

    margin: stands before the rows after the first, as wide as the head; empty: blanks.
    """
    head, text = shown(head), shown(text)
    left, columns = cells(head), _columns(sys.stdout)
    rows = folded(text, columns - left, hang=0).split("\n") if columns - left >= _NARROWEST else [text]
    sys.stdout.write(f"\n{margin or ' ' * left}".join((head + rows[0], *rows[1:])).rstrip() + "\n")


def block(text: str) -> None:
    """Text of several lines on stdout; newlines and tabs stay, everything else that acts is shown."""
    sys.stdout.write(shown(text, keep="\n\t").rstrip("\n") + "\n")


def part(text: str) -> None:
    """Some of a text of several lines on stdout, which goes on; shown as ``block`` does it."""
    sys.stdout.write(shown(text, keep="\n\t"))


def raw(text: str) -> None:
    """Text of this program's own, or of a file the reader wants byte for byte, as it is."""
    sys.stdout.write(text)


def begin_screen() -> None:
    """Take the terminal's other screen, without a cursor; ``end_screen`` brings back what was there."""
    sys.stdout.write("\x1b[?1049h\x1b[?25l")
    sys.stdout.flush()


def end_screen() -> None:
    sys.stdout.write("\x1b[?25h\x1b[?1049l")
    sys.stdout.flush()


def screen(lines: Sequence[str], columns: int) -> None:
    """Draw over the whole screen, at once and without clearing it first; a line that fills its row is left so."""
    ends = ["" if cells(text) >= columns else "\x1b[K" for text in lines]
    rows = "\r\n".join(text + end for text, end in zip(lines, ends, strict=True))
    below = "" if len(lines) and not ends[-1] else "\x1b[J"
    sys.stdout.write(f"\x1b[?2026h\x1b[H{rows}{below}\x1b[?2026l")
    sys.stdout.flush()


def document(fields: Mapping[str, JsonValue]) -> None:
    """One JSON document on stdout, ``contract_version`` first; pure ASCII, so that nothing in it acts."""
    value = {"contract_version": CONTRACT_VERSION, **fields}
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=True) + "\n")


def row(fields: Mapping[str, JsonValue]) -> None:
    """A JSON document in one line of stdout, for a stream of them."""
    sys.stdout.write(row_text(fields) + "\n")


def row_text(fields: Mapping[str, JsonValue]) -> str:
    """What ``row`` writes, without the newline."""
    return json.dumps({"contract_version": CONTRACT_VERSION, **fields}, ensure_ascii=True)


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Rows under their headers, in columns; wide characters take two cells, the last column is not padded.

    The last column is folded where a terminal is too narrow for it.
    """
    lines = [tuple(headers), *(tuple(shown(cell) for cell in row) for row in rows)]
    widths = [max(cells(row[column]) for row in lines) for column in range(len(headers))]
    left = sum(widths[:-1]) + len(_GAP) * (len(headers) - 1)
    columns = _columns(sys.stdout)
    for row in lines:
        padded = [cell + " " * (width - cells(cell)) for cell, width in zip(row[:-1], widths, strict=False)]
        last = folded(row[-1], columns - left, hang=left) if columns - left >= _NARROWEST else row[-1]
        sys.stdout.write(_GAP.join((*padded, last)).rstrip() + "\n")


def folded(text: str, columns: int, *, hang: int | None = None) -> str:
    """The text in rows of at most this many cells, parted at blanks; nothing of it is lost. 0 columns: as it is.

    The rows after the first begin ``hang`` cells in, which are not part of ``columns``; without it they begin two cells
    further in than the text, within ``columns``. A longer word has a row of its own.
    """
    if columns <= 0 or cells(text) <= columns:
        return text
    own = len(text) - len(text.lstrip(" ")) + len(_GAP)
    margin, room = (" " * own, columns - own) if hang is None else (" " * hang, columns)
    rows = [""]
    for word in _words(text):
        limit = columns if len(rows) == 1 else room
        if rows[-1].strip() and cells((rows[-1] + word).rstrip(" ")) > limit:
            rows.append("")
        rows[-1] += word
    return ("\n" + margin).join(row.rstrip(" ") for row in rows)


def _words(text: str) -> list[str]:
    """The text cut before every word; each piece has the blanks that follow it."""
    import re

    return re.findall(r"^ +|[^ ]+ *", text)


def _columns(stream: TextIO) -> int:
    """How wide the terminal is that the stream goes to; 0 where it goes to none."""
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):  # no terminal, or no file at all
        return 0


def columns() -> int:
    """How wide the terminal is that stdout goes to; 0 where it goes to none."""
    return _columns(sys.stdout)


def note(text: str, *, whole: bool = False) -> None:
    """One line for the person, on stderr; folded as ``line`` does it."""
    text = shown(text, keep="\n\t")
    columns = 0 if whole else _columns(sys.stderr)
    sys.stderr.write("\n".join(folded(row, columns) for row in text.split("\n")) + "\n")


def prepare() -> None:
    """A character that the terminal's encoding lacks is written as an escape instead of ending the program; what goes
    to a stream that was closed goes nowhere."""
    if sys.stdin is None or sys.stdout is None or sys.stderr is None:
        _open_closed()
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _open_closed() -> None:
    """No file that is opened later gets the number of a standard stream, where others would write to it."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(fd, True)
    os.close(fd)
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123 - as long as the program
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123


def flush() -> None:
    """Hand everything to the system; raises BrokenPipeError where the reader has gone."""
    sys.stdout.flush()


def abandon() -> None:
    """Point stdout at nothing, so that the interpreter's own last flush is quiet after a broken pipe."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
