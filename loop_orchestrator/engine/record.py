"""Steps 6 to 8 put together: a proposal becomes a decision on disk, before anything of it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from loop_orchestrator.crash import crash_point
from loop_orchestrator.engine.approval import digest_of, first_status
from loop_orchestrator.engine.execute import execute
from loop_orchestrator.engine.gate import judge
from loop_orchestrator.engine.observe import facts_of, observe
from loop_orchestrator.engine.reply import Proposal
from loop_orchestrator.engine.settle import note_escalations
from loop_orchestrator.ids import new_id
from loop_orchestrator.model.decision import ApprovalMode, Decision, Item
from loop_orchestrator.model.snapshot import Snapshot
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.model.verdict import Verdict
from loop_orchestrator.world import World


def decision_of(
    world: World,
    snapshot: Snapshot,
    brain: str,
    proposal: Proposal,
    verdicts: Sequence[Verdict],
    *,
    untrusted: tuple[str, ...] = (),
    id: str = "",
) -> Decision:
    """Every action with its verdict and whether it may run. id: empty for a new one."""
    now = world.clock.now()
    decision_id = id or new_id("d", now)
    items = tuple(
        Item(
            idx=idx,
            action=action,
            verdict=verdict,
            status=first_status(action, verdict, snapshot.mode, signed=world.signers is not None),
            changed_at=now,
        )
        for idx, (action, verdict) in enumerate(zip(proposal.actions, verdicts, strict=True))
    )
    return Decision(
        id=decision_id,
        session=world.session,
        created_at=now,
        brain=brain,
        mode=snapshot.mode,
        critique=proposal.critique,
        items=items,
        digest=digest_of(decision_id, world.session, proposal.actions),
        cycle=snapshot.cycle,
        untrusted=untrusted,
    )


def file_decision(world: World, decision: Decision) -> None:
    """The digest is promised in the log, then the decision is written, before anything of it is done."""
    payload: dict[str, JsonValue] = {
        "decision": decision.id,
        "digest": decision.digest,
        "verdicts": [item.verdict.level.value for item in decision.items],
        "waiting": [item.idx for item in decision.items if item.status.value == "waiting"],
    }
    world.events.append("decision.filed", "engine", payload, trace=decision.cycle)
    crash_point("decision.promised")
    world.decisions.create(decision)
    crash_point("decision.filed")
    note_escalations(world, decision)


def propose(
    world: World,
    proposal: Proposal,
    *,
    brain: str,
    id: str,
    cycle: str,
    mode: ApprovalMode,
    untrusted: tuple[str, ...] = (),
) -> Decision:
    """What the engine itself wants done, through the gate and as far as the mode lets it run; the decision it became.

    untrusted: sources of text that the proposal was made of. The caller holds the cycle's lock. Raises as execute.
    """
    snapshot = observe(world, cycle=cycle, why=(proposal.critique,), mode=mode, record=False)
    facts = replace(facts_of(snapshot, world, proposal.actions), untrusted=untrusted)
    verdicts = judge(proposal.actions, facts)
    decision = decision_of(world, snapshot, brain, proposal, verdicts, untrusted=untrusted, id=id)
    file_decision(world, decision)
    return execute(world, decision.id, judged=decision)
