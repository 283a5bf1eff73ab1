"""SIGKILL at every recorded step of a person's answer, and of silence: it counts once, and runs nothing else."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from loop_orchestrator.model.decision import Decision, ItemStatus
from loop_orchestrator.operations.decisions import edit, reject
from loop_orchestrator.operations.resolve import Outcome, resolve
from loop_orchestrator.operations.status import status
from tests.support.kills import PERSON, REPEATS, Killable, killable

TWO = """actions:
  - {kind: dispatch, lane: web, payload: text for web, rationale: r}
  - {kind: dispatch, lane: api, payload: text for api, rationale: r}
"""
ONE = "actions:\n  - {kind: dispatch, lane: web, payload: text for web, rationale: r}\n"


@pytest.fixture(autouse=True, params=range(REPEATS))
def turn() -> None:
    """Each test as often as the long run wants it."""


@pytest.fixture
def made(project: Path) -> Iterator[Killable]:
    with killable(project, mode="manual") as session:
        yield session


def closed(made: Killable, decision: str, *statuses: ItemStatus) -> Decision:
    """The decision, if it came to this and nothing is left of it."""
    found = made.world.decisions.get(decision)
    assert tuple(item.status for item in found.items) == statuses, [item.note for item in found.items]
    assert made.world.decisions.open_decisions() == ()
    assert len(made.events("decision.archived", decision)) == 1
    return found


@pytest.mark.parametrize("point", ["rejection.promised", "rejection.recorded", "decision.archived"])
def test_a_no_that_is_killed_stays_a_no(made: Killable, point: str) -> None:
    decision = made.filed(TWO)
    assert made.process(lambda world: reject(world, decision, reason="why", person=PERSON), crash_at=point)
    made.cycle()
    if point == "rejection.promised":
        waiting = made.world.decisions.get(decision)
        assert {item.status for item in waiting.items} == {ItemStatus.WAITING}
        made.process(lambda world: reject(world, decision, reason="why", person=PERSON))
    closed(made, decision, ItemStatus.REJECTED, ItemStatus.REJECTED)
    assert len(made.events("decision.rejected", decision)) == 1
    assert (made.sent("web", "text for web"), made.sent("api", "text for api")) == ((0, 0), (0, 0))


@pytest.mark.parametrize("point", ["approval.promised", "approval.recorded", "item.marked", "item.performed"])
def test_a_yes_to_one_action_that_is_killed_is_a_yes_to_that_one(made: Killable, point: str) -> None:
    decision = made.filed(TWO)
    assert made.approve(decision, indices=(1,), crash_at=point)
    made.cycle()
    if point == "approval.promised":
        made.approve(decision, indices=(1,))
    first, second = made.world.decisions.get(decision).items
    assert first.status is ItemStatus.WAITING
    begun = ItemStatus.FAILED if point == "item.marked" else ItemStatus.DONE
    assert second.status is begun
    arrived = made.sent("api", "text for api")[1]
    assert (arrived, made.sent("web", "text for web")) == (int(begun is ItemStatus.DONE), (0, 0))
    assert len(made.events("decision.approved", decision)) == 1
    made.approve(decision)
    closed(made, decision, ItemStatus.DONE, begun)
    assert made.sent("web", "text for web") == (1, 1)
    assert made.sent("api", "text for api")[1] == arrived


@pytest.mark.parametrize("again", ["approval.promised", "approval.recorded", "item.closed"])
def test_an_edit_that_is_killed_leaves_what_was_there_and_can_be_made_again(made: Killable, again: str) -> None:
    decision = made.filed(ONE)

    def change() -> None:
        made.process(lambda world: edit(world, decision, 0, {"payload": "other text"}, person=PERSON))

    killed = made.process(
        lambda world: edit(world, decision, 0, {"payload": "other text"}, person=PERSON), crash_at="decision.edited"
    )
    assert killed
    made.cycle()
    change()
    assert made.approve(decision, crash_at=again)
    made.close_all()
    closed(made, decision, ItemStatus.DONE)
    assert (made.sent("web", "text for web"), made.sent("web", "other text")) == ((0, 0), (1, 1))


def test_an_approval_after_an_edit_that_was_killed_is_of_what_was_there(made: Killable) -> None:
    decision = made.filed(ONE)
    killed = made.process(
        lambda world: edit(world, decision, 0, {"payload": "other text"}, person=PERSON), crash_at="decision.edited"
    )
    assert killed
    made.approve(decision)
    closed(made, decision, ItemStatus.DONE)
    assert (made.sent("web", "text for web"), made.sent("web", "other text")) == ((1, 1), (0, 0))


@pytest.mark.parametrize("point", ["expiry.promised", "expiry.recorded", "decision.archived"])
def test_silence_that_is_noticed_by_a_process_that_dies_is_a_no_all_the_same(project: Path, point: str) -> None:
    with killable(project, mode="manual", more="  approval_expires_s: 3600\n") as made:
        decision = made.filed(TWO)
        made.ahead_s = 7200
        assert made.cycle(crash_at=point)
        made.cycle()
        closed(made, decision, ItemStatus.REJECTED, ItemStatus.REJECTED)
        assert len(made.events("decision.expired", decision)) == 1
        assert (made.sent("web", "text for web"), made.sent("api", "text for api")) == ((0, 0), (0, 0))


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen on this machine")
@pytest.mark.parametrize(
    "point", ["approval.promised", "approval.recorded", "item.marked", "item.noted", "delivery.recorded"]
)
def test_a_signed_yes_that_is_killed_counts_once(project: Path, point: str) -> None:
    key = project / "ann"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (project / "allowed_signers").write_text(f"ann@example.org {key.with_suffix('.pub').read_text()}")
    with killable(project, mode="manual", more="  signers: allowed_signers\n") as made:
        decision = made.filed(ONE)
        made.key = key
        assert made.approve(decision, crash_at=point)
        made.close_all()
        made.check(made.world.decisions.get(decision))
        (approved,) = made.events("decision.approved", decision)
        assert approved.payload["signed_by"] == "ann@example.org"


@pytest.mark.parametrize(
    ("point", "outcome"),
    [
        ("delivery.recorded", Outcome.DID_NOT),
        ("resolve.closed", Outcome.DID_NOT),
        ("item.noted", Outcome.HAPPENED),
        ("decision.archived", Outcome.HAPPENED),
        ("resolve.recorded", Outcome.SUBMIT),
        ("resolve.pressed", Outcome.SUBMIT),
        ("resolve.closed", Outcome.SUBMIT),
        ("resolve.recorded", Outcome.CLEAR),
        ("resolve.pressed", Outcome.CLEAR),
        ("resolve.closed", Outcome.CLEAR),
    ],
)
def test_a_word_on_what_nobody_knows_that_is_killed_is_carried_on_or_asked_for_again(
    made: Killable, point: str, outcome: Outcome
) -> None:
    acts = outcome in (Outcome.SUBMIT, Outcome.CLEAR)
    decision = made.filed(ONE)
    reached = {Outcome.HAPPENED: "delivery.submitted", Outcome.DID_NOT: "delivery.pasting"}
    assert made.approve(decision, crash_at=reached.get(outcome, "delivery.pasted"))
    made.cycle()
    op = f"{decision}-0"
    assert [receipt.op for receipt in made.world.deliveries.unknown()] == [op]
    assert (op in status(made.world).standing) == acts
    assert made.process(lambda world: resolve(world, op, outcome, by="ann"), crash_at=point)
    made.close_all()
    arrived = outcome in (Outcome.HAPPENED, Outcome.SUBMIT) and point != "resolve.recorded"
    found = made.world.decisions.get(decision)
    made.check(found)
    assert found.items[0].status is (ItemStatus.DONE if arrived else ItemStatus.FAILED)
    assert made.sent("web", "text for web")[1] == int(arrived)
