"""What is measured: for every name the ways, the bare limit first."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from benchmarks.bare import run
from benchmarks.cycle import large_cycle
from benchmarks.looks import fleet, panes
from benchmarks.measure import Way
from benchmarks.prompts import busy_session
from benchmarks.scene import Scene, folder, long_log, scene, shell_lanes, write_mail, write_tasks
from loop_orchestrator.engine.cycle import run_cycle
from loop_orchestrator.engine.prompt import render
from loop_orchestrator.model.delivery import DeliveryRequest
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.prompts import load_prompts
from loop_orchestrator.stores.atomic import json_text, write_json
from loop_orchestrator.stores.eventlog import EventLog
from loop_orchestrator.wiring import Options, Project

LANES = 8
EVENT_LINE = b"x" * 155 + b"\n"
"""As long as a usual line of the event log."""
STARTUP_GOAL = 2.5


@contextmanager
def commands() -> Iterator[tuple[Way, ...]]:
    """Words from a shell, on a project with eight lanes that run."""
    with scene({"coord": "shell", **shell_lanes(LANES - 1)}) as made:
        write_mail(made.project, 10)
        write_tasks(made.project, 5)
        yield (
            Way(name="python -c pass", run=lambda: run([sys.executable, "-c", "pass"])),
            Way(name="tmux batch", run=made.bare_batch),
            *(
                Way(name=f"loop {words}", run=_word(made, words), against=("python -c pass",), goal=STARTUP_GOAL)
                for words in ("engine status", "mail list", "status")
            ),
            Way(
                name="loop lane-status --json --all",
                run=_word(made, "lane-status --json --all"),
                against=("python -c pass", "tmux batch"),
                goal=1.5,
            ),
        )


def _word(made: Scene, words: str) -> Callable[[], None]:
    return lambda: made.loop(*words.split())


@contextmanager
def append() -> Iterator[tuple[Way, ...]]:
    """Events and state on the disk."""
    with folder() as place:
        project = _project(place)
        log, state = EventLog(place / "events.jsonl", project.clock), place / "state.json"
        value: dict[str, JsonValue] = {"schema": 2, "loops": {f"loop{n}": {"note": "x" * 80} for n in range(50)}}
        bare_log = os.open(place / "bare.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        cycles: dict[str, JsonValue] = {"cycle": "c-1", "why": ["a message came"]}
        calls: dict[str, JsonValue] = {"cycle": "c-1", "brain": "rules"}
        try:
            yield (
                Way(name="os.write", run=lambda: os.write(bare_log, EVENT_LINE), repeat=200),
                Way(
                    name="append",
                    run=lambda: log.append("cycle.started", "engine", cycles),
                    repeat=200,
                    against=("os.write",),
                    goal_ms=0.01,
                ),
                Way(name="os.write + fdatasync", run=lambda: _write_synced(bare_log), repeat=20),
                Way(
                    name="append, promised",
                    run=lambda: log.append("brain.called", "engine", calls),
                    repeat=20,
                    against=("os.write + fdatasync",),
                    goal=1.3,
                    waits=True,
                ),
                Way(name="write + fsync + rename + fsync", run=lambda: _replace_bare(place, value), repeat=10),
                Way(
                    name="write_json",
                    run=lambda: write_json(state, value),
                    repeat=10,
                    against=("write + fsync + rename + fsync",),
                    goal=1.5,
                    waits=True,
                ),
            )
        finally:
            os.close(bare_log)


def _write_synced(fd: int) -> None:
    os.write(fd, EVENT_LINE)
    getattr(os, "fdatasync", os.fsync)(fd)


def _replace_bare(place: Path, value: JsonValue) -> None:
    """The same text made durable with nothing around it."""
    aside = place / "bare.tmp"
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.write(fd, json_text(value).encode())
    os.fsync(fd)
    os.close(fd)
    os.rename(aside, place / "bare.json")  # noqa: PTH104 - the bare call is the measure
    there = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(there)
    os.close(there)


@contextmanager
def events() -> Iterator[tuple[Way, ...]]:
    """Short and long logs: their end, the newest event of a kind, and appending to them."""
    with folder() as place:
        project = _project(place)
        counts = (1_000, 100_000, 1_000_000)
        yield tuple(way for count in counts for way in _uses(place / f"{count}" / "events.jsonl", project, count))


def _uses(path: Path, project: Project, count: int) -> tuple[Way, ...]:
    path.parent.mkdir()
    log, bare = long_log(path, project, count), f"read the last 20 lines of {count:,}"
    near, payload = log.tail(1)[0].seq - 20, log.tail(1)[0].payload
    grown = EventLog(Path(shutil.copytree(path.parent, f"{path.parent}-grown")) / path.name, project.clock)
    numbers = itertools.count()
    reads: tuple[tuple[str, Callable[[], object]], ...] = (
        ("tail(20)", lambda: log.tail(20)),
        ("since(last 20)", lambda: list(log.since(near))),
        ("last(a kind that is near)", lambda: log.last("cycle.started")),
        ("read_from(end)", lambda: log.read_from(log.end())),
    )
    return (
        Way(name=bare, run=lambda: _last_lines(path), repeat=20),
        *(Way(name=f"{name} of {count:,}", run=read, repeat=20, against=(bare,), goal_ms=1.0) for name, read in reads),
        Way(
            name=f"append to {count:,}",
            run=lambda: grown.append("cycle.started", "engine", payload),
            repeat=100,
            goal_ms=0.01,
        ),
        Way(
            name=f"append with an id to {count:,}",
            run=lambda: grown.append("cycle.started", "engine", payload, id=f"e-bench-{next(numbers)}"),
            repeat=10,
        ),
    )


def _last_lines(path: Path) -> list[object]:
    fd = os.open(path, os.O_RDONLY)
    size = os.fstat(fd).st_size
    data = os.pread(fd, 8_192, max(0, size - 8_192))
    os.close(fd)
    return [json.loads(line) for line in data.split(b"\n")[-21:-1]]


@contextmanager
def dispatch() -> Iterator[tuple[Way, ...]]:
    """Text into a composer that is ready, from the record of the request to the receipt."""
    with scene({"coord": "shell", "agent": "actor"}) as made:
        world, numbers = made.project.world, itertools.count()
        pane = world.lanes.records()["agent"].pane

        def deliver() -> None:
            number = next(numbers)
            request = DeliveryRequest(op=f"bench-{number}", lane="agent", text=f"Say heard {number}.", sender="person")
            receipt = world.deliver(request)
            if not receipt.delivered:
                raise RuntimeError(receipt.evidence)

        def ready() -> None:
            made.await_ready(["agent"])

        yield (
            Way(name="tmux paste and Enter", run=lambda: _paste(made, pane), prepare=ready),
            Way(name="deliver", run=deliver, prepare=ready, against=("tmux paste and Enter",), goal_ms=25.0),
        )


def _paste(made: Scene, pane: str) -> None:
    """One tmux that pastes a text and presses Enter, and sees nothing of what becomes of it."""
    words = ("set-buffer", "-b", "bare", "Say heard.", ";", "paste-buffer", "-d", "-p", "-b", "bare", "-t", pane)
    subprocess.run(["tmux", "-S", made.socket, *words, ";", "send-keys", "-t", pane, "Enter"], check=True)


@contextmanager
def cycle() -> Iterator[tuple[Way, ...]]:
    """A cycle of the built-in brain over 8 lanes, 50 messages and 20 tasks; it files a decision that waits."""
    with scene({"coord": "shell", **shell_lanes(LANES - 1)}) as made:
        project = made.project
        write_mail(project, 50)
        write_tasks(project, 20)
        world = project.world

        def forget() -> None:
            shutil.rmtree(project.layout.engine_dir, ignore_errors=True)

        def bare() -> None:
            made.bare_batch()
            for place in (project.layout.messages, project.layout.tasks_dir):
                for path in place.glob("*.md"):
                    path.read_bytes()

        yield (
            Way(name="tmux batch, and reading the files", run=bare),
            Way(
                name="cycle",
                run=lambda: run_cycle(world, ("a benchmark",)),
                prepare=forget,
                against=("tmux batch, and reading the files",),
                goal_ms=150.0,
            ),
        )


@contextmanager
def prompt() -> Iterator[tuple[Way, ...]]:
    """The prompt for 50 lanes, 1,000 messages and 100 tasks: where it fits, and where most of it is cut."""
    texts, snapshot = load_prompts(), busy_session(lanes=50, mail=1_000, tasks=100)
    parts = [part.text for part in render(snapshot, texts).parts]

    def cut() -> None:
        render(snapshot, texts, ceiling=8_000)

    yield (
        Way(name="join the parts of a prompt", run=lambda: "\n".join(parts).encode(), repeat=20),
        Way(name="render", run=lambda: render(snapshot, texts), repeat=5, goal_ms=15.0),
        Way(
            name="render, cut to 8,000 tokens",
            run=cut,
            repeat=5,
            goal_ms=15.0,
        ),
    )


def _project(place: Path) -> Project:
    return Project(Options(project_root=str(place), session="bench"), {})


CASES: Mapping[str, Callable[[], AbstractContextManager[tuple[Way, ...]]]] = {
    "commands": commands,
    "fleet": fleet,
    "panes": panes,
    "append": append,
    "events": events,
    "dispatch": dispatch,
    "cycle": cycle,
    "cycle-50": large_cycle,
    "prompt": prompt,
}
"""Name -> what it measures, in the order in which they run."""
