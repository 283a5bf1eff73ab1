"""`loop harness list|show|fields|field|oneshot|probe|roster|health`: what is known about the agent programs."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.model.harness import HarnessSpec
    from loop_orchestrator.operations.harnesses import Checkup, Machine


def name_argument(parser: argparse.ArgumentParser) -> None:
    """The harness that the word is about."""
    parser.add_argument("harness", metavar="NAME", help="a harness, as `loop harness list` names it")


def known(project: Project, name: str) -> HarnessSpec:
    """The harness, read from its file itself. Raises UsageError with the nearest name, ConfigError for broken data."""
    from loop_orchestrator.operations.harnesses import harness_named

    if name in project.harnesses:
        project.harnesses.check()
    return harness_named(project.harnesses, name)


def machine_of(project: Project) -> Machine:
    from loop_orchestrator.operations.harnesses import Machine

    return Machine(project.environ)


def require_own_accepted(project: Project, spec: HarnessSpec) -> None:
    """Before a program of the project's own harness data is started: a person accepted it here. Raises LoopError."""
    from loop_orchestrator.cli.trust import require_accepted
    from loop_orchestrator.operations.harnesses import is_packaged

    if not is_packaged(spec):
        require_accepted(project)


def _list(args: argparse.Namespace, project: Project) -> int:  # noqa: ARG001 - every word has this signature
    from loop_orchestrator.operations.harnesses import is_packaged

    project.harnesses.check()
    machine = machine_of(project)
    specs = tuple(project.harnesses.values())
    if project.json:
        shapes: list[JsonValue] = [
            {
                "name": spec.name,
                "title": spec.title,
                "kind": spec.kind.value,
                "program": machine.look_for(spec).program or None,
                "verified": list(spec.verified),
                "origin": spec.origin,
                **_replaced(spec),
            }
            for spec in specs
        ]
        output.document({"harnesses": shapes})
        return ExitCode.DONE
    rows = [
        (
            spec.name,
            spec.kind.value,
            ", ".join(spec.verified) or "none",
            "packaged" if is_packaged(spec) else "project",
            machine.look_for(spec).program or f"{spec.binary} is not on PATH",
        )
        for spec in specs
    ]
    output.table(("HARNESS", "KIND", "VERIFIED", "DATA", "PROGRAM"), rows)
    return ExitCode.DONE


def _replaced(spec: HarnessSpec) -> dict[str, JsonValue]:
    from loop_orchestrator.operations.harnesses import replaced

    packaged = replaced(spec)
    return {"replaces": str(packaged) if packaged else None}


