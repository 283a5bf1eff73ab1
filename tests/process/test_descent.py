"""Which processes run somewhere under another one."""

from __future__ import annotations

import os
import subprocess
import sys

from loop_orchestrator.process.ancestry import environment_of, read_ancestry
from loop_orchestrator.process.descent import line_to


def test_a_process_descends_from_its_parents_and_from_nothing_else() -> None:
    chain = read_ancestry(os.getpid())
    parent = os.getppid()
    assert [link.pid for link in line_to(os.getpid(), parent)] == [os.getpid()]
    assert [link.pid for link in line_to(os.getpid(), chain[-1].pid)] == [one.pid for one in chain[:-1]]
    assert line_to(parent, os.getpid()) == ()
    assert line_to(os.getpid(), 2**22 - 1) == ()
    assert line_to(2**22 - 1, 1) == ()


def test_a_program_may_have_any_name() -> None:
    program = (
        "import ctypes, os, sys; ctypes.CDLL(None).prctl(15, b') S 1 (', 0, 0, 0); print('on', flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"on\n"
        (link,) = line_to(child.pid, os.getpid())
        assert (link.pid, link.ppid, link.name) == (child.pid, os.getpid(), ") S 1 (")
        child.communicate(b"\n")


def test_the_environment_a_process_was_started_with() -> None:
    with subprocess.Popen(["sleep", "100"], env={"A": "b", "PATH": os.environ["PATH"]}) as child:
        assert (environment_of(child.pid) or {}).get("A") in ("b", None)
        child.kill()
    assert environment_of(2**22 - 1) is None
