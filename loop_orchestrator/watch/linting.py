"""The daemon looks at the wiki when that is due, has it reviewed, and says at its start what is wrong with tasks."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from loop_orchestrator.actions.dispatch import Dispatch
from loop_orchestrator.clock import format_time, parse_time
from loop_orchestrator.crash import crash_point
from loop_orchestrator.engine.cycle import mode_of
from loop_orchestrator.engine.record import propose
from loop_orchestrator.engine.reply import Proposal
from loop_orchestrator.errors import DecisionStateError, LockedError, LoopError
from loop_orchestrator.ids import derived_id, new_id
from loop_orchestrator.model.finding import Severity
from loop_orchestrator.model.wiki import INGEST
from loop_orchestrator.prompts import fill

if TYPE_CHECKING:
    from datetime import datetime

    from loop_orchestrator.config.schema import EngineConfig
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.operations.wiki import Checked
    from loop_orchestrator.world import World

CHECKED, REVIEWED = "checked", "reviewed"
"""Keys of the notes: when the wiki was looked at; when a review was asked for, in which session, by which decision."""

FORGOTTEN_S = 600.0
"""Seconds within which a request that was never filed is filed after all."""

SHOWN = 20
"""Findings that an event and the log name; the rest is counted."""


def lint_when_due(world: World, engine: EngineConfig) -> None:
    """Look at the wiki, and ask for a review, each once in ``engine.lint.every``. Raises LoopError."""
    if not engine.lint.enabled or not world.wiki.root.is_dir():
        return
    now, every_s = world.clock.now(), engine.lint.every_s
    last = world.lint.get(CHECKED)
    if is_due(last, now, every_s):
        _check(world, last or "")
        crash_point("lint.said")
        world.lint.add(CHECKED, format_time(now))
    asked, _, of = (world.lint.get(REVIEWED) or "").partition(" ")
    if is_due(asked, now, every_s):
        of = f"{world.session} {new_id('d', now)}"
    elif not _was_never_filed(world, asked, of):
        return
    if _may_be_asked(world, engine.lint.lane):
        with suppress(LockedError):  # a cycle runs; the next look asks
            _ask_for_review(world, engine.lint.lane, of.partition(" ")[2])


def lint_tasks_at_start(world: World) -> None:
    """Read every file of a task; what is wrong is an event."""
    from loop_orchestrator.operations.task_lint import lint_tasks

    roles = {lane.role for lane in world.config.lanes if lane.role}
    with suppress(LoopError):
        roles |= {record.spec.role for record in world.lanes.records().values()}
    found = lint_tasks(world.layout.tasks_dir, roles=roles)
    if not found.findings:
        return
    said: list[JsonValue] = [
        f"{one.file.name}:{one.line}: {one.severity.value}: {one.says}" for one in found.findings[:SHOWN]
    ]
    payload: dict[str, JsonValue] = {
        "errors": found.count(Severity.ERROR),
        "warnings": found.count(Severity.WARNING),
        "findings": said,
    }
    world.events.append("tasks.linted", "watch", payload)


def is_due(last: str | None, now: datetime, every_s: float) -> bool:
    """Whether the time has come again. A time that lies ahead belongs to a clock that was put back since. Pure."""
    if not last:
        return True
    since = now - parse_time(last)
    return since >= timedelta(seconds=every_s) or since < timedelta(0)


def _was_never_filed(world: World, asked: str, of: str) -> bool:
    """The last process to ask was killed before its decision was on disk, just now."""
    session, _, decision = of.partition(" ")
    if session != world.session or world.clock.now() - parse_time(asked) > timedelta(seconds=FORGOTTEN_S):
        return False
    try:
        world.decisions.get(decision)
    except DecisionStateError:
        return True
    return False


def _check(world: World, last: str) -> None:
    """last: when it was looked at before; what is said of this look is said once, also if this is done again."""
    from loop_orchestrator.operations.wiki import check, shown_page

    found = check(world)
    said = [f"{shown_page(world, one.page)}:{one.line}: {one.kind.value}: {one.what}" for one in found.findings]
    shown: list[JsonValue] = [*said[:SHOWN]]
    if len(said) > SHOWN:
        shown.append(f"and {len(said) - SHOWN} more")
    world.lint.add("findings", str(len(said)))
    payload: dict[str, JsonValue] = {"page_count": found.page_count, "findings": shown}
    world.events.append("wiki.linted", "watch", payload, id=derived_id("e", "wiki.linted", last))
    if said:
        _log(world, found, said)


def _log(world: World, found: Checked, said: list[str]) -> None:
    title = f"{len(said)} finding{'' if len(said) == 1 else 's'} in {found.page_count} pages, by the engine"
    today = world.clock.now().date()
    if any((one.type, one.title, one.date) == ("lint", title, today) for one in world.wiki.last_log(SHOWN)):
        return
    # Findings quote pages, and a page may hold anything: each is code in one line.
    rows = [f"- `{' '.join(one.replace('`', chr(39)).split())}`" for one in said[:SHOWN]]
    world.wiki.append_log("lint", title, "\n".join(rows), by=INGEST)


def _may_be_asked(world: World, lane: str) -> bool:
    found = next((one for one in world.observe_lanes() if one.name == lane), None)
    claimed = any(lane in one.claimed_lanes for one in world.decisions.open_decisions())
    return found is not None and found.record.agent and found.state.ready and not claimed


def _ask_for_review(world: World, lane: str, decision: str) -> None:
    """Through the gate and a delivery, like every text to a lane."""
    now = world.clock.now()
    with world.decisions.cycle_lock():
        world.lint.add(REVIEWED, f"{format_time(now)} {world.session} {decision}")
        payload = fill(world.prompts["wiki_review_brief"], lane=lane)
        action = Dispatch(
            lane=lane, payload=payload, rationale="The wiki is looked through at the interval of the config."
        )
        proposal = Proposal("The wiki is due for a review.", (action,))
        propose(world, proposal, brain="lint", id=decision, cycle=new_id("c", now), mode=mode_of(world))
