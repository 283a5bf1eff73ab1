"""`loop restart` (loop-restart, `loop engine restart`) and `loop engine stop`: one engine in the place of another."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, NoReturn

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.cli.trust import require_accepted
from loop_orchestrator.errors import ExitCode, LoopError, ProcessError, UsageError
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loop_orchestrator.operations.replacing import Ended
    from loop_orchestrator.stores.control import WatchRecord

TIMEOUT_S = 60.0
"""As long as a machine that is busy with agents may take to start one program."""

LEAST_S = 1.0
"""What is left for the new engine where the old one, or the installation, took nearly all of the time. At half, one
that starts as fast as it can is given up; at double, the time that was asked for is exceeded by more."""

INSTALL = "LOOP_RESTART_INSTALL_CMD"


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="SESSION", help="the session; the same as --session")
    parser.add_argument(
        "--timeout", type=_seconds, metavar="S", help=f"seconds for all of it; LOOP_RESTART_TIMEOUT, else {TIMEOUT_S:g}"
    )
    parser.add_argument("--detach", action="store_true", help="start the new one in the background, and wait for it")
    parser.add_argument(
        "--foreground", action="store_true", help="be the new one here, and print every event, a line each"
    )
    parser.add_argument(
        "--install",
        metavar="CMD",
        help=f"a command line that installs this program anew, run before anything is ended, in LOOP_ORCH_ROOT, else "
        f"in the checkout that it runs from; {INSTALL}, else none; '' for none",
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
    from loop_orchestrator.operations.person import refuse_agent

    if args.detach and args.foreground:
        raise UsageError("--detach and --foreground exclude each other", hint="leave one out")
    timeout_s = args.timeout or _default_timeout(project)
    if args.name:
        project = _named(project, args.name)
    refuse_agent(project, "restart the engine")
    _check(project)
    secrets = _secrets(project)
    install = project.environ.get(INSTALL, "") if args.install is None else args.install
    try:
        if install:
            _install(install, args, project, timeout_s)
        return _replace(args, project, secrets, timeout_s)
    except ProcessError as error:
        raise LoopError(error.message, hint=error.hint) from error  # exit 1: no new engine watches


def _check(project: Project) -> None:
    """A mistake in the config is found before the engine that runs is ended."""
    from loop_orchestrator.engine.cycle import engine_config

    require_accepted(project)
    engine_config(project.world)


def _secrets(project: Project) -> dict[str, str]:
    """What the engine is to have in its environment besides; says which variables of the config will be missing."""
    from loop_orchestrator.operations.secrets import named_variables
    from loop_orchestrator.operations.service import secrets_file
    from loop_orchestrator.stores.envfile import read_env_file

    file = secrets_file(project.session, project.environ)
    found = read_env_file(file)
    for name in named_variables(project.config):
        if name not in found and name not in project.environ:
            output.note(f"{name}, which lane-config.yaml names, is neither in the environment nor in {file}")
    return found


def _install(command: str, args: argparse.Namespace, project: Project, timeout_s: float) -> NoReturn:
    """Install this program anew; then it is the installed one that restarts the engine, in this process."""
    from loop_orchestrator.operations.installing import install_anew, source_folder
    from loop_orchestrator.process.module import become

    clock, folder = project.world.clock, source_folder(project.environ)
    began = clock.monotonic()
    with project.control.restart_lock():
        output.note(f"installing, in {folder}: {command}")
        install_anew(command, folder, limit_s=timeout_s, say=lambda line: output.note(f"  | {line}"))
    left_s = max(LEAST_S, timeout_s - (clock.monotonic() - began))
    where = ("--project-root", str(project.root), "--session", project.session, "--socket", project.socket)
    flags = [f"--{name}" for name in ("detach", "foreground", "json") if getattr(args, name)]
    become(
        ("restart", *where, "--timeout", f"{left_s:.3f}", "--install", "", *flags),
        {name: value for name, value in project.environ.items() if name != INSTALL},
    )


def _replace(args: argparse.Namespace, project: Project, secrets: dict[str, str], timeout_s: float) -> int:
    from loop_orchestrator.operations.replacing import end_engine
    from loop_orchestrator.operations.service import runs, service_of, unit_file

    world = project.world
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
            left_s = timeout_s - (world.clock.monotonic() - began)
            return _in_background(project, ended, {**project.environ, **secrets}, left_s)
    from loop_orchestrator.cli.watch import watch

    os.environ.update(secrets)
    return watch(project, every_event=args.foreground)


def _by_service(project: Project, unit: str, timeout_s: float) -> int:
    from loop_orchestrator.operations.replacing import await_engine, restart_service

    holder = project.world.control.watch_lock().holder()
    was = holder.pid if holder else None
    restart_service(unit, timeout_s)
    record = await_engine(project.world, was=was, started=None, limit_s=timeout_s)
    return _say(project, record, was, f"as the service {unit}; its output: loop service logs")


def _in_background(project: Project, ended: Ended | None, environ: Mapping[str, str], left_s: float) -> int:
    from loop_orchestrator.operations.replacing import await_engine, start_in_background

    world, was = project.world, ended.pid if ended else None
    started = start_in_background(world, socket=project.socket, environ=environ)
    record = await_engine(world, was=was, started=started, limit_s=max(LEAST_S, left_s))
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
    examples=(
        "loop restart",
        "loop restart --detach",
        "loop-restart shop --timeout 30",
        "loop restart --detach --install 'git pull && make setup' --timeout 600",
    ),
)
COMMANDS = {
    "restart": _RESTART,
    "engine restart": _RESTART,
    "engine stop": Command(run=_stop, examples=("loop engine stop",)),
}
