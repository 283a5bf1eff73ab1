"""stop: nothing is left to do until something new happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from loop_orchestrator.actions.base import ActionKind, Hands, Outcome
from loop_orchestrator.actions.judging import COORDINATOR
from loop_orchestrator.errors import LoopError
from loop_orchestrator.model.decision import ItemStatus
from loop_orchestrator.model.lane import LaneWord
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.model.verdict import SAFE

if TYPE_CHECKING:
    from loop_orchestrator.model.snapshot import Facts
    from loop_orchestrator.model.verdict import Verdict

_SHOWN = 3
"""Reasons that a note names; the rest is counted."""


@dataclass(frozen=True, kw_only=True)
class Stop(ActionKind):
    kind: ClassVar[str] = "stop"
    does: ClassVar[str] = "Nothing is left to do: no further cycle until something new happens."
    example: ClassVar[Mapping[str, JsonValue]] = {"rationale": "Every task is in review and no mail waits."}
    effect_free: ClassVar[bool] = True

    @property
    def target(self) -> str:
        return ""

    def judge(self, facts: Facts) -> Verdict:
        return SAFE

    def perform(self, hands: Hands) -> Outcome:
        reason = _what_goes_on(hands)
        if not reason:
            return Outcome(ItemStatus.DONE, "no further cycle until something new happens")
        payload: dict[str, JsonValue] = {"decision": hands.decision, "idx": hands.idx, "reason": reason}
        hands.world.events.append("stop.refused", "engine", payload, trace=hands.trace)
        return Outcome(ItemStatus.FAILED, f"not stopped: {reason}")


def _what_goes_on(hands: Hands) -> str:
    """Why nothing is stopped, by a look of now: work under way, mail since the decision, or what cannot be seen."""
    try:
        lanes = hands.world.observe_lanes()
        mail = hands.new_mail()
    except LoopError as error:
        return f"it cannot be seen whether anything goes on: {error.message}"
    agents = [lane for lane in lanes if lane.record.agent and lane.record.spec.role != COORDINATOR]
    working = [lane.name for lane in agents if lane.state.word is LaneWord.WORKING]
    unknown = [lane.name for lane in agents if lane.state.word is LaneWord.UNKNOWN]
    found = [f"lane {name} is at work" for name in working]
    found += [f"it is not known what lane {name} does" for name in unknown]
    found += [f"mail arrived since: {message.file}" for message in mail]
    more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return "; ".join([*found[:_SHOWN], *more])
