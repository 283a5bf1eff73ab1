"""The connection that is held to tmux: what it pushes, and what it survives."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from loop_orchestrator.errors import SubstrateError
from loop_orchestrator.model.terminal import TerminalSignal, TerminalSignalKind
from loop_orchestrator.substrate import control
from loop_orchestrator.substrate.control import ControlFeed, unquoted
from loop_orchestrator.substrate.port import Pushed
from loop_orchestrator.substrate.tmux import TmuxSubstrate
from tests.substrate.servers import Server, start
from tests.support.builders import NOW
from tests.support.waiting import eventually


class Held:
    """A session with lanes, and a connection to it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.short = server.substrate()
        self.feed = self.short.feed()
        self.spoke: set[str] = set()
        self.signals: list[TerminalSignal] = []
        self.layout = False

    def lanes(self, *programs: str) -> list[str]:
        """Start a lane for each shell command; the ids of their panes."""
        starts = [start(f"lane{n}", "sh", "-c", program) for n, program in enumerate(programs)]
        made = self.short.start_lanes(starts, cwd=self.server.folder)
        self.feed.open()
        return [facts.pane for facts in made]

    def heard(self) -> Pushed:
        pushed = self.feed.pushed(NOW)
        self.spoke |= pushed.spoke
        self.signals += pushed.signals
        self.layout = self.layout or pushed.layout
        return pushed

    def clients(self) -> list[str]:
        return self.server.tmux("list-clients", "-F", "#{client_pid}").split()


@pytest.fixture
def held(server: Server) -> Iterator[Held]:
    made = Held(server)
    yield made
    made.feed.close()


def test_output_and_what_programs_say_is_pushed_with_its_pane(held: Held) -> None:
    said = r"printf '\033]7501;state=working:app=x\033\\\007\033]2;busy\007\033[?2004h'"
    silent, spoken = held.lanes("cat", f"read go; {said}; cat")
    held.server.tmux("send-keys", "-t", spoken, "Enter")
    eventually(lambda: held.heard() and len(held.signals) == 4)
    assert held.spoke == {spoken}
    assert [(one.pane, one.kind, one.text) for one in held.signals] == [
        (spoken, TerminalSignalKind.STATUS, "state=working:app=x"),
        (spoken, TerminalSignalKind.BELL, ""),
        (spoken, TerminalSignalKind.TITLE, "busy"),
        (spoken, TerminalSignalKind.PASTE, "on"),
    ]
    assert silent not in held.spoke


def test_panes_and_windows_that_come_and_go_are_pushed(held: Held) -> None:
    (pane,) = held.lanes("cat")
    for command in (
        ("split-window", "-d", "-t", pane),
        ("new-window", "-d", "-t", "=short:", "cat"),
        ("kill-pane", "-t", "=short:0.1"),
        ("kill-window", "-t", "=short:1"),
    ):
        held.layout = False
        held.server.tmux(*command)
        eventually(lambda: held.heard() and held.layout, what=" ".join(command))


def test_copy_mode_is_pushed(held: Held) -> None:
    (pane,) = held.lanes("cat")
    held.server.tmux("copy-mode", "-t", pane)
    eventually(lambda: held.heard() and pane in held.spoke)


@pytest.mark.parametrize("how", ["kill-server", "kill-session", "kill -9"])
def test_the_end_of_the_session_is_pushed_and_reading_says_that_all_is_gone(held: Held, how: str) -> None:
    (pane,) = held.lanes("cat")
    if how == "kill -9":
        os.kill(held.server.pid, signal.SIGKILL)
    else:
        held.server.tmux(how)
    eventually(lambda: held.feed.pushed(NOW).ended)
    assert held.feed.lost
    assert held.short.read([pane]) == ()


def test_another_session_is_not_taken_for_this_one(held: Held) -> None:
    """With detach-on-destroy off tmux moves the clients of a session that ended to another one."""
    held.lanes("cat")
    held.server.substrate("other").start_lanes([start("web")], cwd=held.server.folder)
    held.server.tmux("set-option", "-g", "detach-on-destroy", "off")
    held.server.tmux("kill-session", "-t", "=short")
    eventually(lambda: held.feed.pushed(NOW).ended)
    with pytest.raises(SubstrateError, match="no such session"):
        held.feed.open()


