"""A connection to tmux that is held: its control mode, over pipes.

Two clients of the session. One is asked, and is told of no output, so that nothing a pane prints can fill its pipe; the
other is told of all output and is asked nothing. A client that asked for output and stopped reading would freeze the
lanes that print; with ``pause-after`` tmux stops telling it instead.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import datetime

from loop_orchestrator.errors import ProcessError, SubstrateError
from loop_orchestrator.model.terminal import PaneReading, TerminalSignal
from loop_orchestrator.process.pipes import end_orphans
from loop_orchestrator.substrate.client import ControlClient, LostError, deadline_in
from loop_orchestrator.substrate.framing import Exchange, Lines, OutOfStep, RepliedError
from loop_orchestrator.substrate.guard import Guarded
from loop_orchestrator.substrate.listing import (
    CONTROL_CLIENT_PIDS,
    Screens,
    facts_and_rest,
    facts_format,
    height_in,
    quoted,
)
from loop_orchestrator.substrate.port import PasteResult, Pushed
from loop_orchestrator.substrate.stream import PaneStream

ANSWER_S = 2.0
"""Seconds within which tmux answers. At half, a busy machine loses connections that hold; at double, whoever waits for
a hung tmux waits so long before the forked way is tried."""
OPEN_S = 5.0
"""Seconds that two clients may take to attach."""

LISTED = 8
"""Panes beyond which listing every pane of the server costs it less than looking up each."""

ASKED = "ignore-size,no-output"
TOLD = "ignore-size,pause-after=2"

_LAYOUT = frozenset({b"%window-add", b"%window-close", b"%unlinked-window-close", b"%layout-change"})
_PROBE = "a\\b\tc$HOME\x1b[2m é"
_PROBE_LINE = 'set-buffer -b {0} "a\\\\b\\tc\\$HOME\\033[2m \\u00e9\\n" ; show-buffer -b {0} ; delete-buffer -b {0}'
_QUOTED = re.compile(r"\\([0-7]{3}|.)", re.DOTALL)
_MEANS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "a": "\a", "v": "\v", "f": "\f", "s": " ", "0": "\0"}


class ControlFeed:
    """See port.Feed. It may be asked from several threads, one after the other."""

    def __init__(self, socket_argv: Sequence[str], session: str, screens: Screens) -> None:
        self._argv = ("tmux", "-N", "-u", *socket_argv, "-C", "attach-session", "-E", "-t", f"={session}")
        self._screens = screens
        self._lock = threading.Lock()
        self._asked: ControlClient | None = None
        self._told: ControlClient | None = None
        self._lost = "not connected"
        self._on_lost: Callable[[], None] | None = None
        self._buffer = f"loop-read-{os.getpid()}-{os.urandom(4).hex()}"
        self._decoded: Callable[[str], str] = str
        self._more_lines = 0
        """newlines that show-buffer adds to the text"""
        self._streams: dict[str, PaneStream] = {}

    @property
    def lost(self) -> str:
        return self._lost

    def open(self, *, on_lost: Callable[[], None] | None = None) -> None:
        with self._lock:
            self._on_lost = on_lost
            if not self._answers_again():
                self._end()
                try:
                    self._start()
                except (LostError, RepliedError, ProcessError) as error:
                    self._end()
                    reason = error.message if isinstance(error, ProcessError) else str(error)
                    raise SubstrateError(f"tmux control mode: {reason}") from error
            self._lost = ""

    def read(self, panes: Sequence[str]) -> tuple[PaneReading, ...] | None:
        if not self._lock.acquire(blocking=False):
            return None  # it is being connected; that may take longer than the forked way
        try:
            if self._lost or self._asked is None:
                return None
            token, facts = os.urandom(8).hex(), dict[str, list[str]]()
            looked_up = [Exchange(line, _listed(token, facts)) for line in _lookups(panes, token)]
            screens = [Exchange(self._screen_line(pane), self._screen(pane, facts)) for pane in panes]
            try:
                asked: list[Exchange[object]] = [*looked_up, *screens]
                self._asked.ask(asked, deadline_in(ANSWER_S))
            except LostError as error:
                self._lost = str(error)
                if self._on_lost is not None:
                    self._on_lost()
                return None
            readings = (
                self._screens.reading(pane, facts.get(pane, ()), screen.result(), self._text)
                for pane, screen in zip(panes, screens, strict=True)
                if not screen.failed
            )
            return tuple(reading for reading in readings if reading)
        finally:
            self._lock.release()

    def act(self, guarded: Guarded) -> PasteResult | None:
        if not self._lock.acquire(blocking=False):
            return None
        try:
            if self._lost or self._asked is None:
                return None
            asked = Exchange(guarded.line(), guarded.replies())
            try:
                self._asked.ask([asked], deadline_in(ANSWER_S))
            except LostError as error:
                self._lost = str(error)
                if self._on_lost is not None:
                    self._on_lost()
                raise SubstrateError(f"tmux {guarded.name} {guarded.pane}: {error}") from error
        finally:
            self._lock.release()
        result = None if asked.failed else guarded.result(asked.result())
        if result is None:
            raise SubstrateError(f"tmux {guarded.name} {guarded.pane}: {asked.failed or 'it does not say what it did'}")
        return result

    def fileno(self) -> int:
        assert self._told is not None
        return self._told.fileno()

    def pushed(self, at: datetime) -> Pushed:
        spoke: set[str] = set()
        signals: list[TerminalSignal] = []
        layout, ended = False, ""
        if self._told is None:
            return Pushed(ended=self._lost)
        try:
            for line in self._told.said():
                name, _, rest = line.partition(b" ")
                if name in (b"%extended-output", b"%pause", b"%pane-mode-changed"):
                    spoke.add(self._heard(name, rest, at, signals))
                elif name in _LAYOUT:
                    layout = True
                elif name == b"%session-changed":
                    ended = "the session ended"
                elif name == b"%exit":
                    ended = "tmux ended it"
        except LostError as error:
            ended = ended or str(error)
        if ended:
            self._lost = ended
            self._told.holds = False
        return Pushed(spoke=frozenset(spoke), signals=tuple(signals), layout=layout, ended=ended)

    def close(self) -> None:
        with self._lock:
            self._end()

    # Attaching.

    def _answers_again(self) -> bool:
        """After a silence: both clients are still there, and what was not answered in time has come meanwhile."""
        if self._asked is None or self._told is None or not self._asked.holds or not self._told.holds:
            return False
        try:
            self._asked.ask([Exchange("display-message -p here", _plain())], deadline_in(ANSWER_S))
        except LostError:
            return False
        return True

    def _start(self) -> None:
        deadline = deadline_in(OPEN_S)
        self._told = ControlClient((*self._argv, "-f", TOLD))
        self._told.await_notification(b"%session-changed", deadline)
        self._asked = ControlClient((*self._argv, "-f", ASKED))
        self._asked.await_notification(b"%session-changed", deadline)
        self._asked.ask([left := Exchange(f"list-clients -F '{CONTROL_CLIENT_PIDS}'", _plain())], deadline)
        end_orphans(int(pid) for pid in left.result().split())
        probe = Exchange(_PROBE_LINE.format(self._buffer), _probed())
        self._asked.ask([probe], deadline)
        shown = probe.result()
        self._more_lines = shown.count("\n")
        for decoded in (str, unquoted):
            if decoded(shown).removesuffix("\n") == _PROBE:
                self._decoded = decoded
                return
        raise LostError(f"this tmux shows buffers in a way that is not known: {shown!r}")

    def _end(self) -> None:
        for client in (self._asked, self._told):
            if client is not None:
                client.close()
        self._asked = self._told = None
        self._streams.clear()
        self._lost = "not connected"

    # Asking.

    def _screen_line(self, pane: str) -> str:
        """One line, so that nothing comes between its commands, and after a failed one none of them runs.

        ``capture-pane -p`` would leak the whole reply in the server up to tmux 3.5a.
        """
        buffer = self._buffer
        return f"capture-pane -e -b {buffer} -t '{pane}' ; show-buffer -b {buffer} ; delete-buffer -b {buffer}"

    def _screen(self, pane: str, facts: Mapping[str, Sequence[str]]) -> Generator[Lines, bytes, bytes]:
        """The screen as tmux shows it; as many rows as the pane has, by the facts that were read before it."""
        yield None
        if pane not in facts:  # it was made between the two commands
            raise OutOfStep(f"a screen of {pane}, which was not listed")
        shown = yield height_in(facts[pane]) + self._more_lines
        yield None
        return shown

    def _text(self, shown: bytes) -> str:
        text = self._decoded(shown.decode("utf-8", "replace"))
        return text if self._more_lines else f"{text}\n"

    # Being told.

    def _heard(self, name: bytes, rest: bytes, at: datetime, signals: list[TerminalSignal]) -> str:
        """The pane that a notification is about."""
        pane = rest.partition(b" ")[0].decode("ascii", "replace")
        stream = self._streams.setdefault(pane, PaneStream(pane))
        if name == b"%extended-output":
            signals += stream.signals(rest.partition(b" : ")[2], at)
        elif name == b"%pause":
            stream.lose()
            assert self._told is not None
            self._told.post(Exchange(f"refresh-client -A '{pane}:continue'", _plain()))
        return pane


def unquoted(text: str) -> str:
    """The text of a buffer, from the form in which tmux 3.3 shows it to a control client."""
    if "\\" not in text:
        return text
    # The escapes that a screen is made of are replaced in bulk; a backslash of the text's own is put aside meanwhile.
    text = text.replace("\\\\", "\0").replace("\\033", "\x1b").replace("\\t", "\t").replace("\\$", "$")
    if "\\" in text:
        text = _QUOTED.sub(_meant, text)
    return text.replace("\0", "\\")


def _meant(found: re.Match[str]) -> str:
    code = found[1]
    return chr(int(code, 8)) if len(code) == 3 else _MEANS.get(code, code)


def _plain() -> Generator[Lines, bytes, bytes]:
    """The body of the one reply to a command that no pane has a hand in."""
    return (yield None)


def _lookups(panes: Sequence[str], token: str) -> list[str]:
    """The commands that print the facts of these panes: each by itself, or all that the server has."""
    facts = quoted(facts_format(token))
    if len(panes) > LISTED:
        return [f"list-panes -a -F {facts}"]
    return [f"display-message -p -t '{pane}' {facts}" for pane in panes]


def _listed(token: str, facts: dict[str, list[str]]) -> Generator[Lines, bytes, bool]:
    """Puts what was printed into ``facts``, by pane."""
    printed = yield None
    facts |= {values[0]: values for values, _ in facts_and_rest(printed, token)}
    return True


def _probed() -> Generator[Lines, bytes, str]:
    yield None
    shown = yield None
    yield None
    return shown.decode("utf-8", "replace")
