"""Ends tmux servers of tests, also where a killed program left a client behind that never goes by itself."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress

from loop_orchestrator.substrate.listing import is_running

END_LIMIT_S = 0.5
"""How long a tmux server and its clients have to end by themselves. Every test that killed a daemon waits so long."""


def end_server(tmux: Callable[..., str]) -> None:
    """End a server. It waits for its clients, and the control client of a program that was killed may never go.

    tmux: runs one command of it and returns what it printed; empty where there is no server.
    """
    server = tmux("display-message", "-p", "#{pid}").split()
    clients = tmux("list-clients", "-F", "#{client_pid}").split()
    tmux("kill-server")
    for pid in map(int, [*clients, *server]):
        deadline = time.monotonic() + END_LIMIT_S
        while is_running(pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        if is_running(pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
