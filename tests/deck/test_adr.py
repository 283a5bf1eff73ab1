"""A person reads an ADR, is told what it lacks, and settles it; every word on it is an event."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from loop_orchestrator.deck.screens import adr as screens
from loop_orchestrator.deck.screens.adr import AdrScreen
from loop_orchestrator.operations.adr import propose
from loop_orchestrator.process.person import PersonCheck
from loop_orchestrator.wiring import Project
from tests.deck.desks import HOSTILE, Posed, a_project, driven, screen_text, told_of, until, whole_text

ANN = PersonCheck(ok=True, who="ann on pts/3", reason="its terminal comes from sshd 1")
AGENT = PersonCheck(ok=False, who="root", reason="it was started in web, which is an agent's lane")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    found = a_project(tmp_path / "shop")
    (found.root / "verify.md").write_text("it went well\n")
    return found


@pytest.fixture
def ann(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screens, "check_person", lambda world: ANN)


def proposed(project: Project, title: str = "Use tmux", **named: str) -> str:
    return propose(project, title, records=named, by="web", source="lane:web").id


def whole(project: Project, title: str = "Use tmux") -> str:
    return proposed(project, title, verify_record="verify.md", rollback="verify.md")


def kinds(project: Project) -> list[str]:
    return [event.kind for event in project.events.since(0) if event.kind.startswith("adr.")]


@pytest.mark.usefixtures("ann")
def test_accepting_asks_and_is_an_event_with_who_did_it(project: Project) -> None:
    id, app = whole(project), Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("6", "enter")
        await until(pilot, lambda: "It waits for you: a accepts it" in whole_text(app))
        assert "Context and problem statement" in screen_text(app)
        await pilot.press("a", "n")
        await until(pilot, lambda: isinstance(app.screen, AdrScreen))
        assert kinds(project) == ["adr.proposed"]
        await pilot.press("a", "y")
        await told_of(pilot, app, f"ADR {id} is accepted")
        app.look()
        await until(pilot, lambda: "Accepted  Use tmux" in screen_text(app))

    driven(app, use)
    (event,) = [one for one in project.events.since(0) if one.kind == "adr.accepted"]
    assert event.payload["by"] == "ann on pts/3"


@pytest.mark.usefixtures("ann")
def test_one_that_lacks_records_says_which_and_is_not_accepted(project: Project) -> None:
    proposed(project, verify_record="later.md", rollback="verify.md")
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("6", "enter")
        await until(pilot, lambda: "It cannot be accepted yet. It lacks:" in whole_text(app))
        assert "there is no file later.md" in whole_text(app)
        await pilot.press("a")
        await told_of(pilot, app, "cannot be accepted yet")
        assert isinstance(app.screen, AdrScreen)
        (project.root / "later.md").write_text("it went well\n")
        await pilot.press("a")
        await told_of(pilot, app, "it lacks nothing any more")
        assert "It waits for you" in whole_text(app)

    driven(app, use)
    assert kinds(project) == ["adr.proposed"]


@pytest.mark.usefixtures("ann")
def test_rejecting_needs_a_reason_which_is_recorded(project: Project) -> None:
    id, app = whole(project), Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("6", "enter")
        await until(pilot, lambda: "It waits for you" in whole_text(app))
        await pilot.press("r", "ctrl+s")
        await until(pilot, lambda: "there is no text yet" in screen_text(app))
        await pilot.press("n", "o", "ctrl+s")
        await told_of(pilot, app, f"ADR {id} is rejected")
        app.look()
        await pilot.press("a")
        await told_of(pilot, app, "it is Rejected, and cannot be accepted")

    driven(app, use)
    (event,) = [one for one in project.events.since(0) if one.kind == "adr.rejected"]
    assert event.payload["reason"] == "no"


@pytest.mark.usefixtures("ann")
def test_one_takes_the_place_of_another(project: Project) -> None:
    from loop_orchestrator.operations.adr import accept

    for title in ("Use tmux", "Use screen"):
        accept(project, whole(project, title), ANN)
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("6", "end", "enter")
        await until(pilot, lambda: "ADR 0001" in screen_text(app))
        await pilot.press("S")
        await until(pilot, lambda: "0002 Use screen" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "in its place holds" in screen_text(app))
        await pilot.press("y")
        await told_of(pilot, app, "ADR 0001 is superseded")

    driven(app, use)
    assert project.adrs.get("0001").superseded_by == "0002"


def test_an_agent_is_refused_and_told_so(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screens, "check_person", lambda world: AGENT)
    whole(project)
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("6", "enter")
        await until(pilot, lambda: "It waits for you" in whole_text(app))
        await pilot.press("a", "y")
        await told_of(pilot, app, "which is an agent's lane")

    driven(app, use)
    assert kinds(project) == ["adr.proposed", "adr.refused"]


def test_a_deck_that_only_shows_settles_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screens, "check_person", lambda world: ANN)
    whole(project)
    app = Posed(project, only_shows=True)

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("6", "enter")
        await until(pilot, lambda: "It waits for you" in whole_text(app))
        await pilot.press("a", "y")
        await told_of(pilot, app, "this deck only shows")

    driven(app, use)
    assert kinds(project) == ["adr.proposed"]


def test_a_hostile_text_is_shown_as_text(project: Project) -> None:
    id, app = whole(project), Posed(project)
    file = project.adrs.get(id).file
    file.write_text(file.read_text().replace("What makes a decision necessary", HOSTILE + "x" * 1_000_000))

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("6", "enter")
        await until(pilot, lambda: "[red]no markup[/] \\x1b[31mred" in screen_text(app))
        assert "\\u202egnp.exe" in screen_text(app)
        rows = screen_text(app).split("\n")
        assert len(rows) == 24 and "a Accept" in rows[-1].replace("  ", " ")

    driven(app, use)
