"""Asks what a new lane is to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Label, Select

from loop_orchestrator.deck.dialogs.base import Dialog
from loop_orchestrator.deck.dialogs.box import Box
from loop_orchestrator.deck.text import harmless
from loop_orchestrator.model.lane import LANE_NAME


@dataclass(frozen=True, kw_only=True)
class NewLane:
    """What a person wants."""

    name: str
    harness: str
    role: str
    """empty: by its name"""
    model: str
    """empty: the program's own default"""
    brief: str
    """the first text it gets; empty: none"""
    worktree: bool
    auto_approve: bool
    """start the program with its own permission prompts switched off"""


class AddLane(Dialog[NewLane]):
    """Ctrl-S boots it."""

    DEFAULT_CSS = """
    AddLane Horizontal { height: 1; }
    AddLane Horizontal > Label { width: 8; }
    AddLane Horizontal > Input, AddLane Horizontal > Select { width: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "send", "Boot it", priority=True)]

    def __init__(self, harnesses: Sequence[tuple[str, str]], roles: Sequence[str]) -> None:
        """harnesses: name, and the name with what is said of it."""
        super().__init__()
        self.title = "A new lane"
        self._harnesses = harnesses
        self._roles = roles

    def compose(self) -> ComposeResult:
        with self.body():
            with Horizontal():
                yield Label("Name")
                yield Input(placeholder="a letter, then letters, digits, - and _", id="name", compact=True)
            with Horizontal():
                yield Label("Runs")
                programs = [(harmless(words), name) for name, words in self._harnesses]
                yield Select(programs, prompt="Enter shows what can run in it", id="harness", compact=True)
            with Horizontal():
                yield Label("Role")
                roles = [(role, role) for role in self._roles]
                yield Select(roles, prompt="Enter shows them; none: by its name", id="role", compact=True)
            with Horizontal():
                yield Label("Model")
                yield Input(placeholder="empty: the program's own default", id="model", compact=True)
            with Horizontal():
                yield Label("Brief")
                yield Input(placeholder="its first text; empty: none", id="brief", compact=True)
            yield Box("a git worktree and a branch of its own", id="worktree")
            yield Box("it asks nobody: its permission prompts are switched off", id="auto")
            yield Label("", classes="wrong", markup=False)
            yield Label("Tab goes on · Space ticks · Ctrl-S boots it", classes="said", markup=False)

    def on_mount(self) -> None:
        self.query_one("#name", Input).focus()

    def action_send(self) -> None:
        new = NewLane(
            name=self._text("name"),
            harness=self._chosen("harness"),
            role=self._chosen("role"),
            model=self._text("model"),
            brief=self._text("brief"),
            worktree=self.query_one("#worktree", Box).value,
            auto_approve=self.query_one("#auto", Box).value,
        )
        if wrong := _what_is_wrong(new):
            self.query_one(".wrong", Label).update(wrong)
        else:
            self.dismiss(new)

    def _text(self, id: str) -> str:
        return self.query_one(f"#{id}", Input).value.strip()

    def _chosen(self, id: str) -> str:
        value = self.query_one(f"#{id}", Select).value
        return value if isinstance(value, str) else ""


def _what_is_wrong(new: NewLane) -> str:
    missing = [what for what, given in (("a name", new.name), ("what runs in it", new.harness)) if not given]
    if missing:
        return f"it needs {' and '.join(missing)}"
    if not LANE_NAME.fullmatch(new.name):
        return "its name is to be a letter, then letters, digits, - and _"
    return ""
