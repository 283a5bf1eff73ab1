"""`loop harness test --live` boots programs in real tmux, says what they show, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from loop_orchestrator.operations.trust import accept
from tests.support.projects import project_at
from tests.support.waiting import eventually

TINY = """\
name: tiny
title: Tiny
kind: agent
launch: [{program}]
foreground: [python, python3, tiny]
verified: ["1.0"]
version_argv: [{program}, --version]
composer: {{line: '^>(?: (?P<text>.*))?$'}}
rules:
  - {{name: trust, detail: dialog, region: bottom, all: ['^Trust this folder']}}
"""

PROGRAM = """\
#!{python}
import os, sys, time
if "--version" in sys.argv:
    print("tiny 1.2")
    raise SystemExit
open(os.environ["TINY_PID"], "w").write(str(os.getpid()))
print({shows!r}, end="", flush=True)
if {ends}:
    raise SystemExit(7)
sys.stdin.read()
"""


@pytest.fixture
def scratch_tmp(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the command makes its scratch directory; short, since a socket lies in it."""
    with tempfile.TemporaryDirectory(prefix="loop-h-") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


def loop_json(root: Path, *words: str) -> tuple[int, Mapping[str, object], str]:
    done = subprocess.run(
        [sys.executable, "-m", "loop_orchestrator", *words, "--json"],
        check=False,
        cwd=root,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout), done.stderr


def live_of(document: Mapping[str, object]) -> dict[str, object]:
    found = document["harnesses"]
    assert isinstance(found, list) and len(found) == 1
    live = found[0]["live"]
    assert isinstance(live, dict)
    return live


def test_the_built_in_agent_comes_up_ready(project: Path, scratch_tmp: Path) -> None:
    code, document, _ = loop_json(project, "harness", "test", "rehearsal", "--live")
    live = live_of(document)
    assert (code, live["status"], live["detail"], live["verified"]) == (0, "idle", "ready", True)
    assert list(scratch_tmp.iterdir()) == []


def test_a_request_to_end_leaves_nothing_behind(project: Path, scratch_tmp: Path) -> None:
    words = [sys.executable, "-m", "loop_orchestrator", "harness", "test", "rehearsal", "--live"]
    running = subprocess.Popen(words, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    eventually(lambda: list(scratch_tmp.glob("*/project/.loop/sessions/*/lanes/*.run.json")), what="the lane's start")
    (record,) = scratch_tmp.glob("*/project/.loop/sessions/*/lanes/*.run.json")
    pid = json.loads(record.read_text())["pid"]
    running.terminate()
    said = running.communicate(timeout=60)
    assert running.returncode == 130, said
    assert not psutil.pid_exists(pid)
    assert list(scratch_tmp.iterdir()) == []


@pytest.mark.parametrize(
    ("shows", "ends", "detail", "code"),
    [
        ("> ", False, "ready", 0),
        ("Trust this folder? y/n", False, "dialog", 0),
        ("no key\n", True, "exited", 1),
    ],
)
def test_a_program_is_booted_read_and_ended(
    project: Path, scratch_tmp: Path, monkeypatch: pytest.MonkeyPatch, shows: str, ends: bool, detail: str, code: int
) -> None:
    program = project / "tiny"
    program.write_text(PROGRAM.format(python=sys.executable, shows=shows, ends=ends), encoding="utf-8")
    program.chmod(0o755)
    (project / ".loop/harnesses").mkdir()
    (project / ".loop/harnesses/tiny.yaml").write_text(TINY.format(program=program), encoding="utf-8")
    monkeypatch.setenv("TINY_PID", str(project / "pid"))
    shop = project_at(project)
    accept(shop.door, shop.state_home, by="ann", now=datetime.now(UTC))
    done, document, said = loop_json(project, "harness", "test", "tiny", "--live")
    live = live_of(document)
    assert "booting tiny in a scratch directory" in said
    assert (live["detail"], live["version"], live["verified"], live["passed"]) == (detail, "1.2", False, code == 0)
    assert done == code
    assert any(shows.strip() in str(row) for row in live["screen"])  # type: ignore[attr-defined]
    assert not psutil.pid_exists(int((project / "pid").read_text()))
    assert list(scratch_tmp.iterdir()) == []
