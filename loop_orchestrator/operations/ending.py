"""Ending lanes and sessions: a hand-off file first, then the pane, then its record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_time
from loop_orchestrator.errors import LoopError
from loop_orchestrator.model.lane import Lane, LaneKind, LaneWord
from loop_orchestrator.operations.observe import observe_lane, observe_lanes, record_of
from loop_orchestrator.operations.person import refuse_agent

if TYPE_CHECKING:
    from loop_orchestrator.world import World

HANDOFF_LINES = 40
"""Lines of the screen that a hand-off keeps: what a person would scroll back to."""

_LEASE_LIMIT_S = 10.0
"""How long a delivery that is under way has to end before its lane is ended."""


@dataclass(frozen=True)
class DownReport:
    """What ending a session left."""

    handoffs: tuple[Path, ...]
    kept: int
    """panes of the session that belong to no lane; with any, the session stays"""


def drop_lane(world: World, name: str, *, force: bool, by: str) -> Path:
    """End a lane and return its hand-off.

    Raises NotAPersonError from an agent's lane, UsageError for an unknown lane, LoopError for a lane of the config
    without ``force``.
    """
    refuse_agent(world, "drop a lane")
    record = record_of(world, name)
    if record.spec.kind is LaneKind.STANDING and not force:
        raise LoopError(f"lane {name} belongs to the config", hint=f"loop lane drop {name} --force")
    return end_lane(world, name, by=by)


def end_lane(world: World, name: str, *, by: str) -> Path:
    """End a lane, whatever it is, after its hand-off was written; waits for a delivery to it that is under way."""
    with world.deliveries.lease(name, _LEASE_LIMIT_S):
        lane = observe_lane(world, name)
        handoff = write_handoff(world, lane)
        _end_pane(world, lane)
        world.lanes.remove(name)
        world.events.append("lane.dropped", "cli", {"lane": name, "by": by, "handoff": str(handoff)})
    return handoff


def down(world: World, *, force: bool, by: str) -> DownReport:
    """End every lane, and the session if nothing else is in it; nothing happens where neither is there.

    Raises NotAPersonError from an agent's lane, LoopError while a lane works, unless ``force``.
    """
    refuse_agent(world, "end the session")
    lanes = observe_lanes(world)
    if not lanes and not world.substrate.session_exists():
        return DownReport((), 0)
    working = [lane.name for lane in lanes if lane.record.agent and lane.state.word is LaneWord.WORKING]
    if working and not force:
        raise LoopError(
            f"session {world.session} was not ended: {', '.join(working)} at work", hint="loop down --force"
        )
    handoffs = tuple(write_handoff(world, lane) for lane in lanes)
    world.events.append("session.down", "cli", {"by": by})
    ours = {lane.record.pane for lane in lanes}
    kept = [pane for pane in world.substrate.panes() if pane.pane not in ours and not pane.lane]
    if kept:
        for lane in lanes:
            _end_pane(world, lane)
    else:
        world.substrate.end_session()
    world.lanes.clear()
    return DownReport(handoffs, len(kept))


def _end_pane(world: World, lane: Lane) -> None:
    """End the lane's pane; one that another program has by now is left alone."""
    record = lane.record
    if any(pane.pane == record.pane and pane.pid == record.pane_pid for pane in world.substrate.panes()):
        world.substrate.end_pane(record.pane)


def write_handoff(world: World, lane: Lane) -> Path:
    """Keep what stands on the screen of a lane whose program is about to be ended; the file."""
    from loop_orchestrator.stores.atomic import write_text

    now = world.clock.now()
    path = world.layout.handoffs / f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}-{lane.name}.md"
    write_text(path, _handoff(lane, format_time(now)))
    return path


def _handoff(lane: Lane, at: str) -> str:
    from loop_orchestrator.process import git

    spec = lane.record.spec
    branch = git.branch(spec.cwd) if git.is_repository(spec.cwd) else None
    rows = "\n".join(row.rstrip() for row in lane.screen).strip("\n").split("\n")
    screen = "\n".join(f"    {row}" for row in rows[-HANDOFF_LINES:])
    return (
        f"# Hand-off of lane {spec.name}\n\n"
        f"- time: {at}\n- harness: {spec.harness or 'cmd: ' + spec.cmd}\n- role: {spec.role}\n"
        f"- state: {lane.state.word.value} ({lane.state.detail.value})\n"
        f"- directory: {spec.cwd}\n- branch: {branch or 'none'}\n\n"
        f"Its last screen, as data:\n\n{screen}\n"
    )
