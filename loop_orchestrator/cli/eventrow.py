"""One event in one row, for a person who looks on: time, kind, and what happened in words."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from datetime import tzinfo

from loop_orchestrator import plaintext
from loop_orchestrator.cli import output
from loop_orchestrator.model.event import Event
from loop_orchestrator.operations.telling import Weight, row_text, weight_of

KIND_CELLS = 15
"""Of the column of kinds: most fit, and at 80 columns a decision with the command that answers it still does."""

_PAINT: Mapping[Weight, str] = {Weight.QUIET: "2", Weight.PERSON: "1;33", Weight.FAILURE: "31"}
"""Weight -> how a terminal shows it: dim, bold yellow, red."""


def print_row(event: Event) -> None:
    """On a terminal cut to its width, so that every event is one row; elsewhere whole, and without colours."""
    columns = output.columns()
    text = event_row(event, columns)
    paint = _PAINT.get(weight_of(event), "") if columns and _wants_colour() else ""
    output.raw(f"\x1b[{paint}m{text}\x1b[m\n" if paint else f"{text}\n")


def event_row(event: Event, columns: int, zone: tzinfo | None = None) -> str:
    """columns: cells that the row may take; 0: any. zone: of the time shown; None: this machine's."""
    head = f"{event.at.astimezone(zone):%H:%M:%S} {event.kind:<{KIND_CELLS}}"
    row = plaintext.shown(f"{head} {row_text(event)}".rstrip())
    return plaintext.cut(row, columns) if columns else row


def _wants_colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
