"""steer: say something to a lane about the work it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from loop_orchestrator.actions.base import ActionKind, Hands, Outcome
from loop_orchestrator.actions.dispatch import MODES
from loop_orchestrator.actions.fields import FLAG, LANE, TEXT, Seconds, optional, required
from loop_orchestrator.actions.handing import ask, deliver, outcome_of
from loop_orchestrator.actions.judging import judge_text_into_lane
from loop_orchestrator.model.delivery import DeliveryMode
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.model.verdict import SAFE, blocked, destructive, worst

if TYPE_CHECKING:
    from loop_orchestrator.model.snapshot import Facts
    from loop_orchestrator.model.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Steer(ActionKind):
    kind: ClassVar[str] = "steer"
    does: ClassVar[str] = "Say something to a lane about the work it has; interrupt only if it must stop now."
    example: ClassVar[Mapping[str, JsonValue]] = {
        "lane": "web",
        "payload": "Keep the public signature as it is; only the body may change.",
        "wait_for_idle": True,
        "rationale": "The review asked for it.",
    }

    lane: str = required(LANE, "the lane that gets the text")
    payload: str = required(TEXT, "the whole text")
    mode: str = optional(MODES, "text", "text for an agent, command for a shell lane")
    interrupt: bool = optional(FLAG, False, "interrupt the running turn first")
    wait_for_idle: bool = optional(FLAG, False, "wait for the turn to end instead of giving up while it runs")
    expects_reply: bool = optional(FLAG, False, "ask for an answer by mail; a footer tells the lane how")
    reply_timeout_s: int = optional(Seconds(1, 604_800), 1800, "how long the answer may take; you are told either way")

    @property
    def target(self) -> str:
        return self.lane

    @property
    def text(self) -> str:
        return self.payload

    def judge(self, facts: Facts) -> Verdict:
        verdict = judge_text_into_lane(self.lane, self.payload, facts, command=self.mode == DeliveryMode.COMMAND)
        interrupting = destructive(f"it interrupts what lane {self.lane} is doing") if self.interrupt else SAFE
        return worst([verdict, interrupting, self._judge_ask(facts)])

    def _judge_ask(self, facts: Facts) -> Verdict:
        """Where nobody could answer, the footer that asks for it would be run as a command."""
        if not self.expects_reply:
            return SAFE
        if self.mode == DeliveryMode.COMMAND:
            return blocked("it asks for an answer, and a command line answers nothing")
        lane = None if isinstance(facts.lanes, Unknown) else facts.lanes.get(self.lane)
        if lane is not None and not lane.record.agent:
            return blocked(f"it asks for an answer, and lane {self.lane} runs no agent that could give one")
        return SAFE

    def perform(self, hands: Hands) -> Outcome:
        timeout_s = hands.ready_timeout_s if self.wait_for_idle else 0.0
        mode = DeliveryMode(self.mode)
        request = hands.request(self.lane, self.payload, mode=mode, timeout_s=timeout_s, interrupt=self.interrupt)
        if self.expects_reply:
            return ask(hands, request, timeout_s=self.reply_timeout_s)
        return outcome_of(deliver(hands, request))
