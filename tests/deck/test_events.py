"""An event opens whole, with what followed from the same cause as a tree; what was given up is tried again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from loop_orchestrator.deck.screens.events import EventScreen
from loop_orchestrator.deck.screens.letter import LetterScreen
from loop_orchestrator.deck.screens.report import ReportScreen
from loop_orchestrator.model.route import DeadLetter
from loop_orchestrator.operations.control import ask_for_cycle
from loop_orchestrator.wiring import Project
from tests.deck.desks import HOSTILE, Posed, a_project, driven, screen_text, told_of, until, whole_text


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return a_project(tmp_path / "shop")


def a_trace(project: Project) -> None:
    """Two events of one cycle, the second caused by the first."""
    first = project.events.append("cycle.started", "engine", {"cycle": "c-1", "why": ["mail"]}, trace="c-1")
    project.events.append(
        "escalated", "engine", {"decision": "d-1", "summary": HOSTILE, "idx": 0}, trace="c-1", caused_by=first.id
    )


def test_an_event_opens_whole_with_its_trace_as_a_tree(project: Project) -> None:
    a_trace(project)
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("1", "enter")
        await until(pilot, lambda: isinstance(app.screen, EventScreen) and "└─ escalated" in whole_text(app))
        text = whole_text(app)
        assert '"decision": "d-1"' in text and "» " in text
        assert "cycle.started" in text.split("What belongs together (c-1):")[1]
        assert "[red]no markup[/]" in screen_text(app)
        assert len(screen_text(app).split("\n")) == 24

    driven(app, use)


def test_one_that_is_not_kept_any_more_says_so(project: Project) -> None:
    a_trace(project)
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        app.open_record("events", "4711")
        await told_of(pilot, app, "no event has anything to do with '4711'")

    driven(app, use)


def test_what_was_given_up_says_why_and_is_tried_again(project: Project) -> None:
    ask_for_cycle(project.events, project.clock, by="person")
    (event,) = (one for one in project.events.since(0) if one.kind == "source.emitted")
    letter = DeadLetter(event=event, route="engine", attempts=5, reason=HOSTILE, at=event.at)
    project.routing.bury(letter)
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LetterScreen))
        await until(pilot, lambda: "given up after 5 tries" in screen_text(app))
        assert "why it was given up: [red]no markup[/] \\x1b" in screen_text(app)
        await pilot.press("r")
        await told_of(pilot, app, "it waits for an engine: loop watch")
        app.look()
        await until(pilot, lambda: "is not given up any more" in screen_text(app))

    driven(app, use)
    assert [one.payload["by"] for one in project.events.since(0) if one.kind == "route.replayed"] == ["person"]


def test_a_route_opens_from_its_table(project: Project) -> None:
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("5", "enter")
        await until(pilot, lambda: "what it takes:" in screen_text(app))

    driven(app, use)


def test_what_happened_since_the_last_look_begins_anew_once_it_was_read(project: Project) -> None:
    project.mailbox.send("web", "person", HOSTILE, "x")
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("w")
        await until(pilot, lambda: "nobody looked before" in whole_text(app))
        assert isinstance(app.screen, ReportScreen)
        await pilot.press("escape", "w")
        await until(pilot, lambda: "then you last looked" in whole_text(app))
        assert "Nothing happened since then" in whole_text(app)
        await pilot.press("d")
        await until(pilot, lambda: "asked for" in whole_text(app))

    driven(app, use)


def test_a_deck_that_only_shows_remembers_no_look(project: Project) -> None:
    app = Posed(project, only_shows=True)

    async def use(pilot: Pilot[None]) -> None:
        for _ in range(2):
            await pilot.press("w")
            await until(pilot, lambda: "nobody looked before" in whole_text(app))
            await pilot.press("escape")

    driven(app, use)
    assert not project.layout.last_look.exists()


def test_an_ask_opens_the_lane_that_owes_the_answer(project: Project) -> None:
    from loop_orchestrator.deck.screens.lane import LaneScreen
    from tests.support.builders import an_ask

    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        assert app.picture is not None
        app.show(replace(app.picture, status=replace(app.picture.status, asks=(an_ask(question=HOSTILE),))))
        await pilot.press("7")
        await until(pilot, lambda: "[red]no markup[/]" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LaneScreen) and app.screen.lane == "web")

    driven(app, use)
