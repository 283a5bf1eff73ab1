"""Whose hands are on a lane whose program ended: a person in its shell, or a program that did not go with its pane."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.model.terminal import SHELLS
from loop_orchestrator.process.ending import runs_since

if TYPE_CHECKING:
    from loop_orchestrator.model.lane import Lane
    from loop_orchestrator.model.terminal import PaneFacts
    from loop_orchestrator.world import World

_PROMPT_END = re.compile(r"[$#%>❯»λ]$")
_BEHIND_PROMPT = re.compile(r"[$#%>❯»λ]\s+\S")


def hands_on(world: World, lane: Lane, pane: PaneFacts | None) -> str:
    """Why a lane whose program ended must be left alone now, as a sentence; empty if nobody has it in hand.

    pane: the lane's own; None where it is gone.
    """
    if pane is None:
        return _left_over(lane)
    if pane.dead:
        return ""
    in_front = pane.foreground == lane.record.pane_pid if pane.foreground else pane.command in SHELLS
    if not in_front:
        return f"{pane.command} runs in its shell"
    ended_at = lane.run.ended_at if lane.run else None
    if text_stands(world.substrate.before_cursor(pane.pane), typed=_typed_since(lane.record.pane_tty, ended_at)):
        return "text stands at the prompt of its shell"
    return ""


def text_stands(before_cursor: str, *, typed: bool) -> bool:
    """Whether somebody's text stands at the prompt of a shell. Pure.

    before_cursor: the cursor's row up to the cursor. typed: something was typed since the shell is there. A prompt of
    an unusual form counts as text only where something was typed: else no lane with such a prompt came back by itself.
    """
    shown = before_cursor.strip()
    if not shown or _PROMPT_END.search(shown):
        return False
    return typed or _BEHIND_PROMPT.search(shown) is not None


def _left_over(lane: Lane) -> str:
    """A pane may go and leave its launcher, or its program, for some seconds or for good."""
    run = lane.run
    if run is not None and run.ended_at is None and runs_since(run.pid, run.started_at):
        return f"its pane is gone and its program (pid {run.pid}) still runs"
    if runs_since(lane.record.pane_pid, lane.record.booted_at):
        return f"its pane is gone and its launcher (pid {lane.record.pane_pid}) still runs"
    return ""


def _typed_since(tty: str, at: datetime | None) -> bool:
    """The terminal was read from: the kernel notes that, to 8 seconds. False where it cannot be told."""
    try:
        return at is not None and Path(tty).stat().st_atime > at.timestamp()
    except OSError:
        return False
