"""drop_lane: end a worker lane, after its hand-off was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from loop_orchestrator.actions.base import ActionKind, Hands, Outcome
from loop_orchestrator.actions.fields import LANE, required
from loop_orchestrator.actions.judging import judge_lane
from loop_orchestrator.model.decision import ItemStatus
from loop_orchestrator.model.lane import LaneKind
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.model.verdict import blocked, destructive, worst

if TYPE_CHECKING:
    from loop_orchestrator.model.snapshot import Facts
    from loop_orchestrator.model.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class DropLane(ActionKind):
    kind: ClassVar[str] = "drop_lane"
    does: ClassVar[str] = "End a worker lane whose work is done; never a lane of the config."
    example: ClassVar[Mapping[str, JsonValue]] = {
        "window": "search",
        "rationale": "T0002 is in review and nothing is left.",
    }

    window: str = required(LANE, "the lane to end")

    @property
    def target(self) -> str:
        return self.window

    def judge(self, facts: Facts) -> Verdict:
        verdicts = [judge_lane(self.window, facts), destructive(f"it ends lane {self.window} and what runs in it")]
        if not isinstance(facts.lanes, Unknown):
            lane = facts.lanes.get(self.window)
            if lane is not None and lane.record.spec.kind is LaneKind.STANDING:
                verdicts.append(blocked(f"lane {self.window} belongs to the config; only a person drops it"))
        return worst(verdicts)

    def perform(self, hands: Hands) -> Outcome:
        handoff = hands.world.end_lane(self.window, even_at_work=hands.approved)
        return Outcome(ItemStatus.DONE, f"ended; its hand-off is {handoff}")
