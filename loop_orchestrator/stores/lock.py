"""Locks that the kernel frees when their holder dies: named ones that say who holds them, brief ones for a write."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_age, format_time
from loop_orchestrator.errors import LockedError, StoreError
from loop_orchestrator.stores.documents import Fields
from loop_orchestrator.stores.layout import ensure_dir

if TYPE_CHECKING:
    from filelock import BaseFileLock

POLL_S = 0.005
"""Between two tries for a named lock. At 50 ms a hand-over takes 4 ms, not 1; at 0.5 ms 16 waiters fill a core."""

NAMED_S = 0.5
"""How long whoever finds a lock held waits for its holder to say who it is, which it does at once when it has it. At
half, a holder on a busy machine goes unnamed; at double, one that cannot say so is waited for longer."""

BRIEF_LIMIT_S = 10.0
"""A brief lock is held for milliseconds; whoever holds it longer is stopped or hung, and waiting on does not help."""


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Who holds a lock."""

    pid: int
    start: float
    """start time of the process, as process.identity gives it: tells it from a later one with the same pid"""
    program: str
    host: str
    since: datetime

    def sentence(self, now: datetime) -> str:
        """``loop-engine (pid 4711 on host1), for 3m``."""
        age = format_age((now - self.since).total_seconds())
        return f"{self.program} (pid {self.pid} on {self.host}), for {age}"


class Lock:
    """A lock on a file, across processes and threads; not to be taken twice. The file stays, the lock goes with its
    holder. The holder stands in ``<path>.holder`` while it is held.

    ``with Lock(path, "the cycle"):`` fails at once if another holds it.
    """

    def __init__(self, path: Path, what: str, *, timeout_s: float | None = 0.0) -> None:
        """what: names the thing in the error. timeout_s: how long ``with`` waits; None waits for ever."""
        self._path = path
        self._record = path.with_name(path.name + ".holder")
        self._what = what
        self._timeout_s = timeout_s
        self._held: BaseFileLock | None = None

    def acquire(self, timeout_s: float | None = 0.0) -> None:
        """Take the lock, waiting up to timeout_s; None waits for ever.

        Raises LockedError naming holder, program, host and age, and StoreError. A holder that has not said yet who it
        is, or is gone by then, is waited for a moment longer, so that a dead one is never named.
        """
        from filelock import FileLock, Timeout

        assert self._held is None, f"{self._path} is already held by this object"
        ensure_dir(self._path.parent)
        lock = FileLock(self._path, mode=0o600, thread_local=False, poll_interval=POLL_S)
        limit_s, named_by = timeout_s, 0.0
        while True:
            try:
                lock.acquire(timeout=-1 if limit_s is None else limit_s)
                break
            except Timeout:
                holder, now = self.holder(), time.monotonic()
                named_by = named_by or now + NAMED_S
                if holder is not None or now >= named_by:
                    raise self._refusal(holder) from None
                limit_s = 2 * POLL_S
            except OSError as error:
                raise StoreError(f"cannot lock {self._path}: {error.strerror}") from error
        self._held = lock
        try:
            self._write_record()
        except OSError as error:
            self.release()
            raise StoreError(f"cannot lock {self._path}: {error.strerror}") from error

    def release(self) -> None:
        """Let go; nothing happens if it is not held."""
        if self._held is not None:
            self._record.unlink(missing_ok=True)
            self._held.release()
            self._held = None

    def __enter__(self) -> Lock:
        self.acquire(self._timeout_s)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def holder(self) -> Holder | None:
        """Who holds it now, without taking it; None if nobody does, or if the holder has not said so yet."""
        record = read_holder(self._path)
        return record if record is not None and _lives(record) else None

    def _refusal(self, found: Holder | None) -> LockedError:
        who = found.sentence(datetime.now(UTC)) if found else "another process"
        return LockedError(
            f"{self._what} is held by {who}", hint=f"wait for it, or look: ps -p {found.pid}" if found else "try again"
        )

    def _write_record(self) -> None:
        import socket

        from loop_orchestrator.process import identity

        me = identity.current()
        record = {
            "pid": me.pid,
            "start": me.start,
            "program": Path(sys.argv[0]).name or "python",
            "host": socket.gethostname(),
            "since": format_time(datetime.now(UTC)),
        }
        fd = os.open(self._record, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(fd, json.dumps(record).encode())
        finally:
            os.close(fd)


def read_holder(path: Path) -> Holder | None:
    """What the last holder of the lock at this path said of itself; it may be dead. None where nothing readable is."""
    with suppress(OSError, ValueError, StoreError):
        record = json.loads(path.with_name(path.name + ".holder").read_bytes())
        if isinstance(record, dict):
            fields = Fields(record, str(path))
            return Holder(
                pid=fields.integer("pid"),
                start=fields.number("start"),
                program=fields.text("program"),
                host=fields.text("host"),
                since=fields.time("since"),
            )
    return None


@contextmanager
def brief_lock(path: Path) -> Iterator[None]:
    """Hold a lock for the few file operations of one change; names no holder. Raises LockedError after 10 s."""
    ensure_dir(path.parent)
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"cannot lock {path}: {error.strerror}") from error
    try:
        take_flock(fd, path)
        yield
    finally:
        os.close(fd)


def take_flock(fd: int, path: Path) -> None:
    """Lock an open file for this descriptor; it goes with the descriptor. Raises LockedError after 10 s."""
    deadline = 0.0
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            deadline = deadline or time.monotonic() + BRIEF_LIMIT_S
            if time.monotonic() > deadline:
                raise LockedError(
                    f"{path} has been locked by another process for {BRIEF_LIMIT_S:.0f} s",
                    hint=f"a stopped process may hold it: fuser {path}",
                ) from None
            time.sleep(0.001)


def _lives(holder: Holder) -> bool:
    from loop_orchestrator.process.identity import ProcessId, alive

    return alive(ProcessId(holder.pid, holder.start))
