"""escalate: put something before a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from loop_orchestrator.actions.base import ActionKind, Hands, Outcome
from loop_orchestrator.actions.fields import KEY, TEXT, optional, required
from loop_orchestrator.model.decision import ItemStatus
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.model.verdict import destructive

if TYPE_CHECKING:
    from loop_orchestrator.model.snapshot import Facts
    from loop_orchestrator.model.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Escalate(ActionKind):
    kind: ClassVar[str] = "escalate"
    does: ClassVar[str] = "Ask for a person where human judgement is needed; approving it only says: seen."
    example: ClassVar[Mapping[str, JsonValue]] = {
        "summary": "Lane web stopped with an authentication error; it needs a login.",
        "about": "lane:web:auth",
        "rationale": "No lane can log in by itself.",
    }
    always_asks: ClassVar[bool] = True

    summary: str = required(TEXT, "what a person must know, complete in itself")
    about: str = optional(KEY, "", "key of what it is about, so that it is asked once while it holds")

    @property
    def target(self) -> str:
        return ""

    @property
    def text(self) -> str:
        return self.summary

    def judge(self, facts: Facts) -> Verdict:
        return destructive("it asks for a person")

    def perform(self, hands: Hands) -> Outcome:
        if self.about.startswith("mail:"):
            file = self.about.removeprefix("mail:")
            if any(message.file == file for message in hands.world.mailbox.pending()):
                hands.world.mailbox.ack(file, "person")
        return Outcome(ItemStatus.DONE, "a person has seen it")
