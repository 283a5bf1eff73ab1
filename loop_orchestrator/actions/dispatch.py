"""dispatch: hand work to a lane."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from loop_orchestrator.actions.base import ActionKind, Hands, Outcome
from loop_orchestrator.actions.fields import FILE, FLAG, LANE, TASK, TEXT, Choice, optional, required
from loop_orchestrator.actions.handing import hand_over, task_named_in, with_task_text
from loop_orchestrator.actions.judging import judge_text_into_lane
from loop_orchestrator.model.delivery import DeliveryMode
from loop_orchestrator.model.state import JsonValue

if TYPE_CHECKING:
    from loop_orchestrator.model.snapshot import Facts
    from loop_orchestrator.model.verdict import Verdict

MODES = Choice(tuple(mode.value for mode in DeliveryMode))


@dataclass(frozen=True, kw_only=True)
class Dispatch(ActionKind):
    kind: ClassVar[str] = "dispatch"
    does: ClassVar[str] = "Hand work to an idle lane: the text is pasted into its composer and submitted."
    example: ClassVar[Mapping[str, JsonValue]] = {
        "lane": "web",
        "payload": "Read tasks/T0001-login-form.md and do what it says.",
        "task": "T0001",
        "rationale": "T0001 is ready and web is idle.",
    }

    lane: str = required(LANE, "the lane that gets the text")
    payload: str = required(TEXT, "the whole text, complete in itself")
    mode: str = optional(MODES, "text", "text for an agent, command for a shell lane")
    wait_ready: bool = optional(FLAG, False, "wait for the lane to be ready instead of giving up when it is not")
    task: str = optional(TASK, "", "the task that this hands over; read from the payload where it names one task file")
    message: str = optional(FILE, "", "the message that this hands over")
    purpose: str = optional(Choice(("work", "prove")), "work", "prove: check what another lane did")

    @property
    def target(self) -> str:
        return self.lane

    @property
    def text(self) -> str:
        return self.payload

    @property
    def handed_task(self) -> str:
        """The task it hands over: as said, else the one task file that the payload names; empty if none."""
        return self.task or task_named_in(self.payload)

    def judge(self, facts: Facts) -> Verdict:
        return judge_text_into_lane(self.lane, self.payload, facts, command=self.mode == DeliveryMode.COMMAND)

    def _is_new_work(self, hands: Hands) -> bool:
        """It hands over no mail, which may be about anything, and the lane has no other task whose context it needs."""
        others = (one for one in hands.world.tasks.assignments() if one.lane == self.lane)
        return not self.message and all(one.task == self.handed_task for one in others)

    def perform(self, hands: Hands) -> Outcome:
        timeout_s = hands.ready_timeout_s if self.wait_ready else 0.0
        mode = DeliveryMode(self.mode)
        text = self.payload if mode is DeliveryMode.COMMAND else with_task_text(hands, self.lane, self.payload)
        request = hands.request(self.lane, text, mode=mode, timeout_s=timeout_s, fresh=self._is_new_work(hands))
        return hand_over(hands, request, task=self.handed_task, purpose=self.purpose, message=self.message)
