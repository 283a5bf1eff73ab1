"""What brains say is read as it comes, with the calls before it, and one that refuses is asked again after a yes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from loop_orchestrator.deck.screens.brain import BrainScreen, RestScreen
from loop_orchestrator.model.brain import FailureKind
from loop_orchestrator.operations.need import Need, NeedKind
from loop_orchestrator.wiring import Project
from tests.deck.desks import HOSTILE, Posed, a_project, driven, screen_text, told_of, until, whole_text

EARLIER = "c-20261121T010000000-aaaaaa"
CYCLE = "c-20261121T020000000-bbbbbb"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return a_project(tmp_path / "shop")


def say(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def test_it_comes_as_it_is_said_and_the_calls_before_stay_readable(project: Project) -> None:
    before = project.transcripts.begin(EARLIER, "first", "asked early")
    say(before.stream, "said early")
    project.transcripts.fail(before, "it broke the contract")
    call = project.transcripts.begin(CYCLE, "first", f"asked late {HOSTILE}")
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, BrainScreen) and "2 of 2, followed" in screen_text(app))
        say(call.stream, "one, ")
        await until(pilot, lambda: "one," in screen_text(app))
        say(call.stream, f"two {HOSTILE}\n")
        await until(pilot, lambda: "one, two [red]no markup[/] \\x1b[31mred" in screen_text(app))
        await pilot.press("left")
        await until(pilot, lambda: "said early" in screen_text(app))
        assert "no reply: it broke the contract" in screen_text(app) and "1 of 2, f follows the newest" in screen_text(
            app
        )
        say(call.stream, "three\n")
        await until(pilot, lambda: "three" in app.screen.calls[1].text)  # type: ignore[attr-defined]
        assert "said early" in screen_text(app)
        await pilot.press("t")
        await until(pilot, lambda: "asked early" in screen_text(app))
        await pilot.press("f")
        await until(pilot, lambda: "three" in screen_text(app))

    driven(app, use)


def test_a_call_that_begins_is_followed_and_its_end_is_seen(project: Project) -> None:
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("b")
        await until(pilot, lambda: "No brain was called yet" in screen_text(app))
        call = project.transcripts.begin(CYCLE, "first", "x")
        say(call.stream, "\n".join(f"line {number}" for number in range(500)))
        await until(pilot, lambda: "line 499" in screen_text(app))
        await pilot.press("pageup")
        say(call.stream, "\nline 500")
        await until(pilot, lambda: "line 500" in whole_text(app))
        assert "line 500" not in screen_text(app)
        await pilot.press("f")
        await until(pilot, lambda: "line 500" in screen_text(app))
        project.transcripts.end(call, "the reply")
        await until(pilot, lambda: "call first: replied" in screen_text(app))

    driven(app, use)


def test_a_line_of_a_megabyte_leaves_the_screen_as_it_is(project: Project) -> None:
    call = project.transcripts.begin(CYCLE, "first", "x")
    say(call.stream, "x" * 1_000_000 + "the end")
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("b")
        await until(pilot, lambda: "the end" in screen_text(app))
        assert "what is before is not shown here" in whole_text(app)
        assert len(screen_text(app).split("\n")) == 24

    driven(app, use)


def test_a_brain_that_refuses_says_what_to_do_and_is_asked_only_after_a_yes(project: Project) -> None:
    project.brain_rests.failed("command", FailureKind.AUTH, HOSTILE, None)
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        app.open_need(Need(what="x", since=None, next_step="x", kind=NeedKind.BRAIN, key="command"))
        await until(
            pilot, lambda: isinstance(app.screen, RestScreen) and "refuses to answer (auth)" in screen_text(app)
        )
        assert "why: [red]no markup[/] \\x1b" in screen_text(app) and "1. Mend it in a terminal" in screen_text(app)
        await pilot.press("t")
        await until(pilot, lambda: "Ask command again?" in screen_text(app))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, RestScreen))
        assert project.brain_rests.resting()
        await pilot.press("t")
        await until(pilot, lambda: "Ask command again?" in screen_text(app))
        await pilot.press("y")
        await told_of(pilot, app, "cycle c-")

    driven(app, use)
    assert not project.brain_rests.resting()
    assert any(event.kind == "cycle.started" for event in project.events.since(0))


def test_it_says_that_the_brain_is_asked_again(project: Project) -> None:
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        app.open_need(Need(what="x", since=None, next_step="x", kind=NeedKind.BRAIN, key="command"))
        await until(pilot, lambda: "is asked again; Esc goes back" in screen_text(app))
        assert app.picture is not None
        app.show(replace(app.picture, adrs=()))

    driven(app, use)
