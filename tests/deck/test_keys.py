"""The last line of every screen names the keys that do something there, each whole; one that only shows has fewer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.pilot import Pilot
from textual.screen import Screen

from loop_orchestrator.deck.commands import CHANGING
from loop_orchestrator.deck.footer import Keys, fitting
from loop_orchestrator.deck.screens.adr import AdrScreen
from loop_orchestrator.deck.screens.brain import BrainScreen, RestScreen
from loop_orchestrator.deck.screens.decision import DecisionScreen
from loop_orchestrator.deck.screens.delivery import DeliveryScreen, LineScreen
from loop_orchestrator.deck.screens.help import HelpScreen, help_text
from loop_orchestrator.deck.screens.lane import LaneScreen
from loop_orchestrator.deck.screens.letter import LetterScreen
from loop_orchestrator.deck.screens.loop import LoopScreen
from loop_orchestrator.deck.screens.mail import MessageScreen, ProcessedMail
from loop_orchestrator.deck.screens.report import ReportScreen
from loop_orchestrator.deck.screens.task import TaskScreen
from loop_orchestrator.wiring import Project
from tests.deck.desks import Posed, a_project, driven, screen_text, until
from tests.deck.test_help import keys
from tests.support.builders import a_message

SCREENS: dict[str, Callable[[], Screen[None]]] = {
    "adr": lambda: AdrScreen("0001"),
    "brain": BrainScreen,
    "rest": lambda: RestScreen("claude"),
    "decision": lambda: DecisionScreen("d-1"),
    "delivery": lambda: DeliveryScreen("s-1"),
    "line": lambda: LineScreen("web"),
    "help": HelpScreen,
    "lane": lambda: LaneScreen("web"),
    "letter": lambda: LetterScreen("x-1"),
    "loop": lambda: LoopScreen("l-1"),
    "message": lambda: MessageScreen(a_message()),
    "processed": ProcessedMail,
    "report": ReportScreen,
    "task": lambda: TaskScreen("T0001"),
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return a_project(tmp_path / "shop")


def keys_of(app: Posed) -> list[tuple[str, str]]:
    """Key and words of each binding that the screen would name."""
    return [
        (app.get_key_display(one.binding), one.binding.description)
        for one in app.screen.active_bindings.values()
        if one.binding.show
    ]


def last_line(app: Posed) -> str:
    return screen_text(app).split("\n")[-1]


@pytest.mark.parametrize("name", ["main", *SCREENS])
def test_the_last_line_has_whole_keys_the_way_back_and_help(name: str, project: Project) -> None:
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        if name != "main":
            app.push_screen(SCREENS[name]())
        await until(pilot, lambda: "? Help" in last_line(app))
        line = f"{last_line(app)} "
        for key, words in sorted(keys_of(app), key=len, reverse=True):
            line = line.replace(f"{key} {words} ", "", 1)
        assert not line.split(), f"no key: {line!r} of {last_line(app)!r}"
        assert name == "main" or "esc Back" in last_line(app)

    driven(app, use)


@pytest.mark.parametrize("name", ["main", *SCREENS])
def test_a_deck_that_only_shows_refuses_what_changes_and_does_not_name_it(name: str, project: Project) -> None:
    app = Posed(project, only_shows=True)

    async def use(pilot: Pilot[None]) -> None:
        if name != "main":
            app.push_screen(SCREENS[name]())
        await until(pilot, lambda: "? Help" in last_line(app))
        shown, line = app.screen, last_line(app)
        changing = [one.binding for one in app.screen.active_bindings.values() if one.binding.action in CHANGING]
        for binding in changing:
            assert f"{app.get_key_display(binding)} {binding.description}" not in line
            told = len(app.told)
            await pilot.press(binding.key)
            assert [title for _, title, _ in app.told[told:]] == ["nothing was done"], binding
            assert app.screen is shown and not app.under_way

    driven(app, use)


def test_every_key_that_asks_or_changes_is_one_that_a_deck_that_only_shows_refuses() -> None:
    actions = set()
    for part, binding in keys():
        actions.add(binding.action)
        method = getattr(part, f"action_{binding.action.partition('(')[0]}", None)
        source = inspect.getsource(method) if method and method.__module__.startswith("loop_orchestrator.") else ""
        changes = "push_screen_wait" in source or ("perform(" in source and "changes=False" not in source)
        assert not changes or binding.action in CHANGING, (part, binding)
    assert actions >= CHANGING


def test_the_help_of_a_deck_that_only_shows_names_no_key_that_it_refuses() -> None:
    whole, shows = help_text(Posed), help_text(Posed, only_shows=True)
    assert "approve what is marked" in whole and "send words to the chosen lane" in whole
    assert "approve what is marked" not in shows and "send words to the chosen lane" not in shows
    assert "read what brains say" in shows and "open the whole of the chosen row" in shows


def offered(*words: str) -> list[tuple[Binding, str]]:
    """``y approve``: a key, its action, which are its words too."""
    parts = [one.partition(" ") for one in words]
    return [(Binding(key, action, action), key) for key, _, action in parts]


@pytest.mark.parametrize(
    ("width", "kept"),
    [
        (33, ["approve", "reject", "help", "brain"]),  # y approve N reject ? help b brain
        (45, ["approve", "reject", "help", "brain"]),
        (46, ["choose", "approve", "reject", "help", "brain"]),
        (32, ["approve", "reject", "help"]),
        (16, ["approve", "help"]),
        (6, ["help"]),
        (5, []),
    ],
)
def test_where_there_is_no_room_the_last_keys_are_left_out_and_help_stays(width: int, kept: list[str]) -> None:
    found = fitting(offered("enter choose", "y approve", "N reject", "? help", "b brain"), width)
    assert [binding.action for binding, _ in found] == kept


def test_another_width_shows_other_keys(project: Project) -> None:
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        app.push_screen(DecisionScreen("d-1"))
        await until(pilot, lambda: "q Quit" not in last_line(app) and "k Prev" in last_line(app))
        await pilot.resize_terminal(120, 24)
        await until(pilot, lambda: "q Quit" in last_line(app))
        await pilot.resize_terminal(30, 24)
        await until(pilot, lambda: last_line(app).split() == ["y", "Approve", "esc", "Back", "?", "Help"])
        assert app.screen.query_one(Keys).size.width == 30

    driven(app, use)
