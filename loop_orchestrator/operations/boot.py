"""Booting lanes: what runs is adopted, what is missing is started, and every pane is on record before it is used."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.crash import crash_point
from loop_orchestrator.errors import StoreError, UsageError
from loop_orchestrator.model.lane import LaneKind, LaneRecord, LaneRun, LaneSpec, Split
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.model.terminal import PaneFacts
from loop_orchestrator.operations.init import protect
from loop_orchestrator.operations.person import refuse_agent
from loop_orchestrator.operations.worktrees import located, make_worktree, plan_worktree
from loop_orchestrator.process.launch import launch_argv
from loop_orchestrator.stores.atomic import read_json, write_json
from loop_orchestrator.stores.documents import Fields
from loop_orchestrator.stores.lock import Lock
from loop_orchestrator.stores.places import write_places
from loop_orchestrator.substrate.port import PaneStart

if TYPE_CHECKING:
    from loop_orchestrator.operations.plan import Plan
    from loop_orchestrator.world import World

_LOCK_LIMIT_S = 10.0
"""A boot takes a second; two at once take turns."""


@dataclass(frozen=True, kw_only=True)
class BootReport:
    """What a boot did."""

    added: tuple[LaneRecord, ...]
    adopted: tuple[LaneRecord, ...]
    notes: tuple[str, ...]
    """what a person should know, a sentence each"""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What every lane of a session gets of the one who boots it."""

    python: str
    """the interpreter that runs harnesses of this program's own"""
    shell: str
    """the user's login shell"""
    env: Mapping[str, str]
    """environment of every lane"""


def boot(world: World, plan: Plan, surroundings: Surroundings) -> BootReport:
    """Make the session have the lanes of the plan. Writes lanes.json right after the panes exist.

    Raises UsageError where a tmux session of that name is not this program's; SubstrateError and StoreError.
    """
    protect(world.root)
    with booting(world):
        records, panes = world.lanes.records(), world.substrate.panes()
        _refuse_foreign(world, records, panes)
        write_places(world.layout)
        adopted, notes, missing = [], [], []
        for spec in (located(world.layout, lane) for lane in plan.lanes):
            record = _running(world, spec, records.get(spec.name), panes)
            if record is None:
                missing.append(spec)
                continue
            adopted.append(record)
            notes += _differences(record, spec, panes, world.lanes.run(spec.name))
        added, made = _start(world, missing, surroundings)
        notes += made
        world.events.append("session.up", "cli", {"added": _names(added), "adopted": _names(adopted)})
    return BootReport(added=added, adopted=tuple(adopted), notes=tuple(notes))


def start_lane(world: World, spec: LaneSpec, surroundings: Surroundings) -> LaneRecord:
    """Boot one lane more, with its worktree where it asks for one.

    A pane that a process started for this lane before it died, and did not put on record, is taken over.
    Raises UsageError if its name is taken, LoopError where it cannot have the worktree, SubstrateError and StoreError.
    """
    with booting(world):
        panes = world.substrate.panes()
        if spec.name in world.lanes.records():
            raise UsageError(f"session {world.session} has a lane {spec.name} already", hint="loop lane list")
        _refuse_foreign(world, world.lanes.records(), panes)
        if any(pane.lane == spec.name for pane in panes):
            return _take_over(world, located(world.layout, spec), panes, surroundings)
        place = spec.worktree_of or spec.cwd
        if not place.is_dir():
            raise UsageError(f"lane {spec.name} cannot start in {place}: there is no such directory")
        return _start(world, [located(world.layout, spec)], surroundings)[0][0]


def _take_over(world: World, spec: LaneSpec, panes: Sequence[PaneFacts], surroundings: Surroundings) -> LaneRecord:
    """The lane in a pane that is on no record. Raises UsageError where it is not what this lane would run."""
    pane = next(pane.pane for pane in panes if pane.lane == spec.name)
    launched = _launched(world, spec.name)
    if launched is not None and launched != program_of(world, spec, surroundings):
        raise UsageError(
            f"pane {pane} says that it is lane {spec.name}, and runs something else: {' '.join(launched)}",
            hint=f"end it or clear its option: tmux set-option -p -u -t {pane} @loop_lane",
        )
    record = _running(world, spec, None, panes)
    assert record is not None
    _note_added(world, record)
    return record


