"""What dead writers left behind goes; nothing else does."""

from __future__ import annotations

from pathlib import Path

from loop_orchestrator.model.lane import Detail, LaneRun, Signal, SignalSource
from loop_orchestrator.stores.atomic import TEMP_SUFFIX
from loop_orchestrator.stores.decisions import DecisionStore
from loop_orchestrator.stores.deliveries import DeliveryStore
from loop_orchestrator.stores.lanes import LaneStore
from loop_orchestrator.stores.mailbox import Mailbox
from loop_orchestrator.stores.notes import KeyedNotes
from loop_orchestrator.stores.signals import SignalStore, Speaker
from loop_orchestrator.stores.statefile import StateStore
from loop_orchestrator.stores.sweep import sweep
from tests.stores.builders import NOON, SayCodec, decision, lane, layout_of, log_of, request
from tests.stores.forks import killed_at_every_write
from tests.support.clocks import SteppedClock

RUN = LaneRun(pid=1, started_at=NOON, ended_at=None, exit_status=None, suspended=False)
SAID = Signal(source=SignalSource.HARNESS, detail=Detail.BUSY, rule="hook:x", seen="said", at=NOON)


def temps(root: Path) -> list[Path]:
    return [path for path in root.rglob(".*") if path.name.endswith(TEMP_SUFFIX)]


def test_no_store_leaves_anything_that_is_not_swept(project: Path) -> None:
    layout, clock, events = layout_of(project), SteppedClock(), log_of(project)
    left = 0

    def work() -> None:
        nonlocal left
        Mailbox(layout, clock, events).send("web", "coord", "s", "b")
        StateStore(layout, clock).set_loop("L1", {"name": "x"}, by="x")
        LaneStore(layout).put(lane())
        DecisionStore(layout, SayCodec()).create(decision(f"d-{left}"))
        DeliveryStore(layout, clock, events).accept(request(f"op-{left}"), "0", 1)
        KeyedNotes(layout.handed_mail, clock).add(f"n-{left}", "")
        SignalStore(layout).note("web", SAID, Speaker(pid=1, depth=1), RUN)

    def check() -> None:
        nonlocal left
        found = len(temps(project))
        left += 1
        assert sweep(layout) == found
        assert temps(project) == []

    assert killed_at_every_write(work, check) >= 25


def test_files_of_people_are_not_swept(project: Path) -> None:
    layout = layout_of(project)
    layout.tasks_dir.mkdir()
    for name in (".hidden", ".x.tmp", f"notes{TEMP_SUFFIX}"):
        (layout.tasks_dir / name).touch()
    assert sweep(layout) == 0
    assert len(list(layout.tasks_dir.iterdir())) == 3
