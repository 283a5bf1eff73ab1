"""Figures of a session, from its events of the last week and from what stands in its files now.

What is not known is n/a and never 0; a note says why.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_time
from loop_orchestrator.errors import LoopError
from loop_orchestrator.model.prompt import tokens_of
from loop_orchestrator.model.task import TaskStatus, ready_tasks
from loop_orchestrator.model.wiki import LOG, LogEntry, parse_log_heading
from loop_orchestrator.operations.person import writer_of
from loop_orchestrator.operations.shapes import Json
from loop_orchestrator.stores.segmentindex import Sought

if TYPE_CHECKING:
    from loop_orchestrator.model.event import Event
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.world import World

DAY, WEEK = timedelta(days=1), timedelta(days=7)
SOURCE = "session-events-v2"
"""Ends a line of the log: what the figures were made of."""

Value = int | float | Mapping[str, int] | None
"""None: n/a"""

FIGURES: Mapping[str, str] = {
    "autonomy_ratio": "decisions that ran without a person, of those that ran or were answered; empty ones left out",
    "useful_decision_rate": "decisions of which something but stop and escalate was done, of all",
    "interventions_per_shipped_unit": "escalations, unsolicited steers and rejections for each task done",
    "decisions_7d": "decisions that were filed",
    "decisions_alone_7d": "of them, those that did something and needed nobody",
    "decisions_by_person_7d": "decisions that a person approved or rejected",
    "useful_decisions_7d": "decisions of which something but stop and escalate was done",
    "tasks_done_7d": "tasks that became done",
    "escalations_7d": "times the brain asked for a person",
    "unsolicited_steers_7d": "mail to coord from outside of the lanes that answers nothing",
    "rejects_7d": "rejections by a person",
    "stops_7d": "times the brain saw nothing left to do",
    "brain_calls_7d": "calls of brains, without the built-in one",
    "brain_tokens_7d": "tokens in and out of the calls that answered",
    "cost_usd_7d": "their cost",
    "cost_per_shipped_unit": "cost for each task done",
    "cost_per_decision": "cost for each decision",
    "build_tokens_7d": "tokens of builds",
    "build_cost_usd_7d": "cost of builds",
    "dispatches": "all dispatches ever",
    "dispatches_per_lane_7d": "texts of dispatch actions that were done, by lane",
    "distinct_lanes_used_7d": "lanes with such a text",
    "lanes_idle_with_backlog": "idle lanes for which a task is open, under way or in review",
    "restarts_24h": "lanes that were started again",
    "giveups_24h": "lanes that were given up",
    "lane_restarts_7d": "lanes that were started again",
    "checkpoint_tokens": "estimated tokens of the checkpoint, as loop checkpoint counts them",
    "pending_messages": "messages that nobody dealt with",
    "checkpoints_7d": "checkpoints in the wiki's log",
    "ingests_7d": "ingests in the wiki's log",
    "ingest_timeouts_7d": "ingests that did not end in time",
    "lints_7d": "lints in the wiki's log",
    "experiments": "experiments in the wiki's log, ever",
}
"""Figure -> what it counts, in the order in which they are printed."""

OF_ROOT = frozenset(
    {"checkpoints_7d", "ingests_7d", "lints_7d", "experiments", "pending_messages", "checkpoint_tokens"}
)
"""Figures of a project: all of its sessions share them, so a fleet counts them once."""

RATIOS = (
    "autonomy_ratio",
    "useful_decision_rate",
    "interventions_per_shipped_unit",
    "cost_per_shipped_unit",
    "cost_per_decision",
)


_COUNTED = (
    *("decision.filed", "decision.approved", "decision.rejected", "item.closed", "task.moved", "mail.sent"),
    *("escalated", "brain.called", "brain.replied", "lane.restarted", "lane.gave-up"),
)
"""Kinds of events that are counted; the others need not be read."""


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """The figures of one session, or of a fleet."""

    session: str
    root: str
    figures: Mapping[str, Value]
    """every name of FIGURES"""
    notes: tuple[str, ...]


def metrics(world: World) -> Metrics:
    """Count; writes nothing."""
    now = world.clock.now()
    notes: list[str] = []
    if not world.layout.events.exists():
        notes.append(f"session {world.session} has no events")
    figures: dict[str, Value] = dict.fromkeys(FIGURES)
    counted, found = _counted(world.events.since_time(now - WEEK, Sought(kinds=_COUNTED)), now)
    figures |= counted
    notes += found
    notes += [f"{name}: {reason}; the rest was counted" for name, reason in world.events.damaged.items()]
    first = next(world.events.since(0), None)
    if first is not None and first.seq > 1 and first.at > now - WEEK:
        notes.append(f"the log reaches back to {format_time(first.at)} only; what was before is not counted")
    figures |= _of_log(world, now, notes)
    looks: dict[str, Callable[[], Value]] = {
        "checkpoint_tokens": lambda: _checkpoint_tokens(world, notes),
        "pending_messages": lambda: len(world.mailbox.peek()),
        "lanes_idle_with_backlog": lambda: _idle_with_backlog(world),
    }
    for name, look in looks.items():
        try:
            figures[name] = look()
        except (LoopError, OSError) as error:
            notes.append(f"{name} is n/a: {error}")
    notes.append("dispatches is n/a: the log may not reach back to the first")
    notes.append("ingest_timeouts_7d, build_tokens_7d and build_cost_usd_7d are n/a: nothing here records them")
    figures |= ratios(figures)
    return Metrics(session=world.session, root=str(world.root), figures=figures, notes=tuple(notes))


def ratios(figures: Mapping[str, Value]) -> dict[str, Value]:
    """The figures that are made of others."""
    alone, asked = _number(figures["decisions_alone_7d"]), _number(figures["decisions_by_person_7d"])
    shipped, decided = _number(figures["tasks_done_7d"]), _number(figures["decisions_7d"])
    cost = _number(figures["cost_usd_7d"])
    names = ("escalations_7d", "unsolicited_steers_7d", "rejects_7d")
    interventions = _sum(_number(figures[name]) for name in names)
    return {
        "autonomy_ratio": _part(alone, _sum((alone, asked))),
        "useful_decision_rate": _part(_number(figures["useful_decisions_7d"]), decided),
        "interventions_per_shipped_unit": _part(interventions, shipped),
        "cost_per_shipped_unit": _part(cost, shipped),
        "cost_per_decision": _part(cost, decided),
    }


def fleet(rows: Sequence[Metrics]) -> tuple[Metrics, tuple[str, ...]]:
    """The sums of all sessions, and the figures of which some session has none, so that the sum is partial."""
    figures: dict[str, Value] = dict.fromkeys(FIGURES)
    partial: list[str] = []
    for name in FIGURES:
        own = [row.figures[name] for row in (_one_of_each_root(rows) if name in OF_ROOT else rows)]
        known = [value for value in own if value is not None]
        figures[name] = _total(known) if known else None
        if known and len(known) < len(own):
            partial.append(name)
    figures |= ratios(figures)
    notes = (f"the sum is partial, because some session has n/a: {', '.join(partial)}",) if partial else ()
    return Metrics(session="fleet", root="", figures=figures, notes=notes), tuple(partial)


def _one_of_each_root(rows: Sequence[Metrics]) -> list[Metrics]:
    return list({row.root: row for row in reversed(rows)}.values())


def log_metrics(world: World, found: Metrics) -> LogEntry:
    """Add the figures to the wiki's log. Raises StoreError where it has none, NotAllowedError for who may not."""
    world.wiki.read(LOG)
    words = [f"{name}={shown(value)}" for name, value in found.figures.items()]
    return world.wiki.append_log("metrics", " ".join((*words, f"source={SOURCE}")), by=writer_of(world))


