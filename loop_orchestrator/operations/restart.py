"""Starting the program of a lane again in the lane's own pane, each step on disk before it is taken.

A process that dies on the way leaves a ``restarting`` note; whoever looks next finishes it by what the pane shows, so
there are never two programs for one lane.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_time, parse_time
from loop_orchestrator.crash import crash_point
from loop_orchestrator.errors import ChangedElsewhereError, LoopError, StoreError, SubstrateError
from loop_orchestrator.model.lane import Detail, Lane, LaneRecord
from loop_orchestrator.model.restart import RestartEvent, RestartNote, exit_status_of, has_ended
from loop_orchestrator.operations.boot import booting, launch_file
from loop_orchestrator.operations.ending import write_handoff
from loop_orchestrator.operations.hands import hands_on
from loop_orchestrator.operations.observe import observe_lane, record_of
from loop_orchestrator.operations.person import refuse_agent
from loop_orchestrator.operations.saving import unsaved
from loop_orchestrator.process.launch import launch_argv
from loop_orchestrator.stores.atomic import read_json
from loop_orchestrator.stores.documents import Fields
from loop_orchestrator.stores.eventlog import source_of
from loop_orchestrator.substrate.port import PaneStart

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.model.terminal import PaneFacts
    from loop_orchestrator.world import World

_LEASE_LIMIT_S = 10.0
"""How long a delivery that is under way has to end before a person's restart is refused."""

_RECORDED_S = 5.0
"""How long the launcher may take to record the end of a program that was ended."""

_LOOK_S = 0.02

_MAY_BE_ENDED = frozenset(
    {Detail.READY, Detail.API_ERROR, Detail.RATE_LIMITED, Detail.AUTH, Detail.SUSPENDED, Detail.EXITED, Detail.MISSING}
)
"""States in which nothing is lost by a restart that a person asks for."""


class HeldError(LoopError):
    """Somebody has the lane in hand; nothing was done to it."""


def restart_by_person(world: World, name: str, *, force: bool, by: str) -> LaneRecord:
    """Start the program of a lane again because somebody asks for it, whatever its record of restarts says.

    Raises NotAPersonError from an agent's lane, UsageError for an unknown lane, HeldError for a lane that is at work
    or in somebody's hands unless ``force``, LockedError, SubstrateError and StoreError.
    """
    refuse_agent(world, "restart a lane")
    record_of(world, name)
    settle_restart(world, name, by=by, lease_s=_LEASE_LIMIT_S)
    with world.deliveries.lease(name, _LEASE_LIMIT_S), booting(world):
        lane = observe_lane(world, name)
        pane = _pane_of(world, lane.record)
        last = world.restarts.latest().get(name)
        if not force:
            _refuse_lively(world, lane, pane, ended=has_ended(lane, last))
        return _restart(world, lane, pane, attempt=0, reason=f"{by} asked for it", by=by, last=last)


def restart_ended(world: World, name: str, *, booted_at: datetime, attempt: int, reason: str, by: str) -> LaneRecord:
    """Start the program of a lane again because it ended; at most one caller gets to do it.

    booted_at: of the record on which the caller decided. Raises ChangedElsewhereError if the lane is another one by
    now or runs again, HeldError if a person has it in hand, LockedError if a delivery to it, a boot or another restart
    is under way; SubstrateError and StoreError.
    """
    with world.deliveries.lease(name), booting(world):
        lane = observe_lane(world, name)
        last = world.restarts.latest().get(name)
        if lane.record.booted_at != booted_at or not has_ended(lane, last):
            raise ChangedElsewhereError(f"lane {name} was started by somebody else")
        pane = _pane_of(world, lane.record)
        if held := hands_on(world, lane, pane):
            raise HeldError(held)
        return _restart(world, lane, pane, attempt=attempt, reason=reason, by=by, last=last)


def settle_restart(world: World, name: str, *, by: str, lease_s: float = 0.0) -> None:
    """Close the restart of a lane that was cut off, by what its pane and its record say; nothing if there is none.

    Raises LockedError while a restart is under way.
    """
    begun = world.restarts.latest().get(name)
    if begun is None or begun.event is not RestartEvent.RESTARTING:
        return
    with world.deliveries.lease(name, lease_s), booting(world):
        last, record = world.restarts.latest().get(name), world.lanes.records().get(name)
        if record is None or last is None or last.event is not RestartEvent.RESTARTING or last.into is None:
            return
        if record.booted_at != last.into:
            started = _started_pane(world, record)
            if started is None:
                _note_cut_off(world, record, last)
                return
            record = _kept(world, record, started, last.into)
        _close(world, record, last, by=by)


def _refuse_lively(world: World, lane: Lane, pane: PaneFacts | None, *, ended: bool) -> None:
    name, state = lane.name, lane.state
    force = f"loop lane restart {name} --force"
    if ended:
        if held := hands_on(world, lane, pane):
            raise HeldError(f"lane {name} was not restarted: {held}", hint=force)
    elif state.detail not in _MAY_BE_ENDED:
        what = f"it is {state.word.value} ({state.detail.value}): {state.evidence[0].seen}"
        raise HeldError(f"lane {name} was not restarted: {what}", hint=force)


