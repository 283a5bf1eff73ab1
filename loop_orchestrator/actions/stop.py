"""stop: nothing is left to do until something new happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from loop_orchestrator.actions.base import ActionKind, Hands, Outcome
from loop_orchestrator.model.decision import ItemStatus
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.model.verdict import SAFE

if TYPE_CHECKING:
    from loop_orchestrator.model.snapshot import Facts
    from loop_orchestrator.model.verdict import Verdict


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
        return Outcome(ItemStatus.DONE, "no further cycle until something new happens")
