"""Threads that wait for panes over one connection wake each other."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator

import pytest

from loop_orchestrator.clock import SystemClock
from loop_orchestrator.substrate.bells import Bells
from loop_orchestrator.substrate.port import Pushed

LONG_S = 20.0
"""A wait that nothing but a bell ends in the time of a test."""


class PipeFeed:
    """A connection that pushes the panes whose ids are written into it, a line each."""

    def __init__(self) -> None:
        self._out, self._in = os.pipe()
        self.lost = ""
        self.listeners: set[int] = set()
        """threads that took in what was pushed"""

    def says(self, *panes: str) -> None:
        os.write(self._in, "".join(f"{pane}\n" for pane in panes).encode())

    def fileno(self) -> int:
        return self._out

    def pushed(self, at: object) -> Pushed:
        self.listeners.add(threading.get_ident())
        return Pushed(spoke=frozenset(os.read(self._out, 4096).decode().split()))

    def end(self) -> None:
        os.close(self._out)
        os.close(self._in)


@pytest.fixture
def feed() -> Iterator[PipeFeed]:
    made = PipeFeed()
    yield made
    made.end()


@pytest.fixture
def bells(feed: PipeFeed) -> Bells:
    return Bells(feed, SystemClock())  # type: ignore[arg-type]  # only what bells use of a feed


def waiting(bells: Bells, *panes: str) -> dict[str, threading.Thread]:
    threads = {pane: threading.Thread(target=bells.wait, args=(pane, LONG_S), daemon=True) for pane in panes}
    for thread in threads.values():
        thread.start()
    return threads


def test_a_wait_ends_when_its_pane_prints(feed: PipeFeed, bells: Bells) -> None:
    (thread,) = waiting(bells, "%1").values()
    feed.says("%1")
    thread.join(LONG_S / 2)
    assert not thread.is_alive()


def test_each_of_many_waits_ends_whoever_listens(feed: PipeFeed, bells: Bells) -> None:
    panes = [f"%{number}" for number in range(20)]
    threads = waiting(bells, *panes)
    for pane in reversed(panes):
        feed.says(pane)
    for thread in threads.values():
        thread.join(LONG_S / 2)
    assert not [pane for pane, thread in threads.items() if thread.is_alive()]


def test_what_another_pane_prints_ends_no_wait(feed: PipeFeed, bells: Bells) -> None:
    feed.says("%2")
    began = time.monotonic()
    bells.wait("%1", 0.05)
    assert time.monotonic() - began >= 0.05


def test_what_was_printed_before_the_wait_ends_it_once(feed: PipeFeed, bells: Bells) -> None:
    feed.says("%1", "%2")
    bells.wait("%1", LONG_S)
    bells.wait("%2", LONG_S)  # heard by the first wait
    began = time.monotonic()
    bells.wait("%2", 0.05)
    assert time.monotonic() - began >= 0.05


def test_a_listener_whose_time_is_up_leaves_the_listening_to_another(feed: PipeFeed, bells: Bells) -> None:
    first = threading.Thread(target=bells.wait, args=("%1", 0.1), daemon=True)
    first.start()
    (second,) = waiting(bells, "%2").values()
    first.join()
    feed.says("%2")
    second.join(LONG_S / 2)
    assert not second.is_alive()
    assert first.ident not in feed.listeners


def test_without_a_connection_it_is_a_plain_wait(feed: PipeFeed, bells: Bells) -> None:
    feed.lost = "gone"
    feed.says("%1")
    began = time.monotonic()
    bells.wait("%1", 0.05)
    assert time.monotonic() - began >= 0.05
    assert not feed.listeners
