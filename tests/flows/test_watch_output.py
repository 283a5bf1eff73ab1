"""Who reads what the daemon prints, slowly, not at all or no more, is no matter of its work."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from loop_orchestrator.clock import SystemClock
from loop_orchestrator.stores.eventlog import EventLog
from tests.flows.conftest import Boot
from tests.support.scratch import Scratch, write_task
from tests.support.waiting import eventually

LANES = "{web: {harness: actor}}"
ENGINE = "approval: full, min_cycle_interval_s: 0.1"
LONG = "x" * 1000
"""Stands in every event of a flood: 4 MB in all, of which the daemon keeps one and the pipe some kB."""


@contextmanager
def watching(scratch: Scratch, shell: str, *, stdout: int, stderr: int) -> Iterator[subprocess.Popen[bytes]]:
    """A daemon that a shell starts: in its command, $LOOP is ``loop-engine watch --foreground``."""
    (scratch.root / "tasks").mkdir(exist_ok=True)  # a folder that comes later is found by the sweep
    command = f"{Path(sys.executable).with_name('loop-engine')} watch --foreground"
    before = len(scratch.events("watch.started"))
    argv = ["sh", "-c", shell.replace("$LOOP", command)]
    before_hup = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # what runs the tests may ignore it, as nohup does
    try:
        started = subprocess.Popen(
            argv, cwd=scratch.root, env=scratch.environ, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr
        )
    finally:
        signal.signal(signal.SIGHUP, before_hup)
    try:
        eventually(lambda: len(scratch.events("control.connected")) > before)
        yield started
    finally:
        for event in scratch.events("watch.started")[before:]:
            if not any(one.payload["pid"] == event.payload["pid"] for one in scratch.events("watch.stopped")):
                os.kill(int(str(event.payload["pid"])), signal.SIGKILL)
        started.wait(60)


def end(scratch: Scratch, number: signal.Signals = signal.SIGTERM) -> None:
    """The daemon ends by itself, and says so."""
    pid = int(str(scratch.events("watch.started")[-1].payload["pid"]))
    os.kill(pid, number)
    eventually(lambda: any(event.payload["pid"] == pid for event in scratch.events("watch.stopped")), limit_s=60)


def flood(scratch: Scratch) -> None:
    log = EventLog(scratch.session_dir / "events.jsonl", SystemClock())
    for number in range(4000):
        log.append("lane.changed", "watch", {"lane": f"n{number}", "was": "", "now": LONG})


def works(scratch: Scratch, task: str) -> None:
    write_task(scratch.root, task)
    eventually(lambda: scratch.task_status(task) == "review", limit_s=60)


@contextmanager
def narrow_pipe() -> Iterator[tuple[int, int]]:
    """Both ends of a pipe that holds as little as the system allows."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    ends = [reader, writer]
    try:
        yield reader, writer
    finally:
        for fd in ends:
            os.close(fd)


@pytest.mark.parametrize("words", ["", " --json"])
def test_an_engine_whose_output_nobody_reads_works_on_and_says_what_it_left_out(boot: Boot, words: str) -> None:
    scratch = boot(lanes=LANES, engine=ENGINE)
    with narrow_pipe() as (reader, writer), watching(scratch, f"exec $LOOP{words} 2>&1", stdout=writer, stderr=writer):
        flood(scratch)
        works(scratch, "T0001")
        read = b""

        def until(text: bytes) -> bool:
            nonlocal read
            read += os.read(reader, 1_000_000)
            return text in read

        eventually(lambda: until(b'"left_out": ' if words else b" lines are left out here: "))
        rows = read.decode().splitlines()
        shown = sum(LONG in row for row in rows)
        (said,) = [row for row in rows if "left" in row]
        left_out = int(json.loads(said)["left_out"] if words else said[1:].split()[0])
        assert shown > 500 and shown + left_out >= 4000
        works(scratch, "T0002")
        eventually(lambda: until(b"T0002"))
        flood(scratch)
        end(scratch)


def test_an_engine_whose_reader_goes_away_works_on_and_says_so_once(boot: Boot, tmp_path: Path) -> None:
    scratch = boot(lanes=LANES, engine=ENGINE)
    said = tmp_path / "said"
    with (
        said.open("wb") as errors,
        watching(scratch, "$LOOP | head -1", stdout=subprocess.DEVNULL, stderr=errors.fileno()) as shell,
    ):
        works(scratch, "T0001")
        eventually(lambda: b"nobody reads the output any more; the engine goes on" in said.read_bytes())
        works(scratch, "T0002")
        end(scratch)
        shell.wait(60)
    assert said.read_text().count("nobody reads") == 1
    assert "Traceback" not in said.read_text()


def test_an_engine_without_any_output_works(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine=ENGINE)
    with watching(scratch, "exec $LOOP >&- 2>&- <&-", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as daemon:
        works(scratch, "T0001")
        opened = [Path(f"/proc/{daemon.pid}/fd/{fd}").readlink() for fd in range(3)]
        assert opened == [Path(os.devnull)] * 3
        end(scratch)
        assert daemon.wait(60) == 0


def test_an_engine_whose_terminal_is_closed_ends_by_itself_unless_that_is_ignored(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine=ENGINE)
    null = subprocess.DEVNULL
    with watching(scratch, "exec $LOOP", stdout=null, stderr=null) as daemon:
        end(scratch, signal.SIGHUP)
        assert daemon.wait(60) == 0
    with watching(scratch, "trap '' HUP; exec $LOOP", stdout=null, stderr=null) as daemon:
        daemon.send_signal(signal.SIGHUP)
        works(scratch, "T0001")
        end(scratch)
        assert daemon.wait(60) == 0
    assert [event.payload["took_over"] for event in scratch.events("watch.started")] == ["", ""]
