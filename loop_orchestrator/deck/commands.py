"""Every action of the deck in words: what the help says of a key, and what the command palette finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.binding import Binding
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.dom import DOMNode

from loop_orchestrator.deck.text import harmless
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.plaintext import shorten

if TYPE_CHECKING:
    from loop_orchestrator.deck.app import Deck

SENTENCES: Mapping[str, str] = {
    "steer": "send words to the chosen lane in the middle of its work",
    "dispatch": "hand the chosen lane new work, in a fresh context if it can",
    "add_lane": "add a lane",
    "drop_lane": "end the chosen lane; its uncommitted work is saved first",
    "restart_lane": "start the program of the chosen lane again",
    "jump": "show the lane in the attached tmux",
    "cycle": "have the engine decide now",
    "pause": "pause the engine, or let it go on",
    "filter": "show only rows with some words",
    "brain": "read what brains say, as it comes, and what they were asked",
    "report": "read what happened since you last looked",
    "processed_mail": "read mail that was dealt with",
    "help": "this help",
    "quit": "leave the deck; engine and lanes go on",
    "app.focus_next": "go on to the next table",
    "app.focus_previous": "go back to the table before",
    "app.pop_screen": "go back",
    "back": "go back",
    "side(1)": "next side of the lane: screen, evidence, mail, diff, history",
    "side(-1)": "side before",
    "move(-1)": "up",
    "move(1)": "down",
    "page(-1)": "a page up",
    "page(1)": "a page down",
    "move(-1000000)": "to the first row",
    "move(1000000)": "to the last row",
    "choose": "open the whole of the chosen row",
    "sort": "sort by the next column",
    "approve": "approve what is marked, or all that waits",
    "mark": "mark an action, for the answer to be for it alone",
    "reject": "reject it, with a reason",
    "edit": "change a field of the chosen action",
    "next(1)": "next action",
    "next(-1)": "action before",
    "accept": "accept it; what it lacks is said first",
    "supersede": "say which other one took its place",
    "move('done')": "it is done",
    "move('dropped')": "give it up",
    "move('open')": "open it again",
    "acknowledge": "acknowledge it: it waits no longer",
    "reply": "reply to its sender",
    "resolve": "say what became of it, or have it submitted or cleared",
    "drop": "take a text out of the line for good",
    "replay": "have it tried again",
    "trace": "show the event with its trace",
    "earlier": "the call before",
    "later": "the call after",
    "newest": "follow the newest call",
    "asked": "what the brain was asked, or again what it said",
    "again": "ask the brain again at once",
    "day": "all of the last 24 hours",
}
"""Action -> what it does. One that is not here is told by the name in the footer."""

CHANGING = frozenset(
    {
        *("steer", "dispatch", "add_lane", "drop_lane", "restart_lane", "jump", "cycle", "pause"),
        *("approve", "mark", "reject", "edit", "settle", "accept", "supersede"),
        *("move('done')", "move('dropped')", "move('open')", "acknowledge", "reply"),
        *("resolve", "drop", "replay", "again"),
    }
)
"""Actions that change something, or are of no other use: a deck that only shows refuses them, and names none."""

LEAVING = ("back", "app.pop_screen")
"""Actions that go back."""


def sentence_of(binding: Binding) -> str:
    return SENTENCES.get(binding.action, binding.description)


def bindings_of(kind: type[DOMNode]) -> Iterator[Binding]:
    """The keys that a part of the deck itself has, those that it shares first; keys of the toolkit are left out."""
    for base in reversed(kind.__mro__):
        if base.__module__.startswith("loop_orchestrator.deck"):
            for one in base.__dict__.get("BINDINGS", ()):
                yield one if isinstance(one, Binding) else Binding(*one)


class DeckCommands(Provider):
    """The actions of the screen that is shown, then what needs a person, then the lanes."""

    async def discover(self) -> Hits:
        for name, said, run in self._all():
            yield DiscoveryHit(_plain(name), run, text=name, help=_help(said))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for name, said, run in self._all():
            if (score := matcher.match(f"{name} {said}")) > 0:
                yield Hit(score, _plain(name), run, text=name, help=_help(said))

    def _all(self) -> Iterator[tuple[str, str, Any]]:
        """Name, what it does, and how it is done."""
        deck = cast("Deck", self.app)
        seen: set[str] = set()
        for node in (self.screen, deck, *self.screen.query("*")):
            for binding in bindings_of(type(node)):
                if deck.only_shows and binding.action in CHANGING:
                    continue
                if binding.description and binding.action not in seen and binding.key not in ("up,k", "down,j"):
                    seen.add(binding.action)
                    run = partial(deck.run_action, binding.action, default_namespace=node)
                    yield f"{binding.description}  ({key_words(binding)})", sentence_of(binding), run
        if deck.picture is None:
            return
        for need in deck.picture.status.needs:
            yield f"Open: {shorten(need.what, 120)}", "it waits for you", partial(deck.open_need, need)
        lanes = deck.picture.status.lanes
        for lane in () if isinstance(lanes, Unknown) else lanes:
            said = f"{lane.state.word.value} ({lane.state.detail.value})"
            yield f"Lane {lane.name}", said, partial(deck.open_record, "lanes", lane.name)


def _plain(text: str) -> Content:
    """A name that may be an agent's, as text."""
    return Content(harmless(text.replace("\n", " ")).plain)


def _help(text: str) -> str:
    """It is read as markup there."""
    return harmless(text).plain.replace("[", "\\[")


_KEY_WORDS = {
    "question_mark": "?",
    "slash": "/",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "escape": "Esc",
    "enter": "Enter",
    "space": "Space",
    "tab": "Tab",
    "shift+tab": "Shift-Tab",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
}


def key_words(binding: Binding) -> str:
    """``↑ k``: every key of a binding as a person calls it."""
    return " ".join(_KEY_WORDS.get(key, key.replace("ctrl+", "Ctrl-")) for key in binding.key.split(","))
