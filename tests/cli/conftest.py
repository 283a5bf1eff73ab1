"""A project with a config, a tmux server of its own, and the program run inside this process or outside of it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from loop_orchestrator.cli.main import main
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.process.run import run
from tests.support.projects import PLAIN, own_tmux


@dataclass(frozen=True)
class Ran:
    """One run of the program."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, JsonValue]:
        value = json.loads(self.out)
        assert isinstance(value, dict)
        assert value["contract_version"] == 1
        return value


Loop = Callable[..., Ran]


@pytest.fixture
def socket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with own_tmux() as name:
        monkeypatch.setenv("LOOP_TMUX_SOCKET", name)
        yield name


@pytest.fixture
def shop(project: Path, socket: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a config, the current directory, and ``shop`` as its session."""
    (project / "lane-config.yaml").write_text(PLAIN, encoding="utf-8")
    monkeypatch.chdir(project)
    monkeypatch.setenv("LOOP_SESSION", "shop")
    return project


@pytest.fixture
def loop(capsys: pytest.CaptureFixture[str]) -> Loop:
    """Runs ``loop WORDS`` in this process."""

    def run_here(*words: str) -> Ran:
        capsys.readouterr()
        code = main(words)
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run_here


def loop_outside(*words: str, env: Mapping[str, str] | None = None, stdin: str = "") -> Ran:
    """Runs ``loop WORDS`` as a program of its own, without a terminal."""
    done = run(
        [sys.executable, "-m", "loop_orchestrator", *words],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **(env or {})},
        stdin=stdin.encode(),
        timeout_s=60,
    )
    return Ran(done.code, done.stdout.decode(), done.stderr.decode())
