"""What ``loop status`` shows of the wiki: what waits to get into it, and what is known to be wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from loop_orchestrator.clock import parse_time
from loop_orchestrator.errors import LoopError
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.operations.ingest import IngestView
from loop_orchestrator.operations.need import Need
from loop_orchestrator.operations.shapes import Json, time_or_none

if TYPE_CHECKING:
    from loop_orchestrator.world import World


@dataclass(frozen=True, kw_only=True)
class LintView:
    """What the last looks of the engine found."""

    wiki_at: datetime | None
    """None: it has not looked at the wiki"""
    wiki_findings: int
    tasks_at: datetime | None
    """when the daemon began that last found something wrong with tasks; None: none did"""
    task_errors: int
    task_warnings: int


def lint_view(world: World) -> LintView:
    """Look; writes nothing. What cannot be read says nothing."""
    try:
        notes = world.lint.items()
        at = parse_time(notes["checked"]) if "checked" in notes else None
        findings = int(notes.get("findings", "0"))
        started, linted = world.events.last("watch.started"), world.events.last("tasks.linted")
    except (LoopError, ValueError):
        return LintView(wiki_at=None, wiki_findings=0, tasks_at=None, task_errors=0, task_warnings=0)
    if linted is not None and started is not None and linted.seq < started.seq:
        linted = None  # the daemon that runs now, or ran last, found nothing
    counts = [linted.payload.get(key) if linted else 0 for key in ("errors", "warnings")]
    errors, warnings = (one if isinstance(one, int) else 0 for one in counts)
    return LintView(
        wiki_at=at,
        wiki_findings=findings,
        tasks_at=linted.at if linted else None,
        task_errors=errors,
        task_warnings=warnings,
    )


def lint_shape(view: LintView) -> Json:
    """As it stands in the document of ``loop status``."""
    return {
        "wiki_at": time_or_none(view.wiki_at),
        "wiki_findings": view.wiki_findings if view.wiki_at else None,
        "tasks_at": time_or_none(view.tasks_at),
        "task_errors": view.task_errors,
        "task_warnings": view.task_warnings,
    }


def lint_lines(view: LintView) -> tuple[str, ...]:
    """What there is to say of it: of files of tasks only where one is no task; what a task leaves out is its own."""
    found = []
    if view.wiki_at and view.wiki_findings:
        found.append(f"wiki: {_count(view.wiki_findings, 'finding')} when it was looked at last; loop wiki-lint")
    if view.task_errors:
        what = f"{_count(view.task_errors, 'error')}, {_count(view.task_warnings, 'warning')}"
        found.append(f"task files: {what} when the engine began; loop task-lint")
    return tuple(found)


def memory_needs(view: IngestView | Unknown) -> Iterator[Need]:
    """What of the wiki waits for a person."""
    if isinstance(view, Unknown):
        return
    lost = view.counts.get("quarantined", 0)
    if lost:
        yield Need(
            what=f"{_count(lost, 'message')} could not be taken into the wiki; the reason is beside each in failed/",
            since=None,
            next_step="loop mail list --failed, then: loop engine ingest --again",
        )
    silent = view.counts.get("unanswered", 0)
    if silent:
        yield Need(
            what=f"a lane was asked to take {_count(silent, 'message')} into the wiki and did not",
            since=None,
            next_step="loop engine ingest --again, or with --mode rules",
        )
    if view.problem and view.waiting:
        yield Need(
            what=f"{_count(view.waiting, 'message')} cannot be taken into the wiki now: {view.problem}",
            since=None,
            next_step="loop engine ingest",
        )
    if view.filing_problem and view.unfiled:
        yield Need(
            what=f"{_count(view.unfiled, 'decision')} cannot be filed in the checkpoint: {view.filing_problem}",
            since=None,
            next_step="loop wiki-lint",
        )


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
