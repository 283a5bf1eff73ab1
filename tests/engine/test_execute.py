"""Performing a decision while a person and another process have a say in it too."""

from __future__ import annotations

from dataclasses import replace
from threading import Thread

import pytest

from loop_orchestrator.actions.base import Hands, Outcome
from loop_orchestrator.actions.stop import Stop
from loop_orchestrator.engine.execute import execute
from loop_orchestrator.model.decision import ItemStatus
from loop_orchestrator.world import World
from tests.engine.test_settle import filed


def test_an_item_that_is_rejected_while_one_before_it_runs_is_not_begun(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    filed(world, ItemStatus.READY, ItemStatus.READY, ItemStatus.READY)

    def performed(self: Stop, hands: Hands) -> Outcome:
        if hands.idx == 0:
            no = ItemStatus.REJECTED
            world.decisions.update("d-1", lambda old: old.with_item(replace(old.items[1], status=no)))
        return Outcome(ItemStatus.DONE, "")

    monkeypatch.setattr(Stop, "perform", performed)
    assert [item.status.value for item in execute(world, "d-1").items] == ["done", "rejected", "done"]
    assert [e.payload["idx"] for e in world.events.tail(20) if e.kind == "item.started"] == [0, 2]


def test_who_waits_for_another_process_performs_what_it_left(world: World) -> None:
    filed(world, ItemStatus.READY)
    held = world.decisions.execution_lock("d-1")
    held.acquire()
    waiting = Thread(target=execute, args=(world, "d-1"), kwargs={"timeout_s": None})
    waiting.start()
    held.release()
    waiting.join(10)
    assert world.decisions.get("d-1").items[0].status is ItemStatus.DONE
