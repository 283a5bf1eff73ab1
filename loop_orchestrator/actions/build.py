"""build: have the work of a lane's worktree built on by a program that nobody watches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from loop_orchestrator.actions.base import NotOffered
from loop_orchestrator.actions.fields import LANE, TEXT, required
from loop_orchestrator.actions.judging import judge_lane
from loop_orchestrator.actions.wording import judge_text
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.model.verdict import destructive, worst

if TYPE_CHECKING:
    from loop_orchestrator.model.snapshot import Facts
    from loop_orchestrator.model.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Build(NotOffered):
    kind: ClassVar[str] = "build"
    does: ClassVar[str] = "Have an agent work on in a lane's worktree, unattended, until its gate is green."
    example: ClassVar[Mapping[str, JsonValue]] = {
        "window": "web",
        "brief": "Make the two failing tests of tests/test_login.py pass.",
        "rationale": "The proof of T0001 failed on them.",
    }

    window: str = required(LANE, "the lane whose worktree is worked on")
    brief: str = required(TEXT, "what is to be done, complete in itself")

    @property
    def target(self) -> str:
        return self.window

    @property
    def text(self) -> str:
        return self.brief

    def judge(self, facts: Facts) -> Verdict:
        unattended = destructive(f"it starts an agent that nobody watches in the worktree of lane {self.window}")
        return worst([judge_lane(self.window, facts), judge_text(self.brief, facts), unattended])
