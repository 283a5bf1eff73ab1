"""Throw-away projects with booted lanes, each on a tmux server of its own that ends with it."""

from __future__ import annotations

import compileall
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import loop_orchestrator
from benchmarks.bare import SESSION, bare_batch, run, said
from loop_orchestrator.harnesses.registry import PACKAGED
from loop_orchestrator.model.event import Event
from loop_orchestrator.operations.boot import boot
from loop_orchestrator.operations.plan import plan_lanes
from loop_orchestrator.operations.trust import accept
from loop_orchestrator.stores.eventlog import EventLog
from loop_orchestrator.stores.segments import SEGMENT_BYTES
from loop_orchestrator.substrate.listing import is_running
from loop_orchestrator.wiring import Options, Project

BOOT_LIMIT_S = 120.0

_ACTOR_SCRIPT = "boot_s: 0.05\ndefault:\n  steps:\n    - say: heard\n"
"""An agent that answers at once, so that a delivery waits for nothing but the delivery."""


@dataclass(frozen=True)
class Scene:
    """A project whose lanes are booted."""

    project: Project
    socket: str

    @property
    def panes(self) -> tuple[str, ...]:
        return tuple(record.pane for record in self.project.world.lanes.records().values())

    def loop(self, *words: str) -> None:
        """``loop WORDS`` as from a shell."""
        run(self.argv(*words), env=self.project.environ)

    def argv(self, *words: str) -> list[str]:
        """The program and what it is given for ``loop WORDS``."""
        options = ("--project-root", str(self.project.root), "--session", SESSION, "--socket", self.socket)
        return [str(Path(sys.executable).with_name("loop")), *words, *options]

    @property
    def server(self) -> int:
        """The pid of its tmux server."""
        return int(said(["tmux", "-S", self.socket, "display-message", "-p", "#{pid}"]))

    def bare_batch(self) -> None:
        """The least that a look at the fleet costs without a connection."""
        bare_batch(self.socket, self.panes)

    def await_ready(self, lanes: Sequence[str] = ()) -> None:
        """Until these lanes, or all, take text."""
        deadline = time.monotonic() + BOOT_LIMIT_S
        while True:
            seen = self.project.world.observe_lanes()
            if all(lane.state.ready for lane in seen if not lanes or lane.name in lanes):
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"not ready: {[(lane.name, lane.state.detail.value) for lane in seen]}")
            time.sleep(0.02)


@contextmanager
def folder() -> Iterator[Path]:
    """An empty folder that goes away."""
    with tempfile.TemporaryDirectory(prefix="loop-bench-") as name:
        yield Path(name)


@contextmanager
def scene(lanes: Mapping[str, str], *, brain: str = "") -> Iterator[Scene]:
    """A project with these lanes, name -> harness; ``actor`` and ``steady`` are the scripted agent.

    brain: more keys of ``engine.brain``, as a flow mapping has them.
    """
    with folder() as place:
        root, socket = place / "shop", str(place / "s")
        (root / ".loop" / "harnesses").mkdir(parents=True)
        declared = "".join(f"  {name}: {{harness: {harness}, window: {name}}}\n" for name, harness in lanes.items())
        limits = f"engine:\n  approval: manual\n  brain: {{max_calls_per_hour: 3600{brain and f', {brain}'}}}\n"
        (root / "lane-config.yaml").write_text(f"lanes:\n{declared}{limits}", encoding="utf-8")
        _write_actors(root)
        environ = {**_plain_environment(), "SHELL": "/bin/sh", "XDG_STATE_HOME": str(place / "state")}
        project = Project(Options(project_root=str(root), session=SESSION, socket=socket), environ)
        accept(project.door, project.state_home, by="a benchmark", now=project.clock.now())
        try:
            plan = plan_lanes(project.config, project.root, project.harnesses, preset="", found=())
            boot(project.world, plan, project.surroundings)
            made = Scene(project, socket)
            made.await_ready()
            yield made
        finally:
            _end(project, socket)


def _end(project: Project, socket: str) -> None:
    """End the server, and wait for the launchers: they write a last word into the project."""
    launchers = [record.pane_pid for record in project.world.lanes.records().values()]
    subprocess.run(["tmux", "-S", socket, "kill-server"], stderr=subprocess.DEVNULL, check=False)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and any(is_running(pid) for pid in launchers):
        time.sleep(0.01)


def shell_lanes(count: int) -> dict[str, str]:
    return {f"lane{number}": "shell" for number in range(count)}


def write_mail(project: Project, count: int) -> None:
    """Messages between lanes that nobody acknowledged."""
    for number in range(count):
        project.mailbox.send("lane1", "coord", f"question {number}", f"What about part {number}?\n" * 5)


def write_tasks(project: Project, count: int) -> None:
    project.layout.tasks_dir.mkdir(exist_ok=True)
    for number in range(1, count + 1):
        head = f"id: T{number:04d}\ntitle: Part {number}\nstatus: open\nrole: implementation\n"
        path = project.layout.tasks_dir / f"T{number:04d}-part.md"
        path.write_text(f"---\n{head}---\n\n# Part {number}\n\nDo it.\n", encoding="utf-8")


def long_log(path: Path, project: Project, count: int) -> EventLog:
    """A log of so many events: the line of one real event, over and over, with its number counted on.

    What is too long for the live file is in segments, as appending would have put it there.
    """
    log = EventLog(path, project.clock)
    first: Event = log.append("cycle.started", "engine", {"cycle": "c-1", "why": ["a message came"]})
    line, seq = path.read_text(encoding="utf-8"), first.seq
    while seq < count:
        with path.open("a", encoding="utf-8") as file:
            while seq < count and file.tell() < SEGMENT_BYTES:
                seq += 1
                file.write(line.replace('"seq":1,', f'"seq":{seq},').replace(first.id, f"{first.id}-{seq}"))
        if seq < count:
            seq = log.append("cycle.started", "engine", first.payload).seq
    return EventLog(path, project.clock)


def _write_actors(root: Path) -> None:
    """The packaged scripted agent with a script of its own, as a project would add harnesses: ``actor``, ``steady``.

    A delivery to ``steady`` waits as one to a real program does: until its screen has held still, and before Enter.
    """
    script = root / "script.yaml"
    script.write_text(_ACTOR_SCRIPT, encoding="utf-8")
    packaged = (PACKAGED / "rehearsal.yaml").read_text(encoding="utf-8")
    actor = packaged.replace("name: rehearsal\n", "name: actor\n", 1).replace(
        "loop_orchestrator.rehearsal]\n", f"loop_orchestrator.rehearsal, --script, {script}]\n", 1
    )
    steady = actor.replace("name: actor\n", "name: steady\n", 1)
    steady = steady.replace("idle_settle_s: 0.1\n", "idle_settle_s: 0.6\n", 1).replace(
        "  settle_s: 0 ", "  settle_s: 0.15 ", 1
    )
    for name, text in (("actor", actor), ("steady", steady)):
        (root / ".loop" / "harnesses" / f"{name}.yaml").write_text(text, encoding="utf-8")


def _plain_environment() -> dict[str, str]:
    """Nothing of a session or a tmux that this was started from, and Python with its compiled copies."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LOOP_", "TMUX")) and name != "PYTHONDONTWRITEBYTECODE"
    }


def compile_package() -> None:
    """As an installation does: a program that compiles itself first is slower, and larger from then on."""
    compileall.compile_dir(Path(loop_orchestrator.__file__).parent, quiet=1)
