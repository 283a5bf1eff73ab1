"""Signs in the terminals that show a session: its status line, and what the terminal itself makes of a sequence."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loop_orchestrator.process.run import Finished

PEOPLE = "#{?client_control_mode,,#{client_tty}}"

SHOWN_MS = 10_000
"""Milliseconds for which the status line shows a notice: read in a glance, gone when one goes on."""


def sign_terminals(run: Callable[..., Finished], target: str, text: str, sequence: bytes) -> int:
    """Show a line in every terminal that shows the session, and send each a sequence; how many there are.

    run: runs tmux with these words. The text is shown as it is: nothing in it is a format of tmux's.
    """
    listed = run("list-clients", "-t", target, "-F", PEOPLE)
    terminals = [line for line in listed.text.splitlines() if line] if listed.code == 0 else []
    for terminal in terminals:
        run("display-message", "-c", terminal, "-d", str(SHOWN_MS), "--", text.replace("#", "##").replace("%", "%%"))
        with suppress(OSError):  # it was closed meanwhile, or takes nothing now
            _write(terminal, sequence)
    return len(terminals)


def _write(terminal: str, sequence: bytes) -> None:
    """In one write, so that it does not come between the bytes of what tmux draws."""
    fd = os.open(terminal, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        os.write(fd, sequence)
    finally:
        os.close(fd)
