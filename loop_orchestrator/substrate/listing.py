"""What tmux is asked about panes, and how its answer is read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from loop_orchestrator.model.terminal import PaneFacts, PaneReading
from loop_orchestrator.substrate.screens import parse_ansi

_FACTS = (
    "pane_id",
    "session_name",
    "window_name",
    "@loop_lane",
    "pane_pid",
    "pane_tty",
    "pane_current_command",
    "pane_title",
    "pane_dead",
    "pane_in_mode",
    "pane_input_off",
    "cursor_flag",
    "cursor_y",
    "alternate_on",
    "pane_width",
    "pane_height",
    "window_activity",
)


def facts_format(token: str) -> str:
    """The tmux format of one pane's facts; the token, which no pane knows, stands before each of them."""
    return "".join(f"{token}#{{{name}}}" for name in _FACTS)


def read_facts(values: Sequence[str]) -> PaneFacts:
    """The facts, in the order of the format. Reads /proc for the process group in front."""
    said = dict(zip(_FACTS, values, strict=True))
    return PaneFacts(
        pane=said["pane_id"],
        session=said["session_name"],
        window=said["window_name"],
        lane=said["@loop_lane"],
        pid=int(said["pane_pid"]),
        tty=said["pane_tty"],
        command=said["pane_current_command"],
        title=said["pane_title"],
        dead=said["pane_dead"] == "1",
        in_mode=said["pane_in_mode"] not in ("", "0"),
        input_off=said["pane_input_off"] == "1",
        cursor_visible=said["cursor_flag"] == "1",
        cursor_row=int(said["cursor_y"]) if said["cursor_y"] else None,
        alternate=said["alternate_on"] == "1",
        width=int(said["pane_width"]),
        height=int(said["pane_height"]),
        activity=int(said["window_activity"] or 0),
        foreground=_foreground_group(int(said["pane_pid"])),
    )


def read_pane(pane: str, part: str, token: str) -> PaneReading | None:
    """Facts in the first line, the screen in the others, no newline at the end; None for a pane that is gone."""
    first, _, screen = part.partition("\n")
    values = first.removeprefix(token).split(token)
    return PaneReading(facts=read_facts(values), screen=parse_ansi(f"{screen}\n")) if values[0] == pane else None


def is_running(pid: int) -> bool:
    """There is such a process, and it has not ended; one that waits to be collected has."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return _stat(pid)[:1] != ["Z"]


def _foreground_group(pid: int) -> int:
    """The process group that has the terminal of this process; 0 where /proc does not tell."""
    fields = _stat(pid)
    return max(0, int(fields[5])) if len(fields) > 5 else 0


def _stat(pid: int) -> list[str]:
    """State, parent and so on, as /proc lists them after the name; empty where there is no /proc."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []
