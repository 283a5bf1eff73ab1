"""Reading the stores loads no package from outside, so that a status is quick."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

READ = """
import sys
from pathlib import Path
from loop_orchestrator.clock import SystemClock
from loop_orchestrator.stores.budget import Budget
from loop_orchestrator.stores.control import Control
from loop_orchestrator.stores.decisions import DecisionStore
from loop_orchestrator.stores.deliveries import DeliveryStore
from loop_orchestrator.stores.eventlog import EventLog
from loop_orchestrator.stores.lanes import LaneStore
from loop_orchestrator.stores.layout import Layout
from loop_orchestrator.stores.mailbox import Mailbox
from loop_orchestrator.stores.tasks import TaskStore
from tests.stores.builders import SayCodec

layout, clock = Layout(Path(sys.argv[1]), "s1"), SystemClock()
events = EventLog(layout.events, clock)
assert events.tail(5) and DecisionStore(layout, SayCodec()).open_decisions()
assert Control(layout, clock).watch() is not None and Control(layout, clock).paused() is None
assert Budget(layout, clock, 5).calls_left() == 4 and DeliveryStore(layout, clock, events).open_ops()
assert LaneStore(layout).records() and Mailbox(layout, clock, events).peek() and TaskStore(layout, events).all()
heavy = {"yaml", "filelock", "psutil", "libtmux", "watchfiles", "prompt_toolkit", "asyncio", "subprocess"}
print(sorted(heavy & set(sys.modules)))
"""


def test_reading_imports_no_heavy_package(project: Path) -> None:
    from loop_orchestrator.stores.budget import Budget
    from loop_orchestrator.stores.control import Control, WatchRecord
    from loop_orchestrator.stores.decisions import DecisionStore
    from loop_orchestrator.stores.deliveries import DeliveryStore
    from loop_orchestrator.stores.lanes import LaneStore
    from loop_orchestrator.stores.mailbox import Mailbox
    from tests.stores import builders
    from tests.support.clocks import SteppedClock

    layout, events, clock = builders.layout_of(project), builders.log_of(project), SteppedClock()
    clock.advance(10**9)  # the other process has the machine's clock
    Mailbox(layout, clock, events).send("web", "coord", "T0001 review", "body")
    DecisionStore(layout, builders.SayCodec()).create(builders.decision())
    DeliveryStore(layout, clock, events).accept(builders.request(), "0", 1)
    LaneStore(layout).put(builders.lane())
    Budget(layout, clock, 5).charge()
    layout.tasks_dir.mkdir()
    (layout.tasks_dir / "T0001-a.md").write_text("---\nid: T0001\ntitle: A title\nstatus: open\n---\nbody\n")
    control = Control(layout, clock)
    with control.watch_lock() as lock:
        holder = lock.holder()
        assert holder is not None
        control.record_watch(WatchRecord(pid=holder.pid, started_at=clock.now(), code=""))
        ran = subprocess.run(
            [sys.executable, "-c", READ, str(project)],
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parents[2],
        )
    assert (ran.stdout, ran.stderr) == ("[]\n", "")
