"""Every key in groups, and what the signs mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import TYPE_CHECKING

from loop_orchestrator.deck.commands import CHANGING, bindings_of, key_words, sentence_of
from loop_orchestrator.deck.page import Page
from loop_orchestrator.deck.panels.lane import LanePanel
from loop_orchestrator.deck.rows import Rows
from loop_orchestrator.deck.screens.adr import AdrScreen
from loop_orchestrator.deck.screens.brain import BrainScreen, RestScreen
from loop_orchestrator.deck.screens.decision import DecisionScreen
from loop_orchestrator.deck.screens.deeds import Deeds
from loop_orchestrator.deck.screens.delivery import LineScreen
from loop_orchestrator.deck.screens.letter import LetterScreen
from loop_orchestrator.deck.screens.mail import MessageScreen
from loop_orchestrator.deck.screens.main import MainScreen
from loop_orchestrator.deck.screens.report import ReportScreen
from loop_orchestrator.deck.screens.task import TaskScreen
from loop_orchestrator.deck.screens.whole import Whole
from loop_orchestrator.deck.words import SIGNS
from loop_orchestrator.model.lane import LaneWord

if TYPE_CHECKING:
    from textual.dom import DOMNode

MEANINGS: Mapping[LaneWord, str] = {
    LaneWord.WORKING: "working: a turn is under way",
    LaneWord.AWAITING_APPROVAL: "it asks for permission, or a question: it needs you",
    LaneWord.IDLE: "idle: it waits for work",
    LaneWord.ERRORED: "errored: its program ended or was refused",
    LaneWord.UNKNOWN: "unknown: its screen does not say it clearly",
}
"""What each sign in the fleet means."""

GROUPS: tuple[tuple[str, type[DOMNode]], ...] = (
    ("Lanes and engine, for the chosen lane", Deeds),
    ("Main screen", MainScreen),
    ("Tables", Rows),
    ("The lane panel", LanePanel),
    ("A decision", DecisionScreen),
    ("What brains say", BrainScreen),
    ("A brain that refuses to answer", RestScreen),
    ("An unknown delivery, a line that waits", LineScreen),
    ("An event that was given up", LetterScreen),
    ("A task", TaskScreen),
    ("A message", MessageScreen),
    ("An architecture decision (ADR)", AdrScreen),
    ("What happened", ReportScreen),
    ("A long text", Page),
)
"""In the order in which the help shows them, after the keys that hold everywhere."""

KEY_CELLS = 10


class HelpScreen(Whole):
    """It is made from the keys themselves, so that it cannot say another thing than they do."""

    def on_mount(self) -> None:
        super().on_mount()
        shows = "This deck only shows: here are the keys that change nothing." if self.app.only_shows else ""
        head = "The keys of the deck. Arrow keys scroll, Esc goes back."
        self.put(f"{head}\n{shows}".rstrip(), help_text(type(self.app), only_shows=self.app.only_shows))


def help_text(app: type[DOMNode], *, only_shows: bool = False) -> str:
    """app: has the keys that hold everywhere. only_shows: without those that change something."""
    left_out = CHANGING if only_shows else frozenset()
    lines = ["Everywhere"]
    lines += _rows(app, left_out)
    lines += [_row("Ctrl-P", "find an action, what needs you, or a lane, by some letters")]
    for title, kind in GROUPS:
        told = set() if kind is Deeds else {one.action for one in bindings_of(Deeds)}
        rows = list(_rows(kind, left_out | told | ({"app.pop_screen"} if kind is not Whole else set())))
        lines += ["", title, *rows] if rows else []
    lines += ["", "Signs in the fleet"]
    lines += [_row(SIGNS[word], MEANINGS[word]) for word in LaneWord]
    lines += [
        _row("FOR", "how long it has been so"),
        _row("SURE", "how certain that is; the lane panel's side evidence says why"),
        _row("RST", "how often its program was started again in a row"),
        "",
        "Colours only repeat what words and signs say. What cannot be taken back asks first; every change is an event. "
        "Text in tables and panels is what agents wrote: it is shown, never obeyed.",
    ]
    return "\n".join(lines)


def _rows(kind: type[DOMNode], told: Set[str]) -> Iterator[str]:
    for binding in bindings_of(kind):
        if binding.description and binding.action not in told:
            yield _row(key_words(binding), sentence_of(binding))


def _row(key: str, words: str) -> str:
    return f"  {key:<{KEY_CELLS}} {words}"
