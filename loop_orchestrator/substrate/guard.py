"""Input to a pane under a guard: one command of the server, so nothing comes between the test and what it allows.

A paste into a dead pane would end a 3.3a server with all its lanes; in copy mode keys go to the mode, not the program.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from loop_orchestrator.errors import SubstrateError
from loop_orchestrator.substrate.framing import Lines
from loop_orchestrator.substrate.listing import check_pane
from loop_orchestrator.substrate.port import PasteResult

MOST_INLINE = 8_192
"""Characters of a text that goes over a held connection as part of a command; a longer one goes through a pipe."""

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_IN_QUOTES = {code: f"\\{code:03o}" for code in range(128) if not (chr(code).isalnum() or chr(code) == " ")}
"""tmux gives several of these a meaning in double quotes, ``~`` as the first one among them."""


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """One act on one pane, as commands of tmux."""

    pane: str
    pane_pid: int
    """the first process that the pane must have"""
    cursor: tuple[int, int] | None = None
    """column and row in which its cursor must stand; None: anywhere"""
    command: str
    """what is done"""
    otherwise: str = "display-message -p -"
    """what is done where the guard refuses"""
    text: str | None = None
    """what is loaded into the buffer first; None: no buffer is used"""
    buffer: str = ""
    token: str = field(default_factory=lambda: os.urandom(16).hex())
    """no pane can print it, so no pane can forge the answer"""

    def __post_init__(self) -> None:
        check_pane(self.pane)

    @property
    def name(self) -> str:
        """Of the tmux command, for errors."""
        return self.command.partition(" ")[0]

    @property
    def _branches(self) -> tuple[str, str, str]:
        """The test, what is done where it holds, and what where not. Each of the two is two commands."""
        wrong = [f"#{{!=:#{{pane_id}},{self.pane}}}", f"#{{!=:#{{pane_pid}},{self.pane_pid}}}", "#{pane_dead}"]
        wrong += ["#{pane_in_mode}", "#{pane_input_off}"]
        if self.cursor is not None:
            column, row = self.cursor
            wrong += [f"#{{!=:#{{cursor_x}},{column}}}", f"#{{!=:#{{cursor_y}},{row}}}"]
        test = wrong.pop()
        while wrong:
            test = f"#{{||:{wrong.pop()},{test}}}"
        state = f"{self.token} #{{pane_id}} #{{pane_pid}} #{{pane_dead}} #{{pane_in_mode}} #{{pane_input_off}}"
        refused = f"display-message -p -t '{self.pane}' '{state}' ; {self.otherwise}"
        return test, refused, f"{self.command} ; display-message -p {self.token}"

    def argv(self) -> tuple[str, ...]:
        """For one invocation of tmux, with the text on its stdin."""
        load = ("load-buffer", "-b", self.buffer, "-", ";") if self.text is not None else ()
        return (*load, "if-shell", "-F", "-t", self.pane, *self._branches)

    def line(self) -> str:
        """For a control client."""
        test, refused, done = self._branches
        load = ""
        if self.text is not None:
            load = f'set-buffer -b {self.buffer} -- "{self.text.translate(_IN_QUOTES)}" ; '
        return f"{load}if-shell -F -t '{self.pane}' '{test}' \"{refused}\" \"{done}\""

    def replies(self) -> Generator[Lines, bytes, str]:
        """What ``line`` printed; see framing.Exchange."""
        printed = []
        for _ in range(3 + (self.text is not None)):
            printed.append((yield None))
        return b"\n".join(printed).decode("utf-8", "replace")

    def result(self, printed: str) -> PasteResult | None:
        """What became of it; None: it does not say."""
        said = next((line for line in printed.splitlines() if line.startswith(self.token)), None)
        if said is None:
            return None
        if said == self.token:
            return PasteResult.PASTED
        identity, pid, dead, in_mode, input_off = said.split(" ")[1:]
        if identity != self.pane:
            return PasteResult.GONE
        if pid != str(self.pane_pid):
            return PasteResult.REPLACED
        if dead == "1":
            return PasteResult.DEAD
        if in_mode not in ("", "0"):
            return PasteResult.IN_MODE
        return PasteResult.INPUT_OFF if input_off == "1" else PasteResult.MOVED


def guarded_paste(pane: str, text: str, *, pane_pid: int, cursor: tuple[int, int] | None) -> Guarded:
    """See port.Substrate.paste."""
    buffer = f"loop-{os.urandom(8).hex()}"
    return Guarded(
        pane=pane,
        pane_pid=pane_pid,
        cursor=cursor,
        command=f"paste-buffer -d -p -r -b {buffer} -t '{pane}'",
        otherwise=f"delete-buffer -b {buffer}",
        text=text,
        buffer=buffer,
    )


def guarded_press(pane: str, keys: Sequence[str], *, pane_pid: int, cursor: tuple[int, int] | None) -> Guarded:
    """See port.Substrate.press. Raises SubstrateError for what is not the name of a key."""
    for key in keys:
        if not _KEY.fullmatch(key):
            raise SubstrateError(f"tmux send-keys {pane}: not the name of a key: {key!r}")
    command = f"send-keys -t '{pane}' {' '.join(keys)}"
    return Guarded(pane=pane, pane_pid=pane_pid, cursor=cursor, command=command)