def test_without_a_session_or_a_server_there_is_no_connection_and_none_is_started(held: Held) -> None:
    with pytest.raises(SubstrateError, match="control mode"):
        held.feed.open()
    assert not held.server.socket.exists()
    assert held.feed.lost
    assert held.feed.read(["%0"]) is None
    assert held.short.read(["%0"]) == ()


def test_it_connects_again_to_a_session_that_was_booted_again(held: Held) -> None:
    held.lanes("cat")
    held.short.end_session()
    eventually(lambda: held.feed.pushed(NOW).ended)
    (pane,) = held.lanes("echo again; cat")
    assert held.feed.lost == ""
    eventually(lambda: "again" in held.short.read([pane])[0].screen.text)
    assert held.feed.lost == ""


def test_a_stopped_server_is_not_waited_for_and_its_late_answer_is_dropped_in_its_turn(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "ANSWER_S", 0.1)
    first, second = held.lanes("echo first; cat", "echo second; cat")
    ids = [first, second]
    eventually(lambda: [one.screen.rows[0] for one in held.short.read(ids)] == ["first", "second"])
    clients = held.clients()
    server = held.server.pid
    told: list[str] = []
    held.feed.open(on_lost=lambda: told.append(held.feed.lost))
    os.kill(server, signal.SIGSTOP)
    try:
        assert held.feed.read([first]) is None
        assert "in time" in held.feed.lost
        assert held.feed.read([first]) is None, "it is not asked again before it is opened again"
        assert told == [held.feed.lost]
    finally:
        os.kill(server, signal.SIGCONT)
    monkeypatch.setattr(control, "ANSWER_S", 10)
    held.feed.open()
    readings = held.feed.read([second])
    assert readings and readings[0].screen.rows[0] == "second"
    assert held.clients() == clients, "no client was started anew"


def test_a_connection_that_is_cut_is_replaced_by_a_tmux_of_its_own_and_can_be_opened_again(held: Held) -> None:
    (pane,) = held.lanes("echo mine; cat")
    eventually(lambda: held.short.read([pane])[0].screen.rows[0] == "mine")
    for client in held.clients():
        os.kill(int(client), signal.SIGKILL)
    eventually(lambda: held.short.read([pane])[0].screen.rows[0] == "mine" and held.feed.lost)
    assert held.short.read([pane])[0].screen.rows[0] == "mine"
    held.feed.open()
    assert held.feed.read([pane])
    eventually(lambda: len(held.clients()) == 2)


def test_a_pane_that_guesses_the_end_of_its_reply_gets_nowhere(held: Held) -> None:
    """Its screen is full of the ends of the replies to come, each for this second and true to the letter."""
    held.short = held.server.substrate(width=40, height=400)
    held.feed = held.short.feed()
    pane, other = held.lanes("read go; cat ends; cat", "echo mine; cat")
    eventually(lambda: held.short.read([other])[0].screen.rows[0] == "mine")
    asked = ["tmux", "-S", str(held.server.socket), "-C", "attach-session", "-t", "=short"]
    said = subprocess.run(asked, input=b"display-message -p x\n", capture_output=True, check=True).stdout
    number, now = int(re.findall(rb"%begin \d+ (\d+) 1", said)[-1]), int(time.time())
    ends = "".join(f"%end {now + 2} {number + n} 1\n" for n in range(5, 399))
    (held.server.folder / "ends").write_text(ends)
    held.server.tmux("send-keys", "-t", pane, "Enter")
    eventually(lambda: time.time() >= now + 2)
    for _ in range(20):
        readings = held.feed.read([pane, other])
        assert readings is not None, held.feed.lost
        forger, honest = readings
        assert honest.screen.rows[0] == "mine"
        assert f"%end {now + 2} {number + 5} 1" in forger.screen.rows


def test_lanes_that_die_while_they_are_read_end_neither_server_nor_connection(held: Held) -> None:
    held.lanes("cat")
    script = held.server.folder / "more"
    script.write_text("".join(f"new-window -d -t =short: 'sleep 0.{n:02}'\n" for n in range(100)))
    held.server.tmux("source-file", str(script))
    ids = [f"%{n}" for n in range(101)]

    def alive() -> int:
        readings = held.feed.read(ids)
        assert readings is not None, held.feed.lost
        return len(readings)

    eventually(lambda: alive() == 1)
    assert held.server.tmux("list-buffers") == ""


