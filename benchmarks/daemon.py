"""``python -m benchmarks.daemon [--lanes N] [--idle-s S] [--trials N]``: what the daemon costs at rest, and how soon
it knows.

A ``loop watch`` of its own watches shell lanes. Processes started are counted by strace, in the daemon and in the tmux
server; what it costs at rest is measured beside that, since strace slows what it counts.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measure import cpu_of_s
from benchmarks.scene import Scene, compile_package, scene, shell_lanes
from loop_orchestrator.model.event import Event
from loop_orchestrator.model.lane import Detail, LaneRun, Signal, SignalSource
from loop_orchestrator.model.message import message_file_name
from loop_orchestrator.stores.signals import Speaker

SAMPLE_S = 10.0
ROUNDS = 9
DRAWING = 10

BURST = 1_000
TRIGGER = "source.emitted"
"""The kind of the event that says of a thing that it calls for a cycle; its payload names the thing."""

_NUMBERS = itertools.count(2)
"""copy numbers: a name of a message is used once"""
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
    parser.add_argument("--trials", type=int, default=200, metavar="N", help="messages and lanes that come to rest")
    args = parser.parse_args(argv)
    with scene(shell_lanes(args.lanes)) as made, watching(made) as daemon:
        pids = {"daemon": daemon.pid, "tmux": made.server}
        _rest(made, pids, args.idle_s)
        _news(made, args.trials)
        _ends(made)
        _changes(made)
        _drawing(made, pids)
        _killed(made)
    return 0


def _rest(made: Scene, pids: dict[str, int], idle_s: float) -> None:
    """The cycle that the first look calls for is over by now: this is a daemon that has worked."""
    daemon = pids["daemon"]
    seq, first = made.project.events.tail(1)[0].seq, _uss_mib(daemon)
    for name, spent in _cost(pids, idle_s).items():
        _say(f"{idle_s:g} s at rest, {name}", spent)
    _say("memory of the daemon at rest (USS)", f"{first:.1f} MiB, {_uss_mib(daemon):.1f} after {idle_s:g} s")
    kinds = Counter(event.kind for event in made.project.events.since(seq))
    _say(f"events in {idle_s:g} s at rest", ", ".join(f"{count} {kind}" for kind, count in kinds.items()) or "none")
    with ThreadPoolExecutor(len(pids)) as both:
        counts = both.map(lambda pid: _started(pid, idle_s), pids.values())
        started = [f"{count:d} by {name}" for name, count in zip(pids, counts, strict=True)]
    _say(f"processes started in {idle_s:g} s at rest", ", ".join(started))


def _news(made: Scene, trials: int) -> None:
    """Cycles are held back, as they are while one runs: what is measured is the way to the event."""
    made.loop("engine", "pause")
    _say("mail dropped -> its trigger in the log", _percentiles(_mail(made, trials)))
    _say("mail sent, writing it durably included -> its trigger in the log", _percentiles(_sent(made, trials)))
    _say("program says that it is at rest -> the trigger in the log", _percentiles(_signals(made, trials)))
    _say(f"{BURST} messages dropped at once -> the last trigger in the log", f"{_burst(made) * 1e3:.0f} ms")
    for path in made.project.layout.messages.glob("*.md"):
        path.unlink()
    time.sleep(5)


def _mail(made: Scene, trials: int) -> list[float]:
    """Whole files are renamed in, as senders do; nobody reads them, so that there are more and more."""
    known, chance = [], random.Random(1)
    for number in range(trials):
        place, name = _message(made, f"question {number}", number)
        time.sleep(chance.uniform(0.1, 0.3))
        began = time.time()
        place.rename(made.project.layout.messages / name)
        known.append(_triggered(made, name, began))
    return known


def _sent(made: Scene, trials: int) -> list[float]:
    known, chance = [], random.Random(3)
    for number in range(trials):
        time.sleep(chance.uniform(0.1, 0.3))
        began = time.time()
        message = made.project.mailbox.send(f"lane{number % 20}", "coord", f"question {number}", "What about it?")
        known.append(_triggered(made, message.file, began))
    return known


def _signals(made: Scene, trials: int) -> list[float]:
    """What ``loop lane-signal`` writes, without the Python that it starts: at work, and then at rest."""
    known, chance, lanes = [], random.Random(2), made.project.world.lanes
    for number in range(trials):
        lane = f"lane{number % 20}"
        run = lanes.run(lane)
        assert run is not None
        began = time.time()
        _signal(made, lane, Detail.BUSY, run)
        _type(made, made.panes[number % 20], ":")  # what it draws is what the daemon looks for
        _event(made, lambda one, lane=lane: one.payload.get("lane") == lane, "lane.changed", began)  # type: ignore[misc]
        time.sleep(chance.uniform(0.05, 0.25))
        began = time.time()
        _signal(made, lane, Detail.READY, run)
        known.append(_triggered(made, f"{lane} is ", began))
    return known


def _signal(made: Scene, lane: str, detail: Detail, run: LaneRun) -> None:
    said = Signal(
        source=SignalSource.HARNESS, detail=detail, rule="lane-signal", seen="it says so", at=datetime.now(UTC)
    )
    made.project.world.signals.note(lane, said, Speaker(pid=run.pid, depth=0), run)


def _burst(made: Scene) -> float:
    messages = [_message(made, "one of many", number) for number in range(BURST)]
    time.sleep(1)
    offset, began = made.project.events.end(), time.time()
    for place, name in messages:
        place.rename(made.project.layout.messages / name)
    left = {name for _, name in messages}
    last = began

    def all_noted() -> bool:
        nonlocal offset, last
        events, offset = made.project.events.read_from(offset)
        for event in events:
            if event.kind == TRIGGER:
                left.difference_update(str(event.payload.get("detail")).split())
                last = event.at.timestamp()
        return not left

    _until(all_noted)
    return last - began


def _message(made: Scene, subject: str, number: int) -> tuple[Path, str]:
    """A file outside of the mailbox, and the name by which it is a message there."""
    name = message_file_name(datetime.now(UTC), f"lane{number % 20}", "coord").removesuffix(".md")
    place = made.project.root / f"message-{next(_NUMBERS)}"
    place.write_text(f"---\nsubject: {subject}\n---\n\nWhat about it?\n", encoding="utf-8")
    return place, f"{name}.{place.name.removeprefix('message-')}.md"


def _triggered(made: Scene, thing: str, since: float) -> float:
    return _event(made, lambda one: thing in str(one.payload.get("detail")), TRIGGER, since)


def _cost(pids: dict[str, int], sample_s: float = SAMPLE_S) -> dict[str, str]:
    before = {name: (cpu_of_s(pid), _switches(pid)) for name, pid in pids.items()}
    began = time.monotonic()
    time.sleep(sample_s)
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
    compile_package()
    options = ["--project-root", str(made.project.root), "--session", made.project.session, "--socket", made.socket]
    argv = [sys.executable, "-m", "loop_orchestrator", "watch", *options]
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


def _percentiles(seconds: Sequence[float]) -> str:
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    shown = ", ".join(f"p{cut} {cuts[cut - 1] * 1e3:.0f}" for cut in (50, 95, 99))
    return f"{shown}, most {max(seconds) * 1e3:.0f} ms, {len(seconds)} trials"


def _ms(seconds: Sequence[float]) -> str:
    shown = f"{statistics.median(seconds) * 1e3:.1f} ms"
    return shown if len(seconds) == 1 else f"{shown} (most {max(seconds) * 1e3:.1f})"


def _say(what: str, figure: str) -> None:
    print(f"{what:<90}{figure}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
