"""What the sides of the lane panel say, as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from loop_orchestrator.deck.words import SIGNS, age, counted
from loop_orchestrator.model.restart import RestartEvent
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.operations.telling import row_text
from loop_orchestrator.operations.why import why_sentences

if TYPE_CHECKING:
    from loop_orchestrator.deck.picture import Picture
    from loop_orchestrator.model.event import Event
    from loop_orchestrator.model.lane import Lane
    from loop_orchestrator.model.restart import RestartNote

MOST_EVENTS = 200
"""Of the history of one lane that is shown: a few screens."""

NOT_KNOWN = "n/a"
"""What stands where nobody knows a figure."""

_NAMES_A_LANE = ("lane", "target", "from", "to")
"""Fields of payloads that may hold the name of a lane."""


def state_of(lane: Lane, picture: Picture) -> str:
    """``web ○ ready, 90% sure, for 3m``."""
    state, since = lane.state, age(picture.status.generated_at, picture.since.get(lane.name))
    parts = [f"{lane.name} {SIGNS[state.word]} {state.detail.value}", f"{state.confidence:.0%} sure"]
    return ", ".join((*parts, f"for {since}") if since else parts)


def facts_of(lane: Lane, picture: Picture) -> str:
    """What it is for, what runs in it, where, what it has to do, and what it cost."""
    spec = lane.record.spec
    branch, tasks = picture.branches.get(lane.name, ""), tasks_by_lane(picture)
    task = "?" if tasks is None else tasks.get(lane.name, "")
    count = _in_line(lane.name, picture)
    parts = (
        spec.role,
        " ".join(filter(None, (spec.harness or spec.cmd, spec.model))),
        f"task {task}" if task else "no task",
        f"restarts {restarts_in_short(picture.status.restarts.get(lane.name)) or 0}",
        f"tokens {NOT_KNOWN}",
        f"branch {branch}" if branch else "",
        f"{counted(count, 'text')} in line" if count else "",
        "without permission prompts" if spec.auto_approve else "",
    )
    return " · ".join(filter(None, parts))


def tasks_by_lane(picture: Picture) -> Mapping[str, str] | None:
    """Lane -> the tasks it has; None where they cannot be read."""
    if isinstance(picture.assignments, Unknown):
        return None
    found: dict[str, str] = {}
    for one in picture.assignments:
        found[one.lane] = f"{found[one.lane]} {one.task}" if one.lane in found else one.task
    return found


def restarts_in_short(note: RestartNote | None) -> str:
    """How often in a row it was started again, and whether it was given up; empty: not at all."""
    if note is None:
        return ""
    given_up = "!" if note.event is RestartEvent.GIVING_UP else ""
    return f"{note.attempt or ''}{given_up}"


def _in_line(lane: str, picture: Picture) -> int:
    lines = picture.status.lines
    return 0 if isinstance(lines, Unknown) else sum(len(one.waiting) for one in lines if one.lane == lane)


def evidence_of(lane: Lane, picture: Picture) -> str:
    """Why the lane is believed to be in its state, in the sentences of ``loop why``."""
    return "\n".join(why_sentences(lane, picture.status.generated_at))


def mail_of(lane: str, picture: Picture) -> str:
    """Pending messages from and to the lane, whole, oldest first."""
    mail = picture.status.mail
    if isinstance(mail, Unknown):
        return f"The mail cannot be read: {mail.reason}"
    now = picture.status.generated_at
    found = [one for one in mail if lane in (one.sender, one.recipient)]
    if not found:
        return "No mail from it or to it waits. What was read: loop mail list --all"
    return "\n\n".join(
        f"{one.sender} -> {one.recipient}, {age(now, one.sent_at)} ago: {one.subject}\n{one.file}\n\n{one.body.strip()}"
        for one in found
    )


def history_of(lane: str, picture: Picture) -> str:
    """The newest events that name the lane, newest first."""
    found = [event for event in picture.events if _names(event, lane)][-MOST_EVENTS:]
    lines = [f"{one.at.astimezone():%d %H:%M:%S} {one.kind}: {row_text(one)}" for one in reversed(found)]
    return "\n".join(lines) or "Nothing on record names it. What is older: loop logs"


def _names(event: Event, lane: str) -> bool:
    return event.source == f"lane:{lane}" or any(event.payload.get(name) == lane for name in _NAMES_A_LANE)
