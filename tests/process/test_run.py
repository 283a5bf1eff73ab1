"""What callers rely on when they run a program: bounds, ends, and nothing left behind."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from loop_orchestrator.errors import ProcessError
from loop_orchestrator.process.cancel import Cancel
from loop_orchestrator.process.descent import below
from loop_orchestrator.process.identity import ProcessId, alive
from loop_orchestrator.process.pump import end_running
from loop_orchestrator.process.run import Finished, describe_code, run
from tests.support.waiting import eventually


def python(code: str, *args: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code, *args]


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.fixture(autouse=True)
def earlier() -> Iterator[None]:
    """What this process had started before the test is not the test's."""
    EARLIER.update(child.pid for child in psutil.Process().children(recursive=True))
    yield
    EARLIER.clear()


EARLIER: set[int] = set()
"""pids"""


def no_child_left() -> bool:
    return not {child.pid for child in psutil.Process().children()} - EARLIER


def made_here() -> list[ProcessId]:
    """What this process started in the test, with all that descends from it."""
    return [one for one in below(os.getpid()) if one.pid not in EARLIER]


def test_output_status_and_argv_come_back() -> None:
    done = run(["sh", "-c", "echo out; echo err >&2; exit 3"], timeout_s=60)
    assert (done.code, done.stdout, done.stderr) == (3, b"out\n", b"err\n")
    assert done.argv == ("sh", "-c", "echo out; echo err >&2; exit 3")
    assert not (done.timed_out or done.cancelled or done.truncated)
    assert done.text == "out\n" and done.complaint == "err"
    assert no_child_left()


def test_a_signal_is_told_as_its_negative_number() -> None:
    done = run(["sh", "-c", "kill -9 $$"], timeout_s=60)
    assert done.code == -signal.SIGKILL and done.complaint == "signal SIGKILL"


def test_arguments_meet_no_shell(tmp_path: Path) -> None:
    done = run(["printf", "%s", "$(touch x); `id` 'q' \"d\"\n"], cwd=tmp_path, timeout_s=60)
    assert done.stdout == b"$(touch x); `id` 'q' \"d\"\n"
    assert list(tmp_path.iterdir()) == []


def test_directory_and_environment_are_those_given(tmp_path: Path) -> None:
    done = run(["/bin/sh", "-c", "pwd; echo $A; echo ${HOME-none}"], cwd=tmp_path, env={"A": "b"}, timeout_s=60)
    assert done.stdout.decode().split() == [str(tmp_path), "b", "none"]


def test_a_program_is_cut_off_from_the_terminal() -> None:
    done = run(python("import os; print(os.getsid(0) == os.getpgrp() == os.getpid())"), timeout_s=60)
    assert done.text == "True\n"


def test_a_program_without_stdin_reads_an_empty_one() -> None:
    assert run(["cat"], timeout_s=60).stdout == b""


def test_large_input_and_large_output_at_once_do_not_block_each_other() -> None:
    text = os.urandom(200_000)
    code = "import os\nwhile data := os.read(0, 4096):\n os.write(1, data); os.write(2, data)"
    done = run(python(code), stdin=text, timeout_s=20)
    assert done.stdout == text and done.stderr == text


def test_a_program_that_does_not_read_its_input_is_no_error() -> None:
    assert run(["true"], stdin=b"x" * 1_000_000, timeout_s=60).code == 0


def test_output_over_the_bound_is_cut_and_said() -> None:
    done = run(["sh", "-c", "printf 0123456789; printf abc >&2"], timeout_s=60, max_output=4)
    assert (done.stdout, done.stderr, done.truncated) == (b"0123", b"abc", True)


def test_endless_output_ends_at_the_timeout_and_is_bounded() -> None:
    done = run(["yes"], timeout_s=0.3, max_output=1000)
    assert done.timed_out and len(done.stdout) == 1000


STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.fork()
print(os.getpid(), flush=True)
while True: time.sleep(60)
"""


def assert_ended_within(done: Finished, limit_s: float, programs: int) -> None:
    pids = [int(line) for line in done.stdout.split()]
    assert len(set(pids)) == programs
    assert done.duration_s < limit_s
    eventually(lambda: all(gone(pid) for pid in pids), limit_s=20)
    assert no_child_left()


def test_a_timeout_ends_a_family_that_ignores_term() -> None:
    done = run(python(STUBBORN), timeout_s=0.5)
    assert done.timed_out and not done.cancelled and done.code == -signal.SIGKILL
    assert_ended_within(done, 20, programs=3)


def test_a_cancel_ends_a_family_that_ignores_term(tmp_path: Path) -> None:
    cancel = Cancel()
    timer = threading.Timer(0.5, cancel.set)
    timer.start()
    done = run(python(STUBBORN), timeout_s=60, cancel=cancel)
    timer.join()
    assert done.cancelled and not done.timed_out and done.code == -signal.SIGKILL
    assert_ended_within(done, 20, programs=3)


def test_a_program_that_heeds_term_ends_at_once_with_its_last_words() -> None:
    done = run(["sh", "-c", "trap 'echo saved; exit 7' TERM; echo up; sleep 60 & wait"], timeout_s=0.3)
    assert (done.code, done.stdout, done.timed_out) == (7, b"up\nsaved\n", True)
    assert done.duration_s < 20


def test_with_cancel_set_beforehand_nothing_is_started(tmp_path: Path) -> None:
    cancel = Cancel()
    cancel.set()
    done = run(["touch", str(tmp_path / "made")], timeout_s=60, cancel=cancel)
    assert done.cancelled and done.code == -signal.SIGTERM
    assert not (tmp_path / "made").exists()


def test_what_a_program_leaves_in_its_group_does_not_outlive_it() -> None:
    done = run(["sh", "-c", "sleep 60 & echo $!"], timeout_s=30)
    assert done.code == 0 and not done.timed_out
    assert done.duration_s < 20, "a pipe held open by a leftover is not waited for until the timeout"
    eventually(lambda: gone(int(done.stdout)), limit_s=20)


def test_what_made_a_session_of_its_own_lives_on_and_is_not_waited_for() -> None:
    done = run(["sh", "-c", "setsid sh -c 'echo $$; exec sleep 60' & sleep 0.3"], timeout_s=20)
    pid = int(done.stdout)
    try:
        assert done.duration_s < 20
        assert not gone(pid)
    finally:
        os.kill(pid, signal.SIGKILL)


OWN_SESSION = (
    "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "child = 'import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)';"
    "made = subprocess.Popen([sys.executable, '-c', child], start_new_session=True, stdout=subprocess.PIPE);"
    "made.stdout.readline(); print(made.pid, flush=True); time.sleep(60)"
)


def test_what_made_a_session_of_its_own_is_ended_with_a_program_that_is_told_to_end() -> None:
    done = run(python(OWN_SESSION), timeout_s=2)
    assert done.timed_out
    eventually(lambda: gone(int(done.stdout)))


def test_what_any_thread_has_under_way_is_ended_with_all_that_descends_from_it() -> None:
    done: list[Finished] = []
    thread = threading.Thread(target=lambda: done.append(run(python(OWN_SESSION), timeout_s=60)))
    thread.start()
    made = eventually(lambda: [one for one in made_here() if below(one.pid)] and made_here())
    assert len(made) == 2
    end_running()
    thread.join(10)
    eventually(lambda: not any(map(alive, made)))
    assert done[0].code == -signal.SIGKILL
    assert no_child_left()
    end_running()  # nothing is left to end


def test_an_exception_while_waiting_ends_the_program() -> None:
    class InterruptedHere(Exception):
        pass

    def handler(*_: object) -> None:
        raise InterruptedHere

    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(InterruptedHere):
            run(["sleep", "60"], timeout_s=60)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert no_child_left()


def test_no_descriptor_stays_open() -> None:
    cancel = Cancel()
    run(["true"], timeout_s=60, stdin=b"x", cancel=cancel)
    before = psutil.Process().num_fds()
    for _ in range(5):
        run(["true"], timeout_s=60, stdin=b"x", cancel=cancel)
        run(["sleep", "5"], timeout_s=0.01)
    assert psutil.Process().num_fds() == before


@pytest.mark.parametrize("code", ["pass", "import time; time.sleep(60)"])
def test_it_works_where_the_kernel_has_no_pidfd(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    began = time.monotonic()
    done = run(python(code), timeout_s=1)
    assert done.timed_out == (code != "pass")
    assert time.monotonic() - began < 20 and no_child_left()


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["no-such-program-here"], "no-such-program-here cannot be started: no such program"),
        (["/etc/passwd"], "/etc/passwd cannot be started: it may not be executed"),
        (["echo", "a\0b"], "echo cannot be started: embedded null byte"),
        (["echo", "x" * 200_000], "echo cannot be started: Argument list too long"),
    ],
)
def test_a_program_that_cannot_be_started_is_named(argv: list[str], says: str) -> None:
    with pytest.raises(ProcessError, match=says):
        run(argv, timeout_s=60)


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProcessError, match=f"true cannot be started in {tmp_path}/nowhere: there is no such directory"):
        run(["true"], cwd=tmp_path / "nowhere", timeout_s=60)


def test_codes_in_words() -> None:
    assert describe_code(3) == "exit status 3"
    assert describe_code(-15) == "signal SIGTERM"
    assert describe_code(-64) == "signal SIGRTMAX"
    assert describe_code(-99) == "signal 99"
