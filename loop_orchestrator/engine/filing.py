"""Closed decisions are filed in the checkpoint, below its marker, each once; the oldest move to the archive page.

A decision is noted before it goes to the archive of decisions, and the note is taken back after the page has it:
whoever is killed in between files it again, and the page tells that it is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from loop_orchestrator.actions.base import ActionKind
from loop_orchestrator.clock import format_time
from loop_orchestrator.config.memory import CheckpointConfig
from loop_orchestrator.crash import crash_point
from loop_orchestrator.engine.fences import fenced
from loop_orchestrator.errors import ChangedElsewhereError, DecisionStateError, LoopError, StoreError
from loop_orchestrator.markdowntext import read_blocks
from loop_orchestrator.model.decision import Decision, DecisionStatus
from loop_orchestrator.model.wiki import ARCHIVE, CHECKPOINT, FILING, MARKER, mark, marker_lines, parted
from loop_orchestrator.model.wikisections import PageFault, section_of, with_entry

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.world import World

SECTION = "Decisions"
"""The section of the checkpoint, and the heading under which entries stand there."""

PROBLEM = "problem"
"""Key of the note that says what stands in the way."""

CRITIQUE_LIMIT, LINE_LIMIT = 600, 300
"""Characters of a critique, and of each thing that is said of an action; the whole is in the archive of decisions."""

_TRIES = 5
_ID = r"(d-[0-9]{8}T[0-9]{9}-[0-9a-f]{6}):"
_NOTHING_YET = "None yet."


@dataclass(frozen=True)
class Entry:
    """A decision as a page shows it."""

    id: str
    text: str
    """whole lines, a level-3 heading first"""


@dataclass(frozen=True)
class Plan:
    """What becomes of the checkpoint."""

    page: str
    overflow: tuple[Entry, ...]
    """entries that leave it, oldest first; the archive has to have them before"""


def note_closed(world: World, decision: Decision) -> None:
    """Note a closed decision to be filed, where there is a wiki. What only stops is none that anybody looks for."""
    if any(item.action.kind != "stop" for item in decision.items) and world.wiki.root.is_dir():
        world.filing.add(decision.id, "")


def file_noted(world: World) -> None:
    """File every decision that is noted; what stands in the way is an event once, and is tried again next time."""
    try:
        noted = [id for id in world.filing.items() if id != PROBLEM]
        if not noted or not world.wiki.root.is_dir():
            return
        entries = [entry for id in noted if (entry := _entry(world, id)) is not None]
        moved = _write(world, entries)
        for id in noted:
            world.filing.discard(id)
        _set_problem(world, "")
        filed: list[JsonValue] = [entry.id for entry in entries]
        world.events.append("decision.kept", "engine", {"decisions": filed, "moved": list(moved)})
    except (LoopError, PageFault) as error:
        _set_problem(world, error.message if isinstance(error, LoopError) else str(error))


def entry_of(decision: Decision) -> Entry:
    """The entry of a decision. Pure. What a brain wrote stands in a fence.

    Of a decision that was made of text from outside only what it did stands there: the page is part of every prompt,
    and each cycle that reads its text would be one that is not trusted.
    """
    acts = dict.fromkeys(f"{item.action.kind} {item.action.target}".strip() for item in decision.items)
    last = max((item.changed_at for item in decision.items), default=decision.created_at)
    if decision.untrusted:
        said = f"It was made of text from {', '.join(decision.untrusted)}; what it says: loop engine show {decision.id}"
    else:
        said = fenced("\n".join(_said(decision)), mark((f"brain:{decision.brain}",), outside=False))
    text = (
        f"### {decision.id}: {', '.join(acts)}\n\n"
        f"Made {format_time(decision.created_at)} by {decision.brain}, mode {decision.mode.value}; "
        f"closed {format_time(last)}: {', '.join(item.status.value for item in decision.items)}.\n\n{said}\n"
    )
    return Entry(decision.id, text)


def _said(decision: Decision) -> Iterator[str]:
    yield f"critique: {_one_line(decision.critique, CRITIQUE_LIMIT)}"
    for item in decision.items:
        what = f"{item.idx} {item.action.kind} {item.action.target}".strip()
        yield _one_line(f"{what}: {item.status.value}: {item.note}", LINE_LIMIT)
        if isinstance(item.action, ActionKind) and item.action.text:
            yield "  " + _one_line(f"text: {item.action.text}", LINE_LIMIT)
        yield "  " + _one_line(f"why: {item.action.rationale}", LINE_LIMIT)


def plan(page: str, entries: Sequence[Entry], archived: Iterable[str], *, keep: int) -> Plan:
    """The checkpoint with these entries, newest last, and those that are too many. Pure.

    archived: ids of entries that left it before. Above the marker the page is the same byte for byte. Raises PageFault.
    """
    if len(marker_lines(read_blocks(page))) != 1:
        raise PageFault(f"{CHECKPOINT} must have the marker {MARKER} once, on a line of its own")
    above, below = parted(read_blocks(page))
    if entries and (section_of("", below, SECTION) or "").strip() == _NOTHING_YET:
        below = re.sub(rf"(?m)^{re.escape(_NOTHING_YET)}[ \t]*\r?\n?", "", below, count=1)
    gone = set(archived)
    for entry in entries:
        if entry.id not in gone:
            below = with_entry("", below, SECTION, entry.text, title="")
    spans = list(_spans(below))
    over = spans[: max(0, len(spans) - keep)]
    overflow = tuple(Entry(id, below[start:end].strip("\n") + "\n") for id, start, end in over)
    for _, start, end in reversed(over):
        below = below[:start] + below[end:]
    return Plan(above + below, overflow)


def _entry(world: World, id: str) -> Entry | None:
    """None for a decision that is gone, or that is not closed."""
    try:
        decision = world.decisions.get(id)
    except DecisionStateError:
        return None
    return entry_of(decision) if decision.status is DecisionStatus.CLOSED else None


def _write(world: World, entries: Sequence[Entry]) -> tuple[str, ...]:
    """Put the entries in place; ids of those that moved to the archive page."""
    engine = world.config.engine
    keep = (engine.checkpoint if engine else CheckpointConfig()).keep_decisions
    for _ in range(_TRIES):
        page = world.wiki.read(CHECKPOINT)
        made = plan(page, entries, _ids(world.wiki.read_or(ARCHIVE)), keep=keep)
        if made.overflow:
            world.wiki.update(ARCHIVE, partial(_archived, entries=made.overflow), by=FILING)
        crash_point("filing.archived")
        try:
            world.wiki.update(CHECKPOINT, partial(_swapped, was=page, new=made.page), by=FILING)
        except ChangedElsewhereError:
            continue
        crash_point("filing.filed")
        return tuple(entry.id for entry in made.overflow)
    raise ChangedElsewhereError(f"{CHECKPOINT} is being written by somebody else all the time", hint="try again")


def _swapped(old: str, was: str, new: str) -> str:
    if old != was:
        raise ChangedElsewhereError(f"{CHECKPOINT} was changed meanwhile")
    return new


def _archived(page: str, entries: Iterable[Entry]) -> str:
    """The archive page with those entries that it lacks at its end."""
    there = _ids(page)
    new = [entry.text for entry in entries if entry.id not in there]
    before = page or "# Decisions archive\n"
    gap = "" if before.endswith("\n\n") else "\n" if before.endswith("\n") else "\n\n"
    return before + gap + "\n".join(new) if new else page


def _ids(page: str) -> frozenset[str]:
    return frozenset(re.findall(rf"(?m)^### {_ID}", page))


def _spans(text: str) -> Iterable[tuple[str, int, int]]:
    """Id, begin and end in characters of every entry of a decision."""
    blocks = read_blocks(text)
    offsets = [0]
    for line in blocks.lines:
        offsets.append(offsets[-1] + len(line))
    for place, heading in enumerate(blocks.headings):
        found = re.match(_ID, heading.text) if heading.level == 3 else None
        if found:
            after = next((one.line - 1 for one in blocks.headings[place + 1 :] if one.level <= 3), len(blocks.lines))
            yield found[1], offsets[heading.line - 1], offsets[after]


def _one_line(text: str, limit: int) -> str:
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _set_problem(world: World, reason: str) -> None:
    try:
        if (world.filing.get(PROBLEM) or "") == reason:
            return
        if reason:
            world.filing.add(PROBLEM, reason)
            world.events.append("wiki.blocked", "engine", {"what": "filing decisions", "reason": reason})
        else:
            world.filing.discard(PROBLEM)
    except StoreError:
        return  # a full disk takes no note of it; the decisions stay noted
