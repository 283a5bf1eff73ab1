"""`loop notify list|test`: the services that tell a person what needs one."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.cli.trust import require_accepted
from loop_orchestrator.clock import format_age
from loop_orchestrator.errors import ExitCode, UsageError
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.operations.notify import ServiceView


def _list(args: argparse.Namespace, project: Project) -> int:  # noqa: ARG001 - every word has this signature
    from loop_orchestrator.operations.notify import EXAMPLE, services_of

    found = services_of(project)
    if project.json:
        services: list[JsonValue] = [_shape(view) for view in found]
        output.document({"session": project.session, "services": services})
        return ExitCode.DONE
    if not found:
        output.line("nobody is told: the config names no service")
        output.line(f"name one in lane-config.yaml: {EXAMPLE}", whole=True)
        return ExitCode.DONE
    rows = []
    for view in found:
        service = view.service
        kinds = ", ".join(service.kinds) or "everything"
        rows.append((service.name, service.means, kinds, str(len(view.waiting)), _state(view, project)))
    output.table(("SERVICE", "REACHES YOU BY", "TELLS", "WAITING", "STATE"), rows)
    return ExitCode.DONE


def _state(view: ServiceView, project: Project) -> str:
    outbox = view.outbox
    if view.missing:
        return view.missing
    if outbox.failures:
        return f"failed {outbox.failures} times: {outbox.reason}"
    if outbox.reason:
        return f"not tried again: {outbox.reason}"
    if outbox.sent_at is None:
        return "nothing sent yet"
    return f"last sent {format_age((project.clock.now() - outbox.sent_at).total_seconds())} ago"


def _shape(view: ServiceView) -> dict[str, JsonValue]:
    from loop_orchestrator.operations.shapes import time_or_none

    service, outbox = view.service, view.outbox
    waiting: list[JsonValue] = [
        {"kind": one.kind.value, "key": one.key, "what": one.what, "answer": one.answer} for one in view.waiting
    ]
    return {
        "service": service.name,
        "means": service.means,
        "kinds": [*service.kinds],
        "missing": view.missing or None,
        "sent_at": time_or_none(outbox.sent_at),
        "failures": outbox.failures,
        "retry_at": time_or_none(outbox.retry_at),
        "reason": outbox.reason or None,
        "waiting": waiting,
    }


def _test_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--to", metavar="NAME", action="append", default=[], help="the service; default: all of them, one by one"
    )


def _test(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.config.problems import did_you_mean
    from loop_orchestrator.operations.notify import tell_test
    from loop_orchestrator.operations.person import refuse_agent

    refuse_agent(project, "tell people that something needs them")
    known = [service.name for service in project.config.notify.services]
    for name in args.to if known else ():
        if name not in known:
            near = did_you_mean(name, known) or f"; there are {', '.join(known)}"
            raise UsageError(f"the config names no service {name!r}{near}", hint="loop notify list")
    require_accepted(project)
    told = tell_test(project.world, args.to)
    if project.json:
        services: list[JsonValue] = [
            {"service": name, "sent": one.ok, "reason": one.reason or None} for name, one in told.items()
        ]
        output.document({"session": project.session, "services": services})
    else:
        for name, one in told.items():
            output.line(f"{name}: {'sent' if one.ok else f'not sent: {one.reason}'}")
    return ExitCode.DONE if all(one.ok for one in told.values()) else ExitCode.FAILED


COMMANDS = {
    "notify list": Command(run=_list, examples=("loop notify", "loop notify list --json")),
    "notify test": Command(
        run=_test,
        arguments=_test_arguments,
        examples=("loop notify test", "loop notify test --to phone"),
    ),
}
