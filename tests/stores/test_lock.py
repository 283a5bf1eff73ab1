"""Who holds a lock is known, and a dead holder holds nothing."""

from __future__ import annotations

import errno
import os
import signal
import threading
from pathlib import Path

import pytest

from loop_orchestrator.errors import ExitCode, LockedError, StoreError
from loop_orchestrator.stores import lock as lock_module
from loop_orchestrator.stores.lock import Lock, brief_lock
from tests.stores.forks import in_processes
from tests.support.waiting import eventually


def holder_process(path: Path) -> int:
    """A process that holds the lock until it is killed."""
    pid = os.fork()
    if pid == 0:
        with Lock(path, "the cycle"):
            signal.pause()
    eventually(lambda: (holder := Lock(path, "the cycle").holder()) is not None and holder.pid == pid)
    return pid


def end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_a_second_taker_is_told_what_is_held_by_whom_and_since_when(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "cycle.lock"
    pid = holder_process(path)
    try:
        with pytest.raises(LockedError) as caught, Lock(path, "the cycle"):
            pass
        assert caught.value.exit_code is ExitCode.BUSY
        assert caught.value.message.startswith("the cycle is held by ")
        assert f"(pid {pid} on {os.uname().nodename}), for 0s" in caught.value.message
    finally:
        end(pid)


def test_the_lock_of_a_killed_process_is_free_and_has_no_holder(tmp_path: Path) -> None:
    pid = holder_process(tmp_path / "a.lock")
    end(pid)
    lock = Lock(tmp_path / "a.lock", "it")
    assert lock.holder() is None
    with lock:
        holder = lock.holder()
        assert holder is not None
        assert holder.pid == os.getpid()
    assert lock.holder() is None


def test_a_waiter_gets_the_lock_when_its_holder_dies(tmp_path: Path) -> None:
    pid = holder_process(tmp_path / "a.lock")
    waiter = os.fork()
    if waiter == 0:
        Lock(tmp_path / "a.lock", "it").acquire(None)
        os._exit(0)
    end(pid)
    assert os.waitpid(waiter, 0)[1] == 0


def test_a_lock_can_be_waited_for_with_a_limit(tmp_path: Path) -> None:
    pid = holder_process(tmp_path / "a.lock")
    try:
        with pytest.raises(LockedError):
            Lock(tmp_path / "a.lock", "it").acquire(0.05)
    finally:
        end(pid)


def test_one_process_does_not_hold_a_lock_twice(tmp_path: Path) -> None:
    with Lock(tmp_path / "a.lock", "it"), pytest.raises(LockedError), Lock(tmp_path / "a.lock", "it"):
        pass


def test_a_lock_is_released_when_its_block_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Lock(tmp_path / "a.lock", "it"):
        raise ZeroDivisionError
    with Lock(tmp_path / "a.lock", "it"):
        pass


def test_releasing_what_is_not_held_is_fine(tmp_path: Path) -> None:
    Lock(tmp_path / "a.lock", "it").release()


@pytest.mark.parametrize("record", ["", "{", "[]", '{"pid": "x"}'])
def test_an_unreadable_record_of_the_holder_still_refuses(tmp_path: Path, record: str) -> None:
    with Lock(tmp_path / "a.lock", "it"):
        (tmp_path / "a.lock.holder").write_text(record)
        with pytest.raises(LockedError, match="held by another process"):
            Lock(tmp_path / "a.lock", "it").acquire()


def test_a_holder_that_is_gone_is_not_named(tmp_path: Path) -> None:
    end(holder_process(tmp_path / "a.lock"))
    record = tmp_path / "a.lock.holder"
    dead = record.read_bytes()
    with Lock(tmp_path / "a.lock", "it"):
        record.write_bytes(dead)
        with pytest.raises(LockedError, match="held by another process"):
            Lock(tmp_path / "a.lock", "it").acquire()


def test_a_holder_that_says_a_moment_later_who_it_is_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_module, "NAMED_S", 10.0)
    with Lock(tmp_path / "a.lock", "it"):
        record = tmp_path / "a.lock.holder"
        mine = record.read_bytes()
        record.write_bytes(b"")
        threading.Timer(0.05, record.write_bytes, (mine,)).start()
        with pytest.raises(LockedError, match=rf"\(pid {os.getpid()} on "):
            Lock(tmp_path / "a.lock", "it").acquire()


def test_brief_locks_keep_processes_apart(tmp_path: Path) -> None:
    (tmp_path / "n").write_text("0")

    def count(_: int) -> None:
        for _ in range(50):
            with brief_lock(tmp_path / "deep" / "n.lock"):
                (tmp_path / "n").write_text(str(int((tmp_path / "n").read_text()) + 1))

    in_processes(8, count)
    assert (tmp_path / "n").read_text() == "400"


def test_a_brief_lock_that_is_never_let_go_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_module, "BRIEF_LIMIT_S", 0.05)
    with (
        brief_lock(tmp_path / "a"),
        pytest.raises(LockedError, match="locked by another process"),
        brief_lock(tmp_path / "a"),
    ):
        pass


def test_a_lock_whose_holder_cannot_be_written_down_is_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("loop_orchestrator.stores.lock.os.write", full)
        with pytest.raises(StoreError, match="No space left"):
            Lock(tmp_path / "a.lock", "it").acquire()
    with Lock(tmp_path / "a.lock", "it"):
        pass


def test_a_brief_lock_that_cannot_be_made_is_an_error_for_people(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(StoreError, match="cannot lock"), brief_lock(tmp_path / "a"):
        pass
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot make"), brief_lock(tmp_path / "file" / "deep" / "a.lock"):
        pass
