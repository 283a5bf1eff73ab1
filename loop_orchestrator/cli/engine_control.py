"""`loop engine pause|resume|cycle-now|crash-points`."""

from __future__ import annotations

import argparse

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.crash import CRASH_POINTS
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.wiring import Project


def _pause(args: argparse.Namespace, project: Project) -> int:  # noqa: ARG001 - every word has this signature
    from loop_orchestrator.operations.control import pause

    changed = pause(project.control, project.events, by=project.caller)
    return _say(project, paused=True, changed=changed)


def _resume(args: argparse.Namespace, project: Project) -> int:  # noqa: ARG001 - every word has this signature
    from loop_orchestrator.operations.control import resume

    changed = resume(project.control, project.events, by=project.caller)
    return _say(project, paused=False, changed=changed)


def _cycle_now(args: argparse.Namespace, project: Project) -> int:  # noqa: ARG001 - every word has this signature
    from loop_orchestrator.engine.cycle import engine_config
    from loop_orchestrator.operations.control import ask_for_cycle

    engine_config(project.world)  # a project without an engine is told so
    ask_for_cycle(project.events, project.clock, by=project.caller)
    watched, paused_by = project.control.watch_lock().holder() is not None, project.control.paused()
    if project.json:
        output.document({"session": project.session, "watched": watched, "paused_by": paused_by})
        return ExitCode.DONE
    wait = "" if watched else "; no engine watches, it waits for one: loop watch"
    wait = f"; the engine is paused by {paused_by}, it waits: loop engine resume" if watched and paused_by else wait
    output.line(f"session {project.session}: a cycle was asked for{wait}")
    return ExitCode.DONE


def _say(project: Project, *, paused: bool, changed: bool) -> int:
    if project.json:
        output.document({"session": project.session, "paused": paused, "changed": changed})
    else:
        now = "no cycle starts" if paused else "cycles may start"
        output.line(f"session {project.session}: {now}{'' if changed else ', as before'}")
    return ExitCode.DONE


def _crash_points(args: argparse.Namespace, project: Project) -> int:  # noqa: ARG001 - every word has this signature
    if project.json:
        points: list[JsonValue] = [{"point": name, "means": meaning} for name, meaning in CRASH_POINTS.items()]
        output.document({"crash_points": points})
    else:
        output.table(("POINT", "WHEN THE PROCESS DIES THERE"), list(CRASH_POINTS.items()))
    return ExitCode.DONE


COMMANDS = {
    "engine pause": Command(run=_pause, examples=("loop engine pause",)),
    "engine resume": Command(run=_resume, examples=("loop engine resume",)),
    "engine cycle-now": Command(run=_cycle_now, examples=("loop engine cycle-now",)),
    "engine crash-points": Command(run=_crash_points, examples=("loop engine crash-points",)),
}
