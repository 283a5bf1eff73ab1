"""verify: have the work of a lane's worktree reviewed and its gate run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from loop_orchestrator.actions.base import NotOffered
from loop_orchestrator.actions.fields import LANE, required
from loop_orchestrator.actions.judging import judge_lane
from loop_orchestrator.model.state import JsonValue

if TYPE_CHECKING:
    from loop_orchestrator.model.snapshot import Facts
    from loop_orchestrator.model.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Verify(NotOffered):
    kind: ClassVar[str] = "verify"
    does: ClassVar[str] = "Have what a lane's worktree adds to the base branch reviewed, and its gate run."
    example: ClassVar[Mapping[str, JsonValue]] = {
        "lane": "web",
        "rationale": "web says that T0001 is done, and nobody has looked at it.",
    }

    lane: str = required(LANE, "the lane whose worktree is reviewed")

    @property
    def target(self) -> str:
        return self.lane

    def judge(self, facts: Facts) -> Verdict:
        """It changes nothing in the worktree, so only the lane itself counts."""
        return judge_lane(self.lane, facts)
