"""A person reads a task and says what becomes of it; every move asks, and is an event."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from loop_orchestrator.deck.screens.loop import LoopScreen
from loop_orchestrator.deck.screens.task import TaskScreen
from loop_orchestrator.wiring import Project
from tests.deck.desks import HOSTILE, Posed, a_project, driven, screen_text, told_of, until, whole_text


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return a_project(tmp_path / "shop")


def write(project: Project, status: str, body: str = "Do it.") -> None:
    project.layout.tasks_dir.mkdir(exist_ok=True)
    path = project.layout.tasks_dir / "T0001-header.md"
    path.write_text(f"---\ntitle: Header\nstatus: {status}\nrole: implementation\n---\n{body}\n")


def moves(project: Project) -> list[str]:
    return [str(event.payload["now"]) for event in project.events.since(0) if event.kind == "task.moved"]


@pytest.mark.parametrize(
    ("status", "key", "now"),
    [("review", "D", "done"), ("open", "X", "dropped"), ("review", "O", "open"), ("in-progress", "O", "open")],
)
def test_a_move_asks_and_is_an_event(project: Project, status: str, key: str, now: str) -> None:
    write(project, status)
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("3", "enter")
        await until(pilot, lambda: f"T0001  {status}  Header" in screen_text(app))
        await pilot.press(key)
        await until(pilot, lambda: f"T0001: {now}?" in screen_text(app))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, TaskScreen))
        assert moves(project) == []
        await pilot.press(key)
        await until(pilot, lambda: f"T0001: {now}?" in screen_text(app))
        await pilot.press("y")
        await told_of(pilot, app, f"T0001 is {now}")
        app.look()
        await until(pilot, lambda: f"T0001  {now}  Header" in screen_text(app))

    driven(app, use)
    assert moves(project) == [now]


def test_a_move_that_there_is_not_says_so(project: Project) -> None:
    write(project, "open")
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("3", "enter")
        await until(pilot, lambda: isinstance(app.screen, TaskScreen))
        await pilot.press("D")
        await told_of(pilot, app, "it is open, and cannot be done")

    driven(app, use)


def test_one_in_review_needs_a_person_and_opens_from_there(project: Project) -> None:
    write(project, "review", HOSTILE + "\n" + "x" * 1_000_000)
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        await until(pilot, lambda: "Its lane says that it is done. D agrees" in screen_text(app))
        await until(pilot, lambda: "[red]no markup[/] \\x1b[31mred" in screen_text(app))
        assert len(screen_text(app).split("\n")) == 24

    driven(app, use)


def test_a_loop_shows_every_key_of_its_file(project: Project) -> None:
    from loop_orchestrator.model.state import LoopRecord, LoopState

    loop = LoopRecord(id="L1", name="Checkout", status="verify", extra={"commits": ["a1"], "note": HOSTILE})
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        from dataclasses import replace

        assert app.picture is not None
        app.show(replace(app.picture, state=LoopState(updated_at=None, loops=(loop,))))
        await pilot.press("4", "enter")
        await until(pilot, lambda: isinstance(app.screen, LoopScreen))
        await until(pilot, lambda: "note: [red]no markup[/] \\x1b" in screen_text(app))
        assert '"a1"' in whole_text(app) and "loop L1  verify  Checkout" in screen_text(app)

    driven(app, use)
