"""`loop status`: the whole picture, what needs a person first."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import TYPE_CHECKING

from loop_orchestrator import plaintext
from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.clock import format_age
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.operations.status import Status


_APPROVE = "loop approve "
"""Begins the next step that executes something; the command that shows what stands before it."""


def _run(args: argparse.Namespace, project: Project) -> int:  # noqa: ARG001 - every word has this signature
    from loop_orchestrator.operations.status import status, status_document

    found = status(project)
    if project.json:
        output.document(status_document(found))
    else:
        _print(found)
        if project.config.notify.services:
            _print_untold(project)
    return ExitCode.DONE


def _print(found: Status) -> None:
    _print_needs(found)
    output.line()
    _print_lanes(found)
    output.line()
    _print_rest(found)


def _print_needs(found: Status) -> None:
    if not found.needs:
        output.line(f"session {found.session}: nothing needs you")
        return
    things = "1 thing needs" if len(found.needs) == 1 else f"{len(found.needs)} things need"
    output.line(f"session {found.session}: {things} you")
    for need in found.needs:
        age = f" ({_age(found.generated_at, need.since)})" if need.since else ""
        output.line(f"  {plaintext.shorten(need.what, 200)}{age}")
        if need.next_step.startswith(_APPROVE):
            output.line(f"      {need.next_step.replace(_APPROVE, 'loop engine show ')}", whole=True)
        output.line(f"      {need.next_step}", whole=True)


def _print_lanes(found: Status) -> None:
    if isinstance(found.lanes, Unknown):
        output.line(f"lanes: not known: {found.lanes.reason}")
    elif not found.lanes:
        output.line("lanes: none; boot them: loop up")
    else:
        rows = []
        for lane in found.lanes:
            spec = lane.record.spec
            seen = next((signal.seen for signal in lane.state.evidence), "")
            what = spec.harness or plaintext.shorten(spec.cmd, 24)
            state = f"{lane.state.word.value}/{lane.state.detail.value}"
            rows.append((spec.name, spec.role, what, state, plaintext.shorten(seen, 60)))
        output.table(("LANE", "ROLE", "RUNS", "STATE", "SEEN"), rows)


def _print_rest(found: Status) -> None:
    from loop_orchestrator.operations.engine_view import budget_line, rest_line
    from loop_orchestrator.operations.ingest import ingest_lines
    from loop_orchestrator.operations.memory_view import lint_lines
    from loop_orchestrator.operations.status import task_counts

    engine = found.engine
    if not found.has_engine:
        output.line("engine: none; the config has no engine: section; loop init writes one where there is no config")
    else:
        since = f" for {_age(found.generated_at, engine.since)} (pid {engine.pid})" if engine.since else ""
        paused = f", paused by {engine.paused_by}" if engine.paused_by else ""
        code = {"": "", "stale": ", code: stale; loop restart"}.get(engine.code, f", code: {engine.code}")
        start = "; start it: loop watch" if engine.word.value == "stopped" else ""
        output.line(f"engine: {engine.word.value}{since}{paused}{code}{start}")
        output.line(budget_line(engine.spent))
        for rest in engine.resting:
            output.line(f"brain: {rest_line(rest, found.generated_at)}")
    if found.guard is not None:
        idle = "" if found.engine.word.value == "stopped" else "; the engine restarts lanes while it runs"
        output.line(
            f"guard: restarts lanes for {_age(found.generated_at, found.guard.since)} (pid {found.guard.pid}){idle}"
        )
    if isinstance(found.mail, Unknown):
        output.line(f"mail: not known: {found.mail.reason}")
    else:
        output.line(f"mail: {len(found.mail)} pending" + ("; list it: loop mail list" if found.mail else ""))
    if isinstance(found.tasks, Unknown):
        output.line(f"tasks: not known: {found.tasks.reason}")
    else:
        counts = ", ".join(f"{count} {word}" for word, count in task_counts(found.tasks).items())
        output.line(f"tasks: {counts or 'none; tasks/README.md says how to write one'}")
    for said in (*ingest_lines(found.ingest, lambda then: _age(found.generated_at, then)), *lint_lines(found.lint)):
        output.line(said)
    if isinstance(found.lines, Unknown):
        output.line(f"in line: not known: {found.lines.reason}")
    for line in () if isinstance(found.lines, Unknown) else found.lines:
        age = _age(found.generated_at, line.waiting[0].since)
        why = plaintext.shorten(line.reason, 120) or "it is next"
        output.line(f"in line for {line.lane}: {len(line.waiting)}, the first for {age}: {why}; loop queue list")
    if isinstance(found.asks, Unknown):
        output.line(f"asks: not known: {found.asks.reason}")
    elif found.asks:
        lanes = ", ".join(dict.fromkeys(ask.lane for ask in found.asks))
        age = _age(found.generated_at, found.asks[0].asked_at)
        output.line(f"asks: {len(found.asks)} without an answer, the first for {age} ({lanes}); loop engine asks")
    if isinstance(found.unknown_deliveries, Unknown):
        output.line(f"deliveries: not known: {found.unknown_deliveries.reason}")


def _print_untold(project: Project) -> None:
    """Services that were to tell a person something and could not."""
    from loop_orchestrator.errors import LoopError
    from loop_orchestrator.operations.notify import services_of

    try:
        views = services_of(project)
    except LoopError as error:
        output.line(f"notify: not known: {error.message}")
        return
    for view in views:
        if view.outbox.reason and view.waiting:
            things = "1 thing" if len(view.waiting) == 1 else f"{len(view.waiting)} things"
            output.line(f"notify: {view.service.name} did not tell you of {things}: {view.outbox.reason}; loop notify")


def _age(now: datetime, then: datetime) -> str:
    return format_age((now - then).total_seconds())


COMMANDS = {"status": Command(run=_run, examples=("loop status", "loop status --json"))}
