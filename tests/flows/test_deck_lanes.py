"""Lanes from the deck, by a person at a terminal of 80x24 who knows only what the screen says."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable

import pytest

from tests.flows.conftest import Boot
from tests.support.scratch import Scratch
from tests.support.waiting import eventually

LANES = "{web: {harness: actor}}"

LIMIT_S = 60.0


class Person:
    """A terminal of 80x24 with the deck in it, on a tmux server of its own."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        line = shlex.join([sys.executable, "-m", "loop_orchestrator", "deck"])
        made = ("new-session", "-d", "-x", "80", "-y", "24", "-P", "-F", "#{pane_id}", "-c", str(scratch.root))
        self._pane = scratch.tmux(*made, f"{line}; exec cat", socket="person").strip()

    def screen(self) -> str:
        return self._scratch.tmux("capture-pane", "-p", "-t", self._pane, socket="person")

    def press(self, *keys: str) -> None:
        self._scratch.tmux("send-keys", "-t", self._pane, *keys, socket="person")

    def types(self, text: str) -> None:
        """A text, awaited on the screen before the next key."""
        self._scratch.tmux("send-keys", "-t", self._pane, "-l", text, socket="person")
        self.sees(text)

    def sees(self, *texts: str) -> str:
        """The screen once it has all of these."""

        def there() -> str:
            screen = self.screen()
            return screen if all(text in screen for text in texts) else ""

        try:
            return eventually(there, limit_s=LIMIT_S)
        except AssertionError as error:
            raise AssertionError(f"{texts} are not on the screen:\n{self.screen()}") from error

    def is_at(self, label: str) -> None:
        """Wait until the cursor stands in the field of this label: what is typed before goes into another one."""

        def there() -> bool:
            said = self._scratch.tmux("display-message", "-p", "-t", self._pane, "#{cursor_y}", socket="person")
            rows = self.screen().splitlines()
            return said.strip().isdecimal() and int(said) < len(rows) and f" {label} " in rows[int(said)]

        eventually(there, limit_s=LIMIT_S, what=f"the cursor at {label}")

    def until(self, so: Callable[[str], bool]) -> None:
        eventually(lambda: so(self.screen()), limit_s=LIMIT_S, what=self.screen())


def chosen(person: Person) -> None:
    """The fleet has the focus and its first lane is the chosen one."""
    person.sees("○ ready", "s Steer")
    person.press("Tab")


@pytest.fixture
def scratch(boot: Boot) -> Scratch:
    return boot(lanes=LANES, engine=None)


def test_a_lane_is_steered_and_its_screen_evidence_and_diff_are_read(scratch: Scratch) -> None:
    (scratch.root / "written-by-web.txt").write_text("work of a lane\n")
    person = Person(scratch)
    chosen(person)
    person.press("Enter")
    person.sees("▸ screen 2 evidence 3 mail 4 diff 5 history", "rehearsal: a scripted agent")
    person.press("s")
    person.sees("Steer web", "Ctrl-S sends")
    person.types("look at this")
    person.press("C-s")
    person.sees("> look at this", "● heard")
    eventually(lambda: [event.payload["lane"] for event in scratch.events("delivery.closed")] == ["web"])
    person.press("2")
    person.sees("web is idle (ready): text may be typed into it.", "speaks for ready")
    person.press("4")
    person.sees("r reads it again.", "?? written-by-web.txt")
    (scratch.root / "later.txt").write_text("")
    person.press("r")
    person.sees("?? later.txt")
    person.press("5")
    person.sees("lane.added: web")
    person.press("Escape")
    person.sees("NEEDS YOU", "LANE ")


def test_a_lane_is_added_with_a_brief_and_dropped_again(scratch: Scratch) -> None:
    person = Person(scratch)
    chosen(person)
    person.press("n")
    person.sees("A new lane", "Ctrl-S boots it")
    person.types("tom")
    for _ in range(4):
        person.press("Tab")
    person.is_at("Brief")
    person.types("begin with this")
    for _ in range(4):
        person.press("BTab")
    person.is_at("Name")
    person.press("Tab")
    person.press("Enter")
    person.sees("actor: Rehearsal")
    person.press("Down", "Enter")
    person.sees("Runs    actor: Rehearsal")
    person.press("C-s")
    eventually(
        lambda: [event.payload["lane"] for event in scratch.events("delivery.closed")] == ["tom"], limit_s=LIMIT_S
    )
    person.sees("NEEDS YOU", "tom ")
    person.press("End")
    (scratch.root / "uncommitted.txt").write_text("x\n")
    person.press("x")
    person.sees("End lane tom?", "loop undo brings it back", "y yes")
    person.press("y")
    eventually(lambda: scratch.events("lane.dropped"), limit_s=LIMIT_S)
    dropped = scratch.events("lane.dropped")
    assert [(event.payload["lane"], event.payload["by"]) for event in dropped] == [("tom", "person")]
    assert [one.payload["lane"] for one in scratch.events("lane.added")] == ["web", "tom"]


def test_jump_shows_the_lane_and_the_deck_is_there_again_after_it(scratch: Scratch) -> None:
    person = Person(scratch)
    chosen(person)
    person.press("g")
    person.sees("Enter submits", "[scratch] 0:web*")  # how to come back stands there for a moment only
    # The prefix goes to the lane's tmux; the terminal around it has sent keys, not looked at them.
    person.press("C-b", "d")
    person.sees("NEEDS YOU", "○ ready")