def shown(value: Value) -> str:
    """A figure in one word."""
    match value:
        case None:
            return "n/a"
        case Mapping():
            return json.dumps({name.replace(" ", "_"): count for name, count in value.items()}, separators=(",", ":"))
        case float():
            return f"{value:.2f}"
        case _:
            return str(value)


def metrics_shape(found: Metrics) -> Json:
    figures: dict[str, JsonValue] = {
        name: dict(value) if isinstance(value, Mapping) else value for name, value in found.figures.items()
    }
    return {"session": found.session, "root": found.root, "figures": figures, "notes": list(found.notes)}


def metrics_document(found: Metrics, now: datetime) -> Json:
    """The document of ``loop metrics --json``; null for n/a."""
    return {"generated_at": format_time(now), **metrics_shape(found)}


def _counted(events: Iterable[Event], now: datetime) -> tuple[dict[str, Value], list[str]]:
    """What the events of a week say, in one pass."""
    week: Counter[str] = Counter()
    day: Counter[str] = Counter()
    filed: set[str] = set()
    waited: set[str] = set()
    useful: set[str] = set()
    answered: set[str] = set()
    lanes: Counter[str] = Counter()
    calls = replies = unpriced = untold = 0
    tokens, cost = 0.0, 0.0
    for event in events:
        said, kind = event.payload, event.kind
        week[kind] += 1
        day[kind] += now - event.at <= DAY
        if kind == "decision.filed":
            filed.add(str(said["decision"]))
            if said["waiting"]:
                waited.add(str(said["decision"]))
        elif kind in ("decision.approved", "decision.rejected"):
            answered.add(str(said["decision"]))
        elif kind == "item.closed" and said["status"] == "done":
            week[f"done {said['kind']}"] += 1
            if said["kind"] not in ("stop", "escalate"):
                useful.add(str(said["decision"]))
            if said["kind"] == "dispatch":
                lanes[str(said["target"])] += 1
        elif kind == "task.moved":
            week["shipped"] += said["now"] == TaskStatus.DONE.value
        elif kind == "mail.sent":
            week["steers"] += _is_unsolicited(event)
        elif kind == "brain.called":
            calls += said["brain"] != "rules"
        elif kind == "brain.replied" and said["brain"] != "rules":
            replies += 1
            usage = said["usage"] if isinstance(said["usage"], dict) else {}
            known = [usage.get("input_tokens"), usage.get("output_tokens")]
            numbers = [one for one in known if isinstance(one, int | float)]
            tokens += sum(numbers)
            untold += len(numbers) < len(known)
            price = usage.get("cost_usd")
            if isinstance(price, int | float):
                cost += price
            else:
                unpriced += 1
    notes = [f"brain_tokens_7d is n/a: {untold} of {replies} replies told no tokens"] if untold else []
    notes += [f"cost_usd_7d is n/a: {unpriced} of {replies} replies told no price"] if unpriced else []
    figures: dict[str, Value] = {
        "decisions_7d": len(filed),
        "decisions_alone_7d": len((filed & useful) - waited - answered),
        "decisions_by_person_7d": len(answered),
        "useful_decisions_7d": len(filed & useful),
        "tasks_done_7d": week["shipped"],
        "escalations_7d": week["escalated"],
        "unsolicited_steers_7d": week["steers"],
        "rejects_7d": week["decision.rejected"],
        "stops_7d": week["done stop"],
        "brain_calls_7d": calls,
        "brain_tokens_7d": None if untold else int(tokens),
        "cost_usd_7d": None if unpriced else round(cost, 6),
        "dispatches_per_lane_7d": dict(sorted(lanes.items())),
        "distinct_lanes_used_7d": len(lanes),
        "restarts_24h": day["lane.restarted"],
        "giveups_24h": day["lane.gave-up"],
        "lane_restarts_7d": week["lane.restarted"],
    }
    return figures, notes


