"""``python -m benchmarks.routing [--events N]``: events, one by one, over a route to an actor that writes a file.

Every event is on the disk before it is matched, its claim before the actor begins, its outcome after it: three synced
lines. TMPDIR says on which disk.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.clock import SystemClock
from loop_orchestrator.model.route import Emission, Outcome, OutcomeWord, Retry, Route, When
from loop_orchestrator.routing.pump import Pump, emit
from loop_orchestrator.stores.eventlog import EventLog
from loop_orchestrator.stores.layout import Layout
from loop_orchestrator.stores.routing import RoutingStore

if TYPE_CHECKING:
    from loop_orchestrator.model.event import Event

WINDOW = 1_000
ROUTE = Route("bench", When(("bench",)), "writer", Retry(attempts=3, first_s=1.0, most_s=10.0))


class Writer:
    """Writes one file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def wait_s(self) -> float | None:
        return 0.0

    def act(self, events: Sequence[Event]) -> Outcome:
        self._path.write_text(str(events[0].payload["key"]))
        return Outcome(OutcomeWord.DONE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000, metavar="N", help="how many in all")
    events = parser.parse_args().events
    with tempfile.TemporaryDirectory() as folder:
        layout, clock = Layout(Path(folder), "bench"), SystemClock()
        log = EventLog(layout.events, clock)
        pump = Pump(log, RoutingStore(layout), clock, (ROUTE,), {"writer": Writer(Path(folder) / "written")})
        bare_s = _bare(Path(folder) / "bare")
        took = []
        for number in range(events):
            began = time.perf_counter()
            emit(log, clock, [Emission("bench", "came", str(number), f"event {number}", {"number": number})])
            pump.run(ROUTE.name)
            took.append(time.perf_counter() - began)
            if number + 1 in (WINDOW, events // 2, events):
                last = took[-WINDOW:]
                rate, median_ms = WINDOW / sum(last), 1e3 * statistics.median(last)
                print(
                    f"the last {WINDOW} of {number + 1}: {rate:.0f} events/s, median {median_ms:.2f} ms, three synced "
                    f"lines alone {3e3 * bare_s:.2f} ms; {_rss_mib():.1f} MiB at most"
                )


def _bare(path: Path) -> float:
    """Seconds of one line written and synced."""
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    took = []
    for _ in range(WINDOW):
        began = time.perf_counter()
        os.write(fd, b"x" * 250 + b"\n")
        os.fdatasync(fd)
        took.append(time.perf_counter() - began)
    os.close(fd)
    return statistics.median(took)


def _rss_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
