"""`loop service install|start|stop|status|logs|uninstall`: the engine as a service of this user."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NoReturn

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.cli.trust import require_accepted
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.model.unit import EngineService, launchd_plist
from loop_orchestrator.wiring import Project


def _service(project: Project) -> tuple[EngineService, Path]:
    from loop_orchestrator.operations.service import service_of, unit_file

    service = service_of(project.world, socket=project.socket, environ=project.environ)
    return service, unit_file(service, project.environ)


def _refuse_agent(project: Project) -> None:
    from loop_orchestrator.operations.person import refuse_agent

    refuse_agent(project, "change what runs as a service")


def _install_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--print",
        dest="show",
        nargs="?",
        const="systemd",
        choices=("systemd", "launchd"),
        help="print the unit, or what launchd of macOS takes, and change nothing",
    )
    parser.add_argument("--start", action="store_true", help="start it, too")


def _install(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.engine.cycle import engine_config
    from loop_orchestrator.operations.service import LINGER_HINT, install, lingers, start, text_of

    service, file = _service(project)
    if args.show:
        output.raw(text_of(service) if args.show == "systemd" else launchd_plist(service))
        return ExitCode.DONE
    _refuse_agent(project)
    engine_config(project)
    require_accepted(project)
    changed = install(service, file)
    started = args.start and start(project.world, file)
    stays = lingers(project.environ)
    if project.json:
        output.document(
            {
                "session": project.session,
                "service": service.name,
                "file": str(file),
                "changed": changed,
                "started": started,
                "lingers": stays,
            }
        )
        return ExitCode.DONE
    output.line(f"service {service.name} {'is installed' if changed else 'was installed so already'}: {file}")
    if args.start:
        output.line("it was started" if started else "it runs already")
    else:
        output.line("start it now: loop service start; from now on it starts with your login")
    if not stays:
        output.note(f"it ends with your last login, unless you say once: {LINGER_HINT}")
    if any(one.url_env for one in project.config.notify.services):
        output.note(
            f"the variables that notify names are read from {service.secrets_file}: NAME=value lines, mode 0600"
        )
    return ExitCode.DONE


def _start(args: argparse.Namespace, project: Project) -> int:  # noqa: ARG001 - every word has this signature
    from loop_orchestrator.operations.service import start

    _refuse_agent(project)
    require_accepted(project)
    service, file = _service(project)
    return _say(project, service, "started" if start(project.world, file) else "runs already")


def _stop(args: argparse.Namespace, project: Project) -> int:  # noqa: ARG001 - every word has this signature
    from loop_orchestrator.operations.service import stop

    _refuse_agent(project)
    service, file = _service(project)
    return _say(project, service, "stopped" if stop(file) else "did not run")


def _uninstall(args: argparse.Namespace, project: Project) -> int:  # noqa: ARG001 - every word has this signature
    from loop_orchestrator.operations.service import uninstall

    _refuse_agent(project)
    service, file = _service(project)
    return _say(project, service, "removed" if uninstall(file) else "was not installed")


def _say(project: Project, service: EngineService, outcome: str) -> int:
    if project.json:
        output.document({"session": project.session, "service": service.name, "outcome": outcome})
    else:
        output.line(f"service {service.name}: {outcome}")
    return ExitCode.DONE


def _status(args: argparse.Namespace, project: Project) -> int:  # noqa: ARG001 - every word has this signature
    from loop_orchestrator.operations.engine_view import code_of
    from loop_orchestrator.operations.service import state

    service, file = _service(project)
    found = state(service, file)
    record = project.world.control.watch()
    if project.json:
        output.document(
            {
                "session": project.session,
                "service": service.name,
                "file": str(file) if found.installed else None,
                "state": found.state or None,
                "engine": None if record is None else {"pid": record.pid, "how": record.how, "code": code_of(record)},
            }
        )
        return ExitCode.DONE
    if not found.installed:
        output.line(f"service {service.name}: not installed; loop service install")
    else:
        output.line(f"service {service.name}: {found.state or 'systemd does not answer'} ({file})")
    if record is None:
        output.line(f"no engine watches session {project.session}")
    else:
        output.line(f"the engine that watches (pid {record.pid}) runs as {record.how}; code: {code_of(record)}")
    return ExitCode.DONE


def _logs_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-n", "--lines", type=int, metavar="N", default=100, help="how many of the last lines (100)")
    parser.add_argument("-f", "--follow", action="store_true", help="go on as they come; Ctrl-C ends it")


def _logs(args: argparse.Namespace, project: Project) -> NoReturn:
    from loop_orchestrator.operations.service import become_logs

    _, file = _service(project)
    output.flush()
    become_logs(file, max(0, args.lines), follow=args.follow)


COMMANDS = {
    "service install": Command(
        run=_install,
        arguments=_install_arguments,
        examples=(
            "loop service install --start",
            "loop service install --print",
            "loop service install --print=launchd",
        ),
    ),
    "service start": Command(run=_start, examples=("loop service start",)),
    "service stop": Command(run=_stop, examples=("loop service stop",)),
    "service status": Command(run=_status, examples=("loop service", "loop service status --json")),
    "service logs": Command(run=_logs, arguments=_logs_arguments, examples=("loop service logs -f",)),
    "service uninstall": Command(run=_uninstall, examples=("loop service uninstall",)),
}
