"""One engine cycle, as the list of its steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from loop_orchestrator.config.schema import ADD_ENGINE
from loop_orchestrator.crash import crash_point
from loop_orchestrator.engine.approval import digest_of
from loop_orchestrator.engine.asking import prompt_for
from loop_orchestrator.engine.brain import RULES, ask
from loop_orchestrator.engine.execute import execute
from loop_orchestrator.engine.filing import file_noted
from loop_orchestrator.engine.gate import judge
from loop_orchestrator.engine.govern import Replaced, govern
from loop_orchestrator.engine.ingest import Asking, take_in
from loop_orchestrator.engine.observe import facts_of, observe
from loop_orchestrator.engine.record import decision_of, file_decision
from loop_orchestrator.engine.reply import Proposal, read_reply
from loop_orchestrator.engine.rules import reply_text
from loop_orchestrator.engine.settle import settle
from loop_orchestrator.errors import BrainError, DecisionStateError
from loop_orchestrator.ids import new_id
from loop_orchestrator.model.brain import BrainReply
from loop_orchestrator.model.decision import ApprovalMode, Decision, DecisionStatus, Item, ItemStatus
from loop_orchestrator.model.ingest import IngestMode
from loop_orchestrator.model.prompt import Prompt
from loop_orchestrator.model.snapshot import Facts, Snapshot, Unknown
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.model.verdict import Verdict, destructive
from loop_orchestrator.world import World

if TYPE_CHECKING:
    from datetime import datetime

    from loop_orchestrator.actions.escalate import Escalate
    from loop_orchestrator.config.schema import EngineConfig


@dataclass(frozen=True, kw_only=True)
class CycleResult:
    """What a cycle came to."""

    cycle: str
    outcome: str
    """``done``, ``waiting`` (a person must answer), ``stopped`` (nothing is left), ``brain-failed``, ``dry-run``"""
    decision: Decision | None
    snapshot: Snapshot | None
    problem: str = ""
    hint: str = ""
    """what a person may do about the problem"""
    seen_to: int = 0
    """number of the last event that was in the log when the cycle began to look"""
    failure: str = ""
    """the kind of the brain's failure; empty if it did not fail"""
    until: datetime | None = None
    """when a brain may be asked again after a failure; None: not known"""
    reply: BrainReply | None = None
    """what was answered; None: no brain answered, or none was asked"""
    prompt: Prompt | None = None
    """the prompt of a dry run"""
    proposal: Proposal | None = None
    """what a dry run with the built-in brain would have decided"""
    verdicts: tuple[Verdict, ...] = ()
    """its verdicts"""


def run_cycle(
    world: World, why: Sequence[str], *, mode: ApprovalMode | None = None, caused_by: str = ""
) -> CycleResult:
    """Run one cycle; blocks until it ended. Raises LockedError, naming the holder, if another one runs.

    mode: the approval mode of this cycle; by default the config's. caused_by: id of the event that called for it.
    """
    with world.decisions.cycle_lock():
        started = world.clock.monotonic()
        cycle = new_id("c", world.clock.now())
        payload: dict[str, JsonValue] = {"cycle": cycle, "why": list(why)}
        world.events.append("cycle.started", "engine", payload, trace=cycle, caused_by=caused_by)
        crash_point("cycle.started")
        result = _steps(world, cycle, why, mode or mode_of(world))
        ended: dict[str, JsonValue] = {
            "cycle": cycle,
            "outcome": result.outcome,
            "decision": result.decision.id if result.decision else "",
            "duration_s": round(world.clock.monotonic() - started, 3),
        }
        world.events.append("cycle.ended", "engine", ended, trace=cycle)
        crash_point("cycle.ended")
        return result


def dry_run(world: World, why: Sequence[str], *, mode: ApprovalMode | None = None) -> CycleResult:
    """What a cycle would see and ask, and with the built-in brain decide; writes, sends and calls nothing at all."""
    cycle = "dry-run"
    snapshot = observe(world, cycle=cycle, why=why, mode=mode or mode_of(world), record=False)
    proposal: Proposal | None = None
    verdicts: tuple[Verdict, ...] = ()
    if world.brains[0].name == RULES:
        proposal = read_reply(reply_text(snapshot, world.prompts))
        proposal, replaced, facts = governed(world, snapshot, proposal)
        verdicts = judge(proposal.actions, facts, replaced)
    return CycleResult(
        cycle=cycle,
        outcome="dry-run",
        decision=None,
        snapshot=snapshot,
        prompt=prompt_for(world, snapshot, world.brains[0]),
        proposal=proposal,
        verdicts=verdicts,
    )


