"""tmux as the substrate: libtmux for what is structural and rare, one batched invocation for what is read often.

The user's tmux.conf applies to what a person sees. Nothing here relies on it: what could end or starve a detached
session is set for the own server, and panes are named by id.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.errors import LoopError, SubstrateError, UsageError
from loop_orchestrator.model.lane import Split
from loop_orchestrator.model.terminal import PaneFacts, PaneReading
from loop_orchestrator.substrate.guard import MOST_INLINE, Guarded, guarded_paste, guarded_press
from loop_orchestrator.substrate.listing import (
    CONTROL_CLIENT_PIDS,
    Screens,
    check_pane,
    facts_and_rest,
    facts_format,
    is_running,
    outer_environment,
    quoted,
    read_facts,
)
from loop_orchestrator.substrate.port import PaneStart, PasteResult
from loop_orchestrator.substrate.terminals import sign_terminals
from loop_orchestrator.substrate.together import Together

if TYPE_CHECKING:
    from libtmux.server import Server

    from loop_orchestrator.process.run import Finished
    from loop_orchestrator.substrate.control import ControlFeed

ANSWER_S = 10.0
"""Seconds within which tmux answers, or is taken for hung."""
RESTART_S = 5.0
"""Seconds that an old server on the same socket may take to go away."""
HISTORY_ROWS = 50_000
OLDEST = (3, 3)

_OWN_SERVER = (
    ("-s", "exit-unattached", "off"),
    ("-g", "destroy-unattached", "off"),
    ("-g", "history-limit", str(HISTORY_ROWS)),
    ("-gw", "remain-on-exit", "off"),
    # tmux 3.3a crashes on `window-size manual` when a window is made and nobody is attached.
    ("-gw", "window-size", "latest"),
)
_PREPARING = ("start-server", "set-environment", "set-option")
_OWN_WINDOW = (("automatic-rename", "off"), ("allow-rename", "off"), ("remain-on-exit", "off"))
_LANE_ENVIRONMENT = (
    *("LOOP_SESSION", "LOOP_LANE", "LOOP_PROJECT_ROOT", "LOOP_MAILBOX", "LOOP_TMUX_SOCKET"),
    *("LOOP_PROJECT", "LOOP_MAILBOX_DIR", "LOOP_STATE_FILE", "LOOP_TMUX_STATE_DIR"),
)
"""Belongs to one pane or one session: not for the server, which may have been started from within a lane."""
_PROJECT_OPTION = "@loop_project"
"""Of a session: the project that it was made for. An index for people and tools; records are the truth about lanes."""
_NO_SERVER = re.compile(r"no server running|error connecting|server exited|lost server")
_GONE = re.compile(r"can't find|no such (?:session|window|pane)")
_CONFIG_HINT = "see whether tmux starts with your tmux.conf: tmux -L try new-session"
_SESSION_NAME = re.compile(r"[A-Za-z0-9_-]+")


class TmuxSubstrate:
    """One session on one tmux server; see port.Substrate for what the methods promise."""

    def __init__(
        self,
        socket: str,
        session: str,
        width: int,
        height: int,
        *,
        start_under: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        """socket: a name, an absolute path, or ``default`` for the user's own server.

        width, height: cells of a detached session. start_under: words that go before the command that starts a server;
        where it does not start under them, it starts without. Raises UsageError for a name that tmux would change.
        """
        if not _SESSION_NAME.fullmatch(session):
            raise UsageError(f"not a session name: {session!r}", hint="use letters, digits, - and _")
        if "/" in socket and not socket.startswith("/"):
            raise UsageError(f"not a tmux socket: {socket!r}", hint="give a name or an absolute path")
        self._session = session
        self._socket = socket
        self._size = (width, height)
        self._screens = Screens()
        self._feed: ControlFeed | None = None
        self._together = Together(self._read_now)
        self._start_under = start_under

    @property
    def session(self) -> str:
        return self._session

    def session_exists(self) -> bool:
        return self._session in (name for name, _, _ in self._sessions())

    def server_pid(self) -> int | None:
        return next((pid for name, _, pid in self._sessions() if name == self._session), None)

    def project(self) -> str:
        shown = self._tmux("show-options", "-qv", "-t", f"={self._session}:", _PROJECT_OPTION)
        return shown.text.removesuffix("\n") if shown.code == 0 else ""

    def start_lanes(self, starts: Sequence[PaneStart], *, cwd: Path) -> tuple[PaneFacts, ...]:
        self._check_version()
        last_in_window = {facts.window: facts.pane for facts in self.panes()}
        had = frozenset(last_in_window)
        made = []
        for start in starts:
            if not last_in_window:
                pane = self._new_session(start, cwd)
            elif start.spec.window in last_in_window:
                again = start.spec.split is Split.FIRST and start.spec.window in had
                pane = self._split(start, last_in_window[start.spec.window], cwd, again=again)
            else:
                pane = self._new_window(start, cwd)
            last_in_window[start.spec.window] = pane
            made.append(pane)
            options = [["set-option", "-w", "-t", pane, name, value] for name, value in _OWN_WINDOW]
            self._chain(*options, ["set-option", "-p", "-t", pane, "@loop_lane", start.spec.name], gone_is_fine=True)
        facts = {fact.pane: fact for fact in self.panes()}
        for start, pane in zip(starts, made, strict=True):
            if pane not in facts:
                ended = f"lane {start.spec.name}: its pane {pane} ended as soon as it was made"
                raise SubstrateError(ended, hint="" if facts else _CONFIG_HINT)
        return tuple(facts[pane] for pane in made)

    def panes(self) -> tuple[PaneFacts, ...]:
        token = os.urandom(16).hex()
        listed = self._tmux("list-panes", "-s", "-t", f"={self._session}:", "-F", facts_format(token))
        if listed.code != 0:
            if _NO_SERVER.search(listed.complaint) or _GONE.search(listed.complaint):
                return ()
            raise _failed("list-panes", self._session, listed)
        return tuple(read_facts(values) for values, _ in facts_and_rest(listed.stdout, token))

    def read(self, panes: Sequence[str]) -> tuple[PaneReading, ...]:
        for pane in panes:
            check_pane(pane)
        return self._together.read(panes)

    def _read_now(self, panes: Sequence[str]) -> tuple[PaneReading, ...]:
        held = self._feed.read(panes) if self._feed is not None else None
        return self._read_batch(panes) if held is None else held

    def feed(self) -> ControlFeed:
        from loop_orchestrator.substrate.control import ControlFeed

        if self._feed is None:
            self._feed = ControlFeed(self._socket_argv, self._session, self._screens)
        return self._feed

    def _read_batch(self, panes: Sequence[str]) -> tuple[PaneReading, ...]:
        if not panes:
            return ()
        token = os.urandom(16).hex()  # no pane can print it, so no pane can forge the end of its screen
        facts = quoted(facts_format(token))
        lines = []
        for pane in panes:
            lines += [f"display-message -p -t '{pane}' {facts}", f"capture-pane -p -e -t '{pane}'"]
        script = "\n".join((*lines, f"display-message -p {facts}", ""))
        answer = self._tmux("source-file", "-", stdin=script.encode())
        printed = list(facts_and_rest(answer.stdout, token))
        if len(printed) != len(panes) + 1:
            if _NO_SERVER.search(answer.complaint):
                return ()
            raise _failed("source-file", f"{len(panes)} panes", answer)
        readings = (
            self._screens.reading(pane, values, shown, _captured)
            for pane, (values, shown) in zip(panes, printed, strict=False)
        )
        return tuple(reading for reading in readings if reading)

    def paste(self, pane: str, text: str, *, pane_pid: int, cursor: tuple[int, int] | None = None) -> PasteResult:
        return self._act(guarded_paste(pane, text, pane_pid=pane_pid, cursor=cursor))

    def press(
        self, pane: str, keys: Sequence[str], *, pane_pid: int, cursor: tuple[int, int] | None = None
    ) -> PasteResult:
        return self._act(guarded_press(pane, keys, pane_pid=pane_pid, cursor=cursor))

    def key_age_s(self, pane: str) -> float | None:
        check_pane(pane)
        listed = self._tmux("list-clients", "-F", "#{client_control_mode} #{client_activity} #{pane_id}")
        shown = (line.split(" ") for line in listed.text.splitlines())
        pressed = [int(at) for control, at, its in shown if control != "1" and its == pane and at]
        return max(0.0, time.time() - max(pressed)) if pressed else None

    def leave_mode(self, pane: str) -> None:
        check_pane(pane)
        left = self._tmux("copy-mode", "-q", "-t", pane)
        if left.code != 0:
            raise _failed("copy-mode", pane, left)

    def respawn(self, start: PaneStart, *, pane: str, pane_pid: int, cwd: Path) -> PaneFacts:
        check_pane(pane)
        token = os.urandom(16).hex()
        same = f"#{{&&:#{{==:#{{pane_id}},{pane}}},#{{==:#{{pane_pid}},{pane_pid}}}}}"
        env = [word for name, value in start.env for word in ("-e", f"{name}={value}")]
        words = ["-k", "-t", pane, "-c", _unexpanded(str(cwd)), *env, "--", *_words(start.argv)]
        command = f"respawn-pane {' '.join(map(_quoted, words))} ; display-message -p {token}"
        done = self._tmux("if-shell", "-F", "-t", pane, same, command, "display-message -p refused")
        if token not in done.text.splitlines():
            reason = "another process runs in it" if done.code == 0 else done.complaint
            raise SubstrateError(f"tmux respawn-pane {pane}: {reason}")
        found = next((facts for facts in self.panes() if facts.pane == pane), None)
        if found is None:
            raise SubstrateError(f"lane {start.spec.name}: its pane {pane} ended as soon as its program was started")
        return found

    def before_cursor(self, pane: str) -> str:
        check_pane(pane)
        shown = self._tmux(
            *("display-message", "-p", "-t", pane, "#{cursor_y} #{cursor_x}", ";", "capture-pane", "-p", "-t", pane)
        )
        first, _, screen = shown.text.partition("\n")
        if shown.code != 0 or not first.strip():
            return ""
        row, column = map(int, first.split())
        rows = screen.split("\n")
        return rows[row][:column] if row < len(rows) else ""

    def end_pane(self, pane: str) -> None:
        check_pane(pane)
        self._chain(["kill-pane", "-t", pane], gone_is_fine=True)

    def end_session(self) -> None:
        from loop_orchestrator.process.pipes import end_orphans

        sessions = self._sessions()
        mine = next((entry for entry in sessions if entry[0] == self._session), None)
        if mine is None:
            return
        _, identity, server_pid = mine
        # A server that is to end waits for every client to take its last words, and one without a reader never does.
        left = self._tmux("list-clients", "-F", CONTROL_CLIENT_PIDS)
        end_orphans(int(pid) for pid in left.text.split())
        self._chain(["kill-session", "-t", identity], gone_is_fine=True)
        if len(sessions) == 1:
            _await_end(server_pid)

    def select(self, pane: str) -> None:
        check_pane(pane)
        shown = self._tmux("display-message", "-p", "-t", pane, "#{window_id}")
        if shown.code != 0:
            raise _failed("display-message", pane, shown)
        # A window may belong to several sessions, each with a current window of its own.
        window = f"={self._session}:{shown.text.strip()}"
        self._chain(["select-window", "-t", window], ["select-pane", "-t", f"{window}.{pane}"])

    def is_shown(self) -> bool:
        people = "#{?client_control_mode,,#{client_name}}"
        return bool(self._tmux("list-clients", "-F", people).text.strip())

    def sign_terminals(self, text: str, sequence: bytes) -> int:
        return sign_terminals(self._tmux, f"={self._session}", text, sequence)

    def attach_argv(self, *, inside: bool) -> tuple[str, ...]:
        """From within another tmux server ``TMUX`` would make tmux refuse, so it is taken out of the environment."""
        target = f"={self._session}"
        if inside:
            return ("tmux", "-u", *self._socket_argv, "switch-client", "-t", target)
        return ("env", "-u", "TMUX", "tmux", "-u", *self._socket_argv, "attach-session", "-t", target)

    def attach_hint(self) -> str:
        return f"{shlex.join(['tmux', *self._socket_argv, 'attach', '-t'])} '={self._session}'"

    # Making panes.

    def _new_session(self, start: PaneStart, cwd: Path) -> str:
        """The session with the lane's window as its only one; waits for an old server on this socket to go away."""
        width, height = (str(cells) for cells in self._size)
        made = ["new-session", "-d", "-s", self._session, "-x", width, "-y", height, *self._pane_argv(start, cwd, True)]
        mine = f"={self._session}:"
        before = [["start-server"], *(["set-environment", "-gu", name] for name in _LANE_ENVIRONMENT)]
        after = [["set-environment", "-t", mine, "-u", name] for name, _ in start.env]
        after += [["set-option", "-t", mine, _PROJECT_OPTION, str(cwd)]]
        if self._is_users_server:
            self._refuse_manual_size()
            after += [["set-option", "-t", mine, "destroy-unattached", "off"]]
            after += [["set-option", "-t", mine, "history-limit", str(HISTORY_ROWS)]]
        else:
            before += [["set-option", *option] for option in _OWN_SERVER]
        deadline = time.monotonic() + RESTART_S
        under = () if self._sessions() else tuple(self._start_under())
        while True:
            try:
                return self._chain(*before, made, *after, under=under)[0]
            except SubstrateError as error:
                if under and not self._sessions():
                    under = ()
                    continue
                if not _NO_SERVER.search(error.message) or time.monotonic() > deadline:
                    error.hint = error.hint or _CONFIG_HINT
                    raise
                time.sleep(0.05)

    def _new_window(self, start: PaneStart, cwd: Path) -> str:
        if self._is_users_server:
            self._refuse_manual_size()
        return self._chain(["new-window", "-d", "-t", f"={self._session}:", *self._pane_argv(start, cwd, True)])[0]

    def _split(self, start: PaneStart, beside: str, cwd: Path, *, again: bool) -> str:
        """again: the window has lost its first pane, and this is it."""
        direction = "-v" if start.spec.split is Split.BELOW or (again and start.stacked) else "-h"
        side = ["-b"] if again else []
        return self._chain(["split-window", "-d", direction, *side, "-t", beside, *self._pane_argv(start, cwd, False)])[
            0
        ]

    def _pane_argv(self, start: PaneStart, cwd: Path, names_window: bool) -> list[str]:
        """Where, with which environment, and what; tmux runs several words as they are, without a shell."""
        window = ["-n", _unexpanded(start.spec.window)] if names_window else []
        env = [word for name, value in start.env for word in ("-e", f"{name}={value}")]
        return [*window, "-P", "-F", "#{pane_id}", "-c", _unexpanded(str(cwd)), *env, "--", *_words(start.argv)]

    def _refuse_manual_size(self) -> None:
        shown = self._tmux("start-server", ";", "show-options", "-gwv", "window-size")
        if shown.text.strip() == "manual":
            raise SubstrateError(
                "tmux new-window: the server has window-size manual, on which tmux 3.3a crashes with nobody attached",
                hint="tmux set-option -gw window-size latest, or leave tmux.socket at its default",
            )

    # Talking to tmux.

    @property
    def _is_users_server(self) -> bool:
        return self._socket == "default"

    @property
    def _socket_argv(self) -> tuple[str, str]:
        return ("-S", self._socket) if self._socket.startswith("/") else ("-L", self._socket)

    def _tmux(self, *command: str, stdin: bytes | None = None, under: Sequence[str] = ()) -> Finished:
        """One invocation. ``-u``: without a locale tmux would replace what is not ASCII."""
        from loop_orchestrator.process.run import run

        env = outer_environment()
        try:
            argv = (*under, "tmux", "-u", *self._socket_argv, *command)
            done = run(argv, env=env, stdin=stdin, timeout_s=ANSWER_S)
        except LoopError as error:
            raise SubstrateError(error.message, hint=error.hint) from error
        if done.timed_out:
            raise SubstrateError(f"tmux {command[0]}: no answer within {ANSWER_S:g} s from {self._socket}")
        return done

    def _chain(self, *commands: Sequence[str], gone_is_fine: bool = False, under: Sequence[str] = ()) -> list[str]:
        """Structural commands, done in one go by libtmux, or under other words. Returns the lines they print."""
        with _stdout_with_encoding():
            from libtmux.exc import LibTmuxException

        words = [word for command in commands for word in (*map(_escaped, command), ";")][:-1]
        name = next((command[0] for command in commands if command[0] not in _PREPARING), commands[0][0])
        if under:
            finished = self._tmux(*words, under=under)
            if finished.code != 0:
                raise _failed(name, self._session, finished)
            return finished.text.splitlines()
        try:
            done = self._server().cmd("-u", *words)
        except LibTmuxException as error:
            raise SubstrateError(f"tmux {name}: {error or 'tmux is not installed'}") from error
        if done.returncode != 0:
            said = "; ".join(done.stderr)
            if gone_is_fine and (_NO_SERVER.search(said) or _GONE.search(said)):
                return []
            raise SubstrateError(f"tmux {name} {self._session}: {said}")
        return list(done.stdout)

    def _server(self) -> Server:
        with _stdout_with_encoding():
            from libtmux.server import Server

        flag, value = self._socket_argv
        return Server(socket_path=value) if flag == "-S" else Server(socket_name=value)

    def _sessions(self) -> tuple[tuple[str, str, int], ...]:
        """(name, id, pid of the server) of every session of the server."""
        listed = self._tmux("list-sessions", "-F", "#{session_name} #{session_id} #{pid}")
        if listed.code != 0:
            if _NO_SERVER.search(listed.complaint):
                return ()
            raise _failed("list-sessions", self._socket, listed)
        entries = (line.rsplit(" ", 2) for line in listed.text.splitlines())
        return tuple((name, identity, int(pid)) for name, identity, pid in entries)

    def _act(self, guarded: Guarded) -> PasteResult:
        """Over the connection that is held, else by a tmux of its own."""
        if self._feed is not None and (guarded.text is None or len(guarded.text) <= MOST_INLINE):
            held = self._feed.act(guarded)
            if held is not None:
                return held
        done = self._tmux(*guarded.argv(), stdin=None if guarded.text is None else guarded.text.encode("utf-8"))
        result = guarded.result(done.text)
        if result is None:
            if _NO_SERVER.search(done.complaint):
                return PasteResult.GONE
            raise _failed(guarded.name, guarded.pane, done)
        return result

    def _check_version(self) -> None:
        said = self._tmux("-V").text.strip()
        found = re.search(r"(\d+)\.(\d+)", said)
        if found and (int(found[1]), int(found[2])) < OLDEST:
            raise SubstrateError(f"{said} is too old: tmux {'.'.join(map(str, OLDEST))} or newer is needed")


