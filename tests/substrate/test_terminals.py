"""A sign in the terminals that show a session, and in no other one."""

from __future__ import annotations

import os
import pty
import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from loop_orchestrator.substrate.tmux import TmuxSubstrate
from tests.support.projects import own_tmux, tmux
from tests.support.waiting import eventually


class Terminal:
    """A terminal of 80 columns that shows a session, and every byte that reached it."""

    def __init__(self, master: int) -> None:
        self._master = master
        self._got = b""

    @property
    def got(self) -> bytes:
        while select.select([self._master], [], [], 0)[0]:
            self._got += os.read(self._master, 65_536)
        return self._got


@contextmanager
def showing(socket: str, session: str) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    client = subprocess.Popen(
        ["tmux", "-u", "-S", socket, "attach-session", "-t", f"={session}"],
        env={**os.environ, "TERM": "xterm"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    try:
        yield Terminal(master)
    finally:
        client.kill()
        client.wait()
        os.close(slave)
        os.close(master)


@pytest.fixture
def socket() -> Iterator[str]:
    with own_tmux() as found:
        for session in ("shop", "other"):
            tmux(found, "-f", os.devnull, "new-session", "-d", "-s", session, "-x", "80", "-y", "24", "sleep 1000")
        yield found


def clients(socket: str) -> int:
    return len(tmux(socket, "list-clients").text.splitlines())


def test_the_terminals_of_the_session_get_the_text_and_the_sequence_as_they_are(socket: str) -> None:
    substrate = TmuxSubstrate(socket, "shop", 80, 24)
    with showing(socket, "shop") as mine, showing(socket, "other") as others:
        eventually(lambda: clients(socket) == 2)
        text = "-x 100%d of #{session_name} #(touch /tmp/never) waits"
        assert substrate.sign_terminals(text, b"\a\x1b]9;hello\x1b\\") == 1
        eventually(lambda: b"\x1b]9;hello\x1b\\" in mine.got)
        eventually(lambda: text.encode() in mine.got)
        assert b"hello" not in others.got and b"waits" not in others.got


def test_where_nobody_looks_there_is_no_terminal(socket: str) -> None:
    assert TmuxSubstrate(socket, "shop", 80, 24).sign_terminals("text", b"\a") == 0
    assert TmuxSubstrate(socket, "gone", 80, 24).sign_terminals("text", b"\a") == 0
