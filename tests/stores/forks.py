"""Other processes for tests: many at once, and one that is killed with SIGKILL at its n-th write to the disk."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

WRITING_CALLS = ("open", "write", "fsync", "fdatasync", "link", "rename", "replace", "unlink", "mkdir", "ftruncate")


def in_processes(count: int, work: Callable[[int], None]) -> None:
    """Run ``work(0) … work(count - 1)``, each in a process of its own, at once; fails if one of them does."""
    ready, go = os.pipe()

    def wait_and_work(number: int) -> None:
        os.close(go)
        os.read(ready, 1)
        work(number)

    pids = [_start(partial(wait_and_work, number)) for number in range(count)]
    os.close(ready)
    os.close(go)
    statuses = [os.waitpid(pid, 0)[1] for pid in pids]
    assert statuses == [0] * count


def killed_at_every_write(work: Callable[[], object], check: Callable[[], None]) -> int:
    """Run ``work`` in a process that dies at its first write, then at its second, … until it survives.

    A write of bytes dies with half of them written. ``check`` runs after each death and after the survival. Returns
    how many deaths there were.
    """
    deaths = 0
    while True:
        status = os.waitpid(_start(partial(_die_at, deaths + 1, work)), 0)[1]
        check()
        if status == 0:
            return deaths
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, status
        deaths += 1


def _start(work: Callable[[], object]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _die_at(fatal: int, work: Callable[[], object]) -> None:
    calls = 0

    def wrapped(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            nonlocal calls
            if name == "open" and not args[1] & (os.O_WRONLY | os.O_RDWR):
                return real(*args, **named)
            calls += 1
            if calls == fatal:
                if name == "write":
                    real(args[0], bytes(args[1])[: len(args[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **named)

        return call

    for name in WRITING_CALLS:
        setattr(os, name, wrapped(name, getattr(os, name)))
    work()