def _restart(
    world: World,
    lane: Lane,
    pane: PaneFacts | None,
    *,
    attempt: int,
    reason: str,
    by: str,
    last: RestartNote | None,
) -> LaneRecord:
    """The recorded steps of one restart; the caller holds the lane's lease and the lock on booting."""
    record, name = lane.record, lane.name
    start = _start_of(world, record)
    if pane is None and not world.substrate.session_exists():
        raise SubstrateError(f"lane {name} was not restarted: session {world.session} does not run", hint="loop up")
    if pane is not None:
        write_handoff(world, lane, unsaved([lane.record.spec])[lane.name])
    status = exit_status_of(lane, last)
    begun = RestartNote(
        event=RestartEvent.RESTARTING,
        lane=name,
        at=world.clock.now(),
        attempt=attempt,
        reason=reason,
        exit_status=status,
        next_at=None,
        booted_at=record.booted_at,
        into=_another_time(world.clock.now(), record.booted_at),
    )
    world.restarts.append(begun)
    world.events.append(
        "lane.restarting", source_of(by), {"lane": name, "attempt": attempt, "reason": reason, "exit_status": status}
    )
    crash_point("restart.recorded")
    _end_program(world, lane, pane)
    world.lanes.run_path(name).unlink(missing_ok=True)
    world.signals.forget(name)
    started = (
        world.substrate.start_lanes([start], cwd=world.root)[0]
        if pane is None
        else world.substrate.respawn(start, pane=pane.pane, pane_pid=pane.pid, cwd=world.root)
    )
    crash_point("restart.started")
    assert begun.into is not None
    kept = _kept(world, record, started, begun.into)
    crash_point("restart.kept")
    _close(world, kept, begun, by=by)
    return kept


def _start_of(world: World, record: LaneRecord) -> PaneStart:
    """What the lane's pane was started with. Raises LoopError where nothing says so."""
    name, path = record.spec.name, launch_file(world, record.spec.name)
    try:
        value = read_json(path)
        env = Fields(value if isinstance(value, dict) else {}, str(path)).object("env")
        pairs = tuple((key, env.text(key)) for key in env.values)
    except (FileNotFoundError, StoreError) as error:
        raise LoopError(
            f"lane {name} was not restarted: {path} does not say how it was started",
            hint=f"loop lane drop {name} --force && loop up",
        ) from error
    return PaneStart(spec=record.spec, argv=launch_argv(path), env=pairs)


def _end_program(world: World, lane: Lane, pane: PaneFacts | None) -> None:
    """End the program of the lane, and wait until its launcher wrote that down: a launcher that is ended beside it
    would write over what the next one records.
    """
    from loop_orchestrator.process.ending import end_child_group, runs_since

    run, name = lane.run, lane.name
    if run is None or run.ended_at is not None or (pane is None and not runs_since(run.pid, run.started_at)):
        return
    end_child_group(lane.record.pane_pid, run.pid)
    deadline = world.clock.monotonic() + _RECORDED_S
    while (now := world.lanes.run(name)) is None or now.ended_at is None:
        if world.clock.monotonic() > deadline:
            raise SubstrateError(
                f"lane {name} was not restarted: its program (pid {run.pid}) does not end",
                hint=f"loop lane drop {name} --force && loop up",
            )
        world.clock.sleep(_LOOK_S)


def _pane_of(world: World, record: LaneRecord) -> PaneFacts | None:
    """The lane's own pane; None where it is gone. Raises SubstrateError where another program has it."""
    pane = next((pane for pane in world.substrate.panes() if pane.pane == record.pane), None)
    name = record.spec.name
    if pane is not None and (pane.pid, pane.lane) != (record.pane_pid, name):
        raise SubstrateError(
            f"lane {name} was not restarted: its pane {pane.pane} has another program than its record says",
            hint=f"loop why {name}, or: loop lane drop {name} --force && loop up",
        )
    return pane


def _started_pane(world: World, record: LaneRecord) -> PaneFacts | None:
    """The pane in which a restart that was cut off started the lane's program; None if it did not."""
    claiming = [pane for pane in world.substrate.panes() if pane.lane == record.spec.name]
    started = [pane for pane in claiming if (pane.pane, pane.pid) != (record.pane, record.pane_pid)]
    return started[0] if len(claiming) == len(started) == 1 else None


def _note_cut_off(world: World, record: LaneRecord, begun: RestartNote) -> None:
    """The restart did not happen, so it does not count and may be tried at once."""
    now = world.clock.now()
    world.restarts.append(
        replace(
            begun,
            event=RestartEvent.FAILED,
            at=now,
            attempt=max(0, begun.attempt - 1),
            reason=f"{begun.reason}; whoever began to start it again was cut off",
            next_at=now,
            booted_at=record.booted_at,
            into=None,
        )
    )


def _kept(world: World, record: LaneRecord, pane: PaneFacts, booted_at: datetime) -> LaneRecord:
    kept = replace(record, pane=pane.pane, pane_pid=pane.pid, pane_tty=pane.tty, booted_at=booted_at)
    world.lanes.put(kept)
    return kept


def _close(world: World, record: LaneRecord, begun: RestartNote, *, by: str) -> None:
    world.restarts.append(
        replace(begun, event=RestartEvent.RESTARTED, at=world.clock.now(), booted_at=record.booted_at, into=None)
    )
    payload: dict[str, JsonValue] = {"lane": begun.lane, "attempt": begun.attempt, "pane": record.pane}
    world.events.append("lane.restarted", source_of(by), payload)


def _another_time(now: datetime, taken: datetime) -> datetime:
    """Now, as files keep it, unless that is the time that tells the old record from the new one."""
    kept = parse_time(format_time(now))
    return kept if kept != taken else kept + timedelta(milliseconds=1)
