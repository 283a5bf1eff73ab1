"""The rows that the rehearsal agent draws, as text: what its harness data reads back from the screen."""

from __future__ import annotations

import re
from collections.abc import Iterable

from prompt_toolkit.utils import get_cwidth

from loop_orchestrator.rehearsal import VERSION
from loop_orchestrator.rehearsal.turn import Approval, Conversation, Entry, Mark

SPINNER = "✶✷"
"""Glyphs of the status row while a turn is under way, two a second."""

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """The text with tabs as blanks and every other control character but newline as ``·``."""
    return _CONTROL.sub(lambda match: "    " if match[0] == "\t" else "·", text)


def fit(text: str, width: int) -> str:
    """The text in at most ``width`` cells, cut with ``…`` where it is longer."""
    if get_cwidth(text) <= width:
        return text
    kept = ""
    for character in text:
        if get_cwidth(kept + character) >= width:
            break
        kept += character
    return f"{kept}…" if width > 0 else ""


def wrap(line: str, width: int) -> list[str]:
    """One line in rows of at most ``width`` cells, parted at blanks where that is possible."""
    rows, row, cells = [], "", 0
    for word in re.findall(r"\s*\S+|\s+$", line):
        size = get_cwidth(word)
        if row and cells + size > width:
            rows.append(row)
            row, cells, word = "", 0, word.lstrip()
        for character in word:
            size = get_cwidth(character)
            if row and cells + size > width:
                rows.append(row)
                row, cells = "", 0
            row, cells = row + character, cells + size
    return [*rows, row] if row or not rows else rows


def entry_rows(entry: Entry, width: int) -> list[str]:
    """An entry: its mark before the first row, two blanks before the others. A prompt stays on one row."""
    text = printable(entry.text)
    if entry.mark is Mark.PROMPT:
        return [f"> {fit(text, width - 2)}"]
    room = max(1, width - 2)
    rows = [row for line in text.rstrip("\n").split("\n") for row in wrap(line, room)]
    return [f"{entry.mark if number == 0 else ' '} {row}" for number, row in enumerate(rows)]


def last_rows(entries: Iterable[Entry], width: int, wanted: int) -> list[str]:
    """The end of the conversation in rows: ``wanted`` or a few more; fewer only if that is all of it.

    One blank row stands between two entries, none between two notes.
    """
    rows: list[str] = []
    below: Entry | None = None
    for entry in reversed(list(entries)):
        if below is not None and not (entry.mark is below.mark is Mark.NOTE):
            rows.append("")
        rows.extend(reversed(entry_rows(entry, width)))
        below = entry
        if len(rows) >= wanted:
            break
    return rows[::-1]


def status_row(conversation: Conversation, now: float, width: int) -> str:
    """What the turn is doing, how the last one failed, or nothing. While a question is open it says nothing."""
    if conversation.failure:
        return fit(f"✗ {printable(conversation.failure)}".replace("\n", " "), width)
    if not conversation.working or conversation.approval is not None:
        return ""
    elapsed = max(0.0, now - conversation.started_at)
    glyph = SPINNER[int(elapsed * 2) % 2]
    end = f"… ({int(elapsed)}s · esc to interrupt)"
    room = width - get_cwidth(end) - 2
    return fit(f"{glyph} {fit(_one_line(conversation.activity), room).removesuffix('…')}{end}", width)


def queue_row(conversation: Conversation) -> str:
    """How many prompts wait for the turn's end; empty for none."""
    return f"↑ {len(conversation.queued)} queued" if conversation.queued else ""


def approval_rows(approval: Approval, width: int) -> list[str]:
    """The question that stands in the composer's place."""
    choices = ("1. Yes", approval.yes), ("2. No", not approval.yes)
    return [
        fit(f"? Allow: {_one_line(approval.what)}", width),
        *(f"  {'❯' if chosen else ' '} {label}" for label, chosen in choices),
        fit("  Enter to choose · Esc to refuse", width),
    ]


def footer_row(lane: str, word: str, width: int) -> str:
    """The last row: program, lane, and ``ready``, ``working`` or ``starting``."""
    end = f" · {word}"
    return fit(f"{VERSION} · {lane or '-'}", width - len(end)) + end


def _one_line(text: str) -> str:
    return " ".join(printable(text).split())
