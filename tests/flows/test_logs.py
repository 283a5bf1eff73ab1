"""The log of a real session: followed across files, closed and removed by the installed command, without secrets."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from loop_orchestrator.clock import SystemClock, format_time
from loop_orchestrator.stores.eventlog import EventLog
from loop_orchestrator.stores.lock import take_flock
from loop_orchestrator.stores.segments import SEGMENT_BYTES
from tests.flows.conftest import Boot
from tests.flows.test_mail_and_digest import Terminal
from tests.support.projects import own_tmux
from tests.support.scratch import Scratch, write_task
from tests.support.waiting import eventually

LOOP = str(Path(sys.executable).with_name("loop"))
LANES = "{web: {harness: actor}}"
SECRET = "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


class Followed:
    """What `loop logs -f --json` has printed so far."""

    def __init__(self, out: Path) -> None:
        self.out = out

    def rows(self) -> list[dict[str, object]]:
        lines = self.out.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def with_text(self, text: str) -> list[dict[str, object]]:
        """All rows, once one of them has this in its payload."""
        found = self.rows()
        return found if any(text in str(row["payload"]) for row in found) else []


@contextmanager
def following(scratch: Scratch, *words: str) -> Iterator[Followed]:
    out = scratch.root / ".followed"
    with out.open("w") as file:
        argv = [LOOP, "logs", "-f", "--json", *words]
        program = subprocess.Popen(argv, cwd=scratch.root, env=scratch.environ, stdout=file)
    try:
        yield Followed(out)
    finally:
        program.send_signal(signal.SIGINT)
        assert program.wait(60) == 130


@contextmanager
def watched(scratch: Scratch) -> Iterator[None]:
    """A daemon whose output nobody has to read: it prints every event, and there are very many."""
    argv = [LOOP, "engine", "watch", "--foreground"]
    quiet = subprocess.DEVNULL
    daemon = subprocess.Popen(argv, cwd=scratch.root, env=scratch.environ, stdin=quiet, stdout=quiet, stderr=quiet)
    try:
        yield
    finally:
        daemon.terminate()
        assert daemon.wait(60) == 0


def fill(scratch: Scratch) -> int:
    """Make the live file so long that the next event closes it, as others do it: locked. Returns the last number."""
    path = scratch.session_dir / "events.jsonl"
    at = format_time(SystemClock().now())
    with path.open("a") as file:
        take_flock(file.fileno(), path)
        seq = EventLog(path, SystemClock()).tail(1)[0].seq
        while file.tell() < SEGMENT_BYTES:
            seq += 1
            event = {"seq": seq, "id": f"e-{seq}", "at": at, "kind": "engine.paused", "source": "cli"}
            file.write(json.dumps({**event, "payload": {"by": "x" * 4_000}}, separators=(",", ":")) + "\n")
        file.flush()
    return seq


def test_logs_are_followed_across_files_while_a_daemon_works(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine="approval: full, min_cycle_interval_s: 0.1")
    last = fill(scratch)
    with following(scratch, "-n", "0") as followed, watched(scratch):
        write_task(scratch.root, "T0001")
        eventually(lambda: any(row["kind"] == "cycle.ended" for row in followed.rows()), limit_s=60)
        eventually(lambda: scratch.task_status("T0001") == "review", limit_s=60)
        fill(scratch)
        scratch.ok("mail", "send", "--from", "human", "--to", "web", "--subject", "across", "--body", "x")
        eventually(lambda: scratch.mail("web", "Re: across") == 1, limit_s=60, what="the daemon crosses files too")
        found = eventually(lambda: followed.with_text("Re: across"), limit_s=60)
    assert len(list((scratch.session_dir / "events").glob("*.jsonl"))) == 2
    seqs = [row["seq"] for row in found]
    assert seqs == list(range(last + 1, last + 1 + len(seqs)))


def test_a_chain_is_shown_as_a_tree_and_the_report_fits_a_small_terminal(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine="approval: full")
    write_task(scratch.root, "T0001")
    scratch.ok("engine", "once", codes=(0, 3))
    eventually(lambda: scratch.mail("web", "T0001 review") == 1)
    scratch.ok("engine", "once", codes=(0, 3))
    (filed, *_) = scratch.events("decision.filed")
    tree = scratch.ok("logs", "--trace", str(filed.payload["decision"]))
    kinds = re.findall(r"engine  (\w+\.\w+)  ", tree)
    assert (len(kinds), kinds[0]) == (len(tree.splitlines()), "cycle.started")
    assert {"item.started", "delivery.closed", "task.assigned", "item.closed", "cycle.ended"} < set(kinds)
    with own_tmux() as socket:
        terminal = Terminal(socket, scratch.root)
        environ = " ".join(f"{name}={value}" for name, value in scratch.environ.items() if name.startswith("LOOP_"))
        terminal.type(f"{environ} TMUX_TMPDIR={scratch.tmux_dir} {LOOP} report; echo code $?")
        screen = terminal.shows("code 0")
        assert "nobody looked before" in screen
        assert "loop task done T0001" in screen
        assert "by web: report:" in screen
        assert all(len(line) <= 80 for line in screen.splitlines())
        terminal.type(f"clear; {environ} TMUX_TMPDIR={scratch.tmux_dir} {LOOP} report; echo again $?")
        assert "then you last looked" in terminal.shows("again 0")


@pytest.mark.parametrize("point", ["log.copied", "log.continued", "log.removing"])
def test_a_command_killed_while_it_closes_the_log_loses_and_repeats_nothing(boot: Boot, point: str) -> None:
    scratch = boot(lanes=LANES, engine=None)
    with (scratch.root / "lane-config.yaml").open("a") as file:
        file.write("log: {keep_segments: 1}\n")
    send = ("mail", "send", "--from", "human", "--to", "coord", "--body", "x", "--subject")
    fill(scratch)
    scratch.ok(*send, "closes the first")
    last = fill(scratch)
    killed = scratch.run(*send, "was killed", env={"LOOP_CRASH_AT": point})
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    scratch.ok(*send, "after")
    events = scratch.events()
    seqs = [event.seq for event in events]
    assert seqs == list(range(seqs[0], seqs[-1] + 1))
    assert seqs[-1] > last
    assert [event.payload["subject"] for event in scratch.events("mail.sent")][-1] == "after"
    fill(scratch)
    scratch.ok(*send, "closes another")
    assert len(list((scratch.session_dir / "events").glob("*.jsonl"))) == 1
    assert scratch.events("log.removing")


def test_secrets_of_a_brain_are_in_no_file_of_its_calls(boot: Boot, tmp_path: Path) -> None:
    brain = tmp_path / "brain.py"
    brain.write_text(
        f"import os, sys\nsys.stdin.read()\nprint('my key is {SECRET} and', os.environ['MY_OWN_KEY'], flush=True)\n"
        "print('```decision\\nversion: 1\\ncritique: x\\nactions: []\\n```')\n"
    )
    use = f"{{use: command, command: [{sys.executable}, {brain}], env: [MY_OWN_KEY]}}"
    scratch = boot(lanes=LANES, engine=f"approval: full, brain: {use}")
    scratch.ok("mail", "send", "--from", "human", "--to", "web", "--subject", f"token {SECRET}", "--body", "x")
    scratch.ok("engine", "once", env={"MY_OWN_KEY": "a value of my own"}, codes=(0, 3))
    files = list((scratch.session_dir / "engine/brain").iterdir())
    assert {path.name.split(".", 2)[2] for path in files} == {"prompt.md", "reply.md", "stream"}
    for path in files:
        text = path.read_text()
        assert SECRET not in text and "a value of my own" not in text, path
        assert "[redacted: github token]" in text
        assert path.stat().st_mode & 0o777 == 0o600
    assert "[redacted: MY_OWN_KEY]" in "".join(path.read_text() for path in files)


def test_what_the_daemon_prints_has_no_secrets(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine="approval: manual")
    out = scratch.root / ".printed"
    with out.open("w") as file:
        argv = [LOOP, "engine", "watch", "--foreground"]
        daemon = subprocess.Popen(argv, cwd=scratch.root, env=scratch.environ, stdin=subprocess.DEVNULL, stdout=file)
    try:
        eventually(lambda: scratch.events("watch.started"))
        scratch.ok("mail", "send", "--from", "human", "--to", "coord", "--subject", f"token {SECRET}", "--body", "x")
        eventually(lambda: "token [redacted: github token]" in out.read_text())
    finally:
        daemon.terminate()
        assert daemon.wait(60) == 0
    assert SECRET not in out.read_text()


def test_the_log_of_a_session_without_a_daemon_is_followed_too(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine=None)
    with following(scratch, "--kind", "mail") as followed:
        scratch.ok("mail", "send", "--from", "human", "--to", "coord", "--subject", "one", "--body", "x")
        eventually(lambda: followed.with_text("one"))
    assert {row["kind"] for row in followed.rows()} == {"mail.sent"}
