"""A paste that stands unsubmitted is recognised by its digest, and nothing else is ever submitted or cleared for it."""

from __future__ import annotations

import pytest

from loop_orchestrator.model.delivery import DeliveryProof, DeliveryStatus, Receipt
from loop_orchestrator.model.lane import Detail
from loop_orchestrator.substrate import standing
from loop_orchestrator.substrate.typist import Ended
from tests.substrate.fleet import Fleet
from tests.support.waiting import eventually

ECHO = "boot_s: 0\nanswers: []\ndefault: {steps: [{say: 'heard: {prompt}'}]}\n"
TEXTS = ["one line, and no more!", "first line\n\n  second line?\nlast", "word " * 400]
"""As it is, over several rows, and as a mark."""


def left_standing(fleet: Fleet, monkeypatch: pytest.MonkeyPatch, text: str) -> Receipt:
    """The receipt of a delivery whose Enter was never pressed, though it was recorded."""
    fleet.start("web", script=ECHO)
    fleet.becomes("web", Detail.READY)
    with monkeypatch.context() as patched:
        patched.setattr("loop_orchestrator.substrate.typist.Typist.submit", _interrupted)
        receipt = fleet.deliver("web", text)
    assert receipt.status is DeliveryStatus.UNKNOWN
    return receipt


def _interrupted(*_: object) -> None:
    raise Ended(DeliveryStatus.UNKNOWN, "tmux did not answer")


def why_not(fleet: Fleet, receipt: Receipt) -> str:
    return standing.why_not_recognised(receipt, fleet.lane("web"), fleet.spec("web"))


@pytest.mark.parametrize("text", TEXTS)
def test_it_is_submitted_once_it_is_recognised(fleet: Fleet, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    receipt = left_standing(fleet, monkeypatch, text)
    assert why_not(fleet, receipt) == ""
    monkeypatch.setattr("loop_orchestrator.substrate.proof.EMPTY_S", 0.0)
    ended = standing.submit(fleet.typist("web"), receipt)
    assert ended.status in (DeliveryStatus.STARTED, DeliveryStatus.SUBMITTED), ended
    eventually(lambda: any("heard: " in row for row in fleet.lane("web").screen))
    with pytest.raises(Ended) as again:
        standing.submit(fleet.typist("web"), receipt)
    assert "shows nothing" in again.value.evidence


@pytest.mark.parametrize("text", TEXTS)
def test_it_is_taken_out_again(fleet: Fleet, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    receipt = left_standing(fleet, monkeypatch, text)
    ended = standing.clear(fleet.typist("web"), receipt)
    assert (ended.status, fleet.lane("web").state.detail) == (DeliveryStatus.NOT_DELIVERED, Detail.READY)
    assert fleet.deliver("web", "now this", op="op-2", ready_timeout_s=10).proof in (
        DeliveryProof.CONVERSATION,
        DeliveryProof.STATE,
    )


@pytest.mark.parametrize("act", [standing.submit, standing.clear])
@pytest.mark.parametrize("keys", [["!"], ["Home", "x"], ["BSpace"]])
def test_anything_else_there_is_left_alone(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, act: object, keys: list[str]
) -> None:
    receipt = left_standing(fleet, monkeypatch, TEXTS[0])
    before = fleet.lane("web").screen
    fleet.type("web", *keys)
    eventually(lambda: fleet.lane("web").screen != before)
    typed = fleet.lane("web").screen
    with pytest.raises(Ended) as ended:
        act(fleet.typist("web"), receipt)  # type: ignore[operator]
    assert "something else, or something beside it" in ended.value.evidence
    assert fleet.lane("web").screen == typed


def test_what_was_only_foretold_is_recognised_too(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process died between the paste and the first look at it."""
    fleet.start("web", script=ECHO)
    fleet.becomes("web", Detail.READY)
    monkeypatch.setattr("loop_orchestrator.substrate.deliver.SHOWN_S", 0.0)
    with monkeypatch.context() as patched:
        patched.setattr("loop_orchestrator.substrate.trace.Trace.stands_in_composer", lambda *_: False)
        receipt = fleet.deliver("web", "only pasted, (yet)")
    assert (receipt.status, receipt.step.value) == (DeliveryStatus.UNKNOWN, "paste")
    eventually(lambda: why_not(fleet, receipt) == "")


def test_a_program_started_anew_since_does_not_hold_it(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    receipt = left_standing(fleet, monkeypatch, TEXTS[0])
    lane = fleet.lane("web")
    assert lane.run is not None
    from dataclasses import replace

    later = replace(lane, run=replace(lane.run, started_at=fleet.clock.now()))
    assert "started anew" in standing.why_not_recognised(receipt, later, fleet.spec("web"))
