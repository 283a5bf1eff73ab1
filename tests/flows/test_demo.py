"""`loop demo --yes`: the whole loop, and nothing of it left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from loop_orchestrator.process.identity import from_pid


def demo(tmp_path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    sockets = tmp_path / "s"
    sockets.mkdir(mode=0o700)
    return subprocess.run(
        [sys.executable, "-m", "loop_orchestrator", "demo", "--dir", str(tmp_path / "try"), *options],
        env={**os.environ, "TMUX_TMPDIR": str(sockets)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_every_task_is_worked_on_and_proved_and_the_held_action_runs(tmp_path: Path) -> None:
    done = demo(tmp_path, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "approval: full" in done.stdout
    for task in ("T0001", "T0002", "T0003"):
        (line,) = [line for line in done.stdout.splitlines() if line.startswith(f"  {task} ")]
        assert "handed to" in line and "review (#" in line and "proved by validate-left (#" in line
    assert "dispatch ops-top: filed (#" in done.stdout
    assert "loop attach --project-root" in done.stdout
    assert not (tmp_path / "try").exists()


def test_a_directory_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "try").mkdir()
    (tmp_path / "try" / "mine").write_text("x")
    refused = demo(tmp_path, "--yes")
    assert (refused.returncode, "is not empty" in refused.stderr) == (2, True)
    assert (tmp_path / "try" / "mine").read_text() == "x"


def test_a_closed_terminal_takes_the_daemon_and_the_lanes_with_it(tmp_path: Path) -> None:
    sockets = tmp_path / "s"
    sockets.mkdir(mode=0o700)
    root = tmp_path / "try"
    begun = subprocess.Popen(
        [sys.executable, "-m", "loop_orchestrator", "demo", "--yes", "--dir", str(root)],
        env={**os.environ, "TMUX_TMPDIR": str(sockets)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert begun.stdout is not None
    for line in begun.stdout:
        if "the engine watches (pid " in line:
            daemon = int(line.split("(pid ")[1].split(")")[0])
            break
    begun.send_signal(signal.SIGHUP)
    begun.communicate(timeout=60)
    assert begun.returncode == 130
    assert from_pid(daemon) is None
    assert not root.exists()
