"""What stands on the screen of a decision, block by block. Nothing of it is shortened. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from loop_orchestrator.actions.base import ActionKind
from loop_orchestrator.deck.page import Block, Part
from loop_orchestrator.deck.silence import silence
from loop_orchestrator.deck.words import SIGNS, age, counted
from loop_orchestrator.engine.approval import digest_now
from loop_orchestrator.model.decision import ItemStatus
from loop_orchestrator.model.sentences import sentence_of
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.model.verdict import Level
from loop_orchestrator.operations.resolve import next_step

if TYPE_CHECKING:
    from loop_orchestrator.deck.picture import Picture
    from loop_orchestrator.model.action import Action
    from loop_orchestrator.model.decision import Decision, Item
    from loop_orchestrator.model.event import Event

INLINE = 56
"""Characters of a value that stands beside its name; a longer one stands below it, indented, so that no text can pass
for a name of the screen's own."""

HEAD = ""
"""Key of the block above the actions."""

_LOOKS: Mapping[ItemStatus, str] = {
    ItemStatus.WAITING: "page--person",
    ItemStatus.FAILED: "page--failure",
    ItemStatus.UNKNOWN: "page--failure",
    ItemStatus.BLOCKED: "page--failure",
}


def head_of(decision: Decision, picture: Picture) -> Block:
    """What stands above the actions: what it is, what silence means, and why it was decided."""
    now = picture.status.generated_at
    parts = [
        Part(f"decision {decision.id}: {decision.status.value}, {age(now, decision.created_at)} old"),
        Part(f"made by {decision.brain} in mode {decision.mode.value}, cycle {decision.cycle}", "page--quiet"),
        Part(f"digest {decision.digest}", "page--quiet"),
    ]
    if digest_now(decision) != decision.digest:
        said = "Its file was changed by hand since it was filed: it cannot be approved, only rejected."
        parts.append(Part(said, "page--failure"))
    if decision.untrusted:
        parts.append(Part(f"made of text that is not trusted: {', '.join(decision.untrusted)}", "page--failure"))
    if any(item.status is ItemStatus.WAITING for item in decision.items):
        parts.append(Part(silence(decision, picture), "page--person"))
        if picture.signed:
            parts.append(Part("Approvals are signed here: y signs with your SSH key.", "page--quiet"))
    return Block(HEAD, (*parts, *labelled("critique", decision.critique)))


def action_of(item: Item, decision: Decision, picture: Picture, *, marked: bool) -> Block:
    """One action whole: verdict, reasons, every field as it is and as it was, and its lane as it is now."""
    sign = {True: "[x] ", False: "[ ] "}[marked] if item.status is ItemStatus.WAITING else ""
    what = f"{sign}{item.idx}. {item.action.kind} {item.action.target}".rstrip()
    look = _LOOKS.get(item.status, "")
    parts = [Part(f"{what}  ({item.verdict.level.value}, {_status(item, picture)})", look)]
    parts += _why(item, decision)
    parts += labelled("note", item.note) if item.note else []
    if item.status is ItemStatus.UNKNOWN:
        parts += [Part(line, "page--person", 2) for line in how_to_settle(decision, item, picture)]
    if lane := lane_now(item.action.target, picture):
        parts += labelled("the lane now", lane)
    fields = fields_of(item.action)
    for name, value in fields.items():
        parts += labelled(name, value) if value else []
        for who, was in _was(decision, item, name):
            parts += labelled(f"{name} before {who} changed it", was or "(empty)", "page--quiet")
    if empty := [name for name, value in fields.items() if not value]:
        parts.append(Part(f"empty: {', '.join(empty)}", "page--quiet"))
    return Block(str(item.idx), tuple(parts))


def labelled(name: str, value: str, style: str = "") -> list[Part]:
    """A value with its name."""
    if len(value) <= INLINE and value.isprintable():
        return [Part(f"{name}: {value}", style)]
    return [Part(f"{name}:", style), Part(value, style, 4)]


def _status(item: Item, picture: Picture) -> str:
    if item.status is ItemStatus.STARTED:
        return f"runs for {age(picture.status.generated_at, item.changed_at)}"
    return item.status.value


def _why(item: Item, decision: Decision) -> Iterator[Part]:
    for reason in item.verdict.reasons:
        yield from labelled("because", reason)
    if item.status is ItemStatus.WAITING and item.verdict.level is Level.SAFE:
        yield Part(f"because: in mode {decision.mode.value} a person is asked")


def _was(decision: Decision, item: Item, name: str) -> Iterator[tuple[str, str]]:
    """Who changed a field, and what it was before, the newest change first."""
    now = fields_of(item.action).get(name, "")
    for edit in reversed(decision.edits):
        if edit.idx == item.idx and (was := fields_of(edit.action).get(name, "")) != now:
            yield edit.by, was
            now = was


