"""What the daemon holds while nothing happens: it runs for days beside the agents."""

from __future__ import annotations

import signal
import subprocess
import sys

from tests.flows.conftest import Boot
from tests.flows.test_watch import LANES
from tests.support.arenas import SAY_ARENAS, arenas_in
from tests.support.scratch import write_task
from tests.support.waiting import eventually

WATCH = """
import sys
from loop_orchestrator.cli.main import main
code = main(["engine", "watch"])
print(*sorted(sys.modules), flush=True)
if code:
    sys.exit(code)
"""

HEAVY = {
    *("apprise", "requests", "dateparser", "hypothesis", "libtmux", "prompt_toolkit", "psutil", "regex"),
    *("redact_secret", "shtab", "textual", "watchfiles"),
    *("difflib", "importlib.metadata", "importlib.resources", "multiprocessing", "sqlite3"),
    *("unittest", "urllib.request", "zoneinfo"),
    *("loop_orchestrator.operations.boot", "loop_orchestrator.operations.restart", "loop_orchestrator.rehearsal"),
}
"""Each is some tenths of a megabyte to forty, and serves a thing that a daemon does now and then, or never. The
reader of Markdown is not among them: files of tasks are looked at when it starts."""


def test_a_daemon_that_looked_at_lanes_mail_and_tasks_holds_no_heavy_library(boot: Boot) -> None:
    scratch = boot(lanes=LANES)
    scratch.ok("engine", "pause")
    write_task(scratch.root, "T0001")
    daemon = subprocess.Popen(
        [sys.executable, "-c", WATCH + (SAY_ARENAS if sys.platform == "linux" else "")],
        cwd=scratch.root,
        env=scratch.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        eventually(lambda: scratch.events("control.connected"))
        scratch.ok("mail", "send", "--from", "web", "--to", "coord", "--subject", "hello", "--body", "there")
        eventually(lambda: {one.source for one in scratch.events("source.emitted")} >= {"mailbox", "tasks"})
        daemon.send_signal(signal.SIGTERM)
        said, _ = daemon.communicate(timeout=60)
    finally:
        daemon.kill()
    first, _, rest = said.partition("\n")
    loaded = set(first.split())
    assert daemon.returncode == 0
    assert {"asyncio", "loop_orchestrator.engine.cycle"} <= loaded, "it decides by the code that it was started with"
    assert sorted(loaded & HEAVY) == []
    assert arenas_in(rest) == (1 if sys.platform == "linux" else 0)
