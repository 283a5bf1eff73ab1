"""Messages are read whole, acknowledged and answered; those that were dealt with stay readable."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from loop_orchestrator.deck.screens.mail import MessageScreen, ProcessedMail
from loop_orchestrator.wiring import Project
from tests.deck.desks import HOSTILE, Posed, a_project, driven, screen_text, told_of, until


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return a_project(tmp_path / "shop")


def acked(project: Project) -> list[str]:
    return [str(event.payload["by"]) for event in project.events.since(0) if event.kind == "mail.acked"]


def test_mail_to_a_person_is_read_acknowledged_and_read_again(project: Project) -> None:
    project.mailbox.send("web", "person", "Question [b]", f"Which port?\n{HOSTILE}")
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("2", "enter")
        await until(pilot, lambda: "mail from web (as it says) to person, waits" in screen_text(app))
        await until(pilot, lambda: "[red]no markup[/] \\x1b[31mred" in screen_text(app))
        assert "Question [b]" in screen_text(app)
        await pilot.press("a")
        await told_of(pilot, app, "acknowledged")
        app.look()
        await until(pilot, lambda: "was dealt with" in screen_text(app))
        await pilot.press("a")
        await told_of(pilot, app, "it was dealt with before")
        await pilot.press("escape", "m")
        await until(pilot, lambda: isinstance(app.screen, ProcessedMail) and "Question [b]" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, MessageScreen) and "Which port?" in screen_text(app))

    driven(app, use)
    assert acked(project) == ["person"]


def test_mail_for_somebody_else_is_acknowledged_only_after_a_yes(project: Project) -> None:
    project.mailbox.send("web", "coord", "T0001 review", "done")
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("2", "enter")
        await until(pilot, lambda: "T0001 review" in screen_text(app) and isinstance(app.screen, MessageScreen))
        await pilot.press("a")
        await until(pilot, lambda: "Acknowledge mail for coord?" in screen_text(app))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, MessageScreen))
        assert acked(project) == []
        await pilot.press("a")
        await until(pilot, lambda: "Acknowledge mail for coord?" in screen_text(app))
        await pilot.press("y")
        await told_of(pilot, app, "acknowledged")

    driven(app, use)
    assert acked(project) == ["person"]


def test_a_reply_goes_to_the_sender_and_names_what_it_answers(project: Project) -> None:
    asked = project.mailbox.send("web", "person", "Question", "Which port?")
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("2", "enter")
        await until(pilot, lambda: isinstance(app.screen, MessageScreen))
        await pilot.press("r")
        await until(pilot, lambda: "Reply to web" in screen_text(app))
        await pilot.press("8", "0", "ctrl+s")
        await told_of(pilot, app, "sent to web")

    driven(app, use)
    (answer,) = project.mailbox.peek("web")
    assert (answer.sender, answer.subject, answer.in_reply_to, answer.body.strip()) == (
        "person",
        "Re: Question",
        asked.id,
        "80",
    )
    assert [event.source for event in project.events.since(0) if event.kind == "mail.sent"] == ["cli", "person"]