def add_lane(world: World, spec: LaneSpec, surroundings: Surroundings) -> LaneRecord:
    """Boot one lane more because somebody asks for it at a command line.

    Raises as start_lane does, UsageError for a dialog that its program does not have, and NotAPersonError for
    auto_approve and answer_dialogs from an agent's lane.
    """
    from loop_orchestrator.operations.plan import check_dialogs

    check_dialogs(spec, world.harnesses)
    if spec.auto_approve:
        refuse_agent(world, "start a program with its permission prompts switched off")
    if spec.answer_dialogs:
        refuse_agent(world, "have start-up dialogs answered")
    return start_lane(world, spec, surroundings)


def booting(world: World) -> Lock:
    """Held while panes of lanes are made and put on record."""
    path = world.layout.session_dir / "boot.lock"
    return Lock(path, f"the booting of session {world.session}", timeout_s=_LOCK_LIMIT_S)


def running_lanes(world: World) -> tuple[LaneSpec, ...]:
    """The standing lanes of this session that have their panes."""
    records, panes = world.lanes.records(), world.substrate.panes()
    standing = (record for record in records.values() if record.spec.kind is LaneKind.STANDING)
    return tuple(record.spec for record in standing if _has_pane(record, panes))


def missing_lanes(world: World, plan: Plan) -> tuple[LaneSpec, ...]:
    """The lanes of the plan that do not run: a boot would start them."""
    records, panes = world.lanes.records(), world.substrate.panes()
    claimed = {pane.lane for pane in panes}
    return tuple(
        spec for spec in plan.lanes if spec.name not in claimed and not _has_pane(records.get(spec.name), panes)
    )


def refuse_foreign(world: World) -> None:
    """Return if the tmux session of this name is this project's, or there is none. Raises UsageError."""
    _refuse_foreign(world, world.lanes.records(), world.substrate.panes())


def _refuse_foreign(world: World, records: Mapping[str, LaneRecord], panes: Sequence[PaneFacts]) -> None:
    if not panes or any(_has_pane(record, panes) for record in records.values()):
        return
    made_for = world.substrate.project()
    if made_for and os.path.realpath(made_for) == os.path.realpath(world.root):
        return
    if made_for or not any(pane.lane for pane in panes):
        whose = f"is of the project {made_for}" if made_for else "holds no lane of this project"
        raise UsageError(
            f"a tmux session {world.session} runs already and {whose}",
            hint="name another session: --session NAME",
        )


def _has_pane(record: LaneRecord | None, panes: Sequence[PaneFacts]) -> bool:
    return record is not None and any(pane.pane == record.pane and pane.pid == record.pane_pid for pane in panes)


def _running(world: World, spec: LaneSpec, record: LaneRecord | None, panes: Sequence[PaneFacts]) -> LaneRecord | None:
    """The record of a lane whose pane is there; one is made for a pane that was started and never recorded."""
    if record is not None and _has_pane(record, panes):
        return record
    claiming = [pane for pane in panes if pane.lane == spec.name]
    if not claiming:
        return None
    launched = _launched(world, spec.name)
    if len(claiming) > 1 or launched is None:
        raise UsageError(
            f"pane {claiming[0].pane} says that it is lane {spec.name}, and nothing on disk says so",
            hint=f"end it or clear its option: tmux set-option -p -u -t {claiming[0].pane} @loop_lane",
        )
    return _record(world, spec, claiming[0], launched)


def _differences(record: LaneRecord, spec: LaneSpec, panes: Sequence[PaneFacts], run: LaneRun | None) -> list[str]:
    """What a person should know of an adopted lane."""
    name = spec.name
    notes = []
    pane = next(pane for pane in panes if pane.pane == record.pane)
    if pane.lane != name:
        notes.append(f"lane {name}: its pane {pane.pane} says that it is {pane.lane!r}; nothing is sent to it")
    if run is not None and run.ended_at is not None:
        notes.append(f"lane {name}: its program ended; to start it again: loop lane restart {name}")
    if spec.worktree_of and record.spec.worktree_of is None:
        again = f"loop lane drop {name} --force && loop up"
        notes.append(f"lane {name} goes on working in {record.spec.cwd}; for a worktree of its own: {again}")
    was, now = (one.harness or one.cmd for one in (record.spec, spec))
    if was != now:
        notes.append(f"lane {name} goes on running {was}; for {now}: loop lane drop {name} --force && loop up")
    return notes


