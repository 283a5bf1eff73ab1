"""What tmux is asked about panes, and how its answer is read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence

from loop_orchestrator.errors import SubstrateError
from loop_orchestrator.model.terminal import PaneFacts, PaneReading, Screen
from loop_orchestrator.substrate.screens import UnreadScreen

_PANE_ID = re.compile(r"%\d+")
_FACTS = (
    "pane_id",
    "session_name",
    "window_name",
    "window_id",
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
    "cursor_x",
    "alternate_on",
    "pane_width",
    "pane_height",
    "window_activity",
)


_ONE_LINE = "s/\n/ /:"
_FREE = ("@loop_lane", "pane_current_command")

CONTROL_CLIENT_PIDS = "#{?client_control_mode,#{client_pid},}"
"""The tmux format of one client: its process, if a program talks through it; empty for a person's terminal."""


def facts_format(token: str) -> str:
    """The tmux format of one pane's facts; the token, which no pane knows, stands before, between and after them.

    They are one line: what a lane may give any name it likes has its newlines taken out.
    """
    return "".join(f"{token}#{{{_ONE_LINE if name in _FREE else ''}{name}}}" for name in _FACTS) + token


def quoted(format: str) -> str:
    """A format as a word of a tmux command line."""
    escaped = format.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("\n", "\\n")
    return f'"{escaped}"'


def facts_and_rest(data: bytes, token: str) -> Iterator[tuple[list[str], bytes]]:
    """For every time that the format was printed: the values, and what was printed from there to the next time."""
    parts = data.split(token.encode())[1:]
    for start in range(0, len(parts) - len(_FACTS), len(_FACTS) + 1):
        *values, rest = parts[start : start + len(_FACTS) + 1]
        yield [value.decode("utf-8", "replace") for value in values], rest


def read_facts(values: Sequence[str]) -> PaneFacts:
    """The facts, in the order of the format. Reads /proc for the process group in front."""
    said = dict(zip(_FACTS, values, strict=True))
    return PaneFacts(
        pane=said["pane_id"],
        session=said["session_name"],
        window=said["window_name"],
        window_id=said["window_id"],
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
        cursor_column=int(said["cursor_x"]) if said["cursor_x"] else None,
        alternate=said["alternate_on"] == "1",
        width=int(said["pane_width"]),
        height=int(said["pane_height"]),
        activity=int(said["window_activity"] or 0),
        foreground=_foreground_group(int(said["pane_pid"])),
    )


def height_in(values: Sequence[str]) -> int:
    """The height of the pane, in rows; 0 where there is no such pane."""
    return int(values[_FACTS.index("pane_height")] or 0)


class Screens:
    """The screens as last read, so that one that shows the same is not taken apart again. One for each pane."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[bytes, Screen]] = {}

    def reading(
        self, pane: str, values: Sequence[str], shown: bytes, text_of: Callable[[bytes], str]
    ) -> PaneReading | None:
        """Facts and screen of a pane; None where tmux told of another or of none.

        shown: what ``capture-pane -e`` printed, in some form; text_of: gives the text of it, each row with a newline.
        """
        if not values or values[0] != pane:
            self._known.pop(pane, None)
            return None
        was, screen = self._known.get(pane, (b"", None))
        if screen is None or was != shown:
            screen = UnreadScreen(lambda: text_of(shown))
            self._known[pane] = (shown, screen)
        return PaneReading(facts=read_facts(values), screen=screen)


def check_pane(pane: str) -> None:
    """Raises SubstrateError for what is not the id of a pane."""
    if not _PANE_ID.fullmatch(pane):
        raise SubstrateError(f"tmux: not the id of a pane: {pane!r}")


def outer_environment() -> dict[str, str]:
    """The environment of this process as seen from outside of any tmux that it runs in."""
    return {name: value for name, value in os.environ.items() if name not in ("TMUX", "TMUX_PANE")}


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
        file = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return []
    try:
        return os.read(file, 1024).rpartition(b")")[2].decode("ascii", "replace").split()
    except OSError:
        return []
    finally:
        os.close(file)
