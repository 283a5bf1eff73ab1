"""Texts in line for real shell lanes: who may put them there, what becomes of them, and what a person is shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from loop_orchestrator.errors import LockedError, LoopError, NotAPersonError, StoreError, UsageError
from loop_orchestrator.model.delivery import DeliveryMode, DeliveryRequest, DeliveryStatus, DeliveryStep, Receipt
from loop_orchestrator.model.lane import Lane
from loop_orchestrator.operations import queue as queue_module
from loop_orchestrator.operations.boot import boot
from loop_orchestrator.operations.ending import down, drop_lane
from loop_orchestrator.operations.observe import observe_lane
from loop_orchestrator.operations.plan import plan_lanes
from loop_orchestrator.operations.queue import Turned, deliver_next, drop_queued, enqueue, lines_of, settle
from loop_orchestrator.operations.resolve import Outcome, resolve
from loop_orchestrator.operations.status import status, status_document
from loop_orchestrator.operations.together import send_to_lanes
from loop_orchestrator.stores.queue import DeliveryQueue
from loop_orchestrator.wiring import Project
from tests.support.projects import PLAIN, project_at, tmux
from tests.support.waiting import eventually


@pytest.fixture
def shop(project: Path, socket: str) -> Project:
    shop = project_at(project, config=PLAIN)
    boot(shop.world, plan_lanes(shop.config, project, shop.harnesses, preset="", found=()), shop.surroundings)
    return shop


@pytest.fixture
def watched(shop: Project) -> Iterator[Project]:
    """A shop that a daemon watches, as far as anybody can see."""
    with shop.world.control.watch_lock():
        yield shop


def command(op: str, text: str, *, lane: str = "web", sender: str = "person") -> DeliveryRequest:
    return DeliveryRequest(op=op, lane=lane, text=text, mode=DeliveryMode.COMMAND, sender=sender)


def ready(shop: Project, lane: str = "web") -> Lane:
    seen: list[Lane] = []

    def look() -> bool:
        seen[:] = [observe_lane(shop.world, lane)]
        return seen[0].state.ready

    eventually(look, what=f"lane {lane} is ready")
    return seen[0]


def receipt_of(shop: Project, op: str) -> Receipt:
    receipt = shop.world.queue.get(op)
    assert receipt is not None
    return receipt


def test_without_a_daemon_nothing_is_put_in_line_and_nothing_is_on_record(shop: Project) -> None:
    with pytest.raises(LoopError, match="no engine watches session shop") as refused:
        enqueue(shop.world, command("a", "echo hi"))
    assert refused.value.hint.startswith("loop-engine watch")
    assert shop.world.queue.get("a") is None
    assert not shop.layout.deliveries.exists()


def test_a_text_waits_its_turn_and_is_delivered_with_a_receipt(watched: Project, project: Path) -> None:
    for number in (1, 2):
        receipt = enqueue(watched.world, command(f"op-{number}", f"echo {number} >> out.txt"))
        assert receipt.status is DeliveryStatus.ACCEPTED
    for number in (1, 2):
        assert deliver_next(watched.world, "web", ready(watched).state) is Turned.DELIVERED
        assert receipt_of(watched, f"op-{number}").delivered
    assert deliver_next(watched.world, "web", ready(watched).state) is Turned.EMPTY
    eventually(lambda: (project / "out.txt").is_file() and (project / "out.txt").read_text() == "1\n2\n")
    kinds = [event.kind for event in watched.events.since(0) if event.kind.startswith("delivery.")]
    assert kinds == ["delivery.queued", "delivery.queued", *(2 * ["delivery.taken", "delivery.closed"])]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (command("a", "\x1b\x07 \n"), "nothing is left of the text"),
        (command("a", "one\ntwo"), "it takes one command line, not 2"),
        (replace(command("a", "hi"), mode=DeliveryMode.TEXT), "a prompt would run there as commands"),
    ],
)
def test_what_no_waiting_makes_right_is_refused_at_once(
    watched: Project, request_: DeliveryRequest, reason: str
) -> None:
    receipt = enqueue(watched.world, request_)
    assert receipt.status is DeliveryStatus.NOT_DELIVERED
    assert reason in receipt.evidence
    assert watched.world.queue.lengths() == {}
    again = enqueue(watched.world, request_)
    assert (again.status, again.evidence) == (receipt.status, receipt.evidence)


def test_a_lane_that_is_not_there_or_takes_no_text_is_refused_without_a_record(watched: Project) -> None:
    with pytest.raises(UsageError, match="no lane wbe; did you mean web"):
        enqueue(watched.world, command("a", "hi", lane="wbe"))
    with pytest.raises(UsageError, match="runs a fixed command"):
        enqueue(watched.world, command("a", "hi", lane="coord"))
    assert watched.world.queue.get("a") is None


def test_an_agent_may_not_have_a_command_run_by_waiting(watched: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_world: object, what: str) -> None:
        raise NotAPersonError(f"an agent may not {what}")

    monkeypatch.setattr(queue_module, "refuse_agent", refuse)
    with pytest.raises(NotAPersonError, match="have a command run in lane web"):
        enqueue(watched.world, command("a", "make deploy", sender="docs"))
    assert watched.world.queue.get("a") is None


def test_text_that_could_act_as_a_key_is_clean_on_disk_and_the_receipt_says_so(watched: Project) -> None:
    hostile = "echo a\x1b[201~\x03b\udcff"
    receipt = enqueue(watched.world, command("a", hostile))
    assert receipt.removed == {"ESC": 1, "ETX": 1, "U+DCFF": 1}
    assert watched.world.queue.request("a").text == "echo a[201~b"
    assert deliver_next(watched.world, "web", ready(watched).state) is Turned.DELIVERED
    assert receipt_of(watched, "a").removed == receipt.removed
    assert enqueue(watched.world, command("a", hostile)) == receipt_of(watched, "a")


def test_a_lane_that_turns_out_not_to_be_ready_keeps_its_line(watched: Project) -> None:
    seen = ready(watched).state
    watched.world.substrate.paste(
        watched.world.lanes.records()["web"].pane,
        "half a command",
        pane_pid=watched.world.lanes.records()["web"].pane_pid,
    )
    enqueue(watched.world, command("a", "echo hi"))
    eventually(lambda: observe_lane(watched.world, "web").state.detail.value == "draft")
    assert deliver_next(watched.world, "web", seen) is Turned.RETURNED
    assert receipt_of(watched, "a").status is DeliveryStatus.ACCEPTED
    (line,) = lines_of(watched.world, [observe_lane(watched.world, "web")])
    assert (line.held, "(draft)" in line.reason) == (True, True)
    assert "(draft)" in line.waiting[0].returned
    tmux(watched.socket, "send-keys", "-t", watched.world.lanes.records()["web"].pane, "C-u")
    assert deliver_next(watched.world, "web", ready(watched).state) is Turned.DELIVERED


def test_a_lane_that_somebody_types_into_keeps_its_line(watched: Project) -> None:
    enqueue(watched.world, command("a", "echo hi"))
    seen = ready(watched).state
    with watched.world.deliveries.lease("web"):
        assert deliver_next(watched.world, "web", seen) is Turned.RETURNED
    assert "lane web is held by" in receipt_of(watched, "a").evidence


def test_a_pane_in_copy_mode_is_taken_out_of_it_and_gets_its_text(watched: Project, project: Path) -> None:
    enqueue(watched.world, command("a", "echo copied > out.txt"))
    seen = ready(watched).state
    tmux(watched.socket, "copy-mode", "-t", watched.world.lanes.records()["web"].pane)
    assert deliver_next(watched.world, "web", seen) is Turned.DELIVERED
    eventually((project / "out.txt").is_file)


def test_an_unknown_outcome_holds_the_line_until_a_person_resolved_it(watched: Project) -> None:
    world = watched.world
    world.deliveries.accept(command("lost", "x"), "0" * 64, 1)
    world.deliveries.step("lost", DeliveryStep.PASTE)
    world.deliveries.close(replace(receipt_of(watched, "lost"), status=DeliveryStatus.UNKNOWN))
    enqueue(world, command("a", "echo hi"))
    assert deliver_next(world, "web", ready(watched).state) is Turned.HELD
    whats = {need.what: need.next_step for need in status(world).needs}
    held = next(what for what in whats if what.startswith("1 text stands in line for lane web"))
    assert "delivery lost" in held
    world.deliveries.resolve("lost", DeliveryStatus.NOT_DELIVERED, by="ann")
    assert deliver_next(world, "web", ready(watched).state) is Turned.DELIVERED


def test_a_line_is_in_the_whole_picture_with_age_and_reason(watched: Project) -> None:
    enqueue(watched.world, command("a", "echo hi"))
    tmux(watched.socket, "send-keys", "-t", watched.world.lanes.records()["web"].pane, "sleep 100", "Enter")
    eventually(lambda: "sleep" in observe_lane(watched.world, "web").state.evidence[0].seen)
    found = status(watched.world)
    assert found.needs == ()
    lines = status_document(found)["lines"]
    assert isinstance(lines, list)
    (shown,) = lines
    assert isinstance(shown, dict)
    assert (shown["lane"], shown["held"]) == ("web", False)
    assert shown["reason"] == "lane web is working (tool): sleep is in front"
    assert isinstance(shown["waiting"], list)
    (waiting,) = shown["waiting"]
    assert isinstance(waiting, dict)
    assert (waiting["op"], waiting["sender"], waiting["under_way"]) == ("a", "person", False)


def test_a_line_that_nobody_drains_needs_a_person(shop: Project) -> None:
    with shop.world.control.watch_lock():
        enqueue(shop.world, command("a", "echo hi"))
    (need,) = [need for need in status(shop.world).needs if "in line" in need.what]
    assert "no engine watches" in need.what
    assert need.next_step == "loop watch"


def test_a_text_meant_for_one_program_is_closed_when_another_runs_there(watched: Project) -> None:
    world = watched.world
    enqueue(world, command("a", "echo hi"))
    record = world.lanes.records()["web"]
    world.lanes.put(replace(record, spec=replace(record.spec, harness="claude"), agent=True))
    assert deliver_next(world, "web", ready(watched, "ops-top").state) is Turned.CLOSED
    assert receipt_of(watched, "a").evidence == "lane web runs claude now; the text was meant for shell"


def test_a_text_that_was_changed_on_disk_is_closed_and_not_sent(watched: Project) -> None:
    enqueue(watched.world, command("a", "echo hi"))
    (text,) = watched.layout.lines.iterdir()
    text.write_text("rm -rf /")
    assert deliver_next(watched.world, "web", ready(watched).state) is Turned.CLOSED
    assert "is not the one that was accepted" in receipt_of(watched, "a").evidence


def test_a_text_is_taken_out_of_the_line_by_a_person(watched: Project) -> None:
    for op in "abc":
        enqueue(watched.world, command(op, "echo hi"))
    assert drop_queued(watched.world, "a", by="ann").evidence == "ann took it out of the line"
    assert resolve(watched.world, "b", Outcome.DROP, by="ann").status is DeliveryStatus.NOT_DELIVERED
    assert watched.world.queue.lengths() == {"web": 1}
    with pytest.raises(UsageError, match="there is no delivery nope"):
        drop_queued(watched.world, "nope", by="ann")
    watched.world.queue.take("c")
    with pytest.raises(LockedError, match="is being delivered now"):
        drop_queued(watched.world, "c", by="ann")


def test_an_ended_lane_leaves_its_line_in_the_hand_off(watched: Project) -> None:
    enqueue(watched.world, command("a", "echo first"))
    enqueue(watched.world, command("b", "echo other", lane="ops-top"))
    report = drop_lane(watched.world, "web", force=True, by="person")
    assert [receipt.op for receipt in report.not_delivered] == ["a"]
    assert receipt_of(watched, "a").evidence == "lane web was ended"
    assert "## a\n\n    echo first\n" in report.handoff.read_text()
    ended = down(watched.world, force=False, by="person")
    assert [receipt.op for receipt in ended.not_delivered] == ["b"]
    assert any("    echo other" in path.read_text() for path in ended.handoffs)
    assert watched.world.queue.lengths() == {}


def test_a_line_of_a_lane_that_vanished_is_closed_with_the_reason(watched: Project) -> None:
    enqueue(watched.world, command("a", "echo hi"))
    watched.world.lanes.remove("web")
    assert deliver_next(watched.world, "web", None) is Turned.CLOSED
    assert receipt_of(watched, "a").evidence == "lane web is gone"


def test_a_disk_that_fills_up_before_the_paste_keeps_the_text_in_line(
    watched: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue(watched.world, command("a", "echo hi"))
    seen = ready(watched).state
    real = DeliveryQueue.step

    def full(self: DeliveryQueue, op: str, step: DeliveryStep, **changes: object) -> Receipt:
        if step is DeliveryStep.PASTE:
            raise StoreError("cannot write: No space left on device")
        return real(self, op, step, **changes)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(DeliveryQueue, "step", full)
        assert deliver_next(watched.world, "web", seen) is Turned.RETURNED
    (waiting,) = watched.world.queue.line("web")
    assert not waiting.under_way
    assert "No space left" in waiting.returned
    assert deliver_next(watched.world, "web", ready(watched).state) is Turned.DELIVERED


def test_what_was_given_up_half_way_is_settled(watched: Project) -> None:
    enqueue(watched.world, command("a", "echo hi"))
    watched.world.queue.take("a")
    settle(watched.world, "web", "the disk was full")
    assert watched.world.queue.line("web")[0].returned == "the disk was full"


def test_several_lanes_get_a_delivery_each_and_one_that_fails_holds_up_no_other(shop: Project, project: Path) -> None:
    for lane in ("web", "ops-top"):
        ready(shop, lane)
    shop.world.deliveries.accept(command("op-web", "other text"), "1" * 64, 1)
    requests = [command(f"op-{lane}", f"echo {lane} >> {lane}.txt", lane=lane) for lane in ("web", "ops-top")]
    refused, receipt = send_to_lanes(shop.world, requests, queue=False)
    assert isinstance(refused, LoopError)
    assert "the id stands for another text" in refused.message
    assert isinstance(receipt, Receipt)
    assert receipt.delivered
    eventually((project / "ops-top.txt").is_file)


def test_whoever_may_not_send_to_one_of_the_lanes_sends_to_none(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_world: object, what: str) -> None:
        if "ops-top" in what:
            raise NotAPersonError(f"an agent may not {what}")

    monkeypatch.setattr("loop_orchestrator.operations.together.refuse_agent", refuse)
    with pytest.raises(NotAPersonError):
        send_to_lanes(shop.world, [command("a", "echo", lane=lane) for lane in ("web", "ops-top")], queue=False)
    assert shop.world.deliveries.get("a") is None


def test_many_rounds_to_lanes_at_once_share_one_connection_to_their_end(shop: Project) -> None:
    for lane in ("web", "ops-top"):
        ready(shop, lane)
    for number in range(8):
        requests = [
            replace(command(f"op-{lane}-{number}", "true", lane=lane), ready_timeout_s=10.0)
            for lane in ("web", "ops-top")
        ]
        outcomes = send_to_lanes(shop.world, requests, queue=False)
        assert [isinstance(one, Receipt) and one.delivered for one in outcomes] == [True, True], outcomes
