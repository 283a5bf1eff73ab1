"""What became of an unknown delivery is said by a person, who is told what each answer means, and asked once more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from loop_orchestrator.deck.dialogs.resolve import MEANINGS, Resolve
from loop_orchestrator.deck.screens.delivery import DeliveryScreen, LineScreen
from loop_orchestrator.model.delivery import DeliveryRequest, DeliveryStatus, DeliveryStep
from loop_orchestrator.operations.need import Need, NeedKind
from loop_orchestrator.operations.resolve import Outcome
from loop_orchestrator.wiring import Project
from tests.deck.desks import HOSTILE, Posed, a_project, driven, screen_text, told_of, until, whole_text, words_on

OP = "op-1"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return a_project(tmp_path / "shop")


def leave_unknown(project: Project, evidence: str = "nothing moved") -> None:
    request = DeliveryRequest(op=OP, lane="web", text="x", sender="engine")
    receipt, _ = project.deliveries.accept(request, "0" * 64, 1)
    project.deliveries.step(OP, DeliveryStep.PASTE)
    project.deliveries.close(replace(receipt, status=DeliveryStatus.UNKNOWN, evidence=evidence))


def resolved(project: Project) -> list[str]:
    return [str(event.payload["outcome"]) for event in project.events.since(0) if event.kind == "delivery.resolved"]


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome.HAPPENED, DeliveryStatus.SUBMITTED),
        (Outcome.DID_NOT, DeliveryStatus.NOT_DELIVERED),
        (Outcome.DROP, DeliveryStatus.NOT_DELIVERED),
    ],
)
def test_it_is_resolved_from_the_list_of_what_needs_a_person(
    project: Project, outcome: Outcome, status: DeliveryStatus
) -> None:
    leave_unknown(project)
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        await until(pilot, lambda: "nobody knows what became of it" in screen_text(app))
        assert "nothing moved" in whole_text(app)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, Resolve))
        for one in Outcome:
            assert MEANINGS[one] in words_on(app)
        await pilot.press(*["down"] * list(Outcome).index(outcome), "enter")
        await until(pilot, lambda: f"{OP}: {outcome.value}?" in screen_text(app))
        assert resolved(project) == []
        await pilot.press("y")
        await told_of(pilot, app, f"{OP}: {status.value}")

    driven(app, use)
    receipt = project.deliveries.get(OP)
    assert receipt is not None and receipt.status is status
    assert len(resolved(project)) == 1


def test_enter_pressed_often_resolves_nothing(project: Project) -> None:
    leave_unknown(project)
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, DeliveryScreen))
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, Resolve))
        await pilot.press("enter", "enter", "enter", "escape")
        await until(pilot, lambda: isinstance(app.screen, DeliveryScreen))

    driven(app, use)
    assert resolved(project) == []


def test_what_cannot_be_pressed_says_why_and_stays_unknown(project: Project) -> None:
    leave_unknown(project)
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, DeliveryScreen))
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, Resolve))
        await pilot.press("down", "down", "down", "enter", "y")
        await told_of(pilot, app, f"resolving {OP} failed")

    driven(app, use)
    receipt = project.deliveries.get(OP)
    assert receipt is not None and receipt.status is DeliveryStatus.UNKNOWN


def test_a_settled_delivery_and_an_empty_line_say_so(project: Project) -> None:
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        for kind, screen, said in (
            (NeedKind.DELIVERY, DeliveryScreen, "is settled; Esc goes back"),
            (NeedKind.LINE, LineScreen, "nothing stands in line for web any more"),
        ):
            key = OP if kind is NeedKind.DELIVERY else "web"
            app.open_need(Need(what="x", since=None, next_step="loop status", kind=kind, key=key))
            await until(pilot, lambda screen=screen: isinstance(app.screen, screen))  # type: ignore[misc]
            await until(pilot, lambda said=said: said in screen_text(app))  # type: ignore[misc]
            await pilot.press("r")
            await told_of(pilot, app, "there is nothing to resolve")
            await pilot.press("escape")

    driven(app, use)


def test_hostile_evidence_is_shown_as_text_and_the_answers_stay_readable(project: Project) -> None:
    leave_unknown(project, evidence=HOSTILE + "x" * 1_000_000)
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        await until(pilot, lambda: "[red]no markup[/] \\x1b[31mred" in screen_text(app))
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, Resolve))
        await until(pilot, lambda: MEANINGS[Outcome.HAPPENED] in words_on(app))
        assert len(screen_text(app).split("\n")) == 24

    driven(app, use)


def test_a_line_that_is_held_says_why_and_a_text_is_taken_out_after_a_yes(project: Project) -> None:
    request = DeliveryRequest(op="later", lane="web", text="x", sender="person")
    project.queue.enqueue(request, "x", removed={}, program="shell")
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LineScreen))
        await until(pilot, lambda: "later  from person, 1 bytes" in screen_text(app))
        assert "1 text in line for web: no engine watches" in words_on(app)
        await pilot.press("x")
        await until(pilot, lambda: "Take later out of the line?" in screen_text(app))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, LineScreen))
        assert project.queue.waits("later")
        await pilot.press("x")
        await until(pilot, lambda: "Take later out of the line?" in screen_text(app))
        await pilot.press("y")
        await told_of(pilot, app, "later not-delivered")
        app.look()
        await until(pilot, lambda: "nothing stands in line for web any more" in words_on(app))

    driven(app, use)
    assert [event.payload["status"] for event in project.events.since(0) if event.kind == "delivery.closed"] == [
        "not-delivered"
    ]