def engine_config(world: World) -> EngineConfig:
    """The ``engine:`` section of the config. Raises DecisionStateError where there is none."""
    if world.config.engine is None:
        raise DecisionStateError(
            "this project has no engine: lane-config.yaml has no engine: section",
            hint=ADD_ENGINE,
        )
    return world.config.engine


def mode_of(world: World) -> ApprovalMode:
    """The config's approval mode. Raises DecisionStateError where the project has no engine."""
    return ApprovalMode(engine_config(world).approval)


def _steps(world: World, cycle: str, why: Sequence[str], mode: ApprovalMode) -> CycleResult:
    settle(world)
    file_noted(world)
    crash_point("cycle.settled")
    ingest = engine_config(world).ingest
    take_in(world, ingest, Asking(cycle=cycle, mode=mode, lane=True))
    newest = world.events.tail(1)
    seen_to = newest[0].seq if newest else 0
    snapshot = observe(world, cycle=cycle, why=why, mode=mode, record=True)
    crash_point("cycle.observed")
    try:
        reply, proposal = ask(world, snapshot)
    except BrainError as error:
        return CycleResult(
            cycle=cycle,
            outcome="brain-failed",
            decision=None,
            snapshot=snapshot,
            seen_to=seen_to,
            problem=error.message,
            hint=error.hint,
            failure=error.kind,
            until=error.until,
        )
    proposal, replaced, facts = governed(world, snapshot, proposal)
    for one in replaced:
        payload: dict[str, JsonValue] = {
            "cycle": cycle,
            "idx": one.idx,
            "was": one.was,
            "now": one.now,
            "reason": one.reason,
        }
        world.events.append("policy.replaced", "engine", payload, trace=cycle)
    verdicts = judge(proposal.actions, facts, replaced)
    decision = decision_of(world, snapshot, reply.brain, proposal, verdicts, untrusted=facts.untrusted)
    file_decision(world, decision)
    seen = frozenset() if isinstance(snapshot.mail, Unknown) else {message.file for message in snapshot.mail}
    decision = execute(world, decision.id, judged=decision, seen_mail=frozenset(seen))
    if ingest.mode is IngestMode.HEADLESS:  # no decision waits for it
        take_in(world, ingest, Asking(cycle=cycle, mode=mode, brain=True))
    return CycleResult(
        cycle=cycle, outcome=_outcome(decision), decision=decision, snapshot=snapshot, seen_to=seen_to, reply=reply
    )


def governed(world: World, snapshot: Snapshot, proposal: Proposal) -> tuple[Proposal, tuple[Replaced, ...], Facts]:
    """The proposal as the policy has it, what the policy replaced in it, and the facts to judge it by."""
    facts = facts_of(snapshot, world, proposal.actions)
    actions, replaced = govern(proposal.actions, facts)
    return replace(proposal, actions=actions), replaced, facts


def file_escalate(world: World, action: Escalate, *, critique: str) -> Decision:
    """Put something before a person that no brain decided: the engine itself asks. Raises DecisionStateError."""
    now = world.clock.now()
    decision_id = new_id("d", now)
    verdict = destructive("the engine asks for a person")
    item = Item(idx=0, action=action, verdict=verdict, status=ItemStatus.WAITING, changed_at=now)
    decision = Decision(
        id=decision_id,
        session=world.session,
        created_at=now,
        brain="engine",
        mode=mode_of(world),
        critique=critique,
        items=(item,),
        digest=digest_of(decision_id, world.session, [action]),
        cycle=new_id("c", now),
    )
    file_decision(world, decision)
    return decision


def _outcome(decision: Decision) -> str:
    if decision.status in (DecisionStatus.WAITING, DecisionStatus.UNKNOWN):
        return "waiting"
    stopped = [item.action.kind == "stop" and item.status is ItemStatus.DONE for item in decision.items]
    return "stopped" if stopped and all(stopped) else "done"
