"""A project with a real session: its own tmux server, rehearsal agents, and the programs run as a user runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from pathlib import Path

from loop_orchestrator.clock import SystemClock
from loop_orchestrator.model.event import Event
from loop_orchestrator.stores.eventlog import EventLog
from tests.support.servers import end_server
from tests.support.warm import Forked, warm

SESSION = "scratch"

Watch = subprocess.Popen[bytes] | Forked
"""A daemon that was started."""

OF_THEIR_OWN = (("engine", "watch"), ("lane", "guard"), ("restart",), ("deck",))
"""Commands that are programs of their own also in a test: others look for them, and at what they were started with."""

FAST_SCRIPT = r"""
boot_s: 0.05
answers:
  - when: '(?m)^Task (?P<task>T\d{4}):'
    steps:
      - mail: {to: coord, subject: "{task} in-progress", body: begun}
      - mail: {to: coord, subject: "{task} review", body: finished}
  - when: '(?m)^Prove task (?P<task>T\d{4}):'
    steps:
      - mail: {to: coord, subject: "{task} proved", body: seen}
  - when: '(?m)^You have mail from .*\. Read .*\.loop/messages/(?P<file>[^\s/]+\.md)'
    steps:
      - reply: {file: "{file}", body: answered}
default:
  steps:
    - say: heard
