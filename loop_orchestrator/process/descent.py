"""Which processes run under another one. Whether one does is quick: it is asked at every tool call of an agent."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from loop_orchestrator.process.identity import ProcessId, from_pid

_DEEPEST = 200
"""Parents that are followed at most."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """One process of a line of descent."""

    pid: int
    ppid: int
    name: str
    started: float
    """on the system's own clock; only the order means something"""


def line_to(pid: int, ancestor: int) -> tuple[Link, ...]:
    """The process and its parents below ``ancestor``, the process first; empty if it does not descend from it.

    A parent that is younger than its child is another process with the pid of the real one: the line is broken there.
    """
    line: list[Link] = []
    while len(line) < _DEEPEST and pid > 0:
        link = _link(pid)
        if link is None or (line and link.started > line[-1].started):
            return ()
        if pid == ancestor:
            return tuple(line)
        line.append(link)
        pid = link.ppid
    return ()


def below(pid: int) -> frozenset[ProcessId]:
    """Every process that descends from this one now, those of sessions of their own included. Reads all processes."""
    import psutil

    try:
        found = psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return frozenset()
    return frozenset(process for one in found if (process := from_pid(one.pid)) is not None)


def _link(pid: int) -> Link | None:
    return _link_on_linux(pid) if sys.platform == "linux" else _link_elsewhere(pid)


def _link_on_linux(pid: int) -> Link | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The program's name stands in parentheses and may hold anything, so fields are counted from the last one on.
    name, _, rest = stat.partition(b"(")[2].rpartition(b")")
    fields = rest.split()
    return Link(pid=pid, ppid=int(fields[1]), name=name.decode("utf-8", "replace"), started=float(fields[19]))


def _link_elsewhere(pid: int) -> Link | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return Link(pid=pid, ppid=process.ppid(), name=process.name(), started=process.create_time())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
