"""`loop hooks show|install|remove`: let agent programs say themselves what they do, through their own hooks."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.errors import ExitCode, LoopError, UsageError
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.model.hooks import HookScope, HookSpec
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.operations.hooks import HookChange, HookFile


def _show_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="HARNESS", help="one program; default: all of which hooks are known")


def _show(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.model.hooks import HookScope
    from loop_orchestrator.operations.hooks import look, plan_install

    names = [args.name] if args.name else sorted(project.hooks)
    shapes: list[JsonValue] = []
    for name in names:
        spec = _spec(name, project)
        files = [look(spec, scope, project.root, project.environ) for scope in HookScope]
        shapes.append(_shape(spec, files))
        if project.json:
            continue
        output.line(f"{name}:")
        for file in files:
            there = "" if file.text is not None else ", no such file"
            output.line(f"  {file.scope.value}: {file.path}: {_INSTALLED[file.installed.value]}{there}", whole=True)
        if args.name:
            _print_events(spec)
            output.line(f"What `loop hooks install {name}` would write:")
            output.block(plan_install(spec, files[0]).diff() or "nothing: they are installed")
    if project.json:
        output.document({"hooks": shapes})
    return ExitCode.DONE


_INSTALLED = {"yes": "installed", "no": "not installed", "other": "installed, but not as this release writes them"}


def _print_events(spec: HookSpec) -> None:
    rows = []
    for event in spec.events:
        special = [f"{meant} where {event.by} is {value}" for value, meant in event.values]
        rows.append((event.event, "; ".join([*([event.detail.value] if event.detail else []), *special])))
    output.table(("EVENT", "SAYS THAT THE LANE IS"), rows)


def _change_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="HARNESS", help="the program, such as claude")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--user", action="store_true", help="your own settings, for every lane (default)")
    place.add_argument("--project", dest="in_project", action="store_true", help="the settings of this project")
    parser.add_argument("--yes", action="store_true", help="do not ask; for scripts, not from an agent's lane")


def _install(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.hooks import carry_out, look, plan_install

    spec = _spec(args.name, project)
    change = plan_install(spec, look(spec, _scope(args), project.root, project.environ))
    _confirm(change, args, project)
    carry_out(project, change)
    if not project.json:
        output.line("nothing to do: they are installed" if not change.changes else f"wrote {change.file.path}")
        if change.changes and spec.note:
            output.line(spec.note)
        if change.keeps is not None:
            output.line(f"as it was before: {change.keeps}", whole=True)
    return _told(spec, change, args, project)


def _remove(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.hooks import carry_out, look, plan_removal

    spec = _spec(args.name, project)
    change = plan_removal(spec, look(spec, _scope(args), project.root, project.environ))
    _confirm(change, args, project)
    carry_out(project, change)
    if not project.json:
        did = "removed" if change.after is None else "wrote"
        output.line(f"{did} {change.file.path}" if change.changes else "nothing to do: they are not installed")
        if change.leaves is not None:
            output.line(f"others changed it since; as it was before the hooks: {change.leaves}", whole=True)
    return _told(spec, change, args, project)


def _spec(name: str, project: Project) -> HookSpec:
    from loop_orchestrator.config.problems import did_you_mean

    if name not in project.hooks:
        known = ", ".join(sorted(project.hooks))
        raise UsageError(
            f"no hooks of {name} are known{did_you_mean(name, project.hooks)}; those of {known} are",
            hint="its lanes are read from their screens; or add .loop/harnesses/hooks/NAME.yaml",
        )
    return project.hooks.itself(name)


def _scope(args: argparse.Namespace) -> HookScope:
    from loop_orchestrator.model.hooks import HookScope

    return HookScope.PROJECT if args.in_project else HookScope.USER


def _confirm(change: HookChange, args: argparse.Namespace, project: Project) -> None:
    """Show the change and have it agreed to, unless there is none. Raises NotAPersonError, LoopError."""
    from loop_orchestrator.operations.person import refuse_agent

    refuse_agent(project, "change the hooks of agent programs")
    if not change.changes:
        return
    output.note(change.diff().rstrip("\n"), whole=True)
    if args.yes:
        return
    if sys.stdin.isatty():
        output.note("Write it? Type yes:")
        if sys.stdin.readline().strip().lower() == "yes":
            return
    raise LoopError(
        f"{change.file.path} was left alone: nobody agreed", hint="run it in a terminal and type yes, or add --yes"
    )


def _told(spec: HookSpec, change: HookChange, args: argparse.Namespace, project: Project) -> int:
    if project.json:
        output.document(
            {
                "harness": spec.name,
                "scope": _scope(args).value,
                "file": str(change.file.path),
                "changed": change.changes,
                "diff": change.diff(),
                "backup": next((str(path) for path in (change.keeps, change.leaves) if path), None),
                "note": spec.note or None,
            }
        )
    return ExitCode.DONE


def _shape(spec: HookSpec, files: list[HookFile]) -> JsonValue:
    events: list[JsonValue] = [
        {
            "event": event.event,
            "detail": event.detail.value if event.detail else None,
            "by": event.by or None,
            "values": dict(event.values),
        }
        for event in spec.events
    ]
    places: list[JsonValue] = [
        {
            "scope": file.scope.value,
            "file": str(file.path),
            "exists": file.text is not None,
            "installed": file.installed.value,
        }
        for file in files
    ]
    return {"harness": spec.name, "files": places, "events": events, "note": spec.note or None}


COMMANDS = {
    "hooks show": Command(
        run=_show, arguments=_show_arguments, examples=("loop hooks show", "loop hooks show claude --json")
    ),
    "hooks install": Command(
        run=_install,
        arguments=_change_arguments,
        examples=("loop hooks install claude", "loop hooks install codex --project --yes"),
    ),
    "hooks remove": Command(
        run=_remove, arguments=_change_arguments, examples=("loop hooks remove claude", "loop hooks remove codex --yes")
    ),
}
