"""Ending lanes and sessions: uncommitted work is saved first, then a hand-off file is written, then the pane ends, then
its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_time
from loop_orchestrator.crash import crash_point
from loop_orchestrator.errors import LoopError, ProcessError
from loop_orchestrator.model.handoff import FACTS, handoff_section, page_of, screen_block, with_handoff
from loop_orchestrator.model.lane import Lane, LaneKind, LaneWord
from loop_orchestrator.model.wiki import Writer
from loop_orchestrator.operations.boot import refuse_foreign
from loop_orchestrator.operations.observe import observe_lane, observe_lanes, record_of
from loop_orchestrator.operations.person import refuse_agent
from loop_orchestrator.operations.queue import close_lines, texts_in_line
from loop_orchestrator.operations.saving import Kept, save_lanes, unsaved
from loop_orchestrator.operations.worktrees import remove_if_empty
from loop_orchestrator.process.identity import ProcessId, alive, from_pid

if TYPE_CHECKING:
    from loop_orchestrator.model.delivery import Receipt
    from loop_orchestrator.model.saved import SavedWork
    from loop_orchestrator.world import World

_LEASE_LIMIT_S = 10.0
"""How long a delivery that is under way has to end before its lane is ended."""

_PROGRAM_LIMIT_S = 5.0
"""How long a program may write its last files after its pane ended, before its worktree is judged."""

_LOOK_S = 0.02


@dataclass(frozen=True, kw_only=True)
class EndReport:
    """What ending a lane left."""

    handoff: Path
    saved: SavedWork | None
    """what was uncommitted; None where nothing was, or it was not to be saved"""
    worktree: Path | None
    """the lane's worktree, if it had one"""
    kept: str
    """why the worktree is still there; empty: it is gone, or there was none"""
    not_delivered: tuple[Receipt, ...]
    """what stood in line for it; the texts are in the hand-off"""


@dataclass(frozen=True, kw_only=True)
class DownReport:
    """What ending a session left."""

    handoffs: tuple[Path, ...]
    kept: int
    """panes of the session that belong to no lane; with any, the session stays"""
    saved: tuple[SavedWork, ...]
    worktrees: tuple[Path, ...]
    """of lanes that ended; they stay for the next boot"""
    not_delivered: tuple[Receipt, ...] = ()
    """what stood in line for them; the texts are in the hand-offs"""


def drop_lane(world: World, name: str, *, force: bool, by: str, snapshot: bool = True) -> EndReport:
    """End a lane for good; a worktree that holds nothing but commits goes with it.

    Raises NotAPersonError from an agent's lane, UsageError for an unknown lane, LoopError for a lane of the config
    without ``force``, and where its uncommitted work cannot be saved.
    """
    refuse_agent(world, "drop a lane")
    record = record_of(world, name)
    if record.spec.kind is LaneKind.STANDING and not force:
        raise LoopError(f"lane {name} belongs to the config", hint=f"loop lane drop {name} --force")
    return end_lane(world, name, by=by, snapshot=snapshot)


def end_lane(world: World, name: str, *, by: str, snapshot: bool = True, even_at_work: bool = True) -> EndReport:
    """End a lane, whatever it is; waits for a delivery to it that is under way.

    snapshot: save what is uncommitted; without it the worktree stays, whatever it holds. Raises LoopError where it
    cannot be saved, and without ``even_at_work`` for an agent that is not known to rest, with the lane as it was.
    """
    with world.deliveries.lease(name, _LEASE_LIMIT_S):
        lane = observe_lane(world, name)
        if not even_at_work:
            _refuse_at_work(lane)
        spec = lane.record.spec
        saved = (save_lanes(world, [spec]) if snapshot else unsaved([spec]))[name]
        handoff = write_handoff(world, lane, saved, in_line=texts_in_line(world, name))
        crash_point("handoff.written")
        note_handoff(world, lane, handoff)
        crash_point("handoff.noted")
        closed = close_lines(world, (name,), f"lane {name} was ended", by=by)
        running = _programs(lane)
        _end_pane(world, lane)
        crash_point("lane.ended")
        kept = ""
        if spec.worktree_of is not None:
            kept = _settle_worktree(world, lane, running=running, snapshot=snapshot)
        world.lanes.remove(name)
        world.events.append("lane.dropped", "cli", {"lane": name, "by": by, "handoff": str(handoff)})
    worktree = world.layout.worktrees / name if spec.worktree_of is not None else None
    return EndReport(handoff=handoff, saved=saved.work, worktree=worktree, kept=kept, not_delivered=closed)


