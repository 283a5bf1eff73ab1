"""The processes between this one and the first: names, users, terminals, and the lanes they were started in."""

from __future__ import annotations

import pwd
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil


class Unreadable(Enum):
    """In place of something that this user may not read."""

    UNREADABLE = "unreadable"


@dataclass(frozen=True, kw_only=True)
class LaneMark:
    """The lane that a process was started in, as its environment says."""

    lane: str
    session: str
    root: str


@dataclass(frozen=True, kw_only=True)
class Ancestor:
    """One process of a chain of parents."""

    pid: int
    ppid: int
    """0 for the first process, and for one that entered a container from outside"""
    name: str
    uid: int
    user: str
    """the account's name, or its number where it has none"""
    tty: str
    """controlling terminal, ``/dev/pts/3``; empty if it has none"""
    mark: LaneMark | Unreadable | None
    """None: its environment names no lane"""


def read_ancestry(pid: int) -> tuple[Ancestor, ...]:
    """The process and its ancestors, the process first; it ends early where one cannot be followed.

    A parent that is younger than its child is another process with the pid of the real one, and is not taken.
    """
    import psutil

    chain: list[Ancestor] = []
    child_started = float("inf")
    while pid != 0:
        try:
            process = psutil.Process(pid)
            started = process.create_time()
            if started > child_started:
                break
            chain.append(_ancestor(process))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            break
        pid, child_started = chain[-1].ppid, started
    return tuple(chain)


def environment_of(pid: int) -> dict[str, str] | None:
    """The environment that a process was started with; None where it is gone or may not be read."""
    import psutil

    try:
        return dict(psutil.Process(pid).environ())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def _ancestor(process: psutil.Process) -> Ancestor:
    with process.oneshot():
        uid = process.uids().real
        return Ancestor(
            pid=process.pid,
            ppid=process.ppid(),
            name=process.name(),
            uid=uid,
            user=_user_name(uid),
            tty=process.terminal() or "",
            mark=_lane_mark(process),
        )


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _lane_mark(process: psutil.Process) -> LaneMark | Unreadable | None:
    import psutil

    try:
        env = process.environ()
    except psutil.AccessDenied:
        return Unreadable.UNREADABLE
    if not env.get("LOOP_LANE"):
        return None
    return LaneMark(lane=env["LOOP_LANE"], session=env.get("LOOP_SESSION", ""), root=env.get("LOOP_PROJECT_ROOT", ""))
