"""``python -m benchmarks.daemon [--lanes N] [--idle-s S]``: what the daemon costs at rest, and how soon it knows.

A daemon of its own watches shell lanes. Processes started are counted by strace, in the daemon and in the tmux server.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measure import cpu_of_s
from benchmarks.scene import Scene, scene, shell_lanes
from loop_orchestrator.model.event import Event

SAMPLE_S = 10.0
ROUNDS = 9
DRAWING = 10

_WATCH = """
import os, sys
from loop_orchestrator.watch.daemon import run_daemon
from loop_orchestrator.wiring import Options, Project
options = Options(project_root=sys.argv[1], session=sys.argv[2], socket=sys.argv[3])
run_daemon(Project(options, dict(os.environ)).world, emit=lambda event: None)
"""
_SPINNER = """
import itertools, sys, time
for turn in itertools.count():
    sys.stdout.write(f"\\r{'|/-'[turn % 3]} Working ({turn // 10}s, esc to interrupt)")
    sys.stdout.flush()
    time.sleep(0.1)
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Print one line a figure; 0 whatever they are."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.daemon", description=__doc__)
    parser.add_argument("--lanes", type=int, default=50, metavar="N", help="default: 50")
    parser.add_argument("--idle-s", type=float, default=60.0, metavar="S", help="how long processes are counted")
    args = parser.parse_args(argv)
    with scene(shell_lanes(args.lanes)) as made, watching(made) as daemon:
        pids = {"daemon": daemon.pid, "tmux": made.server}
        _rest(pids, args.idle_s)
        _ends(made)
        _changes(made)
        _drawing(made, pids)
        _killed(made)
    return 0


def _rest(pids: dict[str, int], idle_s: float) -> None:
    _say("memory of the daemon at rest (USS)", f"{_uss_mib(pids['daemon']):.1f} MiB")
    for name, spent in _cost(pids).items():
        _say(f"at rest, {name}", spent)
    started = [f"{_started(pid, idle_s):d} by {name}" for name, pid in pids.items()]
    _say(f"processes started in {idle_s:g} s at rest", ", ".join(started))


def _cost(pids: dict[str, int]) -> dict[str, str]:
    before = {name: (cpu_of_s(pid), _switches(pid)) for name, pid in pids.items()}
    began = time.monotonic()
    time.sleep(SAMPLE_S)
    seconds = time.monotonic() - began
    return {
        name: f"{(cpu_of_s(pid) - before[name][0]) * 1e3 / seconds:.2f} ms CPU per second, "
        f"{(_switches(pid) - before[name][1]) / seconds:.1f} wake-ups per second"
        for name, pid in pids.items()
    }


def _drawing(made: Scene, pids: dict[str, int]) -> None:
    script = made.project.root / "spinner.py"
    script.write_text(_SPINNER, encoding="utf-8")
    for pane in made.panes[:DRAWING]:
        _type(made, pane, f"clear; exec {sys.executable} -I -S {script}")
    time.sleep(5)
    for name, spent in _cost(pids).items():
        _say(f"{DRAWING} lanes drawing at 10 Hz, {name}", spent)


def _changes(made: Scene) -> None:
    """A command that is typed into a shell lane makes its lane work; the state is in the log when it is known."""
    feed = made.project.world.substrate.feed()
    feed.open()
    feed.pushed(datetime.now(UTC))
    dirty, known = [], []
    for number in range(ROUNDS):
        pane, lane = made.panes[20 + number], f"lane{20 + number}"
        began = time.time()
        _type(made, pane, "sleep 100")
        _until(lambda pane=pane: pane in feed.pushed(datetime.now(UTC)).spoke)  # type: ignore[misc]
        dirty.append(time.time() - began)
        known.append(_event(made, lambda one, lane=lane: one.payload.get("lane") == lane, "lane.changed", began))  # type: ignore[misc]
    feed.close()
    _say("key pressed -> pushed to whoever is connected, the tmux that pressed it included", _ms(dirty))
    _say("screen changed -> state in the log", _ms(known))


def _ends(made: Scene) -> None:
    known = []
    for number in range(30, 30 + ROUNDS):
        run = made.project.world.lanes.run(f"lane{number}")
        assert run is not None
        began = time.time()
        os.kill(run.pid, 9)
        known.append(_event(made, lambda one, n=number: one.payload.get("lane") == f"lane{n}", "lane.exited", began))  # type: ignore[misc]
        time.sleep(0.3)
    _say("program ended -> event in the log", _ms(known))


def _killed(made: Scene) -> None:
    began = time.time()
    os.kill(made.server, 9)
    _say("tmux killed -> event in the log", _ms([_event(made, lambda _: True, "control.lost", began)]))


@contextmanager
def watching(made: Scene) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-c", _WATCH, str(made.project.root), made.project.session, made.socket]
    daemon = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=made.project.environ)
    try:
        _event(made, lambda _: True, "control.connected", time.time() - 60)
        time.sleep(5)
        yield daemon
    finally:
        daemon.terminate()
        daemon.wait()


def _event(made: Scene, fits: Callable[[Event], bool], kind: str, since: float) -> float:
    """Seconds from then to the event, by the time that stands in it."""
    found: list[Event] = []

    def look() -> bool:
        found[:] = [
            one
            for one in made.project.events.tail(200)
            if one.kind == kind and one.at.timestamp() > since - 0.001 and fits(one)
        ]
        return bool(found)

    _until(look)
    return max(0.0, found[0].at.timestamp() - since)


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not happen")
        time.sleep(0.0005)


def _type(made: Scene, pane: str, line: str) -> None:
    subprocess.run(["tmux", "-S", made.socket, "send-keys", "-t", pane, line, "Enter"], check=True)


def _started(pid: int, seconds: float) -> int:
    """Processes, not threads, that it started."""
    argv = ["timeout", "-s", "INT", f"{seconds:g}", "strace", "-f", "-q", "-e", "trace=process", "-p", str(pid)]
    said = subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False).stderr
    return sum(
        bool(re.search(r"\b(?:v?fork|clone3?)\(", line)) and "CLONE_THREAD" not in line for line in said.splitlines()
    )


def _switches(pid: int) -> int:
    """How often its threads slept and were woken."""
    return sum(
        int(re.findall(r"^voluntary_ctxt_switches:\s+(\d+)", (task / "status").read_text(), re.MULTILINE)[0])
        for task in Path(f"/proc/{pid}/task").iterdir()
    )


def _uss_mib(pid: int) -> float:
    said = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(kib) for kib in re.findall(r"^Private_\w+:\s+(\d+)", said, re.MULTILINE)) / 1024


def _ms(seconds: Sequence[float]) -> str:
    shown = f"{statistics.median(seconds) * 1e3:.1f} ms"
    return shown if len(seconds) == 1 else f"{shown} (most {max(seconds) * 1e3:.1f})"


def _say(what: str, figure: str) -> None:
    print(f"{what:<90}{figure}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
