"""Threads share one arena."""

from __future__ import annotations

import sys

import pytest

from loop_orchestrator.process.run import run
from tests.support.arenas import SAY_ARENAS, arenas_in

_THREADS = """
import sys, threading
if sys.argv[1] == "shared":
    from loop_orchestrator.process.memory import share_one_arena
    share_one_arena()
kept = []
threads = [threading.Thread(target=lambda: kept.append(bytearray(50_000))) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="arenas are a matter of glibc")
@pytest.mark.parametrize(("how", "alone"), [("shared", True), ("each its own", False)])
def test_threads_share_one_arena(how: str, alone: bool) -> None:
    done = run([sys.executable, "-c", _THREADS + SAY_ARENAS, how], timeout_s=30)
    assert done.code == 0, done.stderr
    assert (arenas_in(done.stdout) == 1) is alone
