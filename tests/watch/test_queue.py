"""When a line goes on, and what holds it: lanes apart from each other, one text at a time, never in a hurry."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from loop_orchestrator.errors import StoreError
from loop_orchestrator.model.delivery import DeliveryRequest
from loop_orchestrator.model.lane import Detail, Lane, LaneState
from loop_orchestrator.operations.queue import Turned
from loop_orchestrator.watch import queue as queue_module
from loop_orchestrator.watch.queue import AGAIN_MOST_S, AGAIN_S, Lines
from loop_orchestrator.wiring import Options, Project
from tests.support.builders import NOW, a_lane
from tests.support.clocks import SteppedClock
from tests.support.waiting import eventually

LIMIT_S = 60.0


class Deliveries:
    """In place of delivering: what each call becomes is said by the test."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Detail | None]] = []
        self.becomes: list[Turned | Exception] = []
        self.settled: list[tuple[str, str]] = []
        self.held: dict[str, threading.Event] = {}
        """lane -> until when a delivery to it takes"""
        self.unsettled: list[Exception] = []

    def next(self, _world: object, name: str, state: LaneState | None) -> Turned:
        self.calls.append((name, state.detail if state else None))
        if name in self.held:
            assert self.held[name].wait(LIMIT_S)
        turned = self.becomes.pop(0) if self.becomes else Turned.DELIVERED
        if isinstance(turned, Exception):
            raise turned
        return turned

    def settle(self, _world: object, name: str, reason: str) -> None:
        if self.unsettled:
            raise self.unsettled.pop()
        self.settled.append((name, reason))

    def of(self, name: str) -> int:
        return [lane for lane, _ in self.calls].count(name)


class Shop(Project):
    """A project in which time stands still."""

    def __init__(self, root: Path) -> None:
        super().__init__(Options(project_root=str(root), session="shop"), dict(os.environ))
        self.stepped = SteppedClock()
        self.clock = self.stepped


@pytest.fixture
def shop(project: Path) -> Shop:
    (project / "lane-config.yaml").write_text("{}\n")
    return Shop(project)


@pytest.fixture
def deliveries(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deliveries]:
    made = Deliveries()
    monkeypatch.setattr(queue_module, "deliver_next", made.next)
    monkeypatch.setattr(queue_module, "settle", made.settle)
    yield made
    for event in made.held.values():
        event.set()


@pytest.fixture
def lines(shop: Shop) -> Lines:
    return Lines(shop.world)


def put(shop: Shop, *lanes: str) -> None:
    for lane in lanes:
        request = DeliveryRequest(op=f"{lane}-{os.urandom(3).hex()}", lane=lane, text="x", sender="person")
        shop.world.queue.enqueue(request, "x", removed={}, program="rehearsal")


def lane(name: str = "web", detail: Detail = Detail.READY, *, pane: str = "%1", boot: int = 0) -> Lane:
    seen = a_lane(name, detail)
    return replace(seen, record=replace(seen.record, pane=pane, booted_at=NOW + timedelta(seconds=boot)))


def looked(lines: Lines, *lanes: Lane) -> frozenset[str]:
    """One look of the daemon, and the end of what it begins; the panes it read."""
    read = lines.to_read()
    lines.look(lanes)
    assert lines.join(LIMIT_S)
    return read


def test_without_a_line_there_is_no_thread_and_nothing_to_wait_for(lines: Lines, deliveries: Deliveries) -> None:
    looked(lines, lane())
    assert deliveries.calls == []
    assert lines.waiting == {}
    assert lines.wait_s == math.inf
    assert not lines.calls_for_a_look


def test_a_lane_that_is_ready_gets_its_first_text_and_is_read_before_the_next(
    shop: Shop, lines: Lines, deliveries: Deliveries
) -> None:
    put(shop, "web", "web")
    looked(lines, lane())
    assert deliveries.of("web") == 1
    assert lines.calls_for_a_look
    lines.look([lane()])  # what it shows was read before the text was typed
    assert lines.join(LIMIT_S)
    assert deliveries.of("web") == 1
    assert looked(lines, lane()) == {"%1"}
    assert deliveries.of("web") == 2


def test_a_lane_that_is_not_ready_is_not_tried_again_and_again(
    shop: Shop, lines: Lines, deliveries: Deliveries
) -> None:
    put(shop, "web")
    deliveries.becomes = [Turned.WAITS]
    for _ in range(3):  # the first look finds out whether the text is for what runs there
        looked(lines, lane(detail=Detail.BUSY))
    assert deliveries.calls == [("web", Detail.BUSY)]
    assert lines.wait_s == math.inf
    looked(lines, lane())
    assert deliveries.of("web") == 2


