"""Lines on disk: their order, one acceptance and one taker for each text, and what a death leaves."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from loop_orchestrator.errors import LockedError, StoreError
from loop_orchestrator.ids import sha256_text
from loop_orchestrator.model.delivery import DeliveryRequest, DeliveryStatus, DeliveryStep, Receipt
from loop_orchestrator.stores.eventlog import EventLog
from loop_orchestrator.stores.layout import Layout
from loop_orchestrator.stores.queue import DeliveryQueue
from tests.stores.builders import layout_of, log_of, request
from tests.stores.forks import in_processes, killed_at_every_write
from tests.support.clocks import SteppedClock


@pytest.fixture
def layout(project: Path) -> Layout:
    return layout_of(project)


@pytest.fixture
def events(project: Path) -> EventLog:
    return log_of(project)


@pytest.fixture
def queue(layout: Layout, events: EventLog, clock: SteppedClock) -> DeliveryQueue:
    return DeliveryQueue(layout, clock, events)


def put(queue: DeliveryQueue, op: str, *, lane: str = "web", text: str = "hello") -> tuple[Receipt, bool]:
    return queue.enqueue(request(op, lane=lane, text=text), text, removed={}, program="rehearsal")


def ops(queue: DeliveryQueue, lane: str = "web") -> list[str]:
    return [queued.receipt.op for queued in queue.line(lane)]


def ended(queue: DeliveryQueue, op: str, status: DeliveryStatus) -> Receipt:
    receipt = queue.get(op)
    assert receipt is not None
    return queue.close(replace(receipt, status=status, evidence="seen"))


def taken_by_a_dead_process(queue: DeliveryQueue, op: str, step: DeliveryStep) -> None:
    def work(_: int) -> None:
        assert queue.take(op)[1]
        if step is not DeliveryStep.ACCEPT:
            queue.step(op, step)

    in_processes(1, work)


def test_a_text_in_line_is_on_disk_for_its_owner_alone(queue: DeliveryQueue, layout: Layout) -> None:
    receipt, fresh = put(queue, "op.1", text="line 1\r\nline ü\n")
    assert fresh
    assert (receipt.status, receipt.evidence) == (DeliveryStatus.ACCEPTED, "it stands in line, nobody before it")
    assert receipt.sha256 == sha256_text("line 1\r\nline ü\n")
    (text,) = layout.lines.iterdir()
    assert text.read_bytes() == "line 1\r\nline ü\n".encode()
    assert stat.S_IMODE(text.stat().st_mode) == 0o600
    assert queue.request("op.1") == replace(request("op.1", text="line 1\r\nline ü\n"))


def test_a_line_keeps_its_order_and_lanes_have_lines_of_their_own(queue: DeliveryQueue) -> None:
    for number in range(12):
        put(queue, f"z{12 - number}")  # neither by name
        put(queue, f"a{number}", lane="web-2")
    assert ops(queue) == [f"z{12 - number}" for number in range(12)]
    assert ops(queue, "web-2") == [f"a{number}" for number in range(12)]
    assert queue.lengths() == {"web": 12, "web-2": 12}
    assert put(queue, "next")[0].evidence == "it stands in line, 12 others before it"


def test_every_name_that_a_lane_may_have_may_have_a_line(queue: DeliveryQueue) -> None:
    for lane in ("README", "a-b_c", "x" * 120):
        put(queue, f"op.{lane[:20]}.txt", lane=lane)
        assert ops(queue, lane) == [f"op.{lane[:20]}.txt"]


def test_a_file_of_somebody_else_among_the_texts_is_left_alone(queue: DeliveryQueue, layout: Layout) -> None:
    put(queue, "a")
    for name in ("note.txt", ".web.00000009.b.txt", "web.x.b.txt"):
        (layout.lines / name).write_text("mine")
    put(queue, "c")
    assert ops(queue) == ["a", "c"]
    assert (layout.lines / "note.txt").exists()


def test_what_was_asked_for_beside_the_text_is_kept(queue: DeliveryQueue) -> None:
    asked = DeliveryRequest(
        op="a", lane="web", text="x", sender="docs", press_enter=False, ready_timeout_s=9, interrupt=True
    )
    queue.enqueue(asked, "x", removed={"ESC": 1}, program="rehearsal")
    kept = queue.request("a")
    assert (kept.sender, kept.press_enter) == ("docs", False)
    assert (kept.ready_timeout_s, kept.interrupt) == (0.0, False)
    receipt = queue.get("a")
    assert receipt is not None
    assert receipt.removed == {"ESC": 1}


def test_the_same_text_again_gives_the_first_receipt_and_another_is_refused(queue: DeliveryQueue) -> None:
    first, _ = put(queue, "a")
    assert put(queue, "a") == (first, False)
    assert ops(queue) == ["a"]
    with pytest.raises(StoreError, match="the id stands for another text"):
        put(queue, "a", text="other")
    with pytest.raises(StoreError, match="the id stands for lane web"):
        put(queue, "a", lane="docs")
    queue.take("a")
    closed = ended(queue, "a", DeliveryStatus.STARTED)
    assert put(queue, "a") == (closed, False)
    assert ops(queue) == []


def test_of_many_senders_with_one_operation_one_puts_it_in_line_and_none_is_lost(queue: DeliveryQueue) -> None:
    def send(number: int) -> None:
        for turn in range(10):
            put(queue, f"same-{turn}")
            put(queue, f"own-{number}-{turn}")

    in_processes(4, send)
    found = ops(queue)
    assert sorted(found) == sorted(
        [f"same-{t}" for t in range(10)] + [f"own-{n}-{t}" for n in range(4) for t in range(10)]
    )
    for number in range(4):
        mine = [op for op in found if op.startswith(f"own-{number}-")]
        assert mine == [f"own-{number}-{turn}" for turn in range(10)]


def test_a_text_is_taken_once_and_the_line_goes_on_when_it_ended(queue: DeliveryQueue, layout: Layout) -> None:
    put(queue, "a")
    put(queue, "b")
    assert queue.take("a")[1]
    assert not queue.take("a")[1]
    assert [queued.under_way for queued in queue.line("web")] == [True, False]
    ended(queue, "a", DeliveryStatus.STARTED)
    assert ops(queue) == ["b"]
    assert len(list(layout.lines.iterdir())) == 1


def test_of_many_takers_one_gets_it(queue: DeliveryQueue, tmp_path: Path) -> None:
    for turn in range(10):
        put(queue, f"op-{turn}")

    def take(number: int) -> None:
        for turn in range(10):
            if queue.take(f"op-{turn}")[1]:
                (tmp_path / f"{turn}-{number}").touch()
                ended(queue, f"op-{turn}", DeliveryStatus.STARTED)

    in_processes(4, take)
    assert sorted(path.name.split("-")[0] for path in tmp_path.glob("*-*")) == sorted(map(str, range(10)))
    assert ops(queue) == []


def test_what_was_put_back_is_the_first_again_and_its_reason_is_said_once(
    queue: DeliveryQueue, events: EventLog
) -> None:
    put(queue, "a")
    put(queue, "b")
    for reason in ("the lane was busy", "the lane was busy", "its pane was in copy mode"):
        queue.take("a")
        queue.step("a", DeliveryStep.PASTE)
        receipt = queue.put_back("a", reason)
        assert (receipt.status, receipt.step, receipt.evidence) == (
            DeliveryStatus.ACCEPTED,
            DeliveryStep.ACCEPT,
            reason,
        )
        assert list(receipt.times) == ["accept"]
    assert ops(queue) == ["a", "b"]
    assert queue.line("web")[0].returned == "its pane was in copy mode"
    said = [event.payload["reason"] for event in events.since(0) if event.kind == "delivery.returned"]
    assert said == ["the lane was busy", "its pane was in copy mode"]
    with pytest.raises(StoreError, match="was not taken"):
        queue.put_back("b", "x")


def test_one_that_is_taken_out_is_closed_and_says_by_whom(queue: DeliveryQueue, events: EventLog) -> None:
    put(queue, "a")
    put(queue, "b")
    receipt = queue.drop("a", "ann took it out of the line", by="person")
    assert (receipt.status, receipt.step) == (DeliveryStatus.NOT_DELIVERED, DeliveryStep.ACCEPT)
    assert ops(queue) == ["b"]
    assert [event.kind for event in events.tail(2)] == ["delivery.dropped", "delivery.closed"]
    with pytest.raises(StoreError, match="is not-delivered; it does not stand in line"):
        queue.drop("a", "again", by="person")
    queue.take("b")
    with pytest.raises(LockedError, match="is being delivered now"):
        queue.drop("b", "x", by="person")


def test_the_death_of_whoever_sent_it_changes_nothing(queue: DeliveryQueue) -> None:
    in_processes(1, lambda _: assert_fresh(queue, "a"))
    assert queue.settle_dead() == ()
    assert ops(queue) == ["a"]
    assert queue.take("a")[1]


def assert_fresh(queue: DeliveryQueue, op: str) -> None:
    assert put(queue, op)[1]


@pytest.mark.parametrize("step", [step for step in DeliveryStep if step is not DeliveryStep.RECEIPT])
def test_what_a_dead_process_had_taken_is_in_line_again_until_the_pane_may_have_been_touched(
    queue: DeliveryQueue, step: DeliveryStep
) -> None:
    put(queue, "a")
    put(queue, "b")
    taken_by_a_dead_process(queue, "a", step)
    settled = queue.settle_dead()
    if step.touches_pane:
        assert [(receipt.op, receipt.status) for receipt in settled] == [("a", DeliveryStatus.UNKNOWN)]
        assert ops(queue) == ["b"]
        assert queue.request("a").text == "hello"  # kept until a person said what became of it
        queue.resolve("a", DeliveryStatus.SUBMITTED, by="ann")
        assert queue.lengths() == {"web": 1}
    else:
        assert settled == ()
        assert ops(queue) == ["a", "b"]
        assert not queue.line("web")[0].under_way
    assert queue.settle_dead() == ()


def test_one_that_was_not_settled_yet_is_taken_all_the_same(queue: DeliveryQueue) -> None:
    put(queue, "a")
    taken_by_a_dead_process(queue, "a", DeliveryStep.CLEAN)
    receipt, fresh = queue.take("a")
    assert (fresh, receipt.step) == (True, DeliveryStep.ACCEPT)


def test_what_this_process_gave_up_is_settled_by_how_far_it_came(queue: DeliveryQueue) -> None:
    for op, step in (("a", DeliveryStep.CLEAN), ("b", DeliveryStep.PASTE)):
        put(queue, op)
        queue.take(op)
        queue.step(op, step)
    assert queue.settle_own("a", "the disk was full").status is DeliveryStatus.ACCEPTED
    unknown = queue.settle_own("b", "the disk was full")
    assert (unknown.status, "at the step paste" in unknown.evidence) == (DeliveryStatus.UNKNOWN, True)
    assert ops(queue) == ["a"]


def test_what_another_process_took_is_not_settled_by_this_one(queue: DeliveryQueue) -> None:
    put(queue, "a")
    taken_by_a_dead_process(queue, "a", DeliveryStep.PASTE)
    assert queue.settle_own("a", "x").status is DeliveryStatus.ACCEPTED


def test_a_text_that_is_gone_or_was_changed_is_not_sent(queue: DeliveryQueue, layout: Layout) -> None:
    put(queue, "a")
    (text,) = layout.lines.iterdir()
    text.write_text("rm -rf /")
    with pytest.raises(StoreError, match="is not the one that was accepted"):
        queue.request("a")
    text.unlink()
    with pytest.raises(StoreError, match="is gone"):
        queue.request("a")


def test_a_record_that_cannot_be_read_hides_no_other_and_is_named(queue: DeliveryQueue, layout: Layout) -> None:
    for op in "abc":
        put(queue, op)
    (layout.deliveries / "a.json").write_text("{")
    assert ops(queue) == ["b", "c"]
    assert "a.json" in queue.unreadable()[0]


@pytest.mark.parametrize("room", [0, 1], ids=["no room for the text", "no room for the record"])
def test_a_full_disk_accepts_nothing_and_leaves_nothing(
    queue: DeliveryQueue, layout: Layout, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    put(queue, "a")
    real, writes = os.write, []

    def full(fd: int, data: bytes) -> int:
        writes.append(fd)
        if len(writes) > room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(StoreError, match="No space left"):
            put(queue, "b")
    assert queue.get("b") is None
    assert ops(queue) == ["a"]
    assert len(list(layout.lines.iterdir())) == 1
    assert put(queue, "b")[1]


def test_a_sender_killed_at_any_write_leaves_the_text_in_line_or_nothing(queue: DeliveryQueue, layout: Layout) -> None:
    turn = 0
    seen = []

    def check() -> None:
        nonlocal turn
        assert queue.unreadable() == ()
        queue.settle_dead()
        op = f"op-{turn}"
        seen.append(op in ops(queue))
        if seen[-1]:
            assert queue.request(op).text == "hello"
            queue.drop(op, "seen", by="person")
        assert put(queue, f"after-{turn}")[1]
        queue.drop(f"after-{turn}", "seen", by="person")
        assert [path for path in layout.lines.iterdir() if not path.name.startswith(".")] == []
        turn += 1

    assert killed_at_every_write(lambda: put(queue, f"op-{turn}"), check) >= 8
    assert seen == sorted(seen)
    assert set(seen) == {False, True}


def test_a_taker_killed_at_any_write_loses_nothing_and_sends_nothing_twice(queue: DeliveryQueue) -> None:
    turn = 0
    seen = []

    def work() -> None:
        op = f"op-{turn}"
        assert queue.take(op)[1]
        queue.step(op, DeliveryStep.LEASE)
        queue.put_back(op, "busy")
        assert queue.take(op)[1]
        queue.step(op, DeliveryStep.PASTE)
        ended(queue, op, DeliveryStatus.STARTED)

    def check() -> None:
        nonlocal turn
        queue.settle_dead()
        receipt = queue.get(f"op-{turn}")
        assert receipt is not None
        waits = f"op-{turn}" in ops(queue)
        assert waits == (receipt.status is DeliveryStatus.ACCEPTED)
        seen.append(receipt.status)
        if waits:
            assert queue.request(f"op-{turn}").text == "hello"
            queue.drop(f"op-{turn}", "seen", by="person")
        turn += 1
        put(queue, f"op-{turn}")

    put(queue, "op-0")
    assert killed_at_every_write(work, check) >= 16
    order = [DeliveryStatus.ACCEPTED, DeliveryStatus.UNKNOWN, DeliveryStatus.STARTED]
    assert seen == sorted(seen, key=order.index)
    assert set(seen) == set(order)


def test_one_killed_while_it_is_taken_out_is_in_line_or_out(queue: DeliveryQueue) -> None:
    turn = 0

    def check() -> None:
        nonlocal turn
        queue.settle_dead()
        receipt = queue.get(f"op-{turn}")
        assert receipt is not None
        assert receipt.status in (DeliveryStatus.ACCEPTED, DeliveryStatus.NOT_DELIVERED)
        assert (f"op-{turn}" in ops(queue)) == (receipt.status is DeliveryStatus.ACCEPTED)
        turn += 1
        put(queue, f"op-{turn}")

    put(queue, "op-0")
    assert killed_at_every_write(lambda: queue.drop(f"op-{turn}", "no", by="person"), check) >= 4
