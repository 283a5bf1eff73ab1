"""add_lane: boot one lane more and give it its brief."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from loop_orchestrator.actions.base import ActionKind, Hands, Outcome
from loop_orchestrator.actions.fields import FLAG, HARNESS, MODEL, NEW_LANE, ONE_LINE, ROLE, TEXT, optional, required
from loop_orchestrator.actions.governing import judge_harness, judge_reuse, judge_role, judge_spawn
from loop_orchestrator.actions.handing import hand_over, task_named_in, with_task_text
from loop_orchestrator.actions.judging import COORDINATOR, lanes_unread, speaks_for_another
from loop_orchestrator.actions.wording import judge_text
from loop_orchestrator.model.decision import ItemStatus
from loop_orchestrator.model.delivery import DeliveryMode
from loop_orchestrator.model.handoff import has_handoff, page_of
from loop_orchestrator.model.harness import HarnessKind
from loop_orchestrator.model.lane import LaneKind, LaneRecord, LaneSpec
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.model.verdict import SAFE, Verdict, blocked, destructive, worst
from loop_orchestrator.prompts import fill

if TYPE_CHECKING:
    from loop_orchestrator.model.snapshot import Facts
    from loop_orchestrator.world import World


@dataclass(frozen=True, kw_only=True)
class AddLane(ActionKind):
    kind: ClassVar[str] = "add_lane"
    does: ClassVar[str] = "Boot a new worker lane when no existing lane can take the work; reuse idle lanes first."
    example: ClassVar[Mapping[str, JsonValue]] = {
        "window": "search",
        "harness": "rehearsal",
        "role": "implementation",
        "brief": "Read tasks/T0002-search.md and do what it says.",
        "rationale": "Both implementation lanes are busy and T0002 is ready.",
    }

    window: str = required(NEW_LANE, "the name of the new lane")
    brief: str = required(TEXT, "the first text it gets, complete in itself; `loop brief` tells it the rest")
    harness: str = optional(HARNESS, "", "what runs in it; exactly one of harness and cmd")
    cmd: str = optional(ONE_LINE, "", "a command line in place of a harness")
    model: str = optional(MODEL, "", "model id for the harness")
    role: str = optional(ROLE, "implementation", "what the lane is for")
    worktree: bool = optional(FLAG, False, "give it a git worktree and a branch of its own")
    auto_approve: bool = optional(FLAG, False, "start the program without its own permission prompts")

    @property
    def target(self) -> str:
        return self.window

    @property
    def text(self) -> str:
        return self.brief

    def judge(self, facts: Facts) -> Verdict:
        verdicts = [
            self._judge_place(facts),
            self._judge_program(facts),
            judge_role(self.role, facts),
            judge_reuse(self.role, facts),
            judge_spawn(self.role, facts),
            judge_text(f"{self.brief}\n{self.cmd}", facts),
        ]
        if self.role.casefold() == COORDINATOR:
            verdicts.append(blocked("a second coordinator lane would be a person's place run by an agent"))
        return worst(verdicts)

    def _judge_place(self, facts: Facts) -> Verdict:
        if speaks_for_another(self.window):
            return blocked(f"an agent in a lane {self.window} would pass for the coordinator, a person or the engine")
        if self.window in facts.claims:
            return blocked(f"lane {self.window} is claimed by {facts.claims[self.window]}, which is not finished")
        if isinstance(facts.lanes, Unknown):
            return lanes_unread(facts.lanes)
        if there := [name for name in facts.lanes if name.casefold() == self.window.casefold()]:
            return blocked(f"lane {there[0]} exists already")
        if len(facts.lanes) >= facts.limits.max_lanes:
            return destructive(f"the session has {len(facts.lanes)} lanes, the config allows {facts.limits.max_lanes}")
        return SAFE

    def _judge_program(self, facts: Facts) -> Verdict:
        if bool(self.harness) == bool(self.cmd):
            return blocked("exactly one of harness and cmd is needed")
        if self.cmd:
            return destructive("a raw command runs as it stands")
        spec = facts.harnesses.get(self.harness)
        if spec is None or spec.kind is HarnessKind.BRAIN:
            return blocked(f"there is no harness {self.harness} for a lane")
        verdicts = [judge_harness(spec, self.role, facts, auto_approve=self.auto_approve)]
        if not spec.is_agent:
            verdicts.append(destructive(f"harness {self.harness} is no agent: the brief is executed as it stands"))
        if self.auto_approve:
            verdicts.append(destructive("the program would run without its own permission prompts"))
        return worst(verdicts)

    def spec(self, world: World) -> LaneSpec:
        """The lane that it boots; in the worktree that its predecessor of the same name left, where there is one."""
        left = world.left_worktree(self.window) if self._takes_over(world) else None
        return LaneSpec(
            name=self.window,
            window=self.window,
            role=self.role,
            harness=self.harness,
            cmd=self.cmd,
            model=self.model,
            kind=LaneKind.WORKER,
            cwd=left or world.root,
            worktree_of=left or (world.root if self.worktree else None),
            auto_approve=self.auto_approve,
        )

    def _takes_over(self, world: World) -> bool:
        """It goes on with what an agent in a lane of this name left."""
        harness = world.harnesses.get(self.harness)
        return harness is not None and harness.is_agent and has_handoff(world.wiki.read_or(page_of(self.window)))

    def perform(self, hands: Hands) -> Outcome:
        world = hands.world
        takes_over = self._takes_over(world)
        record = world.start_lane(self.spec(world))
        if self.cmd:
            return Outcome(
                ItemStatus.DONE, f"lane {self.window} booted in pane {record.pane}; a command lane gets no brief"
            )
        mode = DeliveryMode.TEXT if record.agent else DeliveryMode.COMMAND
        text = with_task_text(hands, self.window, self.brief) if record.agent else self.brief
        if takes_over:
            text = f"{self._preamble(hands, record)}\n\n{text}"
        request = hands.request(self.window, text, mode=mode, timeout_s=hands.boot_timeout_s)
        return hand_over(hands, request, task=task_named_in(self.brief))

    def _preamble(self, hands: Hands, record: LaneRecord) -> str:
        """What a lane reads first that goes on with what its predecessor of the same name left."""
        world = hands.world
        return fill(
            world.prompts["lane_recovery"],
            lane=self.window,
            page=str(world.wiki.root / page_of(self.window)),
            where=f"its worktree, {record.spec.cwd}" if record.spec.worktree_of else f"the directory {record.spec.cwd}",
            mailbox=str(world.layout.messages),
        ).rstrip()