def test_another_start_of_the_lane_is_looked_at_once_whatever_its_state(
    shop: Shop, lines: Lines, deliveries: Deliveries
) -> None:
    put(shop, "web")
    deliveries.becomes = [Turned.WAITS, Turned.WAITS, Turned.CLOSED, Turned.EMPTY]
    looked(lines, lane(detail=Detail.BUSY))
    looked(lines, lane(detail=Detail.BOOTING, boot=1))
    looked(lines, lane(detail=Detail.BOOTING, boot=1))
    assert deliveries.of("web") == 2
    looked(lines)  # the lane is gone
    assert deliveries.calls[2:] == [("web", None), ("web", None)]


def test_a_slow_lane_holds_up_no_other_and_gets_no_second_text(
    shop: Shop, lines: Lines, deliveries: Deliveries
) -> None:
    put(shop, "web", "web", "docs", "docs")
    deliveries.held["web"] = threading.Event()
    both = (lane(), lane("docs", pane="%2"))
    done = threading.Event()
    lines.on_done = done.set
    lines.look(both)
    for number in (1, 2):
        assert done.wait(LIMIT_S)
        assert deliveries.of("docs") == number
        done.clear()
        assert lines.to_read() == {"%2"}
        lines.look(both)
    eventually(lambda: deliveries.of("web") == 1)
    assert not lines.join(0.0)
    deliveries.held["web"].set()
    assert lines.join(LIMIT_S)


def test_what_went_back_is_tried_again_after_growing_waits(shop: Shop, lines: Lines, deliveries: Deliveries) -> None:
    put(shop, "web")
    waits = []
    for _ in range(9):
        deliveries.becomes = [Turned.RETURNED]
        before = deliveries.of("web")
        looked(lines, lane())
        assert deliveries.of("web") == before + 1
        waits.append(lines.wait_s)
        looked(lines, lane())  # too soon
        assert deliveries.of("web") == before + 1
        shop.stepped.advance(lines.wait_s)
        assert lines.calls_for_a_look
    assert waits[:3] == [AGAIN_S, 2 * AGAIN_S, 4 * AGAIN_S]
    assert waits[-1] == AGAIN_MOST_S


def test_a_lane_that_went_to_work_meanwhile_is_tried_as_soon_as_it_is_ready(
    shop: Shop, lines: Lines, deliveries: Deliveries
) -> None:
    put(shop, "web")
    deliveries.becomes = [Turned.RETURNED]
    looked(lines, lane())
    looked(lines, lane(detail=Detail.BUSY))
    assert lines.wait_s == math.inf
    looked(lines, lane())
    assert deliveries.of("web") == 2


def test_a_held_line_waits_until_something_changed(shop: Shop, lines: Lines, deliveries: Deliveries) -> None:
    put(shop, "web")
    deliveries.becomes = [Turned.HELD]
    for _ in range(2):
        looked(lines, lane())
        looked(lines, lane(detail=Detail.BUSY))
    assert deliveries.of("web") == 1
    assert lines.wait_s == math.inf
    lines.try_all()
    looked(lines, lane())
    assert deliveries.of("web") == 2


def test_texts_that_can_never_be_delivered_make_way_at_once(shop: Shop, lines: Lines, deliveries: Deliveries) -> None:
    put(shop, "web", "web", "web")
    deliveries.becomes = [Turned.CLOSED, Turned.CLOSED, Turned.DELIVERED]
    looked(lines, lane())
    assert deliveries.of("web") == 3


def test_a_failure_is_an_event_and_what_was_taken_is_settled_before_anything_else(
    shop: Shop, lines: Lines, deliveries: Deliveries
) -> None:
    put(shop, "web")
    deliveries.becomes = [StoreError("the disk is full")]
    deliveries.unsettled = [StoreError("the disk is still full")]
    looked(lines, lane())
    assert [event.payload for event in shop.events.since(0) if event.kind == "crash"] == [
        {"what": "the line of lane web", "reason": "the disk is full"}
    ]
    for _ in range(2):
        shop.stepped.advance(lines.wait_s)
        looked(lines, lane(detail=Detail.BUSY))  # the lane need not be ready for that
    assert deliveries.settled == [("web", "the disk is still full")]
    assert deliveries.of("web") == 2


def test_nothing_is_begun_once_the_daemon_was_told_to_stop(shop: Shop, lines: Lines, deliveries: Deliveries) -> None:
    put(shop, "web")
    shop.world.cancel.set()
    looked(lines, lane())
    assert deliveries.calls == []


def test_the_daemon_is_woken_when_a_delivery_ends(shop: Shop, lines: Lines, deliveries: Deliveries) -> None:
    put(shop, "web")
    woken: list[bool] = []
    lines.on_done = lambda: woken.append(lines.calls_for_a_look)
    looked(lines, lane())
    eventually(lambda: woken == [True])
