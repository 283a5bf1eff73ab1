"""Which process a pid meant: a pid alone is given out again, a pid with its start time is not."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ProcessId:
    """One process of this machine, for as long as it has not been restarted."""

    pid: int
    start: float
    """seconds on the system's own clock for process starts; only equality means something.
    On Linux since boot, so setting the time of day does not change it."""


def current() -> ProcessId:
    """This process."""
    own = from_pid(os.getpid())
    assert own is not None
    return own


def from_pid(pid: int) -> ProcessId | None:
    """The process that has this pid now; None if none has, or only one that ended and was not collected."""
    start = _start_on_linux(pid) if sys.platform == "linux" else _start_elsewhere(pid)
    return None if start is None else ProcessId(pid, start)


def alive(process: ProcessId) -> bool:
    """Whether that very process still runs; a zombie does not."""
    return from_pid(process.pid) == process


def _start_on_linux(pid: int) -> float | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The program's name stands in parentheses and may hold anything, so fields are counted from the last one on.
    fields = stat[stat.rindex(b")") + 2 :].split()
    state, start_ticks = fields[0], int(fields[19])
    return None if state in (b"Z", b"X") else start_ticks / os.sysconf("SC_CLK_TCK")


def _start_elsewhere(pid: int) -> float | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.NoSuchProcess:
        return None
