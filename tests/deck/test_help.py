"""The help names every key there is; the palette finds every action, what needs a person, and the lanes."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.command import CommandPalette
from textual.dom import DOMNode
from textual.pilot import Pilot

import loop_orchestrator.deck
from loop_orchestrator.deck.app import Deck
from loop_orchestrator.deck.commands import SENTENCES, bindings_of, key_words, sentence_of
from loop_orchestrator.deck.dialogs.base import Dialog
from loop_orchestrator.deck.screens.help import HelpScreen, help_text
from loop_orchestrator.deck.screens.report import ReportScreen
from loop_orchestrator.deck.words import SIGNS
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.operations.need import Need
from loop_orchestrator.wiring import Project
from tests.deck.desks import HOSTILE, Posed, a_project, driven, screen_text, until
from tests.support.builders import a_lane


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return a_project(tmp_path / "shop")


def parts() -> Iterator[type[DOMNode]]:
    """Every part of the deck that has keys; a question to the person says its own."""
    for found in pkgutil.walk_packages(loop_orchestrator.deck.__path__, "loop_orchestrator.deck."):
        for value in vars(import_module(found.name)).values():
            of_deck = isinstance(value, type) and issubclass(value, DOMNode) and value.__module__ == found.name
            if of_deck and not issubclass(value, Dialog) and "BINDINGS" in value.__dict__:
                yield value


def keys() -> list[tuple[type[DOMNode], Binding]]:
    return [(part, one) for part in dict.fromkeys(parts()) for one in bindings_of(part) if one.description]


def test_every_key_stands_in_the_help_with_what_it_does() -> None:
    said = help_text(Deck)
    for part, binding in keys():
        row = next((row for row in said.split("\n") if row.split()[:1] == key_words(binding).split()[:1]), "")
        assert row and sentence_of(binding).casefold() in said.casefold(), (part, binding)
    for sign in SIGNS.values():
        assert f"  {sign} " in said


def test_no_sentence_is_of_an_action_that_there_is_not() -> None:
    assert set(SENTENCES) - {binding.action for _, binding in keys()} == set()


def test_the_help_opens_fits_the_terminal_and_is_left_with_escape(project: Project) -> None:
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        assert "? Help" in screen_text(app).split("\n")[-1]
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen) and "Everywhere" in screen_text(app))
        await pilot.press("question_mark", "end")
        await until(pilot, lambda: "shown, never obeyed" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main)

    driven(app, use)


def test_the_palette_does_what_is_chosen(project: Project) -> None:
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, CommandPalette) and "Steer  (s)" in screen_text(app))
        await pilot.press(*"happened")
        await until(pilot, lambda: "What happened  (w)" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ReportScreen))

    driven(app, use)


def test_the_palette_shows_what_needs_a_person_and_lanes_as_text(project: Project) -> None:
    app = Posed(project)

    async def use(pilot: Pilot[None]) -> None:
        assert app.picture is not None and not isinstance(app.picture.status.lanes, Unknown)
        need = Need(what=HOSTILE, since=None, next_step="loop status")
        app.show(replace(app.picture, status=replace(app.picture.status, needs=(need,), lanes=(a_lane("api"),))))
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*"open:")
        await until(pilot, lambda: "Open: [red]no markup[/] \\x1b" in screen_text(app))
        await pilot.press(*["backspace"] * 5, *"lane api")
        await until(pilot, lambda: "Lane api" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: getattr(app.screen, "lane", "") == "api")

    driven(app, use)
