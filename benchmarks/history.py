"""``python -m benchmarks.history [--events N] [--rounds N] [--appends N]``: what a long event log costs who uses it.

Two sessions with the same lanes and the same thousand events of the last 40 minutes, in one of them behind a month of
others. The same words from a shell, cycles and daemons run in both, in turns. Then many promised events with ids of
their own, one after the other, and what reading costs where all of the events are wanted.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from benchmarks.__main__ import print_rows
from benchmarks.measure import Way, measure
from benchmarks.pasts import RARE, RECENT, write_past
from benchmarks.scene import Scene, folder, scene, shell_lanes, write_mail, write_tasks
from loop_orchestrator.clock import SystemClock
from loop_orchestrator.engine.cycle import run_cycle
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.hearing.heard import Heard
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.operations.logs import Wanted, read_logs, read_trace
from loop_orchestrator.operations.metrics import metrics
from loop_orchestrator.operations.report import report
from loop_orchestrator.stores.eventlog import EventLog
from loop_orchestrator.wiring import Options, Project

EVENTS = 1_000_000
LONG_AGO, THIS_WEEK = (38.0, 8.0), (6.9, 0.0)
"""Days ago between which the older events were written: metrics count seven days."""
APPENDS = 100_000
ROUNDS = 9
LIMIT_S = 60.0

WORDS = (
    *("status", "engine status", "engine once", "report --since 1h", "metrics", "logs"),
    *(f"logs --kind {RARE}", "logs --kind crash --since 7d"),
)


@dataclass(frozen=True)
class Session:
    """A session with an event log of some length."""

    made: Scene
    count: int
    cycle: str
    """the first cycle of its log that is whole"""

    @property
    def name(self) -> str:
        return f"{self.count:,}"


@contextmanager
def sessions(counts: Sequence[int]) -> Iterator[tuple[Session, ...]]:
    """A session for each length of the log, with lanes that run, mail and tasks."""
    with ExitStack() as held:
        found = []
        for count in counts:
            made = held.enter_context(scene({"coord": "shell", **shell_lanes(3)}))
            write_mail(made.project, 10)
            write_tasks(made.project, 5)
            made.project.layout.events.unlink()
            _fill(made.project.layout.events, count, LONG_AGO)
            first = next(event for event in made.project.events.since(0) if event.kind == "cycle.started")
            found.append(Session(made, count, first.trace))
        yield tuple(found)


def _fill(path: Path, count: int, days: tuple[float, float]) -> None:
    write_past(path, until=datetime.now(UTC), older=count - RECENT, days=days)


@contextmanager
def histories(counts: Sequence[int]) -> Iterator[tuple[Way, ...]]:
    """Every use of a log in each session; the first is what the others are measured against."""
    with sessions(counts) as found, ExitStack() as held:
        for one in found:
            while not _all_indexed(one):  # as closing the segments would have left them
                _seek(one)
        first = found[0].name
        uses = {one.name: _uses(one, held) for one in found}
        yield tuple(
            Way(name=f"{use}, {name}", run=uses[name][use], against=() if name == first else (f"{use}, {first}",))
            for use in uses[first]
            for name in uses
        )


def _all_indexed(one: Session) -> bool:
    segments = one.made.project.layout.event_segments
    return len(list(segments.glob("*.index"))) == len(list(segments.glob("*.jsonl")))


def _seek(one: Session) -> None:
    tuple(read_logs(one.made.project.world, Wanted(kinds=frozenset({"crash"}))))


def _uses(one: Session, held: ExitStack) -> dict[str, Callable[[], object]]:
    made = one.made
    words: dict[str, Callable[[], object]] = {
        f"loop {said}": partial(_loop, made, said) for said in (*WORDS, f"logs --trace {one.cycle}")
    }
    words = {name.replace(one.cycle, "THE FIRST"): use for name, use in words.items()}
    warm = _warm(made, held)
    hour = timedelta(hours=1)
    return {
        **words,
        "daemon: from its start to its end": partial(_daemon, made),
        "cycle in a daemon": lambda: run_cycle(warm.world, ("a benchmark",)),
        "first cycle of a process": lambda: run_cycle(_fresh(made).world, ("a benchmark",)),
        "report of an hour": lambda: report(warm.world, warm.clock.now() - hour),
        "metrics": lambda: metrics(warm.world),
        "the last 20 events": lambda: list(read_logs(warm.world, Wanted())),
        "the last of a rare kind": lambda: list(read_logs(warm.world, Wanted(kinds=frozenset({RARE})))),
        "the trace of the first cycle": lambda: read_trace(warm.world, one.cycle),
    }


def _loop(made: Scene, words: str) -> None:
    """``loop WORDS`` as from a shell; a decision may wait for a person."""
    try:
        made.loop(*words.split())
    except subprocess.CalledProcessError as error:
        if error.returncode != ExitCode.WAITING:
            raise


def _fresh(made: Scene) -> Project:
    return Project(made.project.options, made.project.environ)


def _warm(made: Scene, held: ExitStack) -> Project:
    """A project as the daemon has it, with its connection."""
    project = _fresh(made)
    feed = project.world.substrate.feed()
    feed.open()
    held.callback(feed.close)
    heard = Heard()
    heard.begin(datetime.now(UTC))
    project.ears = heard
    return project


def _daemon(made: Scene) -> None:
    """A daemon that is ended as soon as it listens."""
    events = made.project.events
    place, connected, deadline = events.end(), False, time.monotonic() + LIMIT_S
    argv = made.argv("engine", "watch")
    quiet = subprocess.DEVNULL
    daemon = subprocess.Popen(argv, stdin=quiet, stdout=quiet, stderr=quiet, env=made.project.environ)
    try:
        while not connected and daemon.poll() is None and time.monotonic() < deadline:
            found, place = events.read_from(place)
            connected = any(event.kind == "control.connected" for event in found)
            time.sleep(0.002)
    finally:
        daemon.terminate()
        daemon.wait()
    if not connected:
        raise RuntimeError("the daemon did not connect")


@contextmanager
def within_days(count: int) -> Iterator[tuple[Way, ...]]:
    """Uses for which every event of the log counts."""
    with folder() as place:
        project = Project(Options(project_root=str(place), session="bench"), {})
        _fill(project.layout.events, count, THIS_WEEK)
        week = timedelta(days=7)
        world = project.world
        yield (
            Way(name=f"metrics, {count:,} in 7 days", run=lambda: metrics(world)),
            Way(name=f"report of 7 days, {count:,}", run=lambda: report(world, world.clock.now() - week)),
            Way(name=f"every event decoded, {count:,}", run=lambda: sum(1 for _ in world.events.since(0))),
        )


def appends(count: int) -> None:
    """Promised events with ids, as whoever takes in events from outside appends them; where TMPDIR says."""
    with folder() as place:
        log = EventLog(place / "events.jsonl", SystemClock())
        said: dict[str, JsonValue] = {
            "lane": "lane1",
            "file": "x" * 100,
            "ask": "d-20261121T011530123-4f2a9c",
            "late": False,
        }
        marks = sorted({min(1_000, count), count // 2, count})
        began = time.perf_counter()
        times = array("d")
        for number in range(count):
            log.append("ask.replied", "lane:lane1", said, id=f"e-outside-{number:012d}")
            times.append(time.perf_counter())
            if number + 1 in marks:
                print(f"resident after {number + 1:,}: {_resident_mib():.1f} MiB")
        print(f"{count:,} promised events with ids, in {place.parent}")
        for name, part in {"first 1,000": times[:1_000], "last 1,000": times[-1_000:], "all": times}.items():
            before = began if part[0] == times[0] else times[-1_001]
            took = sorted(b - a for a, b in zip([before, *part], part, strict=False))
            rate = len(part) / (part[-1] - before)
            least, most = took[len(took) // 2] * 1e6, took[len(took) * 99 // 100] * 1e6
            print(f"{name}: {rate:,.0f} a second; median {least:.0f} us, 99 of 100 within {most:.0f} us")
        shutil.rmtree(place / "events", ignore_errors=True)


def _resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures; 0 whatever they are."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.history", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS, metavar="N", help=f"default: {EVENTS}")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help=f"default: {ROUNDS}")
    parser.add_argument("--appends", type=int, default=APPENDS, metavar="N", help=f"default: {APPENDS}; 0: none")
    args = parser.parse_args(argv)
    if args.appends:
        appends(args.appends)
    if args.rounds:
        with histories((RECENT, args.events)) as ways:
            print_rows("history", measure(ways, args.rounds))
        with within_days(args.events) as ways:
            print_rows("all of it", measure(ways, 1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
