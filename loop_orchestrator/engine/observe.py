"""Step 2, observe: world -> Snapshot. What cannot be seen becomes Unknown with the reason, never a default."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from loop_orchestrator.actions.add_lane import AddLane
from loop_orchestrator.actions.base import ActionKind
from loop_orchestrator.actions.dispatch import Dispatch
from loop_orchestrator.clock import format_time, parse_time
from loop_orchestrator.engine.roster import missing_program, roster_of
from loop_orchestrator.engine.trust import untrusted_sources
from loop_orchestrator.errors import LoopError, StoreError
from loop_orchestrator.model.ask import Ask, AskStatus
from loop_orchestrator.model.decision import ApprovalMode
from loop_orchestrator.model.lane import Detail, Lane, LaneKind, LaneWord
from loop_orchestrator.model.policy import Policy
from loop_orchestrator.model.restart import has_ended
from loop_orchestrator.model.snapshot import RESTARTS_S, Facts, Limits, Snapshot, Unknown, WikiPages
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.model.task import Assignment, ready_tasks
from loop_orchestrator.model.wiki import CHECKPOINT, INDEX
from loop_orchestrator.process.worktree import branch_on_file
from loop_orchestrator.world import World

T = TypeVar("T")


def observe(world: World, *, cycle: str, why: Sequence[str], mode: ApprovalMode, record: bool) -> Snapshot:
    """Everything one cycle may know. Lanes are read before mail, so a lane's last words are never missed.

    record: write what changed since the last look (lane.changed events, mail set aside); False writes nothing at all.
    """
    lanes = _seen(world.observe_lanes)
    since = {} if isinstance(lanes, Unknown) else since_of(world, lanes, record=record)
    mail = _seen(world.mailbox.pending if record else world.mailbox.peek)
    tasks = _seen(world.tasks.all)
    assignments = _seen(world.tasks.assignments)
    state = _seen(world.state.read)
    claims, proposed = claims_of(world), _proposed(world)
    in_line = _seen(world.queue.lengths)
    asks = _seen(world.asks.all)
    pages = _pages(world)
    restarts = _seen(lambda: world.restarts.since(world.clock.now() - timedelta(seconds=RESTARTS_S)))
    snapshot = Snapshot(
        at=world.clock.now(),
        root=world.root,
        session=world.session,
        cycle=cycle,
        why=tuple(why),
        mode=mode,
        limits=limits_of(world),
        lanes=lanes,
        mail=mail,
        tasks=tasks,
        assignments=assignments,
        proofs=world.proofs.items(),
        since=since,
        state=state,
        claims=claims,
        escalated=frozenset(),
        handed_mail=frozenset(world.handed_mail.items()),
        spent=world.budget.spent(),
        asks=asks,
        restarting=_restarting(world, lanes),
        proposed=proposed,
        policy=policy_of(world),
        idle_cycles=_idle_cycles(world, lanes, claims, record=record),
        in_line=in_line,
        pages=pages,
        restarts=restarts,
        branches=_branches(world, lanes),
        roster=roster_of(world),
        trust=frozenset(world.config.engine.trust if world.config.engine else ()),
    )
    if record:
        _report_unseen(world, cycle, lanes)
        seen = [name for name, part in snapshot.looked_at.items() if not isinstance(part, Unknown)]
        world.escalations.discard(*(f"unseen:{name}" for name in seen))
        _forget_what_passed(world, lanes, assignments, asks)
    return replace(snapshot, escalated=frozenset(world.escalations.items()))


def _pages(world: World) -> WikiPages:
    """The pages that a brain is shown; one that is not there is empty."""
    return WikiPages(
        checkpoint=_seen(lambda: world.wiki.read_or(CHECKPOINT)),
        index=_seen(lambda: world.wiki.read_or(INDEX)),
        checkpoint_file=shown_path(world, world.wiki.root / CHECKPOINT),
        index_file=shown_path(world, world.wiki.root / INDEX),
        ledger_file=shown_path(world, world.layout.state_file),
    )


def shown_path(world: World, path: Path) -> str:
    """The path as seen from the project, where it is inside of it."""
    return path.relative_to(world.root).as_posix() if path.is_relative_to(world.root) else str(path)


def _branches(world: World, lanes: tuple[Lane, ...] | Unknown) -> dict[str, str]:
    """Lane -> branch of its own worktree."""
    names = () if isinstance(lanes, Unknown) else [lane.name for lane in lanes if lane.record.spec.worktree_of]
    found = {name: branch_on_file(world.layout.worktrees / name) for name in names}
    return {name: branch for name, branch in found.items() if branch}


def policy_of(world: World) -> Policy:
    """The policy of the config. An engine is needed, which is a caller's error."""
    assert world.config.engine is not None
    return world.config.engine.policy.policy()


