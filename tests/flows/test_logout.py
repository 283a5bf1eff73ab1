"""The lanes outlive the terminal session that they were booted from."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

from tests.flows.conftest import Boot
from tests.support.scratch import SESSION
from tests.support.waiting import eventually


def _login(argv: list[str], env: dict[str, str], cwd: Path) -> tuple[int, int]:
    """A shell in a terminal session of its own, as a login makes it, that runs argv; its pid and the terminal."""
    pid, master = pty.fork()
    if pid == 0:
        try:
            os.chdir(cwd)
            os.execvpe("sh", ["sh", "-c", '"$@"; echo ended with $?; exec cat', "sh", *argv], env)
        finally:
            os._exit(1)
    return pid, master


def _until(master: int, text: bytes, limit_s: float = 60.0) -> bytes:
    said, deadline = b"", time.monotonic() + limit_s
    while text not in said:
        assert time.monotonic() < deadline, said
        if select.select([master], [], [], 0.1)[0]:
            said += os.read(master, 65_536)
    return said


def test_a_hangup_of_the_whole_login_leaves_the_lanes_alive(boot: Boot) -> None:
    scratch = boot(lanes="{web: {harness: shell}}", engine=None)
    code, said = scratch.person("down")
    assert code == 0, said
    argv = [sys.executable, "-m", "loop_orchestrator", "up", "--no-attach", "--boot-check", "30"]
    shell, master = _login(argv, scratch.environ, scratch.root)
    try:
        _until(master, b"ended with 0")
        server = int(scratch.tmux("display-message", "-p", "-t", f"={SESSION}:", "#{pid}"))
        assert os.getsid(server) != os.getsid(shell)
        assert psutil.Process(server).terminal() is None
        before = scratch.tmux("list-panes", "-a", "-F", "#{pane_pid}")
        for pid in psutil.pids():
            with suppress(OSError):  # it has ended meanwhile
                if os.getsid(pid) == shell:
                    os.kill(pid, signal.SIGHUP)
    finally:
        os.close(master)
        os.waitpid(shell, 0)
    assert scratch.tmux("list-panes", "-a", "-F", "#{pane_pid}") == before
    eventually(lambda: scratch.lane_state("web") == "idle")
