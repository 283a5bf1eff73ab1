"""Threads share one arena."""

from __future__ import annotations

import sys

import pytest

from loop_orchestrator.process.run import run

_ARENAS = """
import ctypes, sys, threading
if sys.argv[1] == "shared":
    from loop_orchestrator.process.memory import share_one_arena
    share_one_arena()
kept = []
threads = [threading.Thread(target=lambda: kept.append(bytearray(50_000))) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
libc.malloc_info(0, ctypes.c_void_p(libc.fdopen(1, b"w")))
libc.fflush(None)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="arenas are a matter of glibc")
@pytest.mark.parametrize(("how", "alone"), [("shared", True), ("each its own", False)])
def test_threads_share_one_arena(how: str, alone: bool) -> None:
    done = run([sys.executable, "-c", _ARENAS, how], timeout_s=30)
    assert done.code == 0, done.stderr
    assert (done.stdout.count(b"<heap nr=") == 1) is alone
