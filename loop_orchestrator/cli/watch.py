"""`loop watch`, which is `loop engine watch`: the daemon."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.cli.decided import print_told
from loop_orchestrator.cli.trust import require_accepted
from loop_orchestrator.model.event import Event
from loop_orchestrator.wiring import Project


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--foreground",
        action="store_true",
        help="print every event, a line each; not only what needs telling. A slow reader misses some, and is told",
    )
    parser.add_argument("--run-as", choices=("detached", "service"), help=argparse.SUPPRESS)


def _run(args: argparse.Namespace, project: Project) -> int:
    return watch(project, every_event=args.foreground, how=args.run_as or "foreground")


def watch(project: Project, *, every_event: bool, how: str = "foreground") -> int:
    """Be the engine of the session until it is told to stop, whether anybody reads what it prints; the exit code."""
    from loop_orchestrator.cli.unblocked import unblocked
    from loop_orchestrator.operations.changed_config import ConfigWatch
    from loop_orchestrator.process.memory import share_one_arena
    from loop_orchestrator.watch.daemon import run_daemon

    share_one_arena()  # before any thread has one of its own
    require_accepted(project)
    if project.config.engine is not None:
        output.note(f"watching session {project.session} of {project.root}; Ctrl-C ends it")
    show = _as_json if project.json else _row() if every_event else print_told
    shows = project.json or every_event or sys.stdout.isatty()
    config = ConfigWatch(project.door, project.door_now)
    emit = _emitter(show, project) if shows else _note_takeover
    with unblocked(_json_left_out if project.json else _left_out, _note_unread) as finish:
        return run_daemon(project.world, emit=emit, config=config, how=how, at_end=finish)


def _row() -> Callable[[Event], None]:
    from loop_orchestrator.cli.eventrow import print_row

    return print_row


def _emitter(show: Callable[[Event], None], project: Project) -> Callable[[Event], None]:
    """Shows events without secrets."""

    def emit(event: Event) -> None:
        show(replace(event, payload={name: project.redactor.value(value) for name, value in event.payload.items()}))
        output.flush()

    return emit


def _as_json(event: Event) -> None:
    from loop_orchestrator.operations.shapes import event_shape

    output.row(event_shape(event))


def _note_takeover(event: Event) -> None:
    """What whoever started it has to know; the rest is in the event log."""
    if event.kind == "watch.started" and event.payload["took_over"]:
        from loop_orchestrator.operations.telling import sentence

        output.note(sentence(event))


def _left_out(lines: int) -> str:
    return f"({lines} lines are left out here: nobody read them in time; every event: loop logs)"


def _json_left_out(lines: int) -> str:
    return output.row_text({"left_out": lines})


def _note_unread() -> None:
    output.note("nobody reads the output any more; the engine goes on, and loop engine stop ends it")


_WATCH = Command(run=_run, arguments=_arguments, examples=("loop watch", "loop watch --foreground > watch.log"))
COMMANDS = {"watch": _WATCH, "engine watch": _WATCH}
