"""A person's yes or no to the waiting actions of a decision. What is refused is an event."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from loop_orchestrator.actions.base import ActionKind
from loop_orchestrator.actions.registry import read_action
from loop_orchestrator.crash import crash_point
from loop_orchestrator.engine.approval import approval_message, digest_now
from loop_orchestrator.engine.execute import archive_if_closed, execute
from loop_orchestrator.engine.expiry import expire
from loop_orchestrator.engine.gate import judge
from loop_orchestrator.engine.observe import facts_of, observe
from loop_orchestrator.engine.onrecord import on_record
from loop_orchestrator.errors import (
    ChangedElsewhereError,
    DecisionStateError,
    LoopError,
    NotAPersonError,
    UsageError,
)
from loop_orchestrator.ids import derived_id
from loop_orchestrator.model.decision import Approval, Decision, Edit, Item, ItemStatus
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.model.verdict import Level, Verdict
from loop_orchestrator.process.person import PersonCheck
from loop_orchestrator.stores.lock import Lock

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.world import World

_OPEN = (ItemStatus.WAITING, ItemStatus.READY)
_MOST_DIGITS = 18
"""Of a number that a person types: more than any field takes."""
_LOCK_LIMIT_S = 5.0
"""Another approval holds the lock for milliseconds; a person does not notice the wait."""


@dataclass(frozen=True)
class Approved:
    """What an approval led to."""

    decision: Decision
    """after its execution"""
    items: tuple[int, ...]
    """the actions that this approval let run"""

    @property
    def failed(self) -> bool:
        """An approved action did not end in its effect."""
        return any(item.status is not ItemStatus.DONE for item in self.decision.items if item.idx in self.items)


def approve(
    world: World,
    decision_id: str,
    *,
    digest: str = "",
    indices: Sequence[int] = (),
    person: PersonCheck,
    key: Path | None = None,
    may_ask: bool = True,
) -> Approved:
    """Let waiting actions run, in order, and wait until they ended; no indices: all that wait.

    key: signs the approval, where the config names allowed signers; the person may be asked for its passphrase.
    may_ask: False where nothing can be asked at the terminal; such a key is a WouldAskError then.
    Actions that were approved before and provably did not begin run too. Actions left out go on waiting.
    Raises NotAPersonError; ChangedElsewhereError if the decision on disk, the digest it was filed with and the one the
    person saw are not one; DecisionStateError if nothing waits; UsageError for an index that does not wait.
    """
    with _approvals(world):
        decision = world.decisions.get(decision_id)
        _require_person(world, decision, person)
        _require_digest(world, decision, digest)
        decision = expire(world, decision)
        chosen = _chosen(decision, indices)
        approval, signer = _signed(world, decision, chosen, key, may_ask=may_ask)
        waiting = [idx for idx in chosen if _item(decision, idx).status is ItemStatus.WAITING]
        note = f"approved by {person.who}" + (f", signed by {signer}" if signer else "")
        said: dict[str, JsonValue] = {"items": list(chosen), "by": person.who, "signed_by": signer}
        yes = _Word("decision.approved", {"digest": decision.digest, **said}, "approval.promised")
        decision = _move(world, decision, waiting, ItemStatus.READY, yes, note=note, approval=approval)
    crash_point("approval.recorded")
    return Approved(execute(world, decision.id, timeout_s=None), chosen)


def reject(
    world: World, decision_id: str, *, reason: str = "", indices: Sequence[int] = (), person: PersonCheck
) -> Decision:
    """Say no to actions that wait or are allowed and not begun; no indices: to all of them. Raises as approve does."""
    with _approvals(world):
        decision = world.decisions.get(decision_id)
        _require_person(world, decision, person)
        chosen = _chosen(decision, indices)
        note = f"rejected by {person.who}" + (f": {reason}" if reason else "")
        said: dict[str, JsonValue] = {"items": list(chosen), "reason": reason, "by": person.who}
        no = _Word("decision.rejected", said, "rejection.promised")
        decision = _move(world, decision, chosen, ItemStatus.REJECTED, no, note=note)
    crash_point("rejection.recorded")
    return archive_if_closed(world, decision)


def edit(
    world: World, decision_id: str, idx: int, values: Mapping[str, str], *, digest: str = "", person: PersonCheck
) -> Decision:
    """Change fields of an action that waits; the decision gets a new digest, and what was is kept in it.

    The action is judged anew. Raises as approve does, and LoopError for values that the action cannot have or the gate
    blocks.
    """
    with _approvals(world):
        decision = world.decisions.get(decision_id)
        _require_person(world, decision, person)
        _require_digest(world, decision, digest)
        if idx not in [item.idx for item in decision.items if item.status is ItemStatus.WAITING]:
            raise UsageError(
                f"decision {decision.id}: action {idx} does not wait", hint=f"loop engine show {decision.id}"
            )
        was = _item(decision, idx)
        action = _edited(was, values)
        edited = decision.with_item(replace(was, action=action))
        verdict = _judged_anew(world, edited)[idx]
        if verdict.level is Level.BLOCKED:
            raise LoopError(f"action {idx} was not changed: {'; '.join(verdict.reasons)}")
        now = world.clock.now()
        change = Edit(idx=idx, at=now, by=person.who, digest=decision.digest, action=was.action)
        edited = edited.with_item(replace(was, action=action, verdict=verdict, note=f"edited by {person.who}"))
        edited = replace(edited, digest=digest_now(edited), edits=(*decision.edits, change))
        world.events.append(
            "decision.edited",
            "person",
            {
                "decision": decision.id,
                "idx": idx,
                "was": decision.digest,
                "digest": edited.digest,
                "fields": [*sorted(values)],
                "by": person.who,
            },
            trace=decision.cycle,
        )
        crash_point("decision.edited")
        world.decisions.save(edited, previous=decision)
    return world.decisions.get(decision.id)


def _edited(item: Item, values: Mapping[str, str]) -> ActionKind:
    assert isinstance(item.action, ActionKind)
    fields = item.action.to_fields()
    if unknown := [name for name in values if name not in fields]:
        near = get_close_matches(unknown[0], fields, n=1)
        meant = f"; did you mean {near[0]}?" if near else f"; it has {', '.join(fields)}"
        raise UsageError(f"a {item.action.kind} has no field {unknown[0]}{meant}")
    given = {name: _typed(text, fields[name]) for name, text in values.items()}
    kept = {name: value for name, value in fields.items() if value != ""}
    action, problems = read_action({**kept, **given, "kind": item.action.kind})
    if action is None:
        raise UsageError(f"action {item.idx} cannot become that: {'; '.join(problems)}")
    return action


def _typed(text: str, was: JsonValue) -> JsonValue:
    """What a person typed, as the type that the field has; the text itself where it is no such value."""
    if isinstance(was, bool):
        return {"true": True, "false": False}.get(text.lower(), text)
    if isinstance(was, int) and text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS:
        return int(text)
    return text


def _judged_anew(world: World, decision: Decision) -> tuple[Verdict, ...]:
    """The verdicts on the decision's actions as they stand, by what is to be seen now."""
    snapshot = observe(world, cycle=decision.cycle, why=("an action is edited",), mode=decision.mode, record=False)
    others = {lane: id for lane, id in snapshot.claims.items() if id != decision.id}
    actions = tuple(item.action for item in decision.items if isinstance(item.action, ActionKind))
    return judge(actions, facts_of(replace(snapshot, claims=others), world, actions))