def _refuse_at_work(lane: Lane) -> None:
    if not lane.record.agent or lane.state.word in (LaneWord.IDLE, LaneWord.ERRORED):
        return
    does = {LaneWord.WORKING: "it is at work", LaneWord.AWAITING_APPROVAL: "it asks a person something"}
    why = does.get(lane.state.word, f"its state is not known ({lane.state.detail.value})")
    raise LoopError(
        f"lane {lane.name} was not ended: {why}, and no person said that it should end all the same",
        hint=f"loop lane drop {lane.name}",
    )


def down(world: World, *, force: bool, by: str, snapshot: bool = True) -> DownReport:
    """End every lane, and the session if nothing else is in it; nothing happens where neither is there.

    Worktrees stay. Raises NotAPersonError from an agent's lane, UsageError for a tmux session that is not this
    project's, LoopError while a lane works, unless ``force``, and where uncommitted work cannot be saved, with every
    lane as it was.
    """
    refuse_agent(world, "end the session")
    lanes = observe_lanes(world)
    if not lanes and not world.substrate.session_exists():
        return DownReport(handoffs=(), kept=0, saved=(), worktrees=())
    refuse_foreign(world)
    working = [lane.name for lane in lanes if lane.record.agent and lane.state.word is LaneWord.WORKING]
    if working and not force:
        raise LoopError(
            f"session {world.session} was not ended: {', '.join(working)} at work", hint="loop down --force"
        )
    specs = [lane.record.spec for lane in lanes]
    saved = save_lanes(world, specs) if snapshot else unsaved(specs)
    handoffs = tuple(
        write_handoff(world, lane, saved[lane.name], in_line=texts_in_line(world, lane.name)) for lane in lanes
    )
    crash_point("handoff.written")
    for lane, handoff in zip(lanes, handoffs, strict=True):
        note_handoff(world, lane, handoff)
    crash_point("handoff.noted")
    closed = close_lines(world, [lane.name for lane in lanes], "the session was ended", by=by)
    world.events.append("session.down", "cli", {"by": by})
    kept = _end_panes(world, lanes)
    world.lanes.clear()
    works = {one.work.ref: one.work for one in saved.values() if one.work is not None}
    worktrees = tuple(world.layout.worktrees / spec.name for spec in specs if spec.worktree_of is not None)
    return DownReport(
        handoffs=handoffs, kept=kept, saved=tuple(works.values()), worktrees=worktrees, not_delivered=closed
    )


def _end_panes(world: World, lanes: Sequence[Lane]) -> int:
    """End the session, or only the lanes' panes where it holds others, whose number is returned."""
    ours = {lane.record.pane for lane in lanes}
    others = [pane for pane in world.substrate.panes() if pane.pane not in ours and not pane.lane]
    if not others:
        world.substrate.end_session()
    for lane in lanes if others else ():
        _end_pane(world, lane)
    return len(others)


def _programs(lane: Lane) -> tuple[ProcessId, ...]:
    """What runs in the lane: its launcher and its program."""
    pids = (lane.record.pane_pid, *((lane.run.pid,) if lane.run is not None and lane.run.ended_at is None else ()))
    return tuple(process for pid in pids if (process := from_pid(pid)) is not None)


def _end_pane(world: World, lane: Lane) -> None:
    """End the lane's pane; one that another program has by now is left alone."""
    record = lane.record
    if any(pane.pane == record.pane and pane.pid == record.pane_pid for pane in world.substrate.panes()):
        world.substrate.end_pane(record.pane)


def _settle_worktree(world: World, lane: Lane, *, running: tuple[ProcessId, ...], snapshot: bool) -> str:
    """Remove the lane's worktree if nothing would be lost with it; else why it was kept.

    running: what ran in the lane, and may write its last files for a moment longer.
    """
    if not snapshot:
        return "no snapshot was wanted"
    deadline = world.clock.monotonic() + _PROGRAM_LIMIT_S
    while any(map(alive, running)):
        if world.clock.monotonic() > deadline:
            return "its program has not ended"
        world.clock.sleep(_LOOK_S)
    return remove_if_empty(world, lane.record.spec)


