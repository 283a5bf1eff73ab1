"""Ending a lane's program the way its launcher would, while the launcher stays to record how it ended."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from datetime import datetime, timedelta

from loop_orchestrator.process.launch import END_GRACE_S

_LOOK_S = 0.01

_SLACK = timedelta(seconds=60)
"""Between the start of a process as the kernel tells it and as it was written down, a clock that was set included."""


def end_child_group(parent: int, pid: int) -> bool:
    """HUP to a process group and, two seconds later, KILL; returns when its leader has ended.

    False, and nothing is signalled, if the leader is no child of ``parent``: a pid that was read from a file may be
    another process's by now. A zombie counts as ended.
    """
    import psutil

    try:
        process = psutil.Process(pid)
        if process.ppid() != parent:
            return False
    except psutil.NoSuchProcess:
        return False
    for number in (signal.SIGHUP, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(pid, number)
            os.killpg(pid, signal.SIGCONT)
        deadline = time.monotonic() + END_GRACE_S
        while time.monotonic() < deadline:
            with suppress(psutil.NoSuchProcess):
                if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                    time.sleep(_LOOK_S)
                    continue
            return True
    return False


def runs_since(pid: int, at: datetime) -> bool:
    """A process with this pid runs and was not started after that time; a zombie does not run."""
    import psutil

    try:
        process = psutil.Process(pid)
        started = datetime.fromtimestamp(process.create_time(), tz=at.tzinfo)
        return process.status() != psutil.STATUS_ZOMBIE and started <= at + _SLACK
    except psutil.NoSuchProcess:
        return False
