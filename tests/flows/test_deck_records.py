"""At 80 by 24, with keys that the screen names: a brain is read as it talks, a delivery resolved, an ADR accepted."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from loop_orchestrator.model.delivery import DeliveryRequest, DeliveryStatus, DeliveryStep
from loop_orchestrator.wiring import Options, Project
from tests.flows.conftest import Boot
from tests.support.scratch import SESSION, Scratch
from tests.support.waiting import eventually

OP = "release-7"

SLOW_BRAIN = """
import pathlib, sys, time
sys.stdin.read()
here = pathlib.Path(__file__).parent
for name in ("one", "two", "end"):
    while not (here / name).exists():
        time.sleep(0.02)
    print(f"thought {name} \\x1b[31m[red]", flush=True)
print("```decision\\nversion: 1\\ncritique: fine\\nactions: []\\n```", flush=True)
"""


class Terminal:
    """A deck in a terminal of 80 by 24, as a person has it."""

    def __init__(self, scratch: Scratch) -> None:
        self.scratch = scratch
        self.run("deck", name="deck")
        self.wait("nothing needs you", "need you", "needs you")

    def run(self, *words: str, name: str) -> None:
        line = shlex.join([sys.executable, "-m", "loop_orchestrator", *words])
        where = ("-x", "80", "-y", "24", "-c", str(self.scratch.root))
        self.scratch.tmux("new-session", "-d", "-s", name, *where, line, socket="person")

    def press(self, *keys: str) -> None:
        self.scratch.tmux("send-keys", "-t", "=deck:", *keys, socket="person")

    @property
    def screen(self) -> str:
        return self.scratch.tmux("capture-pane", "-p", "-t", "=deck:", socket="person")

    def wait(self, *any_of: str) -> str:
        """Until one of these stands on the screen; the screen."""
        self._until(lambda: any(words in self.screen for words in any_of), f"{any_of}")
        return self.screen

    def _until(self, met: Callable[[], bool], what: str) -> None:
        try:
            eventually(met, limit_s=30, what=what)
        except AssertionError as error:
            raise AssertionError(f"{error}; on the screen:\n{self.screen}") from None


def leave_unknown(scratch: Scratch) -> None:
    project = Project(Options(project_root=str(scratch.root), session=SESSION), scratch.environ)
    request = DeliveryRequest(op=OP, lane="web", text="x", sender="engine")
    receipt, _ = project.deliveries.accept(request, "0" * 64, 1)
    project.deliveries.step(OP, DeliveryStep.PASTE)
    project.deliveries.close(replace(receipt, status=DeliveryStatus.UNKNOWN, evidence="the pane did not move"))


def test_a_person_reads_a_brain_resolves_a_delivery_and_accepts_an_adr(boot: Boot, tmp_path: Path) -> None:
    folder = tmp_path / "brain"
    folder.mkdir()
    (folder / "brain.py").write_text(SLOW_BRAIN)
    brain = f"{{use: command, command: [{sys.executable}, {folder / 'brain.py'}]}}"
    scratch = boot(lanes="{web: {harness: actor}}", engine=f"approval: manual, brain: {brain}")
    (scratch.root / "verify.md").write_text("it went well\n")
    scratch.ok("adr", "new", "Use tmux", "--verify-record", "verify.md", "--rollback", "verify.md")
    leave_unknown(scratch)
    deck = Terminal(scratch)
    assert "? Help" in deck.screen and "b Brain" in deck.screen
    _reads_the_brain(deck, folder)
    _resolves_the_delivery(deck)
    _accepts_the_adr(deck)
    deck.press("q")
    eventually(lambda: "deck" not in scratch.tmux("list-sessions", "-F", "#{session_name}", socket="person").split())


def _reads_the_brain(deck: Terminal, folder: Path) -> None:
    deck.press("b")
    deck.wait("No brain was called yet")
    deck.run("engine", "once", name="once")
    deck.wait("nothing yet")
    (folder / "one").touch()
    shown = deck.wait("thought one")
    assert "thought one \\x1b[31m[red]" in shown and "thought two" not in shown and "1 of 1, followed" in shown
    (folder / "two").touch()
    deck.wait("thought two")
    deck.press("t")
    deck.wait("You are the brain")
    deck.press("t")
    deck.wait("thought two")
    (folder / "end").touch()
    deck.wait("call first: replied")
    deck.press("Escape")
    deck.wait("NEEDS YOU")


def _resolves_the_delivery(deck: Terminal) -> None:
    deck.wait(f"delivery {OP} to web")
    deck.press("Enter")
    assert "the pane did not move" in deck.wait("nobody knows what became of it")
    deck.press("r")
    deck.wait("the lane did not get it")
    deck.press("Down")
    deck.press("Enter")
    deck.wait(f"{OP}: did-not?")
    assert not deck.scratch.events("delivery.resolved")
    deck.press("y")
    deck.wait(f"{OP}: not-delivered")
    (event,) = deck.scratch.events("delivery.resolved")
    assert event.payload["by"] == "person"


def _accepts_the_adr(deck: Terminal) -> None:
    deck.press("6")
    deck.wait("Proposed")
    deck.press("Enter")
    deck.wait("a accepts it, r rejects it")
    deck.press("a")
    deck.wait("Accept ADR 0001?")
    deck.press("y")
    deck.wait("ADR 0001  Accepted")
    (event,) = deck.scratch.events("adr.accepted")
    assert event.payload["adr"] == "0001" and event.payload["by"]
    deck.press("Escape")
    deck.wait("NEEDS YOU")