def write_handoff(world: World, lane: Lane, saved: Kept, *, in_line: Mapping[str, str] | None = None) -> Path:
    """Keep what stands on the screen of a lane whose program is about to be ended; the file.

    saved: what was saved of its uncommitted work. in_line: delivery -> text that it will not get.
    """
    from loop_orchestrator.stores.atomic import write_text

    now = world.clock.now()
    path = world.layout.handoffs / f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}-{lane.name}.md"
    write_text(path, _handoff(lane, format_time(now), saved) + _not_delivered(in_line or {}))
    return path


def note_handoff(world: World, lane: Lane, handoff: Path) -> None:
    """Put the state of an agent's lane on its own page of the wiki, as the lane itself may; nothing without a wiki.

    handoff: the file with the whole. A page that cannot be written is an event and keeps no lane from ending: the file
    is there.
    """
    if not lane.record.agent or not world.wiki.root.is_dir():
        return
    spec, page = lane.record.spec, page_of(lane.name)
    values = (
        format_time(world.clock.now()),
        spec.harness,
        _tasks_of(world, lane.name),
        f"{lane.state.word.value} ({lane.state.detail.value})",
        _in_project(world, spec.cwd),
        _branch(spec.cwd) or "none",
        _in_project(world, handoff),
    )
    section = handoff_section(dict(zip(FACTS, values, strict=True)), lane.screen)
    reason = ""
    try:
        writer = Writer(lane.name, spec.role)
        world.wiki.update(page, lambda old: with_handoff(old, lane.name, section), by=writer)
    except LoopError as error:
        reason = error.message
    world.events.append("handoff.noted", "cli", {"lane": lane.name, "page": page, "reason": reason})


def _in_project(world: World, path: Path) -> str:
    """As a page of the project names it: by its path from the project, if it lies there."""
    return str(path.relative_to(world.root)) if path.is_relative_to(world.root) else str(path)


def _tasks_of(world: World, lane: str) -> str:
    """What it had in hand: ``T0001 (tasks/T0001-login.md)``."""
    try:
        mine = [one for one in world.tasks.assignments() if one.lane == lane]
        files = {task.id: task.file.name for task in world.tasks.all()} if mine else {}
    except LoopError as error:
        return f"not known: {error.message}"
    said = [
        f"{'to prove ' if one.purpose == 'prove' else ''}{one.task} (tasks/{files.get(one.task, '')})" for one in mine
    ]
    return ", ".join(said) or "none"


def _handoff(lane: Lane, at: str, saved: Kept) -> str:
    spec = lane.record.spec
    return (
        f"# Hand-off of lane {spec.name}\n\n"
        f"- time: {at}\n- harness: {spec.harness or 'cmd: ' + spec.cmd}\n- role: {spec.role}\n"
        f"- state: {lane.state.word.value} ({lane.state.detail.value})\n"
        f"- directory: {spec.cwd}\n- branch: {_branch(spec.cwd) or 'none'}\n"
        f"{_work(lane, saved)}\n"
        f"Its last screen, as data:\n\n{screen_block(lane.screen)}\n"
    )


def _not_delivered(texts: Mapping[str, str]) -> str:
    """What stood in line, whole."""
    if not texts:
        return ""
    parts = []
    for op, text in texts.items():
        rows = "\n".join(f"    {row}" for row in text.encode("utf-8", "replace").decode().split("\n"))
        parts.append(f"\n## {op}\n\n{rows}\n")
    return "\n# Stood in line for it, and was not delivered\n" + "".join(parts)


def _work(lane: Lane, saved: Kept) -> str:
    """What of its work is where."""
    lines = []
    if saved.work is not None:
        lines += [f"- uncommitted work: {saved.work.ref}", f"- bring it back: loop undo restore {saved.work.name}"]
    elif saved.top is not None:
        lines += ["- uncommitted work: none"]
    if lane.record.spec.worktree_of is not None:
        lines += [f"- worktree of: {lane.record.spec.worktree_of}"]
    return "".join(f"{line}\n" for line in lines)


def _branch(directory: Path) -> str:
    """Empty on a detached head, outside of a repository, and where git cannot say."""
    from loop_orchestrator.process import git

    try:
        return (git.branch(directory) or "") if git.is_repository(directory) else ""
    except ProcessError:
        return ""
