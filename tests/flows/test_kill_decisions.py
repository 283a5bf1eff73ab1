"""SIGKILL at every recorded step of a decision, in every approval mode, and again while the next process settles it."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from loop_orchestrator.crash import CRASH_POINTS
from loop_orchestrator.model.decision import Decision
from tests.support.kills import REPEATS, STOP, Killable, killable
from tests.support.scratch import write_task

TABLE = os.environ.get("LOOP_KILL_TABLE", "")
"""A file that gets a line for each kill."""

ACTIONS = {
    "dispatch": "kind: dispatch, lane: web, payload: text {n} for web, task: T{n:04d}",
    "steer": "kind: steer, lane: api, payload: text {n} for api",
    "add_lane": "kind: add_lane, window: new{n}, harness: keeper, brief: brief {n}",
    "drop_lane": "kind: drop_lane, window: old{n}",
    "escalate": "kind: escalate, summary: look at {n}, about: 'test:{n}'",
    "stop": "kind: stop",
}
ALL = tuple(ACTIONS)

POINTS = tuple(point for point in CRASH_POINTS if not point.startswith(("source.", "route.", "actor.")))
"""Without those of the daemon's routes; tests/flows/test_routes.py kills there."""
BEFORE = POINTS[: POINTS.index("decision.filed")]
"""Killed here, the decision is none: the next cycle asks anew."""
ITEM = ("item.marked", "item.started", "item.performed", "item.noted", "item.closed")
DELIVERY = (
    *("delivery.accepted", "delivery.leased", "delivery.checked", "delivery.cleaned"),
    *("delivery.pasting", "delivery.pasted", "delivery.submitting", "delivery.submitted"),
    *("delivery.recorded", "delivery.closed"),
)
YES = ("approval.promised", "approval.recorded")

AGAIN = ("cycle.settled", "item.noted", "item.closed", "approval.recorded", "delivery.recorded", "decision.archived")
"""Where the process that settles it is killed, in turns; one that does not come there ends by itself."""


@dataclass(frozen=True)
class Kill:
    """A decision, and where the process dies that makes it or, where the kill waits for a yes, carries it out."""

    mode: str
    kinds: tuple[str, ...]
    point: str
    again: str

    def __str__(self) -> str:
        return f"{self.mode}-{'+'.join(self.kinds) if len(self.kinds) < 3 else 'all'}-{self.point}-{self.again}"


def kills() -> Iterator[Kill]:
    """Every point, and for what a person's yes, a safe and a destructive action differ in, every mode."""
    modes, again = itertools.cycle(("manual", "auto", "full")), itertools.cycle(AGAIN)

    def of(mode: str, kinds: Sequence[str], points: Sequence[str]) -> Iterator[Kill]:
        for point in points:
            yield Kill(mode or next(modes), tuple(kinds), point, next(again))

    yield from of("", ("dispatch", "escalate"), BEFORE)
    for mode in ("manual", "auto", "full"):
        yield from of(mode, ALL, ("decision.filed", "item.closed", *YES, "decision.archived", "cycle.ended"))
        yield from of(mode, ("dispatch",), ("item.marked", "task.assigned"))
        yield from of(mode, ("escalate",), ("decision.filed", "item.performed"))
    yield from of("manual", ("dispatch",), (*ITEM[1:], *DELIVERY))
    yield from of("auto", ("dispatch",), ("item.performed", *DELIVERY[4::2]))
    yield from of("full", ("steer",), ("item.started", "item.noted", *DELIVERY[5::2]))
    yield from of("manual", ("add_lane",), ("lane.started", *ITEM[1:4], "delivery.pasted"))
    yield from of("auto", ("add_lane",), ("item.marked", "lane.started", "delivery.accepted", "delivery.recorded"))
    yield from of("manual", ("drop_lane",), ("item.started", "handoff.written", "item.performed"))
    yield from of("full", ("drop_lane",), ("item.marked", "lane.ended", "item.noted"))


@pytest.mark.parametrize("kill", tuple(kills()), ids=str)
def test_killed_here_a_decision_is_carried_out_once_or_shown_to_a_person(project: Path, kill: Kill) -> None:
    with killable(project, mode=kill.mode) as made:
        found = Counter(carried_through(made, number, kill) for number in range(1, REPEATS + 1))
    if TABLE:
        with Path(TABLE).open("a", encoding="utf-8") as file:
            file.write(f"{kill} | {'; '.join(f'{count} x {what}' for what, count in sorted(found.items()))}\n")


def carried_through(made: Killable, number: int, kill: Kill) -> str:
    """Kill, kill again, settle and check; what became of the actions."""
    prepare(made, number, kill.kinds)
    killed = made.cycle(crash_at=kill.point)
    again = "" if kill.point in BEFORE and kill.again in BEFORE else kill.again
    if filed(made, number) is None:
        made.cycle(crash_at=again)
    if filed(made, number) is None:
        made.cycle()
    decision = filed(made, number)
    assert decision is not None
    made.decides(STOP)
    if not killed:
        killed = made.approve(decision.id, crash_at=kill.point)
    assert killed, f"{kill} is not reached"
    twice = made.close_all(crash_at=again)
    closed = made.world.decisions.get(decision.id)
    made.check(closed)
    return f"{' '.join(item.status.value for item in closed.items)}{', killed twice' if twice else ''}"


def prepare(made: Killable, number: int, kinds: Sequence[str]) -> None:
    """What the decision needs, and the brain that makes it."""
    if "drop_lane" in kinds:
        made.add_worker(f"old{number}")
    write_task(made.root, f"T{number:04d}")
    lines = (f"  - {{{ACTIONS[kind].format(n=number)}, rationale: number {number}}}\n" for kind in kinds)
    made.decides("actions:\n" + "".join(lines))


def filed(made: Killable, number: int) -> Decision | None:
    """The decision with this number; two of one number are one too many."""
    found = [one for one in made.decisions() if one.items[0].action.rationale == f"number {number}"]
    assert len(found) <= 1
    return found[0] if found else None
