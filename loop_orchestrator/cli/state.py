"""`loop state show|set|loop`."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.errors import ExitCode, UsageError
from loop_orchestrator.operations.ledger import file_text, find_loop, loop_shape, near_loop, state_shape
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loop_orchestrator.model.state import JsonValue

_FIRST = "loop state loop header --set status=implement"

_FORMS = """what a change looks like:
  key=text        the key is this text
  key:=json       the key is this JSON value: 5, true, null, ["a", "b"], {"a": 1}
  key+=text       the list has one more text; key+:=json one more JSON value
  key.inner=text  the key of an object: artifacts.spec=docs/spec.md
  --unset key     the key is removed

"""


def _show(args: argparse.Namespace, project: Project) -> int:  # noqa: ARG001 - every word has this signature
    state = project.state.read()
    if project.json:
        output.document(state_shape(state))
        return ExitCode.DONE
    text = file_text(project.layout)
    if not text:
        output.note(f"no state file yet, which is the same as this; make it: {_FIRST}")
    output.block(text or json.dumps(state_shape(state), indent=2))
    return ExitCode.DONE


def _unset_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--unset", action="extend", nargs="+", metavar="key", default=[], help="keys to remove")


def _set_arguments(parser: argparse.ArgumentParser) -> None:
    from loop_orchestrator.operations.settings import TOP_KEYS

    parser.add_argument("settings", nargs="*", metavar="key=text", help=f"{', '.join(TOP_KEYS)}, or one of yours")
    _unset_argument(parser)
    parser.epilog = _FORMS + (parser.epilog or "")


def _set(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.settings import HINT, TOP_KEYS, changed, parse_settings

    settings = parse_settings(args.settings)
    if not settings and not args.unset:
        raise UsageError("loop state set: nothing to change", hint=HINT)
    state = project.state.change_keys(lambda values: changed(values, settings, args.unset, TOP_KEYS))
    shape = state_shape(state)
    if project.json:
        output.document(shape)
        return ExitCode.DONE
    _print_values({key: value for key, value in shape.items() if key not in ("schema_version", "loops", "updated_at")})
    return ExitCode.DONE


def _loop_arguments(parser: argparse.ArgumentParser) -> None:
    from loop_orchestrator.operations.settings import LOOP_KEYS

    parser.add_argument("id", metavar="ID", help="the loop; with --set it is made where it is missing")
    parser.add_argument(
        "--set",
        dest="settings",
        action="extend",
        nargs="+",
        metavar="key=text",
        default=[],
        help=f"keys to change: {', '.join(LOOP_KEYS)}, or one of yours",
    )
    _unset_argument(parser)
    parser.add_argument("--remove", action="store_true", help="remove the loop itself")
    parser.epilog = _FORMS + (parser.epilog or "")


def _loop(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.settings import LOOP_KEYS, changed, parse_settings

    settings = parse_settings(args.settings)
    if args.remove:
        return _remove(args, project)
    state = project.state.read()
    if settings or args.unset:
        before = state
        if not settings:
            find_loop(before, args.id)
        state = project.state.change_loop(
            args.id, lambda values: changed(values, settings, args.unset, LOOP_KEYS), by=project.caller
        )
        if all(loop.id != args.id for loop in before.loops) and (near := near_loop(before, args.id)):
            output.note(f"made the loop {args.id}; there is a loop {near} too. Not meant? {_removal(args.id)}")
    loop = find_loop(state, args.id)
    if project.json:
        output.document({"id": loop.id, "loop": loop_shape(loop)})
    else:
        _print_values(loop_shape(loop))
    return ExitCode.DONE


def _remove(args: argparse.Namespace, project: Project) -> int:
    if args.settings or args.unset:
        raise UsageError("--remove goes with neither --set nor --unset")
    loop = find_loop(project.state.read(), args.id)
    project.state.change_loop(args.id, lambda _: None, by=project.caller)
    if project.json:
        output.document({"id": loop.id, "loop": None})
    else:
        output.line(f"removed {loop.id}")
    return ExitCode.DONE


def _removal(id: str) -> str:
    return f"loop state loop {id} --remove"


def _print_values(values: Mapping[str, JsonValue]) -> None:
    for key, value in values.items():
        if value not in ("", None):
            output.line(f"{key}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}")


COMMANDS = {
    "state show": Command(run=_show, examples=("loop state show", "loop state show --json")),
    "state set": Command(
        run=_set,
        arguments=_set_arguments,
        examples=(
            'loop state set objective="A shop that takes cards"',
            'loop state set open_conflicts+="header: two designs"',
            "loop state set 'limits:={\"retries\": 3}' --unset session",
        ),
    ),
    "state loop": Command(
        run=_loop,
        arguments=_loop_arguments,
        examples=(
            "loop state loop header",
            "loop state loop header --set status=verify branch=loop/header",
            "loop state loop header --set commits+=3f2a9c1 deployed_to+=staging artifacts.spec=docs/header.md",
            "loop state loop header --unset canary_target",
        ),
    ),
}
