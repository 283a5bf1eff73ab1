"""The pause flag and the daemon's record."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from loop_orchestrator.errors import LockedError
from loop_orchestrator.stores.control import Control, WatchRecord
from loop_orchestrator.stores.layout import Layout, ensure_dir
from tests.stores.builders import NOON, layout_of
from tests.stores.forks import in_processes
from tests.support.clocks import SteppedClock


@pytest.fixture
def layout(project: Path) -> Layout:
    return layout_of(project)


@pytest.fixture
def control(layout: Layout, clock: SteppedClock) -> Control:
    return Control(layout, clock)


def test_the_engine_is_paused_until_it_is_resumed(control: Control) -> None:
    assert control.paused() is None
    control.pause("ann")
    assert control.paused() == "ann"
    control.resume()
    control.resume()
    assert control.paused() is None


def test_a_flag_made_by_hand_pauses(control: Control, layout: Layout) -> None:
    ensure_dir(layout.engine_dir)
    layout.paused.touch()
    assert control.paused() == "somebody"


def test_the_daemon_is_known_while_it_holds_its_lock(control: Control) -> None:
    record = WatchRecord(pid=os.getpid(), started_at=NOON, code="abc")
    assert control.watch() is None
    with control.watch_lock():
        assert control.watch() is None
        control.record_watch(record)
        assert control.watch() == record
        with pytest.raises(LockedError, match="the watch of session s1 is held by"), control.watch_lock():
            pass
    assert control.watch() is None


def test_the_record_of_a_dead_daemon_is_no_daemon(control: Control) -> None:
    def run(_: int) -> None:
        control.watch_lock().acquire()
        control.record_watch(WatchRecord(pid=os.getpid(), started_at=NOON, code="abc"))

    in_processes(1, run)
    assert control.watch() is None
