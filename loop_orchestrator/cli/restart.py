"""`loop restart` (loop-restart, `loop engine restart`) and `loop engine stop`: one engine in the place of another."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.cli.trust import require_accepted
from loop_orchestrator.errors import ExitCode, UsageError
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.operations.replacing import Ended
    from loop_orchestrator.stores.control import WatchRecord

TIMEOUT_S = 60.0
"""As long as a machine that is busy with agents may take to start one program."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="SESSION", help="the session; the same as --session")
    parser.add_argument(
        "--timeout", type=_seconds, metavar="S", help=f"seconds for all of it; LOOP_RESTART_TIMEOUT, else {TIMEOUT_S:g}"
    )
    parser.add_argument("--detach", action="store_true", help="start the new one in the background, and wait for it")
    parser.add_argument(
        "--foreground", action="store_true", help="be the new one here, and print every event, a line each"
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"expected seconds, above 0 and at most 86400 (got {text!r})")
    return seconds


def _restart(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.engine.cycle import engine_config
    from loop_orchestrator.operations.person import refuse_agent
    from loop_orchestrator.operations.replacing import end_engine
    from loop_orchestrator.operations.service import runs, service_of, unit_file

    if args.detach and args.foreground:
        raise UsageError("--detach and --foreground exclude each other", hint="leave one out")
    timeout_s = args.timeout or _default_timeout(project)
    if args.name:
        project = _named(project, args.name)
    refuse_agent(project, "restart the engine")
    require_accepted(project)
    world = project.world
    engine_config(world)  # a mistake in the config is found before the engine that runs is ended
    file = unit_file(service_of(world, socket=project.socket, environ=project.environ), project.environ)
    record = world.control.watch()
    by_service = runs(file)
    if record is not None and record.how == "service" and not by_service:
        output.note("systemd does not answer for the service that runs the engine; it is started here in its place")
    in_background = args.detach or (record is not None and record.how == "detached" and not args.foreground)
    with world.control.restart_lock():
        if by_service:
            if args.foreground or args.detach:
                output.note("the service runs the engine, so systemd restarts it")
            return _by_service(project, file.name, timeout_s)
        began = world.clock.monotonic()
        ended = end_engine(world, timeout_s)
        if ended is not None:
            output.note(f"the engine (pid {ended.pid}) {'had to be killed' if ended.killed else 'has ended'}")
        if in_background:
            return _in_background(project, ended, timeout_s - (world.clock.monotonic() - began))
    from loop_orchestrator.cli.watch import watch

    return watch(project, every_event=args.foreground)


def _by_service(project: Project, unit: str, timeout_s: float) -> int:
    from loop_orchestrator.operations.replacing import await_engine, restart_service

    holder = project.world.control.watch_lock().holder()
    was = holder.pid if holder else None
    restart_service(unit, timeout_s)
    record = await_engine(project.world, was=was, started=None, limit_s=timeout_s)
    return _say(project, record, was, f"as the service {unit}; its output: loop service logs")


def _in_background(project: Project, ended: Ended | None, left_s: float) -> int:
    from loop_orchestrator.operations.replacing import await_engine, start_in_background

    world, was = project.world, ended.pid if ended else None
    started = start_in_background(world, socket=project.socket, environ=project.environ)
    record = await_engine(world, was=was, started=started, limit_s=max(1.0, left_s))
    return _say(project, record, was, f"in the background; its output: {world.layout.watch_log}")


def _say(project: Project, record: WatchRecord, was: int | None, where: str) -> int:
    if project.json:
        output.document(
            {"session": project.session, "pid": record.pid, "was": was, "how": record.how, "code": "current"}
        )
    else:
        output.line(f"the engine watches session {project.session} (pid {record.pid}, code: current) {where}")
    return ExitCode.DONE


def _stop(args: argparse.Namespace, project: Project) -> int:  # noqa: ARG001 - every word has this signature
    from loop_orchestrator.operations.person import refuse_agent
    from loop_orchestrator.operations.replacing import end_engine

    refuse_agent(project, "stop the engine")
    ended = end_engine(project, TIMEOUT_S)
    if project.json:
        output.document(
            {
                "session": project.session,
                "pid": ended.pid if ended else None,
                "killed": ended.killed if ended else False,
            }
        )
    elif ended is None:
        output.line(f"no engine watches session {project.session}")
    else:
        output.line(f"the engine (pid {ended.pid}) {'had to be killed' if ended.killed else 'has ended'}")
    return ExitCode.DONE


def _default_timeout(project: Project) -> float:
    said = project.environ.get("LOOP_RESTART_TIMEOUT", "")
    try:
        return _seconds(said) if said else TIMEOUT_S
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"LOOP_RESTART_TIMEOUT: {error}") from None


def _named(project: Project, name: str) -> Project:
    """The project for another session that it has files of. Raises UsageError where it has none of that name."""
    from loop_orchestrator.config.problems import did_you_mean
    from loop_orchestrator.stores.layout import Layout

    known = Layout.sessions(project.root)
    if name not in known and name != project.session:
        near = did_you_mean(name, known) or (f"; there are {', '.join(known)}" if known else "")
        raise UsageError(
            f"{project.root} has no session {name!r}{near}", hint="loop restart, in the project, or --project-root P"
        )
    return project.of_session(name)


_RESTART = Command(
    run=_restart,
    arguments=_arguments,
    examples=("loop restart", "loop restart --detach", "loop-restart shop --timeout 30"),
)
COMMANDS = {
    "restart": _RESTART,
    "engine restart": _RESTART,
    "engine stop": Command(run=_stop, examples=("loop engine stop",)),
}
