"""What a person's answers to a decision do, each one operation. They block, and raise LoopError."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loop_orchestrator.errors import LoopError
from loop_orchestrator.operations.decisions import Approved, approve, edit, reject
from loop_orchestrator.operations.person import check_person
from loop_orchestrator.operations.resolve import Outcome, resolve
from loop_orchestrator.process.signing import WouldAskError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loop_orchestrator.deck.desk import Desk
    from loop_orchestrator.model.decision import Decision
    from loop_orchestrator.model.delivery import Receipt


OUTCOMES = {
    Outcome.HAPPENED: "the lane got the text",
    Outcome.DID_NOT: "the lane did not get it; it may be sent again",
    Outcome.DROP: "give it up; what it was to hand over is free again",
}
STANDING = {
    Outcome.SUBMIT: "its text stands in the composer: press Enter there",
    Outcome.CLEAR: "its text stands in the composer: take it out again",
}


def outcomes(*, stands: bool) -> dict[str, str]:
    """What a person can say of a delivery whose outcome is unknown, with what it means.

    stands: its text is recognised, alone, in the composer of its lane.
    """
    return {one.value: said for one, said in (STANDING if stands else OUTCOMES).items()}


def say_yes(desk: Desk, decision: Decision, indices: Sequence[int]) -> Approved:
    """Let these actions of the decision run as it stands here, and wait until they ended.

    Where approvals are signed, a key that would ask for its passphrase is refused with the command that can ask.
    """
    desk.require_accepted()
    world, key = desk.world, desk.signing_key()
    try:
        return approve(
            world,
            decision.id,
            digest=decision.digest,
            indices=indices,
            person=check_person(world),
            key=key,
            may_ask=False,
        )
    except WouldAskError as error:
        chosen = ",".join(map(str, indices))
        command = f"loop approve {decision.id} --actions {chosen} --digest {decision.digest[:12]} --key {key}"
        raise LoopError(
            f"{error.message}. The deck cannot ask for a passphrase.",
            hint=f"in another terminal: {command}\nor once: {error.hint}, and then y here",
        ) from error


def say_no(desk: Desk, decision: Decision, indices: Sequence[int], reason: str) -> Decision:
    """Reject these actions."""
    world = desk.world
    return reject(world, decision.id, reason=reason, indices=indices, person=check_person(world))


def change(desk: Desk, decision: Decision, idx: int, name: str, value: str) -> Decision:
    """Give one field of an action another value; the gate judges it anew."""
    desk.require_accepted()
    world = desk.world
    return edit(world, decision.id, idx, {name: value}, digest=decision.digest, person=check_person(world))


def settle(desk: Desk, op: str, outcome: Outcome) -> Receipt:
    """Say what became of a delivery, or what is to become of it."""
    return resolve(desk.world, op, outcome, by=desk.caller)


def look_up(desk: Desk, decision_id: str) -> Decision:
    """A decision, open or closed, as it is on disk."""
    return desk.world.decisions.get(decision_id)
