"""Whether booted lanes came up, by what they show."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from loop_orchestrator.model.lane import Detail, Lane, LaneWord
from loop_orchestrator.operations.observe import observe_lane
from loop_orchestrator.process.launch import is_launching

if TYPE_CHECKING:
    from loop_orchestrator.operations.dialogs import Attendant
    from loop_orchestrator.world import World

LIMIT_S = 30.0
"""How long a boot may take where nobody says; the known programs draw their composers within ten seconds."""

_LOOK_EVERY_S = 0.2
"""Nothing announces a screen being drawn. At half, twice the programs started; at double, a boot looks slower."""

_RUNS_S = 1.0
"""How long a command must run to count as up. Half lets one pass that fails at once; double slows boots."""

_SHOWN_ROWS = 5


def await_boot(
    world: World, *, limit_s: float, only: Collection[str] = (), attendant: Attendant | None = None
) -> tuple[Lane, ...]:
    """Every lane, as soon as each is up, asks something or has ended, or when the limit is over.

    only: the lanes that are waited for; empty: all. attendant: answers what the lanes may be answered meanwhile.
    """
    return _await(world, world.observe_lanes, limit_s, only, attendant)


def await_lane(world: World, name: str, *, limit_s: float, attendant: Attendant | None = None) -> Lane:
    """One lane, as soon as it is up, asks something or has ended, or when the limit is over."""
    return _await(world, lambda: (observe_lane(world, name),), limit_s, (), attendant)[0]


def _await(
    world: World,
    look: Callable[[], tuple[Lane, ...]],
    limit_s: float,
    only: Collection[str],
    attendant: Attendant | None,
) -> tuple[Lane, ...]:
    deadline = world.clock.monotonic() + limit_s
    runs_since: dict[str, float] = {}
    while True:
        lanes = look()
        acted = [lane.name for lane in lanes if attendant is not None and attendant.attend(lane)]
        now = world.clock.monotonic()
        for lane in lanes:
            if lane.record.spec.cmd and lane.run is not None and not is_launching(lane.run.pid):
                runs_since.setdefault(lane.name, now)
        ran_s = {lane.name: now - runs_since.get(lane.name, now) for lane in lanes}
        if not acted and all(_is_settled(lane, ran_s[lane.name]) for lane in lanes if not only or lane.name in only):
            if any(lane.run is not None and lane.run.ended_at is not None for lane in lanes):
                world.clock.sleep(_LOOK_EVERY_S)  # an end may be known before the last words of the program are read
                return look()
            return lanes
        if world.clock.monotonic() >= deadline or world.cancel.is_set():
            return look() if acted else lanes
        if not acted:
            world.clock.sleep(_LOOK_EVERY_S)


def is_up(lane: Lane) -> bool:
    """A shell or an agent is ready, or the agent has a turn under way; a command has been running for a second."""
    if lane.state.ready or lane.state.word is not LaneWord.WORKING:
        return lane.state.ready
    if not lane.record.spec.cmd or lane.run is None:
        return lane.record.agent
    return (lane.state.evidence[0].at - lane.run.started_at).total_seconds() >= _RUNS_S


def _is_settled(lane: Lane, ran_s: float) -> bool:
    """Waiting longer changes nothing by itself. ran_s: how long a command was seen to run, past the profile."""
    if lane.record.spec.cmd and lane.state.word is LaneWord.WORKING:
        return ran_s >= _RUNS_S
    return is_up(lane) or lane.state.word is LaneWord.AWAITING_APPROVAL or lane.state.detail is Detail.EXITED


def what_it_shows(lane: Lane) -> tuple[str, ...]:
    """What a person is told of a lane that is not up: its state, and the last rows of its screen."""
    seen = next((signal.seen for signal in lane.state.evidence), "nothing")
    rows = [row.rstrip() for row in lane.screen if row.strip()][-_SHOWN_ROWS:]
    state = f"{lane.state.word.value} ({lane.state.detail.value})"
    return (f"lane {lane.name} is not ready: {state}: {seen}", *(f"  | {row}" for row in rows))
