"""A stop is carried out only where nothing goes on, by a look of the moment in which it is carried out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from loop_orchestrator.actions.base import Hands, Outcome
from loop_orchestrator.actions.escalate import Escalate
from loop_orchestrator.engine.cycle import CycleResult, run_cycle
from loop_orchestrator.errors import StoreError, SubstrateError
from loop_orchestrator.model.brain import BrainReply, Usage
from loop_orchestrator.model.decision import ItemStatus
from loop_orchestrator.model.lane import Detail, Lane
from loop_orchestrator.world import World
from tests.support.builders import a_lane

STOP = "kind: stop, rationale: r"
ESCALATE = "kind: escalate, summary: s, rationale: r"


class _Brain:
    """Says the same each time; meanwhile something may happen."""

    name = "command"
    most_prompt_bytes = None

    def __init__(self, *actions: str, meanwhile: Callable[[], object] = lambda: None) -> None:
        block = ", ".join(f"{{{action}}}" for action in actions)
        self.reply = f"```decision\nversion: 1\ncritique: c\nactions: [{block}]\n```"
        self.meanwhile = meanwhile

    def ask(self, *_: object, **__: object) -> BrainReply:
        self.meanwhile()
        return BrainReply(text=self.reply, brain=self.name, usage=Usage(), transcript=None, duration_s=0.0)


@pytest.fixture
def lanes(world: World, monkeypatch: pytest.MonkeyPatch) -> dict[str, Lane]:
    """The lanes that are there, for the test to change; the exact set of them is what a look finds."""
    there: dict[str, Lane] = {"web": a_lane("web")}
    monkeypatch.setattr(type(world), "observe_lanes", lambda _: tuple(there.values()))
    return there


def decided(world: World, *actions: str, meanwhile: Callable[[], object] = lambda: None) -> CycleResult:
    world.brains = (_Brain(*actions, meanwhile=meanwhile),)  # type: ignore[misc]
    return run_cycle(world, ("test",))


def stop_of(result: CycleResult) -> tuple[str, str]:
    assert result.decision is not None
    (item,) = [item for item in result.decision.items if item.action.kind == "stop"]
    return item.status.value, item.note


def refusals(world: World) -> list[object]:
    return [event.payload["reason"] for event in world.events.tail(30) if event.kind == "stop.refused"]


def test_with_nothing_going_on_it_stops(world: World, lanes: dict[str, Lane]) -> None:
    world.mailbox.send("ann", "coord", "known", "x")
    lanes["ops"] = a_lane("ops", Detail.BUSY, agent=False)
    lanes["boss"] = a_lane("boss", Detail.BUSY, role="coordinator")
    result = decided(world, STOP)
    assert (result.outcome, stop_of(result)[0], refusals(world)) == ("stopped", "done", [])


@pytest.mark.parametrize(
    ("detail", "reason"),
    [(Detail.TOOL, "lane web is at work"), (Detail.CONFLICTING, "it is not known what lane web does")],
)
def test_a_lane_that_began_to_work_since_the_brain_looked_holds_it_up(
    world: World, lanes: dict[str, Lane], detail: Detail, reason: str
) -> None:
    result = decided(world, STOP, meanwhile=lambda: lanes.update(web=a_lane("web", detail)))
    assert (result.outcome, stop_of(result)) == ("done", ("failed", f"not stopped: {reason}"))
    assert refusals(world) == [reason]


def test_mail_that_arrived_since_the_brain_looked_holds_it_up(world: World, lanes: dict[str, Lane]) -> None:
    known = world.mailbox.send("ann", "coord", "known", "x")
    result = decided(world, STOP, meanwhile=lambda: world.mailbox.send("ann", "web", "new", "x"))
    status, note = stop_of(result)
    assert (result.outcome, status) == ("done", "failed")
    assert "mail arrived since: " in note and "-ann-to-web.md" in note
    assert known.file not in note


def test_what_cannot_be_seen_holds_it_up(world: World, lanes: dict[str, Lane], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(error: Exception) -> Callable[..., Any]:
        def look(*_: object) -> Any:
            raise error

        return look

    blind = fails(SubstrateError("tmux is gone"))
    result = decided(world, STOP, meanwhile=lambda: monkeypatch.setattr(type(world), "observe_lanes", blind))
    assert stop_of(result) == ("failed", "not stopped: it cannot be seen whether anything goes on: tmux is gone")
    monkeypatch.setattr(type(world), "observe_lanes", lambda _: ())
    unread = fails(StoreError("no mailbox"))
    result = decided(world, STOP, meanwhile=lambda: monkeypatch.setattr(type(world.mailbox), "peek", unread))
    assert (result.outcome, stop_of(result)[0]) == ("done", "failed")
    assert "no mailbox" in stop_of(result)[1]


def test_the_other_actions_of_the_decision_happen_all_the_same(
    world: World, lanes: dict[str, Lane], monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[int] = []

    def performed(self: Escalate, hands: Hands) -> Outcome:
        done.append(hands.idx)
        return Outcome(ItemStatus.DONE, "")

    monkeypatch.setattr(Escalate, "perform", performed)
    monkeypatch.setattr(Escalate, "always_asks", False)
    monkeypatch.setattr(Escalate, "effect_free", True)
    lanes["web"] = a_lane("web", Detail.BUSY)
    result = decided(world, STOP, ESCALATE)
    assert (stop_of(result)[0], done, result.outcome) == ("failed", [1], "done")


def test_many_reasons_are_counted(world: World, lanes: dict[str, Lane]) -> None:
    lanes.update({f"w{n}": a_lane(f"w{n}", Detail.BUSY) for n in range(5)})
    note = stop_of(decided(world, STOP))[1]
    assert note == "not stopped: lane w0 is at work; lane w1 is at work; lane w2 is at work; and 2 more"