def _idle_cycles(
    world: World, lanes: tuple[Lane, ...] | Unknown, claims: Mapping[str, str], *, record: bool
) -> dict[str, int]:
    """Worker -> cycles in a row that found it idle and unclaimed; record: this one counts, and is remembered."""
    if isinstance(lanes, Unknown):
        return {}
    before = {name: int(count) for name, count in world.idle_cycles.items().items() if count.isdecimal()}
    workers = [lane for lane in lanes if lane.record.spec.kind is LaneKind.WORKER and lane.record.agent]
    idle = {lane.name for lane in workers if lane.state.ready and lane.name not in claims}
    if not record:
        return {name: count for name, count in before.items() if name in idle}
    counts = {name: before.get(name, 0) + 1 for name in sorted(idle)}
    counted = {name: str(count) for name, count in counts.items()}
    world.idle_cycles.update(counted, without=before.keys() - idle)
    return counts


def facts_of(snapshot: Snapshot, world: World, actions: Iterable[ActionKind]) -> Facts:
    """What the gate is told of a snapshot. Only programs are looked for that the actions or their roles' rules name."""
    lanes = snapshot.lanes if isinstance(snapshot.lanes, Unknown) else {lane.name: lane for lane in snapshot.lanes}
    return Facts(
        lanes=lanes,
        harnesses=world.harnesses,
        limits=snapshot.limits,
        claims=snapshot.claims,
        in_line=snapshot.in_line,
        untrusted=untrusted_sources(snapshot, world),
        policy=snapshot.policy,
        missing_programs=_missing_programs(world, snapshot, actions),
        backlog=_backlog(snapshot),
    )


def _missing_programs(world: World, snapshot: Snapshot, actions: Iterable[ActionKind]) -> dict[str, str]:
    """Harness -> why it cannot be started here, of those that lanes may be added with."""
    policy = snapshot.policy
    names: set[str] = set()
    for action in actions:
        if isinstance(action, AddLane) and action.harness:
            rule = policy.rule_of(action.role)
            named = (action.harness, rule.preferred_harness, *rule.fallback, policy.role_defaults.get(action.role, ""))
            names |= {name for name in named if name}
    found = {}
    for name in sorted(names):
        spec = world.harnesses.get(name)
        if spec is not None and (reason := missing_program(spec)):
            found[name] = reason
    return found


def _backlog(snapshot: Snapshot) -> frozenset[str] | Unknown:
    """Roles for which a ready task waits that no lane has."""
    for part in (snapshot.tasks, snapshot.assignments):
        if isinstance(part, Unknown):
            return part
    assert not isinstance(snapshot.tasks, Unknown) and not isinstance(snapshot.assignments, Unknown)
    taken = {one.task for one in snapshot.assignments}
    return frozenset(task.role for task in ready_tasks(snapshot.tasks) if task.id not in taken)


def claims_of(world: World) -> dict[str, str]:
    """Lane -> id of the unfinished decision that acts on it."""
    return {lane: decision.id for decision in world.decisions.open_decisions() for lane in decision.claimed_lanes}


