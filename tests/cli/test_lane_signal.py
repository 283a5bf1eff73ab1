"""`loop lane-signal`: never fails a hook, believes nobody from outside the lane, and starts lean."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from loop_orchestrator.cli import lane_signal
from loop_orchestrator.stores.atomic import write_json
from loop_orchestrator.stores.lanes import LaneStore
from loop_orchestrator.stores.layout import Layout
from tests.cli.conftest import Loop, Ran, loop_outside
from tests.stores.builders import lane as a_record

REPORT = '{"session_id": "s-1", "hook_event_name": "%s", "tool_name": "Bash"}'


@pytest.fixture
def web(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lane whose pane's first process is this one; the file in which its signals are kept."""
    layout = Layout(shop, "shop")
    LaneStore(layout).put(replace(a_record("web"), pane_pid=os.getpid()))
    layout.lane_runs.mkdir(parents=True, exist_ok=True)
    run = layout.lane_runs / "web.run.json"
    write_json(run, {"pid": 1, "started_at": "2026-01-01T00:00:00.000Z", "ended_at": None, "exit_status": None,
                     "suspended": False})  # fmt: skip
    monkeypatch.setenv("LOOP_LANE", "web")
    monkeypatch.setenv("LOOP_PROJECT_ROOT", str(shop))
    return layout.signals / "web.json"


def hooked(report: str, *, harness: str = "claude") -> Ran:
    """The hook of a program in the lane."""
    return loop_outside("lane-signal", "--from-hook", harness, stdin=report)


def said(file: Path) -> list[str]:
    return [one["detail"] for one in json.loads(file.read_text())["signals"]] if file.exists() else []


def test_a_hook_notes_what_its_program_does_and_prints_nothing(web: Path) -> None:
    for event in ("SessionStart", "UserPromptSubmit", "PreToolUse", "Unheard"):
        ran = hooked(REPORT % event)
        assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert said(web) == ["ready", "busy", "tool"]
    assert json.loads(web.read_text())["signals"][-1]["conversation"] == "s-1"


@pytest.mark.parametrize(
    ("report", "harness", "says"),
    [
        ("", "claude", "no JSON"),
        ("{", "claude", "no JSON"),
        ("[]", "claude", "no JSON object"),
        ("\x00\udcff", "claude", "no JSON"),
        ("[" * 200_000, "claude", "nested too deeply"),
        ('{"hook_event_name": {"a": 1}}', "claude", "names no event"),
        (REPORT % "Stop", "nonsense", "no data about hooks of nonsense"),
        (REPORT % "Stop", "../../x", "no data about hooks of ../../x"),
    ],
)
def test_whatever_a_hook_is_given_it_does_not_fail(web: Path, report: str, harness: str, says: str) -> None:
    argv = [sys.executable, "-m", "loop_orchestrator", "lane-signal", "--from-hook", harness]
    ran = subprocess.run(argv, input=report.encode("utf-8", "surrogateescape"), capture_output=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, b"")
    assert says in ran.stderr.decode()
    assert ran.stderr.count(b"\n") == 1
    assert said(web) == []


def test_a_huge_report_is_taken_whole_and_its_beginning_counts(web: Path) -> None:
    huge = (REPORT % "PostToolUse").removesuffix("}") + ', "out": "' + "x" * (lane_signal.KEPT_BYTES + 500_000) + '"}'
    ran = hooked(huge)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert said(web) == ["busy"]


def test_a_report_that_never_ends_is_not_waited_for(web: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin, os.fdopen(writing, "wb") as writer:
        writer.write((REPORT % "Stop").encode())
        writer.flush()
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr(lane_signal, "PATIENCE_S", 0.05)
        text, cut = lane_signal._read_stdin()
    assert (text, cut) == (REPORT % "Stop", True)


@pytest.mark.parametrize("broken", ["lanes.json", "signals", "events.jsonl"])
def test_a_broken_project_does_not_fail_the_hook(web: Path, broken: str) -> None:
    session = web.parents[1]
    target = session / broken
    if target.is_file():
        target.write_text("{")
    else:
        target.write_text("a file where a folder or a log should be")
    ran = hooked(REPORT % "Stop")
    assert (ran.code, ran.out) == (0, "")


def test_the_environment_alone_proves_nothing(web: Path) -> None:
    layout = Layout(web.parents[4], "shop")
    LaneStore(layout).put(replace(a_record("web"), pane_pid=2**22 - 1))
    ran = hooked(REPORT % "Stop")
    assert (ran.code, ran.out) == (0, "")
    assert "does not run in its pane" in ran.err
    assert said(web) == []
    assert '"kind":"signal.refused"' in layout.events.read_text()
    assert loop_outside("lane-signal", "idle").code == 1


def test_outside_any_lane_a_hook_does_nothing(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOOP_LANE", raising=False)
    ran = hooked("not even read")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_a_script_in_a_lane_says_what_it_does(web: Path) -> None:
    ran = loop_outside("lane-signal", "approval", "--detail", "deploy?\x1b[2J", "--json")
    assert ran.document["detail"] == "approval"
    assert "\x1b" not in web.read_text() and "deploy?" in web.read_text()
    assert loop_outside("lane-signal", "idle").out == "lane web: idle (ready)\n"
    assert said(web) == ["approval", "ready"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("lane-signal",), "expected a state"),
        (("lane-signal", "bussy"), "did you mean busy?"),
        (("lane-signal", "busy", "--lane", "../x"), "has no lane ../x"),
    ],
)
def test_wrong_usage_is_said(loop: Loop, web: Path, words: tuple[str, ...], says: str) -> None:
    ran = loop(*words)
    assert ran.code == 2
    assert says in ran.err


def test_without_a_lane_there_is_nothing_to_speak_for(loop: Loop, shop: Path) -> None:
    ran = loop("lane-signal", "busy")
    assert ran.code == 2
    assert "LOOP_LANE is not set" in ran.err


def test_a_hook_loads_no_heavy_package(web: Path) -> None:
    program = (
        "import sys\n"
        "from loop_orchestrator.cli.main import main\n"
        "code = main(['lane-signal', '--from-hook', 'claude'])\n"
        "heavy = {'yaml', 'psutil', 'filelock', 'libtmux', 'watchfiles', 'prompt_toolkit', 'asyncio', 'subprocess',\n"
        "         'loop_orchestrator.config.reader', 'loop_orchestrator.substrate.readiness'}\n"
        "print(code, sorted(heavy & set(sys.modules)))\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    for said_so_far in (1, 2):  # the first call reads the data file itself, and writes the copy that the others read
        argv = [sys.executable, "-c", program]
        ran = subprocess.run(
            argv, input=REPORT % "Stop", capture_output=True, text=True, check=False, env=env, cwd=web.parents[4]
        )
        assert len(said(web)) == said_so_far, ran.stderr
    assert (ran.stdout, ran.stderr) == ("0 []\n", "")
