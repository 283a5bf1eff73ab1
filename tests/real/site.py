"""A project with real agent programs in its lanes, and the installed commands as a person runs them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.real.programs import Program, search_path
from tests.support.model_server import Asked, ModelServer
from tests.support.scratch import SESSION, Scratch
from tests.support.waiting import eventually

NOWHERE = "http://127.0.0.1:9"
"""A proxy that refuses: what is meant for other machines goes there."""
SIZE = [int(part) for part in os.environ.get("HARNESSES_SIZE", "120x40").split("x")]
"""Columns and rows of the lanes."""
READY_S = 120.0
"""How long a program may take to be ready, on a busy machine."""


@dataclass
class Site(Scratch):
    """One project whose lanes run real programs."""

    home: Path = Path()
    path: str = ""
    model: ModelServer = None  # type: ignore[assignment]

    @property
    def environ(self) -> dict[str, str]:
        """What a program needs, and nothing of whoever runs the tests."""
        return {
            "PATH": f"{Path(sys.executable).parent}:{self.path}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "SHELL": "/bin/bash",
            "TMUX_TMPDIR": str(self.tmux_dir),
            "LOOP_TMUX_SOCKET": self.socket,
            "HTTP_PROXY": NOWHERE,
            "HTTPS_PROXY": NOWHERE,
            "NO_PROXY": "127.0.0.1,localhost",
            **self.env,
        }

    # What a lane shows.

    def state(self, name: str) -> str:
        """The detail of the lane's state."""
        return self._status(name)["detail"]

    def until(self, name: str, *details: str, limit_s: float = READY_S) -> None:
        """Wait until the lane is in one of these states."""
        seen: list[str] = []

        def look() -> bool:
            seen[:] = [self.state(name)]
            return seen[0] in details

        try:
            eventually(look, limit_s=limit_s)
        except AssertionError:
            shown = "\n".join(row for row in self.screen(name).splitlines() if row.strip())
            raise AssertionError(f"lane {name} did not become {details}; it is {self._status(name)}\n{shown}") from None

    def screen(self, name: str) -> str:
        return self.tmux("capture-pane", "-p", "-t", self.pane(name))

    def pane(self, name: str) -> str:
        lanes = self.tmux("list-panes", "-a", "-F", "#{pane_id} #{@loop_lane}").splitlines()
        return next((pane for pane, _, lane in (line.partition(" ") for line in lanes) if lane == name), "")

    def _status(self, name: str) -> dict[str, str]:
        found = json.loads(self.ok("lane-status", SESSION, name, "--json", codes=(0, 1, 3, 4, 5)))
        status = found["lanes"][name]
        return {"detail": status["detail"], "seen": status["evidence"][0]["seen"]}

    # What is done to it.

    def keys(self, name: str, *keys: str) -> None:
        """Press them as a person does."""
        self.tmux("send-keys", "-t", self.pane(name), *keys)

    def paste(self, name: str, text: str) -> None:
        """Paste a text as a person does."""
        file = self.root / ".pasted"
        file.write_text(text, encoding="utf-8")
        self.tmux("load-buffer", "-b", "pasted", str(file))
        self.tmux("paste-buffer", "-p", "-r", "-d", "-b", "pasted", "-t", self.pane(name))

    def send(self, name: str, text: str, *options: str) -> Sent:
        """``loop send``, the text on stdin."""
        done = self.run("send", *options, "--json", name, "-", stdin=text, timeout_s=180)
        assert done.stdout, (done.returncode, done.stderr)
        receipt = json.loads(done.stdout)
        return Sent(done.returncode, receipt["status"], receipt["evidence"], receipt["sha256"])

    def end_program(self, pane_pid: int) -> None:
        """End the lane's program and what it started, as a crash would."""
        for child in psutil.Process(pane_pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.kill()

    def has_begun(self, op: str) -> bool:
        """The delivery has a record, and the lane is looked at."""
        return any('"check"' in path.read_text(encoding="utf-8") for path in self.session_dir.rglob(f"{op}*.json"))

    # What reached the model.

    def turns(self, program: Program, text: str) -> list[Asked]:
        """The requests that begin a turn with this text: with tools, and with nothing after it."""
        return [
            asked
            for asked in self.model.requests()
            if asked.tools
            and not asked.after_tool
            and asked.prompts
            and program.arrived(asked.prompts[-1]) == program.sends(text)
        ]

    def begins(self, program: Program, text: str) -> None:
        """Wait until a turn begins with this text."""
        try:
            eventually(lambda: self.turns(program, text), limit_s=READY_S)
        except AssertionError:
            asked = [one.prompts[-1][-200:] for one in self.model.requests() if one.prompts]
            shown = "\n".join(row for row in self.screen(program.name).splitlines() if row.strip())
            wanted = f"no turn of {program.name} began with {text[:60]!r}; the model was asked {asked[-3:]}"
            raise AssertionError(f"{wanted}\n{shown}") from None

    def times(self, program: Program, text: str) -> int:
        """How often at most the text stands in one conversation."""
        found = [
            sum(program.arrived(prompt) == program.sends(text) for prompt in one.prompts)
            for one in self.model.requests()
        ]
        return max(found, default=0)

    def heard_of(self, part: str) -> bool:
        """Whether any request holds this part of a text."""
        return any(part in prompt for asked in self.model.requests() for prompt in asked.prompts)


@dataclass(frozen=True)
class Sent:
    """What ``loop send`` said."""

    code: int
    status: str
    evidence: str
    sha256: str


@contextmanager
def site(root: Path, tmux_dir: Path, *programs: Program, ready: bool = True, trusted: bool = True) -> Iterator[Site]:
    """A booted session with a lane for each program, by its name, against a model service of its own.

    ready: wait until every lane is ready. trusted: the programs were told that they may work in the folder.
    Raises Missing where a program cannot be had.
    """
    path = ":".join(search_path(program) for program in programs)
    project, home = root / "project", root / "home"
    for folder in (project, home):
        folder.mkdir(parents=True)
    tmux_dir.mkdir(mode=0o700, exist_ok=True)
    model = ModelServer()
    model.start()
    made = Site(project, tmux_dir, env={"LOOP_SESSION": SESSION}, home=home, path=path, model=model)
    try:
        _furnish(made, programs, root / "elsewhere" if not trusted else project)
        subprocess.run(["git", "init", "-q", str(project)], check=True)
        made.tmux("new-session", "-d", "-c", str(project), "sleep 36000", socket="person")
        code, said = made.person("up", "--accept", "--no-attach")
        assert code == 0, said
        for program in programs if ready else ():
            made.until(program.name, "ready")
        yield made
    finally:
        made.end()
        model.close()


def _furnish(made: Site, programs: tuple[Program, ...], trusted: Path) -> None:
    """The home folder and the config. A login shell begins with a search path of its own: the profile adds to it."""
    lanes = {}
    for program in programs:
        lanes[program.name] = {"harness": program.name, "env": dict(program.env(made.model.url))}
        for name, text in program.files(made.model.url, trusted).items():
            file = made.home / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        _write_wrapper(made, program)
    profile = f"export PATH={made.home / 'bin'}:{made.path}:$PATH\n"
    (made.home / ".bash_profile").write_text(profile, encoding="utf-8")
    (made.root / "lane-config.yaml").write_text(
        json.dumps({"lanes": lanes, "tmux": dict(zip(("width", "height"), SIZE, strict=True))}), encoding="utf-8"
    )


def _write_wrapper(made: Site, program: Program) -> None:
    """The program's own command with its flags."""
    if program.flags:
        own = shutil.which(program.name, path=made.path)
        wrapper = made.home / "bin" / program.name
        wrapper.parent.mkdir(exist_ok=True)
        wrapper.write_text(f'#!/bin/sh\nexec {own} {" ".join(program.flags)} "$@"\n', encoding="utf-8")
        wrapper.chmod(0o755)