def _proposed(world: World) -> dict[str, str]:
    """What unfinished decisions hand over, as Snapshot.proposed names it -> id of the decision."""
    found = {}
    for decision in world.decisions.open_decisions():
        for action in (item.action for item in decision.unfinished):
            if isinstance(action, Dispatch) and action.message:
                found[f"mail:{action.message}"] = decision.id
            elif isinstance(action, Dispatch) and action.handed_task:
                found[f"{action.purpose}:{action.handed_task}"] = decision.id
    return found


def limits_of(world: World) -> Limits:
    """The config's limits; without an ``engine:`` section there is nothing to judge with, which is a caller's error."""
    assert world.config.engine is not None
    rules = world.config.engine.destructive
    return Limits(
        max_dispatches=rules.max_dispatches_per_cycle,
        max_lanes=rules.max_lanes,
        payload_patterns=tuple(pattern.pattern for pattern in rules.payload_patterns),
    )


def _seen(look: Callable[[], T]) -> T | Unknown:
    try:
        return look()
    except LoopError as error:
        return Unknown(error.message)


def since_of(world: World, lanes: tuple[Lane, ...], *, record: bool) -> dict[str, datetime]:
    """When each lane's present state was first seen; record: what changed is an event, and remembered."""
    since: dict[str, datetime] = {}
    seen, changed = world.lanes_seen.items(), {}
    for lane in lanes:
        was, _, at = seen.get(lane.name, "").partition(" ")
        now = lane.state.detail.value
        if was == now:
            since[lane.name] = parse_time(at)
            continue
        since[lane.name] = world.clock.now()
        if record:
            world.events.append("lane.changed", "engine", {"lane": lane.name, "was": was, "now": now})
            if lane.state.detail is Detail.EXITED and lane.run is not None:
                exited: dict[str, JsonValue] = {"lane": lane.name, "exit_status": lane.run.exit_status}
                world.events.append("lane.exited", "engine", exited)
            changed[lane.name] = f"{now} {format_time(since[lane.name])}"
    if changed:
        world.lanes_seen.update(changed)
    return since


def _restarting(world: World, lanes: tuple[Lane, ...] | Unknown) -> frozenset[str]:
    """Lanes whose program ended and that somebody is starting again; none where that is not known."""
    if isinstance(lanes, Unknown):
        return frozenset()
    try:
        notes = world.restarts.latest()
    except StoreError:
        return frozenset()
    now = world.clock.now()
    noted = ((lane, notes.get(lane.name)) for lane in lanes)
    return frozenset(
        lane.name
        for lane, note in noted
        if note is not None and note.is_of(lane.record) and has_ended(lane, note) and note.is_under_way(now)
    )


def _report_unseen(world: World, cycle: str, lanes: tuple[Lane, ...] | Unknown) -> None:
    if isinstance(lanes, Unknown):
        payload = {"cycle": cycle, "what": "lanes", "reason": lanes.reason}
        world.events.append("observe.incomplete", "engine", payload, trace=cycle)


def _forget_what_passed(
    world: World,
    lanes: tuple[Lane, ...] | Unknown,
    assignments: tuple[Assignment, ...] | Unknown,
    asks: tuple[Ask, ...] | Unknown,
) -> None:
    """An escalation about a lane's state holds as long as the lane is in that state, one about its silence as long as
    it has the task and does not work, one about a message as long as nobody put the message away, one about an ask as
    long as nobody answered it.
    """
    if isinstance(lanes, Unknown) or isinstance(assignments, Unknown) or isinstance(asks, Unknown):
        return
    present = {f"lane:{lane.name}:{lane.state.detail.value}" for lane in lanes}
    working = {lane.name for lane in lanes if lane.state.word is LaneWord.WORKING}
    present |= {f"silent:{one.task}.{one.lane}" for one in assignments if one.lane not in working}
    present |= {f"unanswered:{file}" for file in world.handed_mail.items()}
    present |= {f"ask:{ask.id}" for ask in asks if ask.status is AskStatus.TIMED_OUT}
    passing = (key for key in world.escalations.items() if key.startswith(("lane:", "silent:", "unanswered:", "ask:")))
    world.escalations.discard(*(key for key in passing if key not in present))