def _signed(
    world: World, decision: Decision, chosen: Sequence[int], key: Path | None, *, may_ask: bool
) -> tuple[Approval | None, str]:
    """The signed yes and who signed it; nothing where the config asks for no signature.

    Raises UsageError without a key, NotAPersonError for a key that no allowed signer has.
    """
    if world.signers is None:
        return None, ""
    from loop_orchestrator.process.signing import BadSignatureError, sign, signer_of

    if key is None:
        raise UsageError(
            f"decision {decision.id} was not approved: this project wants a signature",
            hint=f"loop approve {decision.id} --key ~/.ssh/id_ed25519, or set LOOP_SIGNING_KEY",
        )
    message = approval_message(decision, digest_now(decision), chosen)
    signature = sign(key, message, may_ask=may_ask)
    try:
        signer = signer_of(world.signers, message, signature)
    except BadSignatureError as error:
        refused = PersonCheck(ok=False, who="", reason=f"{key}: {error}")
        _refuse(world, decision, refused, NotAPersonError(f"decision {decision.id} was not approved: {key}: {error}"))
    return Approval(actions=tuple(chosen), signature=signature), signer


def _approvals(world: World) -> Lock:
    return Lock(world.layout.approvals_lock, "the approval of decisions", timeout_s=_LOCK_LIMIT_S)


