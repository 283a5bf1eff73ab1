"""The brief of a lane: who the agent in it is, who the others are, and how it takes part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import TextWrapper
from typing import TYPE_CHECKING

from loop_orchestrator.errors import UsageError
from loop_orchestrator.model.finding import nearest_of
from loop_orchestrator.model.wiki import (
    ARCHIVE,
    CHECKPOINT,
    DECISIONS,
    INDEX,
    LANES,
    LOG,
    LOOPS,
    MARKER,
    SCRATCHPAD,
    Area,
    Right,
    Writer,
)
from loop_orchestrator.operations.asks import unanswered
from loop_orchestrator.prompts import fill

if TYPE_CHECKING:
    from loop_orchestrator.model.ask import Ask
    from loop_orchestrator.model.lane import LaneRecord
    from loop_orchestrator.model.task import Assignment
    from loop_orchestrator.operations.shapes import Json
    from loop_orchestrator.world import World

MOST_OTHERS = 10
"""Lanes that are named; with twice as many the brief would not fit on a screen."""

_RIGHTS: Mapping[str, str] = {
    "validation": "may_write_validation",
    "docs": "may_write_docs",
    "coordinator": "may_write_coordinator",
}
"""Role -> the text that says what it may write; of every other role ``may_write_lane``."""

_PAGES: Mapping[Area, str] = {
    Area.OWN_LANE: f"{LANES}/{{lane}}.md for notes that should last",
    Area.OTHER_LANE: f"the other pages of {LANES}/",
    Area.LOOP: f"{LOOPS}/",
    Area.DECISION: f"{DECISIONS}/",
    Area.INDEX: INDEX,
    Area.LOG: LOG,
    Area.ABOVE: f"{CHECKPOINT} above its line `{MARKER}`",
    Area.BELOW: f"{CHECKPOINT} from its line `{MARKER}` on",
    Area.ARCHIVE: ARCHIVE,
    Area.SCRATCHPAD: SCRATCHPAD,
    Area.OTHER: "pages beside these",
}
"""How a brief names a part of the wiki."""

WIDTH = 120
"""Columns of a brief; the longest lines of its text have as many."""

_EXAMPLE_FILE, _EXAMPLE_TASK = "FILE", "T0001"
"""Stand for the name of a message and the id of a task where the lane has none."""


@dataclass(frozen=True, kw_only=True)
class Brief:
    """A brief, and what it was made of."""

    lane: str
    role: str
    session: str
    project: str
    tasks: tuple[Assignment, ...]
    """what was handed to the lane and is not answered"""
    mail: tuple[str, ...]
    """file names of messages that wait for it, oldest first"""
    others: tuple[LaneRecord, ...]
    text: str


def brief(world: World, lane: str) -> Brief:
    """The brief of a booted lane, from files alone: no terminal is asked. Raises UsageError for an unknown lane."""
    records = world.lanes.records()
    if lane not in records:
        booted = f"its lanes: {', '.join(records) or 'none'}"
        near = nearest_of(lane, records)
        meant = f"; did you mean {near}? All of {booted}" if near else f"; {booted}"
        named = f"session {world.session} has no lane {lane}" if lane else "which lane? LOOP_LANE is not set"
        raise UsageError(f"{named}{meant}", hint="loop brief LANE")
    spec = records[lane].spec
    tasks = tuple(one for one in world.tasks.assignments() if one.lane == lane)
    mail = tuple(message.file for message in world.mailbox.peek(lane))
    others = tuple(record for name, record in records.items() if name != lane)
    rights = _RIGHTS.get(spec.role, "may_write_lane")
    text = fill(
        world.prompts["lane_brief"],
        lane=lane,
        session=world.session,
        role=spec.role,
        project=str(world.root),
        directory=str(spec.cwd) + (f" (a git worktree of your own, of {spec.worktree_of})" if spec.worktree_of else ""),
        now=_now(world, tasks, mail, tuple(ask for ask in unanswered(world.asks) if ask.lane == lane)),
        others=_others(others),
        file=mail[0] if mail else _EXAMPLE_FILE,
        report=_report(world, lane, spec.role, tasks),
        may_write=f"{world.prompts[rights].rstrip()}\n{_wiki_rights(Writer(lane, spec.role))}",
    )
    return Brief(
        lane=lane,
        role=spec.role,
        session=world.session,
        project=str(world.root),
        tasks=tasks,
        mail=mail,
        others=others,
        text=text,
    )


def brief_document(brief: Brief) -> Json:
    """The document of ``loop brief --json``."""
    return {
        "lane": brief.lane,
        "role": brief.role,
        "session": brief.session,
        "project": brief.project,
        "tasks": [{"task": one.task, "purpose": one.purpose} for one in brief.tasks],
        "mail": [*brief.mail],
        "others": [
            {"lane": one.spec.name, "role": one.spec.role, "harness": one.spec.harness or None, "agent": one.agent}
            for one in brief.others
        ],
        "text": brief.text,
    }


def _wiki_rights(writer: Writer) -> str:
    """What a lane may write of the wiki, in one entry of a list."""
    named = []
    for area, words in _PAGES.items():
        right = writer.right(area)
        if right is not Right.NONE:
            end = "what is added at the end of " if right is Right.APPEND else ""
            named.append(end + words.format(lane=writer.lane))
    text = f"of ops-wiki/: {', '.join(named)}; no other page".replace(MARKER, MARKER.replace(" ", "\u00a0"))
    entry = TextWrapper(WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False).fill(text)
    return entry.replace("\u00a0", " ")


def _now(world: World, tasks: tuple[Assignment, ...], mail: tuple[str, ...], asks: tuple[Ask, ...]) -> str:
    files = {task.id: task.file for task in world.tasks.all()} if tasks else {}
    lines = [
        f"You have {'to prove ' if one.purpose == 'prove' else ''}task {one.task}: {files.get(one.task, 'tasks/')}"
        for one in tasks
    ]
    lines += [f'You owe an answer: loop mail reply {ask.id} --from {ask.lane} --body "your answer"' for ask in asks]
    if mail:
        lines.append(
            f"{len(mail)} {'message waits' if len(mail) == 1 else 'messages wait'} for you; read the oldest first."
        )
    return "".join(f"{line}\n" for line in lines or ["Nothing was handed to you yet."])


def _others(others: tuple[LaneRecord, ...]) -> str:
    lines = [f"- {one.spec.name}: {one.spec.role}, {_runs(one)}" for one in others[:MOST_OTHERS]]
    if len(others) > MOST_OTHERS:
        lines.append(f"- and {len(others) - MOST_OTHERS} more: loop lane list")
    return "\n".join(lines)


def _runs(record: LaneRecord) -> str:
    if record.agent:
        return f"an agent ({record.spec.harness or 'a command'})"
    return "a shell" if record.spec.harness else "a display"


def _report(world: World, lane: str, role: str, tasks: tuple[Assignment, ...]) -> str:
    """How to say how it goes: about the tasks that the lane has, else by its role about an example."""
    purposes = {one.purpose: one.task for one in reversed(tasks)} or {
        "prove" if role == "validation" else "work": _EXAMPLE_TASK
    }
    texts = {"work": "report_work", "prove": "report_proof"}
    return "".join(fill(world.prompts[texts[purpose]], lane=lane, task=task) for purpose, task in purposes.items())
