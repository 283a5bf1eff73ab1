"""Asks what a new lane is to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Checkbox, Input, Label, Select

from loop_orchestrator.deck.dialogs.base import Dialog


@dataclass(frozen=True, kw_only=True)
class NewLane:
    """What a person wants."""

    name: str
    harness: str
    role: str
    model: str
    brief: str
    """the first text it gets; empty: none"""
    worktree: bool


class AddLane(Dialog[NewLane]):
    """Ctrl-S boots it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "send", "Boot it", priority=True)]

    def __init__(self, harnesses: Sequence[tuple[str, str]], roles: Sequence[str]) -> None:
        """harnesses: name, and the name with what is said of it."""
        super().__init__()
        self.title = "A new lane"
        self._harnesses = harnesses
        self._roles = roles

    def compose(self) -> ComposeResult:
        with self.body():
            yield Input(placeholder="name: a letter, then letters, digits, - and _", id="name")
            yield Select([(words, name) for name, words in self._harnesses], prompt="what runs in it", id="harness")
            yield Select([(role, role) for role in self._roles], prompt="role: by its name", id="role")
            yield Input(placeholder="model; empty: the program's own default", id="model")
            yield Input(placeholder="first text; empty: none", id="brief")
            yield Checkbox("a git worktree and a branch of its own", id="worktree")
            yield Label("Ctrl-S boots it", classes="said", markup=False)
            yield Label("", classes="wrong", markup=False)

    def on_mount(self) -> None:
        self.query_one("#name", Input).focus()

    def action_send(self) -> None:
        harness, role = (self.query_one(f"#{id}", Select).value for id in ("harness", "role"))
        new = NewLane(
            name=self.query_one("#name", Input).value.strip(),
            harness="" if harness is Select.BLANK else str(harness),
            role="" if role is Select.BLANK else str(role),
            model=self.query_one("#model", Input).value.strip(),
            brief=self.query_one("#brief", Input).value.strip(),
            worktree=self.query_one("#worktree", Checkbox).value,
        )
        missing = [what for what, given in (("a name", new.name), ("what runs in it", new.harness)) if not given]
        if missing:
            self.query_one(".wrong", Label).update(f"it needs {' and '.join(missing)}")
        else:
            self.dismiss(new)
