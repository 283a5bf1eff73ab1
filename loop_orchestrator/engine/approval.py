"""Step 7, hold: what may run now and what waits for a person; and the digest that an approval is bound to. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from loop_orchestrator.actions.base import ActionKind
from loop_orchestrator.model.decision import ApprovalMode, Decision, ItemStatus
from loop_orchestrator.model.verdict import Level, Verdict

_RUNS_ALONE = {
    ApprovalMode.MANUAL: frozenset[Level](),
    ApprovalMode.AUTO: frozenset({Level.SAFE}),
    ApprovalMode.FULL: frozenset({Level.SAFE, Level.DESTRUCTIVE}),
}


def first_status(action: ActionKind, verdict: Verdict, mode: ApprovalMode, *, signed: bool = False) -> ItemStatus:
    """READY, WAITING or BLOCKED. Blocked actions never run, and some kinds ask in every mode.

    signed: approvals are signed, so that no mode lets more run by itself than what is safe.
    """
    if verdict.level is Level.BLOCKED:
        return ItemStatus.BLOCKED
    if action.always_asks:
        return ItemStatus.WAITING
    if action.effect_free or (verdict.level in _RUNS_ALONE[mode] and not (signed and verdict.level > Level.SAFE)):
        return ItemStatus.READY
    return ItemStatus.WAITING


def digest_of(decision_id: str, session: str, actions: Sequence[ActionKind]) -> str:
    """Hex sha256 of what a decision will do, where, and in which order.

    Covers the decision's id, the session and every field of every action. The rationale is among them, because it is
    part of what the person read.
    """
    what = {
        "decision": decision_id,
        "session": session,
        "actions": [{"kind": action.kind, **action.to_fields()} for action in actions],
    }
    canonical = json.dumps(what, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def approval_message(decision: Decision, digest: str, actions: Sequence[int]) -> bytes:
    """What a person signs: which actions of which decision, and what they will do."""
    lines = (
        "loop-orchestrator approval, version 1",
        f"session {decision.session}",
        f"decision {decision.id}",
        f"digest {digest}",
        f"actions {','.join(map(str, actions))}",
    )
    return "".join(f"{line}\n" for line in lines).encode()


def digest_now(decision: Decision) -> str:
    """The digest of a decision's actions as they stand; an untouched decision has it in ``digest``."""
    actions = [item.action for item in decision.items]
    return digest_of(decision.id, decision.session, [a for a in actions if isinstance(a, ActionKind)])
