"""Signed approvals: what runs needs a signature over the decision as it stands, or must be safe as judged here."""

from __future__ import annotations

from loop_orchestrator.actions.base import ActionKind
from loop_orchestrator.engine.approval import approval_message, digest_now
from loop_orchestrator.errors import ProcessError
from loop_orchestrator.model.decision import Decision, Item
from loop_orchestrator.model.verdict import Level
from loop_orchestrator.world import World


def why_not(world: World, decision: Decision, item: Item, judged: Decision | None) -> str:
    """Why an action that is allowed, by the file, must not run; empty: it may.

    judged: the decision as this process judged it itself. What the file says of an action's danger counts for nothing,
    because whoever could write the file could write that too.
    """
    signers = world.signers
    if signers is None or _is_safe(item, judged):
        return ""
    if item.approval is None:
        return "its approval is not signed"
    if item.idx not in item.approval.actions:
        return "its signature is for other actions"
    from loop_orchestrator.process.signing import BadSignatureError, signer_of

    message = approval_message(decision, digest_now(decision), item.approval.actions)
    try:
        signer_of(signers, message, item.approval.signature)
    except (BadSignatureError, ProcessError) as error:
        return f"its approval does not count: {error}"
    return ""


def _is_safe(item: Item, judged: Decision | None) -> bool:
    """It stands as it was judged here, and that was safe."""
    if judged is None or item.idx >= len(judged.items):
        return False
    here = judged.items[item.idx]
    free = isinstance(here.action, ActionKind) and here.action.effect_free
    return here.action == item.action and (free or here.verdict.level is Level.SAFE)