def fields_of(action: Action) -> Mapping[str, str]:
    """Every field of an action, as it is edited."""
    fields = action.to_fields() if isinstance(action, ActionKind) else {}
    return {name: _edited(value) for name, value in fields.items()}


def _edited(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def lane_now(target: str, picture: Picture) -> str:
    """State of a lane, since when, how sure, and the first sign of it; empty where there is no such lane."""
    if not target:
        return ""
    if isinstance(picture.status.lanes, Unknown):
        return f"not seen: {picture.status.lanes.reason}"
    for lane in picture.status.lanes:
        if lane.name == target:
            since = age(picture.status.generated_at, picture.since.get(target))
            seen = next((signal.seen for signal in lane.state.evidence), "")
            state = f"{SIGNS[lane.state.word]} {lane.state.word.value} ({lane.state.detail.value})"
            sure = f", {lane.state.confidence:.0%} sure"
            return state + sure + (f", for {since}" if since else "") + (f": {seen}" if seen else "")
    return "there is none of this name"


def how_to_settle(decision: Decision, item: Item, picture: Picture) -> tuple[str, ...]:
    """What a person does about an action whose outcome nobody knows."""
    op = op_of(decision, item)
    if not is_open_delivery(op, picture):
        return ("It is never repeated by itself. Look at what is there; the next cycle of the engine looks again.",)
    stands = op in picture.status.standing
    return (
        f"Nobody knows whether the text reached lane {item.action.target}; it is not sent again by itself.",
        "Look at the lane, then press u here and say what became of it, or in a terminal:",
        f"loop attach {item.action.target}; {next_step(op, stands=stands)}",
    )


def op_of(decision: Decision, item: Item) -> str:
    """The delivery that the action made, if it made one."""
    return f"{decision.id}-{item.idx}"


def is_open_delivery(op: str, picture: Picture) -> bool:
    """The outcome of this delivery is not known."""
    found = picture.status.unknown_deliveries
    return not isinstance(found, Unknown) and any(receipt.op == op for receipt in found)


def is_same(one: Decision, other: Decision) -> bool:
    """Both will do the same, by their digests and by what is in them: a file may have been changed by hand."""
    actions = ([item.action for item in decision.items] for decision in (one, other))
    return one.digest == other.digest and next(actions) == next(actions)


def changes(was: Decision, now: Decision) -> Block:
    """What another changed while the decision stood on a screen."""
    parts = [Part("It changed while it was open here. What changed:", "page--failure")]
    if now.edits[len(was.edits) :]:
        parts += [Part(f"by {', '.join(dict.fromkeys(one.by for one in now.edits[len(was.edits) :]))}")]
    before, after = ({item.idx: item for item in one.items} for one in (was, now))
    for idx in sorted({*before, *after}):
        if idx not in before or idx not in after:
            parts.append(Part(f"action {idx} is {'gone' if idx in before else 'new'}"))
            continue
        old, new = fields_of(before[idx].action), fields_of(after[idx].action)
        for name in {**old, **new}:
            if old.get(name) != new.get(name):
                parts += labelled(f"{name} of action {idx} was", old.get(name, "") or "(empty)")
                parts += labelled(f"{name} of action {idx} is", new.get(name, "") or "(empty)")
    return Block(HEAD, tuple(parts))


def ended(decision_id: str, events: Sequence[Event]) -> Block:
    """How a decision ended that is no longer open, by the events about it."""
    parts = [Part(f"Decision {decision_id} is closed: nothing of it waits. Esc goes back.", "page--person")]
    for event in events:
        if event.payload.get("decision") == decision_id and event.kind != "decision.archived":
            parts.append(Part(f"{event.at.astimezone():%H:%M:%S} {sentence_of(event)}", "", 2))
    return Block(HEAD, tuple(parts))


def dangers(items: Sequence[Item]) -> tuple[Block, ...]:
    """Those of the actions that are not safe, with every reason."""
    return tuple(
        Block(
            str(one.idx),
            (
                Part(f"{one.idx}. {one.action.kind} {one.action.target} ({one.verdict.level.value})", "page--person"),
                *(part for reason in one.verdict.reasons for part in labelled("because", reason)),
            ),
        )
        for one in items
        if one.verdict.level is not Level.SAFE
    )


def progress(decision: Decision, indices: Sequence[int], picture: Picture) -> str:
    """How far the actions are that were approved: ``1 of 3 ended; action 1 dispatch web runs for 10s``."""
    items = [item for item in decision.items if item.idx in indices]
    left = (ItemStatus.WAITING, ItemStatus.READY, ItemStatus.STARTED)
    done = sum(item.status not in left for item in items)
    running = [
        f"action {item.idx} {item.action.kind} {item.action.target} {_status(item, picture)}"
        for item in items
        if item.status is ItemStatus.STARTED
    ]
    return "; ".join([f"{done} of {counted(len(items), 'action')} ended", *running])