"""


@dataclass
class Scratch:
    """One project, one session."""

    root: Path
    tmux_dir: Path
    socket: str = "scratch"
    env: dict[str, str] = field(default_factory=dict)
    has_person: bool = False
    """a person's own tmux server was started"""

    def run(
        self, *argv: str, env: Mapping[str, str] | None = None, stdin: str | None = None, timeout_s: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """``loop ARGV`` with no terminal."""
        environ = {**self.environ, **(env or {})}
        if self.is_program(*argv, env=environ):
            return subprocess.run(
                [sys.executable, "-m", "loop_orchestrator", *argv],
                check=False,
                cwd=self.root,
                env=environ,
                input=stdin,
                capture_output=True,
                text=True,
                timeout=timeout_s,
            )
        with ExitStack() as files:
            given, out, err = (files.enter_context(tempfile.TemporaryFile()) for _ in range(3))
            given.write((stdin or "").encode())
            given.seek(0)
            streams = [file.fileno() for file in (given, out, err)]
            started = warm().start(argv, cwd=self.root, environ=environ, streams=streams)
            try:
                code = started.wait(timeout_s)
            finally:
                started.kill()
            said = []
            for file in (out, err):
                file.seek(0)
                said.append(file.read().decode())
        return subprocess.CompletedProcess(list(argv), code, *said)

    def watch(self, *words: str, out: int, program: bool = False, env: Mapping[str, str] | None = None) -> Watch:
        """``loop-engine watch``, whose output goes to a file descriptor.

        program: the installed one, as where it is looked at what its process was started with.
        """
        environ = {**self.environ, **(env or {})}
        argv = ("engine", "watch", *words)
        if not program and not self.is_program(*argv[:1], env=environ):
            with open(os.devnull) as nothing:  # noqa: PTH123 - a descriptor
                streams = [nothing.fileno(), out, out]
                return warm().start(argv, cwd=self.root, environ=environ, streams=streams, name="loop-engine")
        engine = str(Path(sys.executable).with_name("loop-engine"))
        return subprocess.Popen(
            [engine, *argv[1:]], cwd=self.root, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )

    @staticmethod
    def is_program(*argv: str, env: Mapping[str, str]) -> bool:
        """These are no command that may be forked from a process that has imported everything."""
        marked = "LOOP_LANE" in env or "PYTHONPATH" in env
        return marked or argv[:1] in OF_THEIR_OWN or argv[:2] in OF_THEIR_OWN

    def ok(self, *argv: str, codes: Sequence[int] = (0,), env: Mapping[str, str] | None = None) -> str:
        """Its stdout, if it ended with one of the codes."""
        done = self.run(*argv, env=env)
        assert done.returncode in codes, (argv, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def json(self, *argv: str) -> dict[str, object]:
        value = json.loads(self.ok(*argv, "--json"))
        assert isinstance(value, dict)
        return value

    def person(self, *argv: str, env: Mapping[str, str] | None = None) -> tuple[int, str]:
        """``loop ARGV`` typed by a person: in a plain tmux pane that is no lane. Exit code and output."""
        with tempfile.TemporaryFile() as out:
            streams, environ = [out.fileno(), out.fileno()], {**self.environ, **(env or {})}
            started = warm().start(argv, cwd=self.root, environ=environ, streams=streams, terminal=True)
            try:
                code = started.wait(60)
            finally:
                started.kill()
            out.seek(0)
            return code, out.read().decode()

    def tmux(self, *argv: str, socket: str = "") -> str:
        """One command of the session's server, or of the one named; ``person`` is that of a person's own terminal."""
        if socket == "person" and not self.has_person:
            # Without a session that stays, a person's server ends with each command, and the next may meet its end.
            self.has_person = True
            self.tmux("new-session", "-d", "-c", str(self.root), "sleep 3600", socket="person")
        done = subprocess.run(
            ["tmux", "-u", "-L", socket or self.socket, "-f", os.devnull, *argv],
            check=False,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.stdout

    @property
    def environ(self) -> dict[str, str]:
        return {**os.environ, "TMUX_TMPDIR": str(self.tmux_dir), "LOOP_TMUX_SOCKET": self.socket, **self.env}

    @property
    def session_dir(self) -> Path:
        return self.root / ".loop" / "sessions" / SESSION

    def events(self, *kinds: str) -> list[Event]:
        """Events of these kinds, or all, oldest first."""
        log = EventLog(self.session_dir / "events.jsonl", SystemClock())
        return [event for event in log.since(0) if not kinds or event.kind in kinds]

    def mail(self, sender: str, subject: str) -> int:
        """How many messages with this sender and subject were ever sent."""
        return sum(
            event.payload["from"] == sender and event.payload["subject"] == subject
            for event in self.events("mail.sent")
        )

    def task_status(self, task: str) -> str:
        for path in (*(self.root / "tasks").glob(f"{task}-*.md"), *(self.root / "tasks/archive").glob(f"{task}-*.md")):
            for line in path.read_text(encoding="utf-8").splitlines():
                if line.startswith("status:"):
                    return line.partition(":")[2].strip()
        return ""

    def lane_state(self, lane: str) -> str:
        return self.ok("lane-status", SESSION, lane).strip()

    def end(self) -> None:
        for socket in (self.socket, *(("person",) if self.has_person else ())):
            end_server(partial(self.tmux, socket=socket))


def write_task(
    root: Path, task: str, *, role: str = "implementation", depends_on: Sequence[str] = (), title: str = ""
) -> None:
    title, after = title or f"Task {task}", ", ".join(depends_on)
    head = f"id: {task}\ntitle: {title}\nstatus: open\ndepends_on: [{after}]\nrole: {role}\n"
    path = root / "tasks" / f"{task}-thing.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"---\n{head}---\n\n# Task {task}\n\nDo it.\n", encoding="utf-8")


def _actor(script: Path) -> str:
    """The rehearsal harness with a script of its own, as a project would add a harness."""
    packaged = files("loop_orchestrator.harnesses").joinpath("data/rehearsal.yaml").read_text(encoding="utf-8")
    launch = f'launch: ["{{python}}", -P, -m, loop_orchestrator.rehearsal, --script, {script}]'
    lines = [launch if line.startswith("launch:") else line for line in packaged.splitlines()]
    return "\n".join("name: actor" if line == "name: rehearsal" else line for line in lines) + "\n"


@contextmanager
def scratch_project(
    root: Path,
    tmux_dir: Path,
    *,
    lanes: str,
    engine: str | None = "approval: full",
    script: str = FAST_SCRIPT,
    env: Mapping[str, str] | None = None,
) -> Iterator[Scratch]:
    """A booted session. ``lanes`` and ``engine`` are flow mappings of lane-config.yaml; engine None: no engine.

    env: variables that its programs have besides.
    """
    root.mkdir(parents=True, exist_ok=True)
    tmux_dir.mkdir(mode=0o700, exist_ok=True)
    (root / "script.yaml").write_text(script, encoding="utf-8")
    harness = root / ".loop" / "harnesses" / "actor.yaml"
    harness.parent.mkdir(parents=True)
    harness.write_text(_actor(root / "script.yaml"), encoding="utf-8")
    config = f"lanes: {lanes}\n" + (f"engine: {{{engine}}}\n" if engine is not None else "")
    (root / "lane-config.yaml").write_text(config, encoding="utf-8")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    scratch = Scratch(root, tmux_dir, env={"LOOP_SESSION": SESSION, **(env or {})})
    try:
        code, said = scratch.person("up", "--accept", "--no-attach", "--boot-check", "30")
        assert code == 0, said
        yield scratch
    finally:
        scratch.end()
