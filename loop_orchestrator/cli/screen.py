"""A screen that is drawn over and over: it does not flicker, it fits, and the terminal is whole again afterwards."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from loop_orchestrator import plaintext
from loop_orchestrator.cli import output

_LEAST = 2
"""Lines of a section that stay when the screen is too low: what it is about, and how much of it is left out."""


def fitted(sections: Sequence[Sequence[str]], columns: int, rows: int) -> list[str]:
    """The sections' lines for a terminal of this size: long lines are cut; of too many lines the blank ones go first,
    then the longest sections give up their last ones, saying how many. What still is too much is cut at the end.
    """
    if sum(map(len, sections)) > rows:
        sections = [[line for line in section if line] for section in sections]
    room = [len(section) for section in sections]
    while sum(room) > rows and max(room, default=0) > _LEAST:
        room[room.index(max(room))] -= 1
    lines: list[str] = []
    for section, most in zip(sections, room, strict=True):
        left_out = len(section) - most + 1
        lines += section if most == len(section) else (*section[: most - 1], f"  … {left_out} more")
    return [plaintext.cut(line, columns) for line in lines[: max(rows, 1)]]


@contextmanager
def whole_screen() -> Iterator[Screen]:
    """The terminal's other screen, without cursor and echo, until this is left in whatever way."""
    screen = Screen()
    screen.begin()
    try:
        yield screen
    finally:
        screen.end()


class Screen:
    """The terminal that stdout is."""

    def __init__(self) -> None:
        self._modes: list[Any] | None = None

    def begin(self) -> None:
        """Take the screen over."""
        import termios

        with suppress(OSError, termios.error, ValueError):
            self._modes = termios.tcgetattr(sys.stdin.fileno())
            quiet = termios.tcgetattr(sys.stdin.fileno())
            quiet[3] &= ~termios.ECHO
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, quiet)
        output.begin_screen()

    def end(self) -> None:
        """Give the screen back as it was."""
        import termios

        with suppress(BrokenPipeError, OSError, ValueError):
            output.end_screen()
        if self._modes is not None:
            with suppress(OSError, termios.error, ValueError):
                termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._modes)

    def draw(self, sections: Sequence[Sequence[str]]) -> None:
        """Replace what is on the screen."""
        columns, rows = os.get_terminal_size(sys.stdout.fileno())
        output.screen(fitted(sections, columns, rows), columns)
