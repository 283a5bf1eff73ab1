"""What the keeper of lanes notes, does and tells, on real records; only the pane is not there."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from loop_orchestrator.errors import ChangedElsewhereError, LockedError, StoreError, SubstrateError
from loop_orchestrator.model.lane import Detail, Lane, LaneRun
from loop_orchestrator.model.restart import RestartEvent
from loop_orchestrator.operations import restart as restart_module
from loop_orchestrator.operations.dialogs import Attendant
from loop_orchestrator.operations.restart import HeldError
from loop_orchestrator.watch import guard as guard_module
from loop_orchestrator.watch.guard import SWEEP_S, _Guard
from loop_orchestrator.watch.keeper import Keeper
from loop_orchestrator.wiring import Options, Project
from tests.support.builders import a_lane
from tests.support.clocks import SteppedClock

LOOK = frozenset({"web is not started again yet, or not ready since: a person has to look"})
CONFIG = "restart: {waits_s: [5, 30], settle_s: 60}\n"


class Shop(Project):
    """A project in which the lanes are what the test says."""

    def __init__(self, root: Path) -> None:
        super().__init__(Options(project_root=str(root), session="shop"), dict(os.environ))
        self.stepped = SteppedClock()
        self.clock = self.stepped
        self.lane = a_lane()
        self.looks = 0
        self.session_lives = True

    def observe_lanes(self) -> tuple[Lane, ...]:
        self.looks += 1
        return (self.lane,)

    def show(self, detail: Detail) -> None:
        self.lane = replace(self.lane, state=a_lane(detail=detail).state, run=self.run(None))

    def end(self, status: int) -> None:
        self.lane = replace(self.lane, state=a_lane(detail=Detail.EXITED).state, run=self.run(status))

    def run(self, status: int | None) -> LaneRun:
        now = self.clock.now()
        return LaneRun(
            pid=1, started_at=now, ended_at=None if status is None else now, exit_status=status, suspended=False
        )

    def session_exists(self) -> bool:
        return self.session_lives


@pytest.fixture
def shop(project: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    (project / "lane-config.yaml").write_text(CONFIG)
    shop = Shop(project)
    monkeypatch.setattr(shop, "substrate", shop, raising=False)
    monkeypatch.setattr(restart_module, "restart_ended", started(shop))
    return shop


def started(shop: Shop) -> Callable[..., None]:
    """In place of the restart: the program runs again and shows nothing yet, and that is on record."""

    def restart(world: object, name: str, *, booted_at: datetime, attempt: int, reason: str, by: str) -> None:
        last = shop.restarts.latest()[name]
        assert booted_at == shop.lane.record.booted_at
        shop.lane = replace(shop.lane, record=replace(shop.lane.record, booted_at=booted_at + timedelta(seconds=1)))
        shop.show(Detail.BOOTING)
        booted = shop.lane.record.booted_at
        shop.restarts.append(
            replace(last, event=RestartEvent.RESTARTED, attempt=attempt, booted_at=booted, next_at=None)
        )

    return restart


def refused(error: Exception) -> Callable[..., None]:
    def restart(*_: object, **__: object) -> None:
        raise error

    return restart


def said(shop: Shop) -> list[tuple[str, int]]:
    return [(note.event.value, note.attempt) for note in shop.restarts.of_lane("web")]


def after(shop: Shop, keeper: Keeper, seconds: float) -> frozenset[str]:
    shop.stepped.advance(seconds)
    return keeper.look(shop.observe_lanes())


def test_a_program_that_dies_again_and_again_is_given_up_and_a_person_is_told_once(shop: Shop) -> None:
    keeper = Keeper(shop)
    for wait_s in (5, 30):
        shop.end(3)
        assert keeper.look(shop.observe_lanes()) == frozenset()
        assert keeper.wait_s == wait_s
        after(shop, keeper, wait_s)
        assert shop.lane.state.detail is Detail.BOOTING
    shop.end(3)
    sentences = [after(shop, keeper, 500) for _ in range(3)]
    assert set(sentences) == {
        frozenset({"web was given up: 2 restarts in a row did not help: its program ended with status 3"})
    }
    assert said(shop) == [("failed", 0), ("restarted", 1), ("failed", 1), ("restarted", 2), ("giving-up", 2)]
    (told,) = [event for event in shop.events.tail(20) if event.kind == "lane.gave-up"]
    assert told.payload["exit_status"] == 3
    assert keeper.wait_s == float("inf")


def test_a_new_keeper_forgets_neither_a_wait_nor_a_count(shop: Shop) -> None:
    shop.end(3)
    Keeper(shop).look(shop.observe_lanes())
    again = Keeper(shop)
    after(shop, again, 3)
    assert (said(shop), again.wait_s) == ([("failed", 0)], 2)
    after(shop, again, 2)
    shop.end(3)
    last = Keeper(shop)
    last.look(shop.observe_lanes())
    assert (said(shop)[-1], last.wait_s) == (("failed", 1), 30)


def test_a_program_that_cannot_be_started_is_given_up_at_once(shop: Shop) -> None:
    shop.end(127)
    assert Keeper(shop).look(shop.observe_lanes()) == frozenset(
        {"web was given up: it cannot be started: its program ended with status 127"}
    )
    assert said(shop) == [("giving-up", 0)]


def test_a_lane_that_is_ready_and_stays_so_begins_anew(shop: Shop) -> None:
    keeper = Keeper(shop)
    shop.end(3)
    keeper.look(shop.observe_lanes())
    after(shop, keeper, 5)
    shop.show(Detail.READY)
    after(shop, keeper, 3)
    assert keeper.wait_s == 60
    for detail in (Detail.BUSY, Detail.APPROVAL, Detail.READY):
        shop.show(detail)
        after(shop, keeper, 15)
    assert said(shop)[-1] == ("restarted", 1)
    after(shop, keeper, 15)
    assert said(shop)[-1] == ("ready", 1)
    assert shop.events.tail(1)[0].kind == "lane.recovered"
    shop.end(3)
    keeper.look(shop.observe_lanes())
    assert (said(shop)[-1], keeper.wait_s) == (("failed", 0), 5)


def test_a_lane_that_was_ready_and_got_worse_is_not_good(shop: Shop) -> None:
    keeper = Keeper(shop)
    shop.end(3)
    keeper.look(shop.observe_lanes())
    after(shop, keeper, 5)
    shop.show(Detail.READY)
    after(shop, keeper, 1)
    shop.show(Detail.DRIFTED)
    after(shop, keeper, 30)
    shop.show(Detail.READY)
    after(shop, keeper, 30)
    after(shop, keeper, 30)
    assert said(shop)[-1] == ("restarted", 1)


def test_a_lane_that_asks_after_its_restart_is_told_to_a_person(shop: Shop) -> None:
    keeper = Keeper(shop)
    shop.end(3)
    keeper.look(shop.observe_lanes())
    after(shop, keeper, 5)
    shop.show(Detail.DIALOG)
    sentences = [after(shop, keeper, 100) for _ in range(2)]
    assert set(sentences) == {LOOK}
    assert said(shop)[-2:] == [("restarted", 1), ("postponed", 1)]


def test_a_start_up_dialog_that_the_config_allows_is_answered_once_before_a_person_is_told(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def attend(_: Attendant, lane: Lane) -> bool:
        asked.append(lane.name)
        return len(asked) == 1

    monkeypatch.setattr(Attendant, "attend", attend)
    keeper = Keeper(shop)
    shop.show(Detail.DIALOG)
    keeper.look(shop.observe_lanes())
    shop.end(3)
    keeper.look(shop.observe_lanes())
    after(shop, keeper, 5)
    assert asked == []
    shop.show(Detail.DIALOG)
    assert after(shop, keeper, 3) == frozenset()
    assert (asked, said(shop)[-1]) == (["web"], ("restarted", 1))
    assert after(shop, keeper, 3) == LOOK


def test_what_ends_by_itself_is_waited_for_without_a_word(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = Keeper(shop)
    shop.end(3)
    keeper.look(shop.observe_lanes())
    for error in (LockedError("a delivery"), ChangedElsewhereError("somebody else")):
        monkeypatch.setattr(restart_module, "restart_ended", refused(error))
        assert after(shop, keeper, 5) == frozenset()
    assert said(shop) == [("failed", 0)]
    assert keeper.wait_s < 5


def test_a_lane_in_somebodys_hands_is_told_and_tried_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = Keeper(shop)
    shop.end(3)
    keeper.look(shop.observe_lanes())
    with monkeypatch.context() as held:
        held.setattr(restart_module, "restart_ended", refused(HeldError("vim runs in its shell")))
        for _ in range(3):
            assert after(shop, keeper, 20) == LOOK
    assert said(shop) == [("failed", 0), ("postponed", 0)]
    after(shop, keeper, 20)
    assert said(shop)[-1] == ("restarted", 1)


def test_a_restart_that_tmux_refuses_counts(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restart_module, "restart_ended", refused(SubstrateError("tmux respawn-pane %1: no")))
    keeper = Keeper(shop)
    shop.end(3)
    for seconds in (0, 5, 30, 500):
        after(shop, keeper, seconds)
    assert said(shop) == [("failed", 0), ("failed", 1), ("giving-up", 2)]


def test_a_record_that_cannot_be_written_is_not_passed_over(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restart_module, "restart_ended", refused(StoreError("the disk is full")))
    keeper = Keeper(shop)
    shop.end(3)
    keeper.look(shop.observe_lanes())
    with pytest.raises(StoreError):
        after(shop, keeper, 5)


def test_lanes_that_are_gone_with_their_session_are_not_restarted(shop: Shop) -> None:
    shop.show(Detail.MISSING)
    shop.session_lives = False
    keeper = Keeper(shop)
    keeper.look(shop.observe_lanes())
    assert said(shop) == []
    shop.session_lives = True
    keeper.look(shop.observe_lanes())
    assert said(shop) == [("failed", 0)]


def test_what_was_noted_of_an_earlier_boot_says_nothing_about_this_one(shop: Shop) -> None:
    keeper = Keeper(shop)
    shop.end(127)
    keeper.look(shop.observe_lanes())
    shop.lane = replace(shop.lane, record=replace(shop.lane.record, booted_at=shop.clock.now()))
    shop.stepped.advance(1)
    shop.lane = replace(shop.lane, record=replace(shop.lane.record, booted_at=shop.clock.now()))
    shop.end(3)
    assert keeper.look(shop.observe_lanes()) == frozenset()
    assert said(shop) == [("giving-up", 0), ("failed", 0)]


def test_a_guard_with_nothing_to_do_asks_tmux_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = replace(shop.lane.record, pane_pid=os.getpid())
    shop.world.lanes.put(mine)
    guard = _Guard(shop, lambda _: None)
    monkeypatch.setattr(guard_module, "is_running", lambda pid: pid == os.getpid())
    for _ in range(5):
        assert guard._looked() == ("", SWEEP_S)
        shop.stepped.advance(SWEEP_S)
    assert shop.looks == 1
    shop.world.lanes.put(replace(mine, pane_pid=os.getpid(), booted_at=shop.clock.now()))
    guard._looked()
    assert shop.looks == 2
    with shop.control.watch_lock():
        shop.world.lanes.put(mine)
        assert guard._looked() == ("", SWEEP_S)
        assert shop.looks == 2
    shop.world.lanes.clear()
    assert guard._looked()[0] == "the session is gone"
