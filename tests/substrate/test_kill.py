"""SIGKILL at each of the eight steps of a delivery: nothing arrives twice, and nothing is lost without a receipt."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from loop_orchestrator.model.delivery import DeliveryStatus, Receipt
from loop_orchestrator.model.lane import Detail
from loop_orchestrator.substrate import standing
from tests.substrate.fleet import Fleet
from tests.substrate.recording import Recorded, harnesses

REPEATS = int(os.environ.get("LOOP_KILL_REPEATS", "1"))
"""LOOP_KILL_REPEATS=20 for the long run."""
TABLE = os.environ.get("LOOP_KILL_TABLE", "")
"""A file that gets a line for each point."""

BEFORE, INSIDE = DeliveryStatus.NOT_DELIVERED, DeliveryStatus.UNKNOWN
POINTS = {
    "delivery.accepted": (BEFORE, 0, 0),
    "delivery.leased": (BEFORE, 0, 0),
    "delivery.checked": (BEFORE, 0, 0),
    "delivery.cleaned": (BEFORE, 0, 0),
    "delivery.resetting": (BEFORE, 0, 0),
    "delivery.reset-typed": (BEFORE, 0, 0),
    "delivery.reset": (BEFORE, 0, 0),
    "delivery.pasting": (INSIDE, 0, 0),
    "delivery.pasted": (INSIDE, 1, 0),
    "delivery.submitting": (INSIDE, 1, 0),
    "delivery.submitted": (INSIDE, 1, 1),
    "delivery.recorded": (DeliveryStatus.SUBMITTED, 1, 1),
    "delivery.closed": (DeliveryStatus.SUBMITTED, 1, 1),
}
"""Point -> the status that is found afterwards, how often the text reached the pane, how often Enter followed it."""


def killed_at(fleet: Fleet, point: str, text: str, op: str) -> Receipt:
    """The receipt that the next process finds."""
    pid = os.fork()
    if pid == 0:
        os.environ["LOOP_CRASH_AT"] = point
        try:
            fleet.deliver("web", text, op=op, ready_timeout_s=20, fresh=True)
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
    fleet.journal.settle_dead()
    return fleet.deliver("web", text, op=op, ready_timeout_s=20, fresh=True)


@pytest.mark.flow
@pytest.mark.parametrize("point", POINTS)
def test_killed_here(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, point: str
) -> None:
    harnesses(monkeypatch, tmp_path_factory.mktemp("data"))
    monkeypatch.setattr("loop_orchestrator.substrate.proof.EMPTY_S", 0.0)
    lane = Recorded(fleet)
    status, pastes, enters = POINTS[point]
    found: Counter[str] = Counter()
    for number in range(REPEATS):
        text, op = f"the text of number {number}, once", f"op-{number}"
        receipt = killed_at(fleet, point, text, op)
        if pastes or point == "delivery.reset-typed":
            fleet.becomes("web", *((Detail.READY,) if enters else (Detail.DRAFT,)))
        came = lane.all()
        pasted = b"\x1b[200~" + text.encode() + b"\x1b[201~"
        assert (receipt.status, came.count(pasted), came.count(pasted + b"\r")) == (status, pastes, enters), receipt
        found[f"{receipt.status.value}, {came.count(pasted)} pasted, {came.count(pasted + chr(13).encode())} sent"] += 1
        if receipt.status is DeliveryStatus.UNKNOWN and pastes and not enters:
            fleet.becomes("web", Detail.DRAFT)
            assert standing.clear(fleet.typist("web"), receipt).status is DeliveryStatus.NOT_DELIVERED
        elif point == "delivery.reset-typed":
            assert "may hold /clear" in receipt.evidence
            fleet.type("web", "C-u")
        fleet.becomes("web", Detail.READY)
        if receipt.status is DeliveryStatus.NOT_DELIVERED:
            again = fleet.deliver("web", text, op=f"{op}-again", ready_timeout_s=20)
            assert (again.delivered, lane.all().count(pasted + b"\r")) == (True, 1)
    if TABLE:
        with Path(TABLE).open("a", encoding="utf-8") as file:
            file.write(f"{point} | {', '.join(f'{count} x {what}' for what, count in found.items())}\n")
