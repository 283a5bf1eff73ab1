"""Pausing, resolving, moving tasks, waiting for mail, the digest, and who sits in a lane."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from loop_orchestrator.actions.dispatch import Dispatch
from loop_orchestrator.actions.stop import Stop
from loop_orchestrator.errors import StoreError, UsageError
from loop_orchestrator.model.decision import ApprovalMode, Decision, Item, ItemStatus
from loop_orchestrator.model.delivery import DeliveryRequest, DeliveryStatus, DeliveryStep
from loop_orchestrator.model.lane import Detail, LaneRecord
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.model.task import TaskStatus
from loop_orchestrator.model.verdict import SAFE
from loop_orchestrator.operations.control import pause, resume
from loop_orchestrator.operations.digest import digest, digest_changes, digest_document
from loop_orchestrator.operations.ledger import find_loop, parse_settings
from loop_orchestrator.operations.mail import wait_for_mail
from loop_orchestrator.operations.observe import classify, observe_lanes
from loop_orchestrator.operations.person import is_agents_place
from loop_orchestrator.operations.send import Outcome, deliver_text, resolve
from loop_orchestrator.operations.tasks import move_task
from loop_orchestrator.process import git
from loop_orchestrator.world import World
from tests.support.builders import NOW, a_lane


def test_pausing_is_said_once(world: World) -> None:
    assert pause(world.control, world.events, by="ann")
    assert not pause(world.control, world.events, by="bob")
    assert world.control.paused() == "ann"
    assert resume(world.control, world.events, by="ann")
    assert not resume(world.control, world.events, by="ann")
    assert [event.kind for event in world.events.tail(9)] == ["engine.paused", "engine.resumed"]


def leave_unknown(world: World, op: str) -> None:
    request = DeliveryRequest(op=op, lane="web", text="x", sender="engine")
    receipt, _ = world.deliveries.accept(request, "0" * 64, 1)
    world.deliveries.step(op, DeliveryStep.PASTE)
    world.deliveries.close(replace(receipt, status=DeliveryStatus.UNKNOWN))


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome.HAPPENED, DeliveryStatus.SUBMITTED),
        (Outcome.DID_NOT, DeliveryStatus.NOT_DELIVERED),
        (Outcome.DROP, DeliveryStatus.NOT_DELIVERED),
    ],
)
def test_a_person_says_what_became_of_an_unknown_delivery(
    world: World, outcome: Outcome, status: DeliveryStatus
) -> None:
    leave_unknown(world, "op-1")
    assert resolve(world, "op-1", outcome, by="ann").status is status
    assert world.deliveries.unknown() == ()
    assert world.events.last("delivery.resolved") is not None
    with pytest.raises(StoreError, match="only an unknown one"):
        resolve(world, "op-1", outcome, by="ann")


def test_an_operation_that_there_is_not_is_named_with_those_that_there_are(world: World) -> None:
    leave_unknown(world, "op-1")
    with pytest.raises(UsageError, match="there is no delivery op-2; unknown outcomes: op-1"):
        resolve(world, "op-2", Outcome.DROP, by="ann")


def test_only_a_task_in_review_can_be_done(world: World) -> None:
    world.layout.tasks_dir.mkdir()
    path = world.layout.tasks_dir / "T0001-x.md"
    path.write_text("---\ntitle: Header\nstatus: open\n---\nbody\n")
    with pytest.raises(StoreError, match="cannot become done"):
        move_task(world, "T0001", TaskStatus.DONE, by="ann")
    path.write_text("---\ntitle: Header\nstatus: review\n---\nbody\n")
    assert move_task(world, "T0001", TaskStatus.DONE, by="ann").file.parent.name == "archive"
    event = world.events.last("task.moved")
    assert event is not None
    assert (event.source, event.payload["now"]) == ("person", "done")


def test_waiting_for_mail_returns_what_is_there_at_once(world: World) -> None:
    world.mailbox.send("ann", "web", "hello", "text")
    found = wait_for_mail(world.mailbox, world.layout, world.clock, recipient="web", timeout_s=0)
    assert [message.subject for message in found] == ["hello"]


def test_waiting_for_mail_ends_with_the_first_message_for_the_one_who_waits(world: World) -> None:
    late = threading.Timer(0.2, world.mailbox.send, ("ann", "web", "hello", "text"))
    world.mailbox.send("ann", "infra", "not yours", "text")
    late.start()
    found = wait_for_mail(world.mailbox, world.layout, world.clock, recipient="web", timeout_s=20)
    late.join()
    assert [message.subject for message in found] == ["hello"]


def test_waiting_for_mail_ends_with_nothing_when_the_time_is_over(world: World) -> None:
    assert wait_for_mail(world.mailbox, world.layout, world.clock, recipient="web", timeout_s=0.1) == ()


def test_a_command_lane_takes_no_text(world: World) -> None:
    lane = a_lane("log", agent=False)
    spec = replace(lane.record.spec, harness="", cmd="tail -F x")
    world.lanes.put(replace(lane.record, spec=spec))
    with pytest.raises(UsageError, match="runs a fixed command and takes no text"):
        deliver_text(world, DeliveryRequest(op="op-1", lane="log", text="x", sender="engine"))


def test_lanes_of_a_server_that_is_gone_are_missing(world: World) -> None:
    world.lanes.put(a_lane("web").record)
    assert [lane.state.detail for lane in observe_lanes(world)] == [Detail.MISSING]


def test_a_capture_is_classified_like_a_lane(world: World) -> None:
    state = classify("nothing known\n", world.harnesses["claude"], title="", command="", now=NOW)
    assert state.detail is Detail.DRIFTED


@pytest.mark.parametrize(
    ("agent", "cmd", "expected"),
    [
        (True, "", True),
        (False, "", False),
        (False, "claude --resume", True),
        (False, "loop digest", False),
        (False, "loop digest; claude", True),
        (False, "loop digest --interval $(claude)", True),
    ],
)
def test_a_command_of_the_config_may_be_an_agent_and_a_shell_is_none(agent: bool, cmd: str, expected: bool) -> None:
    record = a_lane(agent=agent).record
    if cmd:
        record = replace(record, spec=replace(record.spec, harness="", cmd=cmd))
    assert isinstance(record, LaneRecord)
    assert is_agents_place(record) is expected


def test_the_digest_shows_ledger_mail_work_and_records(world: World) -> None:
    git.init_repository(world.root)
    world.state.set_loop("header", {"status": "plan", "name": "Header"}, by="ann")
    world.mailbox.send("ann", "coord", "hello", "text")
    adr = world.root / "docs/adr/0001-x.md"
    adr.parent.mkdir(parents=True)
    adr.write_text("---\nid: ADR-0001\nstatus: proposed\ntitle: Use tmux\n---\n")
    (adr.parent / "README.md").write_text("no record\n")
    document = digest_document(digest(world))
    assert document["state"]["loops"]["header"]["status"] == "plan"  # type: ignore[index,call-overload]
    assert isinstance(document["mailbox"], dict)
    pending = document["mailbox"]["pending"]
    assert isinstance(pending, list)
    assert isinstance(pending[0], dict)
    assert set(pending[0]) == {"file", "from", "to", "subject", "mtime"}
    assert document["adrs"] == [
        {"id": "0001", "status": "Proposed", "title": "Use tmux", "path": str(adr)},
    ]
    unpushed = document["unpushed"]
    assert isinstance(unpushed, list)
    assert [one["branch"] for one in unpushed] == ["main"]  # type: ignore[index,call-overload]


def test_the_digest_of_an_empty_directory_is_a_frame_too(world: World) -> None:
    document = digest_document(digest(world))
    assert (document["state"], document["unpushed"], document["adrs"]) == (None, [], [])


def test_the_live_digest_shows_what_changed_and_nothing_else(world: World) -> None:
    frames = digest_changes(world, interval_s=None)
    assert next(frames).pending == ()
    stop = threading.Event()

    def write_now_and_then() -> None:
        while not stop.wait(0.2):
            world.mailbox.send("ann", "web", "hello", "text")

    writer = threading.Thread(target=write_now_and_then)
    writer.start()
    try:
        pending = next(frames).pending
    finally:
        stop.set()
        writer.join()
    assert not isinstance(pending, Unknown)
    assert pending[0][0].subject == "hello"


def test_settings_are_key_value_pairs(world: World, project: Path) -> None:
    assert parse_settings(["a=b", "c=d=e"]) == {"a": "b", "c": "d=e"}
    with pytest.raises(UsageError, match="expected key=value"):
        parse_settings(["novalue"])
    with pytest.raises(UsageError, match="has no loop x"):
        find_loop(world.state.read(), "x")


def test_resolving_a_delivery_closes_the_action_that_sent_it_and_begins_no_other(world: World) -> None:
    sends, stops = Dispatch(lane="web", payload="hello", rationale="r"), Stop(rationale="r")
    items = (
        Item(idx=0, action=sends, verdict=SAFE, status=ItemStatus.UNKNOWN, changed_at=NOW),
        Item(idx=1, action=stops, verdict=SAFE, status=ItemStatus.READY, changed_at=NOW),
    )
    decision = Decision(
        id="d-1",
        session=world.session,
        created_at=NOW,
        brain="rules",
        mode=ApprovalMode.MANUAL,
        critique="c",
        items=items,
        digest="0",
        cycle="c-1",
    )
    world.decisions.create(decision)
    leave_unknown(world, "d-1-0")
    resolve(world, "d-1-0", Outcome.HAPPENED, by="ann")
    assert [item.status for item in world.decisions.get("d-1").items] == [ItemStatus.DONE, ItemStatus.READY]