def _require_person(world: World, decision: Decision, person: PersonCheck) -> None:
    if not person.ok:
        error = NotAPersonError(
            f"decision {decision.id} was not touched: {person.reason}",
            hint="run it in a terminal of your own, outside the lanes",
        )
        _refuse(world, decision, person, error)


def _require_digest(world: World, decision: Decision, seen: str) -> None:
    """What will be done must be what was filed, and what the person saw."""
    filed = on_record(world.events, decision.id).digests
    now = digest_now(decision)
    if not filed:
        problem = "the event log does not say with which digest it was filed"
    elif now != decision.digest or now not in filed:
        problem = "it is not what was filed: its file was changed since"
    elif seen and not now.startswith(seen):
        problem = f"its digest is {now[:12]}, not {seen[:12]}"
    else:
        return
    who = PersonCheck(ok=False, who="", reason=problem)
    error = ChangedElsewhereError(
        f"decision {decision.id} was not approved: {problem}", hint=f"loop engine show {decision.id}"
    )
    _refuse(world, decision, who, error)


def _refuse(world: World, decision: Decision, person: PersonCheck, error: LoopError) -> NoReturn:
    world.events.append(
        "approval.refused", "cli", {"decision": decision.id, "reason": person.reason, "who": person.who}
    )
    raise error


def _chosen(decision: Decision, indices: Sequence[int]) -> tuple[int, ...]:
    open_items = tuple(item.idx for item in decision.items if item.status in _OPEN)
    wrong = [str(idx) for idx in indices if idx not in open_items]
    if wrong:
        listed = ", ".join(map(str, open_items)) or "none"
        raise UsageError(f"decision {decision.id}: action {', '.join(wrong)} does not wait; those that do: {listed}")
    if not open_items:
        raise DecisionStateError(
            f"decision {decision.id} is {decision.status.value}: nothing of it waits",
            hint=f"loop engine show {decision.id}",
        )
    return tuple(sorted(set(indices))) or open_items


def _item(decision: Decision, idx: int) -> Item:
    return next(item for item in decision.items if item.idx == idx)


@dataclass(frozen=True)
class _Word:
    """A person's yes or no as the event log has it."""

    kind: str
    said: Mapping[str, JsonValue]
    point: str
    """the crash point behind the event"""

    def note(self, world: World, decision: Decision) -> None:
        """Write the event; said again after a crash, it is the same one."""
        said = derived_id("e", decision.id, self.kind, json.dumps(self.said, sort_keys=True))
        world.events.append(self.kind, "person", {"decision": decision.id, **self.said}, trace=decision.cycle, id=said)
        crash_point(self.point)


def _move(
    world: World,
    seen: Decision,
    indices: Sequence[int],
    to: ItemStatus,
    word: _Word,
    *,
    note: str,
    approval: Approval | None = None,
) -> Decision:
    """The decision with these actions moved, on disk; refused if it changed since it was looked at.

    The event comes first: nothing runs, and nothing is gone, of which the log does not say who wanted it.
    """
    at = world.clock.now()

    def moved(current: Decision) -> Decision:
        if current != seen:
            raise ChangedElsewhereError(
                f"decision {seen.id} changed while it was looked at", hint=f"loop engine show {seen.id}"
            )
        word.note(world, seen)
        for idx in indices:
            item = _item(current, idx).moved(to, note=note, at=at)
            current = current.with_item(item if approval is None else replace(item, approval=approval))
        return current

    return world.decisions.update(seen.id, moved)
