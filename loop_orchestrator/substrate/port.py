"""What this program asks of a terminal multiplexer. Only wiring names the implementation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from loop_orchestrator.model.lane import LaneSpec
from loop_orchestrator.model.terminal import PaneFacts, PaneReading, TerminalSignal

if TYPE_CHECKING:
    from loop_orchestrator.substrate.guard import Guarded


@dataclass(frozen=True, kw_only=True)
class PaneStart:
    """A lane's pane to be made."""

    spec: LaneSpec
    argv: tuple[str, ...]
    """what the pane runs: the launcher; never a shell string"""
    env: tuple[tuple[str, str], ...]
    """environment of the pane"""
    stacked: bool = False
    """the panes of its window stand below each other: where its first one is made anew"""


class PasteResult(StrEnum):
    """What a guarded paste did. The guard and the paste are one command of the server."""

    PASTED = "pasted"
    DEAD = "dead"
    """the pane's program ended"""
    IN_MODE = "in-mode"
    """the pane is in copy mode"""
    INPUT_OFF = "input-off"
    GONE = "gone"
    """there is no such pane"""
    REPLACED = "replaced"
    """the pane's first process is not the one the caller looked at"""
    MOVED = "moved"
    """the cursor is not where the caller saw it: somebody types, or the program draws"""


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """What the terminal said by itself since it was last asked."""

    spoke: frozenset[str] = frozenset()
    """panes that printed something, or whose mode changed"""
    signals: tuple[TerminalSignal, ...] = ()
    """in the order in which they were heard"""
    layout: bool = False
    """windows or panes came or went"""
    ended: str = ""
    """why nothing more will be pushed; empty: the connection holds"""


class Feed(Protocol):
    """A connection to one session that is held: reading costs no process, and what happens is pushed.

    It only makes things faster: everything works without it. open, read and close block, so they are not for the thread
    of an event loop; fileno and pushed are, and only for one thread.
    """

    def open(self, *, on_lost: Callable[[], None] | None = None) -> None:
        """Connect, or connect again. Raises SubstrateError, with the reason, where that is not possible.

        on_lost: called, in the thread that notices it, when a reading finds that it does not hold any more.
        """

    @property
    def lost(self) -> str:
        """Why it does not hold; empty: it does."""

    def read(self, panes: Sequence[str]) -> tuple[PaneReading, ...] | None:
        """What Substrate.read promises, in one round trip; None where the connection does not hold (any more)."""

    def fileno(self) -> int:
        """Readable when something was pushed; valid from open to close."""

    def act(self, guarded: Guarded) -> PasteResult | None:
        """Do it, if the pane may take it; None, with nothing done, where the connection does not hold.

        Raises SubstrateError where nobody knows whether it was done.
        """

    def pushed(self, at: datetime) -> Pushed:
        """What was pushed until now, which is ``at``."""

    def close(self) -> None:
        """End it; again is fine."""


class Substrate(Protocol):
    """One tmux server, one session. Panes are named by id, sessions and windows exactly.

    Every method raises SubstrateError, naming the tmux subcommand and the target, when the server cannot do it;
    a server or a session that is not there is an answer, not an error, for the methods that say so.
    """

    @property
    def session(self) -> str:
        """The session's name."""

    def session_exists(self) -> bool:
        """False also where no server runs."""

    def server_pid(self) -> int | None:
        """The process that holds the session; None where there is no session."""

    def project(self) -> str:
        """The project that the session was made for; empty where there is none, or it was not made for one."""

    def start_lanes(self, starts: Sequence[PaneStart], *, cwd: Path) -> tuple[PaneFacts, ...]:
        """Make one pane per start, in order, with the session and the windows they need.

        A window that exists is split, one that does not is made; the pane's ``@loop_lane`` option is set to the lane's
        name. Returns the facts of the new panes in the same order. A detached session is 220x50 cells large.
        """

    def panes(self) -> tuple[PaneFacts, ...]:
        """The panes of the session, in window and pane order; empty where there is no session."""

    def read(self, panes: Sequence[str]) -> tuple[PaneReading, ...]:
        """Facts and visible screens of these panes in one invocation of tmux, however many they are.

        A pane that is gone is left out. Blocks for one round trip.
        """

    def feed(self) -> Feed:
        """The one connection to this session that can be held. While it is open, ``read`` goes over it."""

    def paste(self, pane: str, text: str, *, pane_pid: int, cursor: tuple[int, int] | None = None) -> PasteResult:
        """Paste text, bracketed, from a buffer of its own, if the pane may take it; never presses Enter.

        The text goes as it is: the caller has cleaned it. Nothing reaches the pane unless PASTED is returned.
        cursor: column and row in which the cursor must stand; None: anywhere.
        """

    def press(
        self, pane: str, keys: Sequence[str], *, pane_pid: int, cursor: tuple[int, int] | None = None
    ) -> PasteResult:
        """Press tmux keys by name (``Enter``, ``Escape``, ``C-u``), under the same guard as paste."""

    def key_age_s(self, pane: str) -> float | None:
        """Seconds since a person at a terminal that shows this pane pressed a key; None: no terminal shows it."""

    def leave_mode(self, pane: str) -> None:
        """Leave copy mode, if the pane is in it."""

    def respawn(self, start: PaneStart, *, pane: str, pane_pid: int, cwd: Path) -> PaneFacts:
        """End what a lane's pane runs and start this in it; the pane keeps its id, its place and its ``@loop_lane``.

        Raises SubstrateError, with the pane as it was, if it is gone or its first process is not the one the caller
        looked at.
        """

    def before_cursor(self, pane: str) -> str:
        """What stands in the cursor's row up to the cursor; empty for a pane that is gone."""

    def end_pane(self, pane: str) -> None:
        """End a pane and the programs in it; one that is gone is fine."""

    def end_session(self) -> None:
        """End the session; a session that is gone is fine. The server ends with its last session."""

    def select(self, pane: str) -> None:
        """Make this pane the one that every client of the session shows."""

    def is_shown(self) -> bool:
        """A terminal shows some session of the server."""

    def sign_terminals(self, text: str, sequence: bytes) -> int:
        """Show a line in the status line of every terminal that shows the session, and send each terminal a sequence.

        How many terminals that were; 0 also where there is no session.
        """

    def attach_argv(self, *, inside: bool) -> tuple[str, ...]:
        """The tmux command that shows the session to a person; ``inside``: from within a client of the same server."""

    def attach_hint(self) -> str:
        """The same as a command line to be read by a person, for a terminal outside tmux."""