def _captured(printed: bytes) -> str:
    """The screen, behind the newline that ends the facts."""
    return printed.decode("utf-8", "replace").removeprefix("\n")


def _words(argv: tuple[str, ...]) -> tuple[str, ...]:
    """A single word would be taken for a shell command line."""
    return ("env", *argv) if len(argv) == 1 else argv


def _escaped(word: str) -> str:
    """A word that ends in a semicolon would end the command."""
    return f"{word[:-1]}\\;" if word.endswith(";") else word


def _quoted(word: str) -> str:
    """The word for a command that tmux parses, as it is."""
    return "'" + word.replace("'", "'\\''") + "'"


def _unexpanded(text: str) -> str:
    """The text as it is where tmux would expand formats, ``#(command)`` among them."""
    return text.replace("#", "##")


def _await_end(pid: int) -> None:
    """Until the process has ended: a server started before that would be met by its end."""
    deadline = time.monotonic() + RESTART_S
    while time.monotonic() < deadline and is_running(pid):
        time.sleep(0.01)


def _failed(command: str, target: str, done: Finished) -> SubstrateError:
    return SubstrateError(f"tmux {command} {target}: {done.complaint}")


@contextmanager
def _stdout_with_encoding() -> Iterator[None]:
    """libtmux asks stdout for its encoding when it is imported; what an application of the whole terminal puts in the
    place of stdout has none."""
    if hasattr(sys.stdout, "encoding"):
        yield
        return
    with redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding="utf-8")):
        yield
