"""`loop approve` and `loop reject`, which are `loop engine approve` and `loop engine reject`; `loop engine edit`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command, parse_indices
from loop_orchestrator.cli.decided import print_decision
from loop_orchestrator.cli.trust import require_accepted
from loop_orchestrator.errors import ExitCode, UsageError
from loop_orchestrator.model.decision import ItemStatus
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.wiring import Project


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="the decision, or the beginning of its id: d- where one waits")
    parser.add_argument("--actions", metavar="N,N", default="", help="only these actions; the others go on waiting")


def _approve_arguments(parser: argparse.ArgumentParser) -> None:
    _arguments(parser)
    parser.add_argument("--digest", metavar="D", default="", help="the digest that was seen, or its beginning")
    parser.add_argument(
        "--key",
        metavar="FILE",
        help="SSH key that signs, where approvals are signed; default: LOOP_SIGNING_KEY, else git's user.signingkey",
    )


def signing_key(project: Project, given: str = "") -> Path | None:
    """The key as given, of the environment, or of git's own settings; None: nobody named one."""
    from loop_orchestrator.process import git

    named = given or project.environ.get("LOOP_SIGNING_KEY") or git.setting(project.root, "user.signingkey")
    path = Path(named).expanduser() if named else None
    if path is not None and given and not path.is_file():
        raise UsageError(f"there is no key {path}")
    return path if path is not None and path.is_file() else None


def _approve(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.decisions import approve
    from loop_orchestrator.operations.engine_view import full_decision_shape, meant_decision
    from loop_orchestrator.operations.person import check_person

    world, indices = project.world, parse_indices(args.actions)
    require_accepted(project)
    id = meant_decision(world.decisions, args.id)
    if not project.json:
        print_decision(world.decisions.get(id), whole=True)
        output.line()
        output.flush()
    key = signing_key(project, args.key or "") if world.signers is not None else None
    approved = approve(world, id, digest=args.digest, indices=indices, person=check_person(world), key=key)
    decision = approved.decision
    if project.json:
        done: list[JsonValue] = list(approved.items)
        output.document({"decision": full_decision_shape(decision), "approved": done})
    else:
        for item in decision.items:
            if item.idx in approved.items:
                what = f"{item.action.kind} {item.action.target}".strip()
                output.line(f"{item.idx}. {what}: {item.status.value}: {item.note}")
        left = [str(item.idx) for item in decision.items if item.status is ItemStatus.WAITING]
        if left:
            output.note(f"action {', '.join(left)} of {decision.id} still waits for a yes or a no")
    return ExitCode.FAILED if approved.failed else ExitCode.DONE


def _reject_arguments(parser: argparse.ArgumentParser) -> None:
    _arguments(parser)
    parser.add_argument("--reason", metavar="T", default="", help="why; the next cycle can read it")


def _reject(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.decisions import reject
    from loop_orchestrator.operations.engine_view import full_decision_shape, meant_decision
    from loop_orchestrator.operations.person import check_person

    world = project.world
    id = meant_decision(world.decisions, args.id)
    decision = reject(world, id, reason=args.reason, indices=parse_indices(args.actions), person=check_person(world))
    if project.json:
        output.document({"decision": full_decision_shape(decision)})
    else:
        for item in decision.items:
            output.line(f"{item.idx}. {item.action.kind} {item.action.target}".rstrip() + f": {item.status.value}")
    return ExitCode.DONE


def _edit_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="the decision, or the beginning of its id: d- where one waits")
    parser.add_argument("action", metavar="N", type=int, help="the number of the action")
    parser.add_argument(
        "--set",
        dest="settings",
        action="extend",
        nargs="+",
        metavar="field=value",
        default=[],
        help="fields to change; field=- reads the value from stdin",
    )
    parser.add_argument("--digest", metavar="D", default="", help="the digest that was seen, or its beginning")


def _edit(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.decisions import edit
    from loop_orchestrator.operations.engine_view import full_decision_shape, meant_decision
    from loop_orchestrator.operations.ledger import parse_pairs
    from loop_orchestrator.operations.person import check_person

    values = parse_pairs(args.settings)
    if not values:
        raise UsageError("nothing is to be changed", hint=f'loop engine edit {args.id} {args.action} --set payload="…"')
    values = {name: sys.stdin.read() if text == "-" else text for name, text in values.items()}
    world = project.world
    require_accepted(project)
    id = meant_decision(world.decisions, args.id)
    decision = edit(world, id, args.action, values, digest=args.digest, person=check_person(world))
    if project.json:
        output.document({"decision": full_decision_shape(decision)})
    else:
        print_decision(decision, whole=True)
        output.line(f"  next: loop approve {decision.id}", whole=True)
    return ExitCode.DONE


_APPROVE = Command(
    run=_approve,
    arguments=_approve_arguments,
    examples=("loop approve d-20261121T011530123-4f2a9c", "loop approve d-20261121 --actions 0,2 --digest 3f9a0c"),
)
_EDIT = Command(
    run=_edit,
    arguments=_edit_arguments,
    examples=(
        'loop engine edit d- 0 --set payload="Read the style guide first."',
        "loop engine edit d- 1 --set brief=- < brief.md",
    ),
)
_REJECT = Command(
    run=_reject,
    arguments=_reject_arguments,
    examples=('loop reject d-20261121T011530123-4f2a9c --reason "web is to finish first"',),
)
COMMANDS = {
    "approve": _APPROVE,
    "engine approve": _APPROVE,
    "reject": _REJECT,
    "engine reject": _REJECT,
    "engine edit": _EDIT,
}
