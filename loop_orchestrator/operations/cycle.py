"""Cycles that a person asks for, and a brain's reply judged without one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loop_orchestrator.engine.approval import first_status
from loop_orchestrator.engine.cycle import CycleResult, dry_run, governed, mode_of, run_cycle
from loop_orchestrator.engine.gate import judge
from loop_orchestrator.engine.observe import observe
from loop_orchestrator.engine.reply import Proposal, read_reply
from loop_orchestrator.errors import LoopError, NotAPersonError
from loop_orchestrator.model.decision import ApprovalMode, ItemStatus
from loop_orchestrator.model.verdict import Verdict
from loop_orchestrator.operations.person import check_person

if TYPE_CHECKING:
    from loop_orchestrator.world import World

WHY = ("a person asked for a cycle",)


@dataclass(frozen=True)
class Judged:
    """A reply with what the gate says of it, and what would become of each action."""

    proposal: Proposal
    verdicts: tuple[Verdict, ...]
    statuses: tuple[ItemStatus, ...]


def once(world: World, *, mode: ApprovalMode | None, retry: bool = False) -> CycleResult:
    """One cycle; with ``retry`` brains are asked too that are left out for a while after a failure.

    Raises LockedError while another runs, LoopError while the engine is paused, DecisionStateError
    without one, and NotAPersonError for a mode that lets more run than the config's unless a person at a terminal asks.
    """
    mode_of(world)  # a project without an engine is told so before anything is written
    paused_by = world.control.paused()
    if paused_by is not None:
        raise LoopError(f"the engine of session {world.session} is paused by {paused_by}", hint="loop engine resume")
    if mode is not None and _lets_more_run(mode, mode_of(world)):
        person = check_person(world)
        if not person.ok:
            raise NotAPersonError(
                f"no cycle was run in mode {mode.value}: {person.reason}",
                hint=f"the config allows mode {mode_of(world).value}; or run it in a terminal of your own",
            )
    if retry:
        world.brain_rests.forget()
    return run_cycle(world, WHY, mode=mode)


def rehearse(world: World, *, mode: ApprovalMode | None) -> CycleResult:
    """What a cycle would see and ask; writes, sends and calls nothing."""
    return dry_run(world, WHY, mode=mode)


def judge_reply(world: World, text: str) -> Judged:
    """A brain's reply against the session as it is now; nothing is executed or recorded. Raises ReplyProblem."""
    proposal = read_reply(text)
    mode = mode_of(world)
    snapshot = observe(world, cycle="judge", why=("a reply is judged",), mode=mode, record=False)
    proposal, replaced, facts = governed(world, snapshot, proposal)
    verdicts = judge(proposal.actions, facts, replaced)
    statuses = tuple(
        first_status(action, verdict, mode, signed=world.signers is not None)
        for action, verdict in zip(proposal.actions, verdicts, strict=True)
    )
    return Judged(proposal, verdicts, statuses)


def _lets_more_run(mode: ApprovalMode, than: ApprovalMode) -> bool:
    order = list(ApprovalMode)
    return order.index(mode) > order.index(than)