def _start(
    world: World, specs: Sequence[LaneSpec], surroundings: Surroundings
) -> tuple[tuple[LaneRecord, ...], tuple[str, ...]]:
    """The lanes, and what a person should know of their worktrees, which are looked at before the first is made."""
    if not specs:
        return (), ()
    argvs = [program_of(world, spec, surroundings) for spec in specs]
    worktrees = {spec.name: plan_worktree(world, spec) for spec in specs if spec.worktree_of}
    specs = [make_worktree(world, worktrees[spec.name]) if spec.worktree_of else spec for spec in specs]
    starts = [_pane_start(world, spec, argv, surroundings) for spec, argv in zip(specs, argvs, strict=True)]
    panes = world.substrate.start_lanes(starts, cwd=world.root)
    crash_point("lane.started")
    records = tuple(_record(world, spec, pane, argv) for spec, pane, argv in zip(specs, panes, argvs, strict=True))
    for record in records:
        _note_added(world, record)
    return records, tuple(plan.note for plan in worktrees.values() if plan.note)


def _note_added(world: World, record: LaneRecord) -> None:
    spec = record.spec
    payload: dict[str, JsonValue] = {
        "lane": spec.name,
        "pane": record.pane,
        "harness": spec.harness,
        "role": spec.role,
    }
    world.events.append("lane.added", "cli", payload)


def program_of(world: World, spec: LaneSpec, surroundings: Surroundings) -> tuple[str, ...]:
    """What the launcher starts; nothing for a bare login shell."""
    from loop_orchestrator.harnesses.launch import lane_argv

    harness = world.harnesses.get(spec.harness)
    if spec.harness and harness is None:
        known = ", ".join(sorted(world.harnesses))
        raise UsageError(
            f"lane {spec.name}: there is no harness {spec.harness}; there are {known}",
            hint="name one of them, or give --cmd with a command line",
        )
    return lane_argv(spec, harness, python=surroundings.python)


def _pane_start(world: World, spec: LaneSpec, argv: tuple[str, ...], surroundings: Surroundings) -> PaneStart:
    """Writes the launcher's file, and removes what an earlier lane of this name recorded and said."""
    env = {**surroundings.env, **dict(spec.env), "LOOP_LANE": spec.name}
    run_file = world.lanes.run_path(spec.name)
    run_file.unlink(missing_ok=True)
    world.signals.forget(spec.name)
    launch = launch_file(world, spec.name)
    write_json(
        launch,
        {
            "lane": spec.name,
            "argv": list(argv),
            "shell": surroundings.shell,
            "run_file": str(run_file),
            "cwd": str(spec.cwd),
            "env": dict(env),
        },
    )
    stacked = any(
        record.spec.window == spec.window and record.spec.split is Split.BELOW
        for record in world.lanes.records().values()
    )
    return PaneStart(spec=spec, argv=launch_argv(launch), env=tuple(env.items()), stacked=stacked)


def _record(world: World, spec: LaneSpec, pane: PaneFacts, argv: tuple[str, ...]) -> LaneRecord:
    harness = world.harnesses.get(spec.harness)
    record = LaneRecord(
        spec=spec,
        pane=pane.pane,
        pane_pid=pane.pid,
        pane_tty=pane.tty,
        agent=harness is not None and harness.is_agent,
        argv=argv,
        booted_at=world.clock.now(),
    )
    world.lanes.put(record)
    return record


def launch_file(world: World, name: str) -> Path:
    """What the launcher of a lane is told."""
    return world.layout.lane_runs / f"{name}.launch.json"


def _launched(world: World, name: str) -> tuple[str, ...] | None:
    """The argv that the lane's launcher was given; None where there is no such file."""
    path = launch_file(world, name)
    try:
        value = read_json(path)
        return Fields(value, str(path)).texts("argv") if isinstance(value, dict) else None
    except (FileNotFoundError, StoreError):
        return None


def _names(records: Sequence[LaneRecord]) -> list[JsonValue]:
    return [record.spec.name for record in records]