def _show(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.harnesses import fields_of

    spec = known(project, args.harness)
    if project.json:
        output.document({**fields_of(spec), **_replaced(spec)})
        return ExitCode.DONE
    from loop_orchestrator.cli.harness_text import described

    output.line(f"{spec.name}: {spec.title}")
    for label, text in described(spec):
        output.line(f"  {label:<14}{text}")
    output.line(f"every value: loop harness fields {spec.name}", whole=True)
    return ExitCode.DONE


def _fields(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.harnesses import fields_of

    fields = fields_of(known(project, args.harness))
    if project.json:
        output.document({"name": args.harness, "fields": fields})
        return ExitCode.DONE
    for key, value in fields.items():
        output.line(f"{key} {_in_one_line(value)}".rstrip(" "), whole=True)
    return ExitCode.DONE


def _field_arguments(parser: argparse.ArgumentParser) -> None:
    name_argument(parser)
    parser.add_argument("field", metavar="FIELD", help="a key, as `loop harness fields NAME` names it")


def _field(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.harnesses import field_of

    value = field_of(known(project, args.harness), args.field)
    if project.json:
        output.document({"name": args.harness, "field": args.field, "value": value})
        return ExitCode.DONE
    for one in _items(value):
        output.line(one, whole=True)
    return ExitCode.DONE


def _items(value: JsonValue) -> list[str]:
    """What is printed, one line each: nothing for what is not there."""
    match value:
        case None | "":
            return []
        case bool():
            return ["true" if value else "false"]
        case list():
            return [str(one) for one in value]
        case dict():
            return [f"{name}={one}" for name, one in value.items()]
    return [str(value)]


def _in_one_line(value: JsonValue) -> str:
    """A list as words that a shell reads back."""
    items = _items(value)
    return shlex.join(items) if isinstance(value, list | dict) else "".join(items)


def _oneshot_arguments(parser: argparse.ArgumentParser) -> None:
    name_argument(parser)
    parser.add_argument("--model", metavar="M", default="", help="a model id, as the harness takes it")


def _oneshot(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.harnesses.launch import oneshot_argv

    spec = known(project, args.harness)
    argv = oneshot_argv(spec, model=args.model) if spec.oneshot else ()
    if project.json:
        template: JsonValue = list(argv) if argv else None
        prompt = spec.oneshot.prompt.value if spec.oneshot else None
        output.document({"name": spec.name, "argv": template, "prompt": prompt})
    elif argv:
        output.line(shlex.join(argv), whole=True)
    return ExitCode.DONE if argv else ExitCode.FAILED


def _probe_arguments(parser: argparse.ArgumentParser) -> None:
    name_argument(parser)
    parser.add_argument("model", metavar="MODEL", nargs="?", default="", help="a model id for the shown command line")


def _probe(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.harnesses.launch import lane_argv
    from loop_orchestrator.model.harness import HarnessKind
    from loop_orchestrator.model.lane import LaneSpec
    from loop_orchestrator.operations.harnesses import probe

    spec = known(project, args.harness)
    command: tuple[str, ...] = ()
    if spec.kind is not HarnessKind.BRAIN:
        lane = LaneSpec(name="probe", window="probe", role="probe", harness=spec.name, model=args.model, cwd=Path("/"))
        command = lane_argv(lane, spec, python=project.surroundings.python)
    require_own_accepted(project, spec)
    found = probe(spec, machine_of(project))
    if project.json:
        output.document(
            {
                "name": spec.name,
                "binary": spec.binary or None,
                "path": found.path or None,
                "version": found.version or None,
                "verified": found.verified,
                "verified_on": list(spec.verified),
                "note": found.note or None,
                "command": list(command),
            }
        )
        return ExitCode.DONE if found.path else ExitCode.FAILED
    if not found.path:
        output.note(f"harness {spec.name}: {found.note}")
        return ExitCode.FAILED
    from loop_orchestrator.cli.harness_text import verified_text

    output.line(f"binary    {spec.binary or 'your login shell'}")
    output.line(f"path      {found.path}", whole=True)
    output.line(f"version   {found.version or f'not known: {found.note}'}")
    output.line(f"verified  {verified_text(found.version, spec)}")
    if command:
        output.line(f"command   {shlex.join(command)}", whole=True)
    return ExitCode.DONE


def _roster(args: argparse.Namespace, project: Project) -> int:  # noqa: ARG001 - every word has this signature
    from loop_orchestrator.operations.harnesses import Health, checkups
    from loop_orchestrator.operations.trust import is_accepted

    project.harnesses.check()
    specs = tuple(project.harnesses.values())
    found = checkups(specs, machine_of(project), may_ask=is_accepted(project.door, project.state_home))
    if project.json:
        entries: list[JsonValue] = [
            {
                "name": spec.name,
                "present": one.word is not Health.MISSING,
                "capability_tags": ",".join(spec.tags),
                "cost_tier": spec.cost,
                "autonomy_class": spec.autonomy,
                "auth_requirement": spec.auth,
                "health_probe": shlex.join(spec.health_argv) or None,
                "drift_pins": spec.drift,
                "oneshot_template": shlex.join(spec.oneshot.argv) if spec.oneshot else None,
                "health": one.word.value,
                "health_reason": one.reason,
            }
            for spec, one in zip(specs, found, strict=True)
        ]
        output.document({"harnesses": entries})
        return ExitCode.DONE
    rows = [
        (spec.name, one.word.value, spec.cost, spec.autonomy, ",".join(spec.tags), one.reason)
        for spec, one in zip(specs, found, strict=True)
    ]
    output.table(("HARNESS", "HEALTH", "COST", "AUTONOMY", "GOOD AT", "BECAUSE"), rows)
    return ExitCode.DONE


def _health(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.harnesses import Health, checkup

    spec = known(project, args.harness)
    if spec.health_argv:
        require_own_accepted(project, spec)
    found: Checkup = checkup(spec, machine_of(project))
    if project.json:
        output.document({"name": spec.name, "health": found.word.value, "reason": found.reason})
    else:
        output.line(found.word.value)
        if found.word is not Health.OK:
            output.note(f"harness {spec.name}: {found.reason}")
    return ExitCode.DONE if found.word is Health.OK else ExitCode.FAILED


COMMANDS = {
    "harness list": Command(run=_list, examples=("loop harness list", "loop harness list --json")),
    "harness show": Command(
        run=_show, arguments=name_argument, examples=("loop harness show claude", "loop harness show claude --json")
    ),
    "harness fields": Command(
        run=_fields,
        arguments=name_argument,
        examples=("loop harness fields claude", "loop harness fields shell --json"),
    ),
    "harness field": Command(
        run=_field,
        arguments=_field_arguments,
        examples=("loop harness field claude composer.settle_s", "loop harness field claude launch --json"),
    ),
    "harness oneshot": Command(
        run=_oneshot,
        arguments=_oneshot_arguments,
        examples=("loop harness oneshot claude", "loop harness oneshot claude --model opus"),
    ),
    "harness probe": Command(
        run=_probe,
        arguments=_probe_arguments,
        examples=("loop harness probe claude", "loop harness probe claude opus --json"),
    ),
    "harness roster": Command(run=_roster, examples=("loop harness roster", "loop harness roster --json")),
    "harness health": Command(
        run=_health,
        arguments=name_argument,
        examples=("loop harness health claude", "loop harness health claude || loop harness probe claude"),
    ),
}
