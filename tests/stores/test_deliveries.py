"""Deliveries: one acceptance per operation, every step on disk before it is taken, and an honest end after a death."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from loop_orchestrator.errors import LockedError, StoreError, UsageError
from loop_orchestrator.ids import sha256_text
from loop_orchestrator.model.delivery import DELIVERY_MOVES, DeliveryStatus, DeliveryStep, Receipt
from loop_orchestrator.stores import deliveries as deliveries_module
from loop_orchestrator.stores import listing
from loop_orchestrator.stores.deliveries import DeliveryStore
from loop_orchestrator.stores.eventlog import EventLog
from loop_orchestrator.stores.layout import Layout
from tests.stores.builders import NOON, layout_of, log_of, request
from tests.stores.forks import in_processes, killed_at_every_write
from tests.support.clocks import SteppedClock


@pytest.fixture
def layout(project: Path) -> Layout:
    return layout_of(project)


@pytest.fixture
def events(project: Path) -> EventLog:
    return log_of(project)


@pytest.fixture
def store(layout: Layout, events: EventLog, clock: SteppedClock) -> DeliveryStore:
    return DeliveryStore(layout, clock, events)


def accept(store: DeliveryStore, op: str = "op-1", *, text: str = "hello", lane: str = "web") -> tuple[Receipt, bool]:
    return store.accept(request(op, text=text, lane=lane), sha256_text(text), len(text))


def ended(store: DeliveryStore, op: str, status: DeliveryStatus) -> Receipt:
    receipt = store.get(op)
    assert receipt is not None
    return store.close(replace(receipt, status=status, evidence="seen"))


def left_by_a_dead_process(store: DeliveryStore, op: str, step: DeliveryStep) -> None:
    """A delivery whose process ended right after it recorded this step."""

    def work(_: int) -> None:
        accept(store, op)
        store.step(op, step)

    in_processes(1, work)


def test_an_accepted_delivery_is_on_disk(store: DeliveryStore, layout: Layout) -> None:
    receipt, fresh = accept(store)
    assert fresh
    assert receipt.status is DeliveryStatus.ACCEPTED
    assert receipt.times == {"accept": NOON}
    assert store.get("op-1") == receipt
    assert store.get("op-2") is None
    found = json.loads((layout.deliveries / "op-1.json").read_text())
    assert found["schema"] == 1
    assert found["process"]["pid"] == os.getpid()


def test_the_same_text_again_gives_the_first_receipt_and_another_is_refused(store: DeliveryStore) -> None:
    first, _ = accept(store)
    assert accept(store) == (first, False)
    with pytest.raises(StoreError, match="the id stands for another text"):
        accept(store, text="other")
    with pytest.raises(StoreError, match="the id stands for lane web"):
        accept(store, lane="docs")


@pytest.mark.parametrize("status", [status for status in DeliveryStatus if status is not DeliveryStatus.ACCEPTED])
def test_a_closed_delivery_is_not_accepted_again(store: DeliveryStore, status: DeliveryStatus) -> None:
    accept(store)
    closed = ended(store, "op-1", status)
    assert accept(store) == (closed, False)
    with pytest.raises(StoreError, match="another text"):
        accept(store, text="other")


def test_of_many_processes_with_one_operation_one_may_deliver(store: DeliveryStore, tmp_path: Path) -> None:
    def deliver(number: int) -> None:
        for turn in range(20):
            if accept(store, f"op-{turn}")[1]:
                (tmp_path / f"{turn}-{number}").touch()
                ended(store, f"op-{turn}", DeliveryStatus.STARTED)

    in_processes(8, deliver)
    assert sorted(path.name.split("-")[0] for path in tmp_path.glob("*-*")) == sorted(map(str, range(20)))


@pytest.mark.parametrize("op", ["", "../x", "a/b", ".a", "-a", "a b", "x" * 82, "a\n"])
def test_an_id_that_is_no_file_name_is_refused(store: DeliveryStore, op: str) -> None:
    with pytest.raises(UsageError, match="cannot be the id of a delivery"):
        accept(store, op)


def test_a_step_is_recorded_with_its_time_and_what_it_found(store: DeliveryStore, clock: SteppedClock) -> None:
    accept(store)
    clock.advance(2)
    receipt = store.step("op-1", DeliveryStep.CLEAN, pane="%5", removed={"ESC": 2}, bytes=3)
    assert (receipt.step, receipt.pane, receipt.removed, receipt.bytes) == (DeliveryStep.CLEAN, "%5", {"ESC": 2}, 3)
    assert receipt.times == {"accept": NOON, "clean": clock.now()}
    assert store.get("op-1") == receipt


def test_there_is_no_step_back_and_none_after_the_end(store: DeliveryStore) -> None:
    accept(store)
    store.step("op-1", DeliveryStep.PASTE)
    with pytest.raises(ValueError, match="no way back from paste to check"):
        store.step("op-1", DeliveryStep.CHECK)
    ended(store, "op-1", DeliveryStatus.SUBMITTED)
    with pytest.raises(StoreError, match="is submitted; no step"):
        store.step("op-1", DeliveryStep.SUBMIT)


@pytest.mark.parametrize("was", list(DeliveryStatus))
@pytest.mark.parametrize("to", list(DeliveryStatus))
def test_a_delivery_ends_by_the_table_of_moves(store: DeliveryStore, was: DeliveryStatus, to: DeliveryStatus) -> None:
    accept(store)
    ended(store, "op-1", was)
    if to in DELIVERY_MOVES[was] or to is was:
        assert ended(store, "op-1", to).status is to
    else:
        with pytest.raises(StoreError, match=f"is {was.value}; it cannot become {to.value}"):
            ended(store, "op-1", to)


def test_the_end_is_one_event(store: DeliveryStore, events: EventLog) -> None:
    accept(store)
    for _ in range(2):
        ended(store, "op-1", DeliveryStatus.STARTED)
    assert [(event.kind, event.source, event.payload["status"]) for event in events.tail(9)] == [
        ("delivery.closed", "person", "started")
    ]


def test_open_and_unknown_deliveries_are_listed_oldest_first(store: DeliveryStore, clock: SteppedClock) -> None:
    for op in ("c", "b", "a", "u", "done"):
        accept(store, op)
        clock.advance(1)
    ended(store, "u", DeliveryStatus.UNKNOWN)
    ended(store, "done", DeliveryStatus.STARTED)
    assert [receipt.op for receipt in store.open_ops()] == ["c", "b", "a"]
    assert [receipt.op for receipt in store.unknown()] == ["u"]


def test_a_broken_record_hides_no_other_and_is_named(store: DeliveryStore, layout: Layout) -> None:
    accept(store)
    (layout.deliveries / "bad.json").write_text("{")
    assert [receipt.op for receipt in store.open_ops()] == ["op-1"]
    assert "bad.json:1:2" in store.unreadable()[0]
    with pytest.raises(StoreError, match=r"bad\.json"):
        accept(store, "bad")


def test_closed_deliveries_leave_the_folder_that_is_searched(store: DeliveryStore, layout: Layout) -> None:
    accept(store)
    ended(store, "op-1", DeliveryStatus.STARTED)
    assert [path.name for path in layout.deliveries.glob("*.json")] == []


def test_a_lane_is_leased_to_one(store: DeliveryStore) -> None:
    with store.lease("web"):
        with store.lease("docs"):
            pass
        with pytest.raises(LockedError, match="lane web is held by"), store.lease("web"):
            pass
    with pytest.raises(UsageError):
        store.lease("../web")


@pytest.mark.parametrize("step", [step for step in DeliveryStep if step is not DeliveryStep.RECEIPT])
def test_what_a_dead_process_left_is_unknown_once_the_pane_may_have_been_touched(
    store: DeliveryStore, events: EventLog, step: DeliveryStep
) -> None:
    left_by_a_dead_process(store, "op-1", step)
    expected = DeliveryStatus.UNKNOWN if step.touches_pane else DeliveryStatus.NOT_DELIVERED
    settled = store.settle_dead()
    assert [(receipt.op, receipt.status, receipt.step) for receipt in settled] == [("op-1", expected, step)]
    assert "ended at the step " + step.value in settled[0].evidence
    assert store.get("op-1") == settled[0]
    assert store.settle_dead() == ()
    assert [event.payload["status"] for event in events.tail(9)] == [expected.value]


def test_what_a_living_process_carries_out_is_left_to_it(store: DeliveryStore) -> None:
    accept(store)
    store.step("op-1", DeliveryStep.PASTE)
    assert store.settle_dead() == ()
    assert [receipt.op for receipt in store.open_ops()] == ["op-1"]


def test_a_lane_that_somebody_types_into_is_settled_later(store: DeliveryStore) -> None:
    left_by_a_dead_process(store, "op-1", DeliveryStep.CHECK)
    with store.lease("web"):
        assert store.settle_dead() == ()
    assert len(store.settle_dead()) == 1


def test_a_process_with_the_pid_of_a_dead_one_is_another(store: DeliveryStore, layout: Layout) -> None:
    accept(store)
    path = layout.deliveries / "op-1.json"
    document = json.loads(path.read_text())
    document["process"]["start"] -= 1
    path.write_text(json.dumps(document))
    assert [receipt.op for receipt in store.settle_dead()] == ["op-1"]


def test_a_person_resolves_an_unknown_delivery_and_no_other(store: DeliveryStore, events: EventLog) -> None:
    for op, status in (("u", DeliveryStatus.UNKNOWN), ("s", DeliveryStatus.SUBMITTED)):
        accept(store, op)
        ended(store, op, status)
    resolved = store.resolve("u", DeliveryStatus.NOT_DELIVERED, by="ann on pts/1")
    assert (resolved.status, resolved.evidence) == (DeliveryStatus.NOT_DELIVERED, "ann on pts/1 said so")
    assert store.unknown() == ()
    last = events.tail(1)[0]
    assert (last.kind, dict(last.payload)) == (
        "delivery.resolved",
        {"op": "u", "outcome": "not-delivered", "by": "ann on pts/1"},
    )
    for op in ("u", "s", "missing"):
        with pytest.raises(StoreError):
            store.resolve(op, DeliveryStatus.SUBMITTED, by="ann")


def test_a_process_killed_at_any_write_leaves_a_delivery_that_is_told_apart(store: DeliveryStore) -> None:
    """Before the paste is on record it is not delivered; from then on it is unknown, or closed as it was."""
    turn = 0

    def op() -> str:
        return f"op-{turn}"

    def work() -> None:
        accept(store, op())
        store.step(op(), DeliveryStep.LEASE)
        store.step(op(), DeliveryStep.PASTE)
        ended(store, op(), DeliveryStatus.STARTED)

    seen = []

    def check() -> None:
        nonlocal turn
        assert store.unreadable() == ()
        store.settle_dead()
        assert store.open_ops() == ()
        found = store.get(op())
        seen.append(found.status if found else None)
        if found and found.status is DeliveryStatus.NOT_DELIVERED:
            assert not found.step.touches_pane
        turn += 1

    assert killed_at_every_write(work, check) >= 16
    order = [None, DeliveryStatus.NOT_DELIVERED, DeliveryStatus.UNKNOWN, DeliveryStatus.STARTED]
    assert seen == sorted(seen, key=order.index)
    assert set(seen) == set(order)


def test_a_closed_record_is_read_once_as_long_as_it_stays_as_it_is(
    store: DeliveryStore, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(store)
    closed = ended(store, "op-1", DeliveryStatus.SUBMITTED)
    monkeypatch.setattr(listing, "SETTLED_NS", 0)
    assert store.get("op-1") == closed
    path = layout.deliveries_closed / "op-1.json"
    with monkeypatch.context() as patch:
        patch.setattr(deliveries_module, "_from_fields", None)
        assert store.get("op-1") == closed
    path.write_text(path.read_text().replace('"seen"', '"SEEN"'))
    assert store.get("op-1") == replace(closed, evidence="SEEN")


def test_no_more_closed_records_are_kept_than_are_allowed(
    store: DeliveryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries_module, "KNOWN_CLOSED", 2)
    monkeypatch.setattr(listing, "SETTLED_NS", 0)
    for number in range(5):
        accept(store, f"op-{number}")
        ended(store, f"op-{number}", DeliveryStatus.SUBMITTED)
        assert store.get(f"op-{number}") is not None
    assert len(store._closed) <= 2