def _is_unsolicited(event: Event) -> bool:
    """Mail to the coordinator that no lane sent and that answers nothing: somebody steers."""
    said = event.payload
    is_reply = str(said["subject"]).lower().startswith("re:")
    return said["to"] == "coord" and said["from"] != "coord" and not event.source.startswith("lane:") and not is_reply


def _of_log(world: World, now: datetime, notes: list[str]) -> dict[str, Value]:
    """What the wiki's log counts; n/a where there is none."""
    from loop_orchestrator.markdowntext import read_blocks

    try:
        headings = read_blocks(world.wiki.read(LOG)).headings
    except LoopError as error:
        notes.append(f"checkpoints_7d, ingests_7d, lints_7d and experiments are n/a: {error.message}")
        return {}
    entries = [entry for one in headings if one.level == 2 and (entry := parse_log_heading(one.text)) is not None]
    week = Counter(entry.type for entry in entries if now.date() - entry.date < WEEK)
    return {
        "checkpoints_7d": week["checkpoint"],
        "ingests_7d": week["ingest"],
        "lints_7d": week["lint"],
        "experiments": sum(entry.type == "experiment" for entry in entries),
    }


def _checkpoint_tokens(world: World, notes: list[str]) -> int | None:
    from loop_orchestrator.operations.checkpoint import checkpoint, read_header, token_ceiling

    try:
        header = read_header(world, None)
        return checkpoint(world, header=header, ceiling=token_ceiling(None, None)).checkpoint.tokens
    except LoopError as error:
        prompts = sorted(world.layout.brain.glob("*.prompt.md"))
        if not prompts:
            notes.append(f"checkpoint_tokens is n/a: {error.message}")
            return None
        notes.append(f"checkpoint_tokens is that of the newest prompt: {error.message}")
        return tokens_of(prompts[-1].stat().st_size)


def _idle_with_backlog(world: World) -> int | None:
    """By the last states that were seen: whoever asks for figures wants no look at the lanes."""
    records, seen = world.lanes.records(), world.lanes_seen.items()
    if not records:
        return 0
    tasks = world.tasks.all()
    under_way = {task.id for task in tasks if task.status in (TaskStatus.IN_PROGRESS, TaskStatus.REVIEW)}
    busy_with = {one.lane for one in world.tasks.assignments() if one.task in under_way}
    wanted = {task.role for task in ready_tasks(tasks)}
    idle = [name for name in records if name != "coord" and seen.get(name, "").partition(" ")[0] == "ready"]
    return sum(name in busy_with or records[name].spec.role in wanted for name in idle)


def _number(value: Value) -> float | None:
    return value if isinstance(value, int | float) else None


def _sum(values: Iterable[float | None]) -> float | None:
    found = list(values)
    return None if None in found else sum(one for one in found if one is not None)


def _part(value: float | None, of: float | None) -> float | None:
    """n/a for a part of nothing."""
    return None if value is None or not of else round(value / of, 4)


def _total(values: Sequence[Value]) -> Value:
    if any(isinstance(value, Mapping) for value in values):
        total: Counter[str] = Counter()
        for value in values:
            total.update(value if isinstance(value, Mapping) else {})
        return dict(sorted(total.items()))
    numbers = [value for value in values if isinstance(value, int | float)]
    return round(sum(numbers), 6) if any(isinstance(one, float) for one in numbers) else int(sum(numbers))
