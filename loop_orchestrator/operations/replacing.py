"""Putting one engine in the place of another: the old one is gone before the new one begins."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.errors import LoopError, ProcessError
from loop_orchestrator.operations.engine_view import code_of
from loop_orchestrator.process import systemd
from loop_orchestrator.process.detached import start_detached
from loop_orchestrator.process.identity import ProcessId, alive, from_pid
from loop_orchestrator.process.module import module_argv

if TYPE_CHECKING:
    from loop_orchestrator.stores.control import WatchRecord
    from loop_orchestrator.world import World

STOP_LIMIT_S = 10.0
"""How long the old engine may take before it is killed: it promises 2 s, and what it began is settled by the next."""

LOOK_S = 0.05
"""Between two looks at a process that is nobody's child here. At half, twice the looks for 25 ms; at double, a restart
takes a tenth of a second longer."""

_OWN_PLACE = ("LOOP_LANE", "TMUX", "TMUX_PANE")
"""What an engine in the background does not inherit: it belongs to no lane and no terminal."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The engine that was ended."""

    pid: int
    how: str
    """as stores.control.WatchRecord has it"""
    killed: bool
    """it did not end by itself within its time"""


def end_engine(world: World, limit_s: float) -> Ended | None:
    """Tell the engine of this session to stop and see that it is gone; None: none ran.

    Blocks up to limit_s. Raises ProcessError if it is still there then.
    """
    holder, record = world.control.watch_lock().holder(), world.control.watch()
    if holder is None:
        return None
    process, clock = ProcessId(holder.pid, holder.start), world.clock
    until = clock.monotonic() + limit_s
    kill_at = clock.monotonic() + min(STOP_LIMIT_S, limit_s / 2)
    _signal(process, signal.SIGTERM)
    killed = False
    while alive(process):
        if clock.monotonic() > until:
            raise ProcessError(
                f"the engine (pid {holder.pid}) does not end; no other one was started", hint=f"ps -p {holder.pid}"
            )
        if not killed and clock.monotonic() > kill_at:
            killed = True
            _signal(process, signal.SIGKILL)
        clock.sleep(LOOK_S)
    return Ended(pid=holder.pid, how=record.how if record else "foreground", killed=killed)


@dataclass(frozen=True, kw_only=True)
class Starting:
    """An engine in the background that was just started."""

    process: ProcessId
    log_from: int
    """where its output begins in ``watch.log``"""


def start_in_background(world: World, *, socket: str, environ: Mapping[str, str]) -> Starting:
    """Start an engine that outlives this program, its output in ``watch.log``. Raises ProcessError."""
    log_from = _size(world.layout.watch_log)
    where = ["--project-root", str(world.root), "--session", world.session, "--socket", socket]
    argv = module_argv("", "engine", "watch", *where, "--run-as", "detached")
    env = {name: value for name, value in environ.items() if name not in _OWN_PLACE}
    pid = start_detached(argv, cwd=world.root, env=env, log=world.layout.watch_log)
    return Starting(process=from_pid(pid) or ProcessId(pid, 0.0), log_from=log_from)


def restart_service(unit: str, limit_s: float) -> None:
    """Let systemd put a new engine in the place of the service's. Raises ProcessError."""
    systemd.change("restart", unit, limit_s=limit_s)


def await_engine(world: World, *, was: int | None, started: Starting | None, limit_s: float) -> WatchRecord:
    """Wait until an engine other than ``was`` watches and runs what is installed now.

    started: what is to become it; None: somebody else starts it. Raises ProcessError with its last words if
    it ends, and LoopError when the time is over.
    """
    clock, found = world.clock, None
    until = clock.monotonic() + limit_s
    while clock.monotonic() < until:
        found = world.control.watch()
        if found is not None and found.pid != was and code_of(found) == "current":
            return found
        if started is not None and not alive(started.process) and world.control.watch_lock().holder() is None:
            raise ProcessError(
                f"the new engine ended at once: {_last_words(world.layout.watch_log, started.log_from)}",
                hint="loop watch shows why",
            )
        clock.sleep(LOOK_S)
    saw = "none watches" if found is None else f"pid {found.pid} runs {code_of(found)} code"
    raise LoopError(f"no new engine within {limit_s:g} s: {saw}", hint="loop engine status")


def _signal(process: ProcessId, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        if alive(process):
            os.kill(process.pid, number)


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0


def _last_words(path: Path, offset: int) -> str:
    """The first error that was printed from an offset on, else the last line."""
    with suppress(OSError):
        said = path.read_bytes()[offset:].decode("utf-8", "replace").splitlines()
        errors = [line for line in said if "error" in line]
        if errors or said:
            return (errors[0] if errors else said[-1]).strip()
    return "it said nothing"
