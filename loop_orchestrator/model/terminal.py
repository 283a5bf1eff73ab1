"""What a terminal shows: a pane's facts and its screen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

SHELLS = frozenset({"sh", "bash", "zsh", "fish", "dash", "ash", "ksh", "mksh", "csh", "tcsh", "nu", "xonsh", "login"})
"""Names of shells: in front in place of an agent, the agent is not there."""


@dataclass(frozen=True, kw_only=True)
class PaneFacts:
    """One row of tmux's list of panes."""

    pane: str
    """id, ``%5``"""
    session: str
    window: str
    """its name"""
    lane: str
    """the ``@loop_lane`` option of the pane; empty where unset"""
    pid: int
    """first process of the pane"""
    tty: str
    command: str
    """name of the foreground program"""
    title: str
    dead: bool
    in_mode: bool
    """copy mode or another tmux mode"""
    input_off: bool
    cursor_visible: bool
    alternate: bool
    """the alternate screen is shown"""
    width: int
    height: int
    cursor_row: int | None = None
    """the row of the screen that the cursor is in, from 0; None where that is not known"""
    window_id: str = ""
    """``@3``; empty where that is not known"""
    cursor_column: int | None = None
    """and its column, from 0"""
    foreground: int = 0
    """process group that has the terminal; 0 where that cannot be read"""
    activity: int = 0
    """whole seconds since 1970 of the last output in the pane's window; 0 where that is not known"""


@dataclass(frozen=True)
class Screen:
    """The visible screen, with and without its dim text, row by row, no escape codes."""

    rows: tuple[str, ...]
    """all text; trailing blanks cut, except U+00A0"""
    bright: tuple[str, ...]
    """the same rows with dim characters replaced by blanks: what is left of a placeholder is nothing"""

    @property
    def text(self) -> str:
        return "\n".join(self.rows)


@dataclass(frozen=True, kw_only=True)
class PaneReading:
    """A pane's facts and screen, read in the same round trip."""

    facts: PaneFacts
    screen: Screen


class TerminalSignalKind(StrEnum):
    """What a program says to its terminal beside what it draws."""

    STATUS = "status"
    """OSC 7501: the program's own word for what it is doing, ``state=working:app=codex``"""
    NOTIFICATION = "notification"
    """OSC 9 or 777: a text for the person"""
    TITLE = "title"
    """OSC 0 or 2"""
    BELL = "bell"
    PASTE = "paste"
    """whether it takes a paste in brackets from now on: ``on`` or ``off``"""


@dataclass(frozen=True, kw_only=True)
class TerminalSignal:
    """One thing that the program of a pane said to its terminal. The text is the program's, control characters out."""

    pane: str
    kind: TerminalSignalKind
    text: str
    """empty for a bell"""
    at: datetime
    """when it was heard"""
