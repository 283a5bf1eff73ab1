"""A request to stop is seen by whoever asks and by whoever waits."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading

from loop_orchestrator.process.cancel import Cancel


def readable(cancel: Cancel, timeout_s: float = 0.0) -> bool:
    return bool(select.select([cancel], [], [], timeout_s)[0])


def test_it_is_readable_from_the_moment_it_is_set_and_stays_so() -> None:
    cancel = Cancel()
    assert not cancel.is_set() and not readable(cancel)
    for _ in range(70_000):  # more than a pipe holds: setting never blocks
        cancel.set()
    assert cancel.is_set() and readable(cancel) and readable(cancel)


def test_a_thread_wakes_who_waits() -> None:
    cancel = Cancel()
    thread = threading.Thread(target=cancel.set)
    thread.start()
    assert readable(cancel, timeout_s=5)
    thread.join()


def test_a_signal_handler_may_set_it() -> None:
    cancel = Cancel()
    before = signal.signal(signal.SIGUSR1, lambda *_: cancel.set())
    try:
        os.kill(os.getpid(), signal.SIGUSR1)
        assert readable(cancel, timeout_s=5)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_its_descriptors_are_closed_with_it() -> None:
    cancel = Cancel()
    fd = cancel.fileno()
    other = os.fstat(fd).st_ino
    del cancel
    with contextlib.suppress(OSError):  # closed, or given out again to another file
        assert os.fstat(fd).st_ino != other
