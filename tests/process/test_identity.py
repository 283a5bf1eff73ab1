"""A pid with a start time names one process and never another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from loop_orchestrator.process import identity
from loop_orchestrator.process.identity import ProcessId, alive, current, from_pid
from tests.support.waiting import eventually


def test_this_process_is_alive_and_the_same_each_time() -> None:
    assert current() == from_pid(os.getpid())
    assert alive(current())


def test_another_process_sees_the_same_identity() -> None:
    code = f"from loop_orchestrator.process.identity import from_pid; print(from_pid({os.getpid()}).start)"
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert ProcessId(os.getpid(), float(seen)) == current()


def test_it_survives_json() -> None:
    own = current()
    assert ProcessId(*json.loads(json.dumps([own.pid, own.start]))) == own


def test_a_pid_that_was_given_out_again_is_not_the_old_process() -> None:
    assert not alive(replace(current(), start=current().start - 1))


def test_a_process_that_ended_is_not_alive_even_before_it_is_collected() -> None:
    child = subprocess.Popen(["sleep", "60"])
    who = from_pid(child.pid)
    assert who is not None and alive(who)
    child.kill()
    eventually(lambda: not alive(who))
    assert from_pid(child.pid) is None  # a zombie still
    child.wait()
    assert from_pid(child.pid) is None


def test_a_name_that_looks_like_other_fields_does_not_confuse_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    odd = tmp_path_factory.mktemp("bin") / ") Z 1 1"
    odd.symlink_to("/bin/sleep")
    child = subprocess.Popen([odd, "60"])
    try:
        eventually(lambda: b"Z 1 1" in Path(f"/proc/{child.pid}/comm").read_bytes())
        assert from_pid(child.pid) is not None
    finally:
        child.kill()
        child.wait()


def test_where_there_is_no_proc_psutil_answers() -> None:
    start = identity._start_elsewhere(os.getpid())
    assert start is not None and start == identity._start_elsewhere(os.getpid())
    assert identity._start_elsewhere(2**22 + 1) is None
