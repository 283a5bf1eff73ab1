"""Event logs as long sessions leave them: cycles with all that they write, spread over days, closed into segments."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_time, whole_milliseconds
from loop_orchestrator.ids import numbered_id
from loop_orchestrator.model.event import Event
from loop_orchestrator.stores.eventlines import encoded
from loop_orchestrator.stores.eventlog import check_event
from loop_orchestrator.stores.layout import ensure_dir
from loop_orchestrator.stores.segments import SEGMENT_BYTES, continuing, folder_of

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue

RARE = "adr.proposed"
"""A kind of which a log has one event in 300,000."""
RARE_IN = 300_000
OF_CYCLE = 12
"""Events of one cycle, with the mail and the states of lanes around it."""

Said = tuple[str, str, "dict[str, JsonValue]", str]
"""kind, source, payload, trace"""


RECENT, RECENT_S = 1_000, 2_400.0


def write_past(path: Path, *, until: datetime, older: int, days: tuple[float, float]) -> None:
    """A log with RECENT events of the last RECENT_S seconds, and before them others between two times, in days ago."""
    first, last = (until - timedelta(days=ago, seconds=RECENT_S) for ago in days)
    lines = _Lines(path)
    lines.write(_cycles(_spread(first, last, older), rare=True))
    lines.write(_cycles(_spread(until - timedelta(seconds=RECENT_S), until, RECENT), rare=False))
    lines.close()


def _spread(begin: datetime, end: datetime, events: int) -> Iterator[datetime]:
    step = (end - begin) / max(1, events)
    return (begin + step * number for number in range(events))


class _Lines:
    """Writes the files of a log in the way in which appending would have left them, without its waits."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._live: list[bytes] = []
        self._size = self._before = self._seq = 0
        self._first = 1
        ensure_dir(path.parent)

    def write(self, events: Iterator[tuple[datetime, Said]]) -> None:
        for at, (kind, source, payload, trace) in events:
            if self._size > SEGMENT_BYTES:
                self._close_segment(at)
            self._seq += 1
            written = format_time(at)
            event = Event(
                id=numbered_id("e", written, self._seq),
                seq=self._seq,
                at=whole_milliseconds(at),
                kind=kind,
                source=source,
                payload=payload,
                trace=trace,
            )
            self._add(encoded(event, written))

    def close(self) -> None:
        self._write(self._path)

    def _add(self, line: bytes) -> None:
        self._live.append(line)
        self._size += len(line)

    def _close_segment(self, at: datetime) -> None:
        segment = ensure_dir(folder_of(self._path)) / f"{self._first:012d}.jsonl"
        self._write(segment)
        self._before += self._size
        event = continuing(at, segment.name, self._first, self._seq, self._before)
        self._live, self._size = [], 0
        self._seq += 1
        self._first = self._seq
        self._add(encoded(event, format_time(event.at)))

    def _write(self, path: Path) -> None:
        path.write_bytes(b"".join(self._live))
        path.chmod(0o600)


def _cycles(times: Iterator[datetime], *, rare: bool) -> Iterator[tuple[datetime, Said]]:
    """As many events as there are times."""
    for number in count():
        begin = next(times, None)
        if begin is None:
            return
        if rare and number * OF_CYCLE % RARE_IN == 0:
            yield begin, (RARE, "cli", {"adr": "0007", "file": "0007-one-queue.md", "by": "ann"}, "")
        said = iter(_cycle(format_time(begin), number))
        yield begin, next(said)
        yield from ((at, one) for one, at in zip(said, times, strict=False))  # the times may end within a cycle


def _cycle(at: str, number: int) -> Iterator[Said]:
    trace, decision = numbered_id("c", at, number), numbered_id("d", at, number)
    op, lane = f"{decision}-0", f"lane{number % 8}"
    mail = f"20261101-120000-{lane}-to-coord-{number:08d}.md"
    item: dict[str, JsonValue] = {"decision": decision, "idx": 0, "kind": "dispatch", "target": lane}
    usage: dict[str, JsonValue] = {"input_tokens": 21_000, "output_tokens": 640, "cost_usd": 0.041}
    said: tuple[Said, ...] = (
        ("lane.changed", "watch", {"lane": lane, "was": "busy", "now": "ready"}, ""),
        ("mail.sent", f"lane:{lane}", {"file": mail, "from": lane, "to": "coord", "subject": "T0001 review"}, ""),
        ("cycle.started", "engine", {"cycle": trace, "why": ["a message came"]}, trace),
        ("brain.called", "engine", {"cycle": trace, "brain": "claude"}, trace),
        ("brain.replied", "engine", {"cycle": trace, "brain": "claude", "duration_s": 31.2, "usage": usage}, trace),
        ("decision.filed", "engine", {"decision": decision, "digest": f"{number:064x}", "verdicts": ["safe"],
                                      "waiting": []}, trace),
        ("item.started", "engine", item, trace),
        ("delivery.closed", "engine", {"op": op, "lane": lane, "status": "started", "step": "receipt",
                                       "sha256": f"{number:064x}"}, ""),
        ("item.closed", "engine", {**item, "status": "done", "note": "started"}, trace),
        ("decision.archived", "engine", {"decision": decision}, trace),
        ("cycle.ended", "engine", {"cycle": trace, "outcome": "done", "decision": decision, "duration_s": 33.0}, trace),
        ("mail.acked", "engine", {"file": mail, "by": "coord"}, ""),
    )  # fmt: skip
    for kind, _, payload, _ in said:
        check_event(kind, payload)
    return iter(said)