def test_nothing_is_left_in_the_server_when_it_is_closed(held: Held) -> None:
    (pane,) = held.lanes("cat")
    held.feed.read([pane])
    held.feed.close()
    held.feed.close()
    eventually(lambda: held.clients() == [])
    assert held.server.tmux("list-buffers") == ""


def test_what_a_killed_holder_leaves_is_cleared_by_the_next_and_nothing_else_is(held: Held) -> None:
    """tmux 3.3a keeps a client for ever if it could not write its replies."""
    (pane,) = held.lanes("cat")
    mine = set(held.clients())
    held_open = (
        "from loop_orchestrator.substrate.tmux import TmuxSubstrate\n"
        f"feed = TmuxSubstrate({str(held.server.socket)!r}, 'short', 80, 24).feed()\n"
        "feed.open()\n"
        "print('open', flush=True)\n"
        f"while True: feed.read([{pane!r}] * 50)\n"
    )
    with subprocess.Popen([sys.executable, "-c", held_open], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        assert len(held.clients()) == 4
        holder.kill()
    eventually(lambda: held.server.tmux("list-buffers") == "")
    plain = ["tmux", "-S", str(held.server.socket), "-C", "attach-session", "-t", "=short"]
    with subprocess.Popen(plain, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as another:
        eventually(lambda: str(another.pid) in held.clients())
        next_one = held.server.substrate().feed()
        next_one.open()
        assert next_one.read([pane])
        next_one.close()
        eventually(lambda: set(held.clients()) == mine | {str(another.pid)})
        assert another.stdin is not None
        another.stdin.close()
    assert held.feed.read([pane])


def test_it_changes_neither_the_size_nor_the_environment_of_the_session(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/of/the/person")
    held.short.start_lanes([start("web")], cwd=held.server.folder)
    shown = "#{window_width}x#{window_height}"
    size = held.server.tmux("display-message", "-p", "-t", "=short:", shown)
    environment = held.server.tmux("show-environment", "-t", "=short")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/of/the/daemon")
    held.feed.open()
    assert held.server.tmux("display-message", "-p", "-t", "=short:", shown) == size == "120x30"
    assert held.server.tmux("show-environment", "-t", "=short") == environment


def test_reading_three_thousand_screens_leaks_nothing_in_the_server(held: Held) -> None:
    (pane,) = held.lanes("seq 100; cat")

    def size_kib() -> int:
        status = Path(f"/proc/{held.server.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0])

    def read(times: int) -> None:
        for _ in range(times // 100):
            assert held.feed.read([pane] * 100)

    read(1000)
    before = size_kib()
    read(3000)
    assert size_kib() - before < 1024


@pytest.mark.flow
def test_a_listener_that_reads_nothing_freezes_no_lane_and_hears_again_afterwards(held: Held) -> None:
    counter = held.server.folder / "count"
    program = f"n=0; while [ $n -lt 400 ]; do seq 2000; n=$((n+1)); echo $n > {counter}; done; echo finished; cat"
    (pane,) = held.lanes(program)
    eventually(lambda: counter.exists() and counter.read_text().strip() == "400", limit_s=60)
    eventually(lambda: held.heard() and held.short.read([pane])[0].screen.rows[-2] == "finished")
    held.server.tmux("send-keys", "-t", pane, "again", "Enter")
    eventually(lambda: "again" in held.short.read([pane])[0].screen.text)
    held.spoke.clear()
    held.server.tmux("send-keys", "-t", pane, "more", "Enter")
    eventually(lambda: held.heard() and pane in held.spoke)


@pytest.mark.parametrize(
    ("shown", "meant"),
    [
        (r"plain", "plain"),
        (r"a\\b", "a\\b"),
        (r"\\033", "\\033"),
        (r"\\\033[2m\\\\t\t", "\\\x1b[2m\\\\t\t"),
        (r"\$HOME $1", "$HOME $1"),
        (r"\016q\017\r\n", "\x0eq\x0f\r\n"),
    ],
)
def test_the_quoted_form_of_a_buffer_is_undone(shown: str, meant: str) -> None:
    assert unquoted(shown) == meant


def test_a_tmux_that_shows_buffers_in_an_unknown_way_is_not_talked_to(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "unquoted", str)
    with pytest.raises(SubstrateError, match="not known"):
        held.lanes("cat")
    assert isinstance(held.short, TmuxSubstrate)
    assert isinstance(held.feed, ControlFeed)
    assert held.short.read([held.short.panes()[0].pane])
    eventually(lambda: held.clients() == [])
