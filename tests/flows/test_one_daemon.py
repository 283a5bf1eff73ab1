"""One daemon for a session: of two at once one watches, and after one that was killed the next one goes on at once."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from loop_orchestrator.process import identity
from tests.flows.conftest import Boot
from tests.support.daemons import Daemon, daemon, watches
from tests.support.kills import REPEATS
from tests.support.scratch import Scratch
from tests.support.waiting import eventually

LANES = "{web: {harness: shell}}"
ENGINE = "approval: full, min_cycle_interval_s: 0.1"
PAIRS = 5 * REPEATS
"""LOOP_KILL_REPEATS=20 for the long run."""


def whole(scratch: Scratch) -> bool:
    """No file is half written, and none that was to be put in the place of another is left."""
    engine = scratch.session_dir / "engine"
    for path in engine.rglob("*.json"):
        json.loads(path.read_bytes())
    for line in (scratch.session_dir / "events.jsonl").read_bytes().splitlines():
        json.loads(line)
    return not list(scratch.root.rglob("*.loop-tmp"))


def test_of_two_daemons_started_at_once_one_watches_and_the_other_names_it(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine=ENGINE)
    for number in range(PAIRS):
        both = [Daemon(scratch), Daemon(scratch)]
        try:
            winner = the_one_that_watches(scratch, both, starts=number + 1)
            assert winner.end(signal.SIGKILL if number % 2 else signal.SIGTERM) == (-9 if number % 2 else 0)
            assert "Traceback" not in winner.said
        finally:
            for one in both:
                one.close()
    took_over = [bool(event.payload["took_over"]) for event in scratch.events("watch.started")]
    assert took_over == [number > 0 and number % 2 == 0 for number in range(PAIRS)]


def the_one_that_watches(scratch: Scratch, both: list[Daemon], *, starts: int) -> Daemon:
    """Of two daemons, once the other has said that it is busy. starts: events of a start there are by then."""
    eventually(lambda: any(one.ended() is not None for one in both), limit_s=60)
    loser, winner = sorted(both, key=lambda one: one.ended() is None)
    eventually(lambda: watches(scratch, winner), limit_s=60)
    assert (loser.ended(), winner.ended()) == (4, None), loser.said + winner.said
    assert f"is held by loop-engine (pid {winner.pid} on " in loser.said
    assert "Traceback" not in loser.said
    assert len(scratch.events("watch.started")) == starts
    eventually(lambda: whole(scratch))
    return winner


def torn(holder: Path) -> None:
    holder.write_bytes(holder.read_bytes()[:20])


def emptied(holder: Path) -> None:
    holder.write_bytes(b"")


def of_another_process(holder: Path) -> None:
    """The pid that the daemon had was given out again."""
    record = json.loads(holder.read_bytes())
    holder.write_text(json.dumps({**record, "pid": os.getpid()}))


def of_a_living_process(holder: Path) -> None:
    """What is on record is true of a process that is no daemon."""
    record = json.loads(holder.read_bytes())
    me = identity.current()
    holder.write_text(json.dumps({**record, "pid": me.pid, "start": me.start}))


def gone(holder: Path) -> None:
    holder.unlink()


def with_another_lock(holder: Path) -> None:
    """The lock's own file is another one, with something in it."""
    lock = holder.with_suffix("")
    lock.unlink()
    lock.write_bytes(b"\0" * 100)


def as_it_is(holder: Path) -> None:
    assert holder.is_file()


SPOILS = (torn, emptied, of_another_process, of_a_living_process, gone, with_another_lock)


@pytest.mark.parametrize(
    ("words", "spoil"), [(("--foreground",), as_it_is), (("--json",), as_it_is), *(((), one) for one in SPOILS)]
)
def test_after_a_daemon_that_was_killed_the_next_one_takes_over_and_says_so(
    boot: Boot, words: tuple[str, ...], spoil: Callable[[Path], None]
) -> None:
    scratch = boot(lanes=LANES, engine=ENGINE)
    with daemon(scratch) as first:
        first.end()
    spoil(scratch.session_dir / "engine" / "watch.lock.holder")
    with daemon(scratch, *words) as second:
        (_, started) = scratch.events("watch.started")
        assert str(started.payload["took_over"]).startswith(f"pid {first.pid}, started ")
        said = '"took_over": "' if "--json" in words else "in place of one that was killed: "
        eventually(lambda: f"{said}pid {first.pid}, started " in second.said)
        third = Daemon(scratch)
        try:
            assert third.process.wait(60) == 4
            assert f"(pid {second.pid} on " in third.said
        finally:
            third.close()
        assert second.end(signal.SIGTERM) == 0
    with daemon(scratch) as after:
        assert scratch.events("watch.started")[-1].payload["took_over"] == ""
        assert "was killed" not in after.said
