"""What is next in a line, and why it waits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loop_orchestrator.model.delivery import DeliveryMode, DeliveryStatus, DeliveryStep, Receipt
from loop_orchestrator.model.lane import Detail, LaneRecord
from loop_orchestrator.model.line import Next, Queued, Turn, next_in_line
from tests.support.builders import NOW, a_lane

UNKNOWN = Receipt(
    op="lost",
    lane="web",
    sender="person",
    mode=DeliveryMode.TEXT,
    status=DeliveryStatus.UNKNOWN,
    step=DeliveryStep.PASTE,
    sha256="0",
    bytes=1,
    times={"accept": NOW},
)


def queued(op: str = "a", *, number: int = 1, program: str = "rehearsal", under_way: bool = False) -> Queued:
    receipt = replace(UNKNOWN, op=op, status=DeliveryStatus.ACCEPTED, step=DeliveryStep.ACCEPT)
    return Queued(receipt=receipt, number=number, program=program, returned="", under_way=under_way)


def judged(
    *line: Queued,
    detail: Detail | None = Detail.READY,
    record: LaneRecord | None = None,
    unknown: tuple[Receipt, ...] = (),
) -> Next:
    lane = a_lane("web", detail or Detail.READY)
    return next_in_line(line, record or lane.record, lane.state if detail else None, unknown)


def test_the_first_in_line_is_delivered_when_the_lane_is_ready() -> None:
    assert judged(queued()) == Next(Turn.TAKE, "")


@pytest.mark.parametrize("detail", [detail for detail in Detail if detail is not Detail.READY])
def test_in_every_other_state_it_waits_and_says_why(detail: Detail) -> None:
    found = judged(queued(), detail=detail)
    assert found.turn is Turn.WAIT
    assert f"({detail.value}): what it showed" in found.reason


def test_a_lane_that_cannot_be_seen_gets_nothing() -> None:
    assert judged(queued(), detail=None) == Next(Turn.WAIT, "lane web cannot be seen")


def test_while_one_is_delivered_the_others_wait() -> None:
    assert judged(queued(under_way=True), queued("b", number=2)).turn is Turn.WAIT


def test_an_unknown_outcome_holds_the_line_of_its_lane_and_no_other() -> None:
    found = judged(queued(), unknown=(UNKNOWN,))
    assert (found.turn, "delivery lost" in found.reason) == (Turn.HOLD, True)
    assert judged(queued(), unknown=(replace(UNKNOWN, lane="docs"),)).turn is Turn.TAKE


def test_a_text_for_one_program_is_not_for_another_whatever_its_state() -> None:
    for detail in (Detail.READY, Detail.DIALOG):
        found = judged(queued(program="claude"), detail=detail)
        assert found == Next(Turn.CLOSE, "lane web runs rehearsal now; the text was meant for claude")


def test_a_lane_that_is_gone_closes_its_line() -> None:
    assert next_in_line((queued(),), None, None, (UNKNOWN,)) == Next(Turn.CLOSE, "lane web is gone")
