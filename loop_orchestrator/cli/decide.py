"""`loop approve` and `loop reject`, which are `loop engine approve` and `loop engine reject`."""

from __future__ import annotations

import argparse

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command, parse_indices
from loop_orchestrator.cli.decided import print_decision
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.model.decision import ItemStatus
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.wiring import Project


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="the decision, or the beginning of its id: d- where one waits")
    parser.add_argument("--actions", metavar="N,N", default="", help="only these actions; the others go on waiting")


def _approve_arguments(parser: argparse.ArgumentParser) -> None:
    _arguments(parser)
    parser.add_argument("--digest", metavar="D", default="", help="the digest that was seen, or its beginning")


def _approve(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.decisions import approve
    from loop_orchestrator.operations.engine_view import full_decision_shape, meant_decision
    from loop_orchestrator.operations.person import check_person

    world, indices = project.world, parse_indices(args.actions)
    id = meant_decision(world.decisions, args.id)
    if not project.json:
        print_decision(world.decisions.get(id), whole=True)
        output.line()
        output.flush()
    approved = approve(world, id, digest=args.digest, indices=indices, person=check_person(world))
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


_APPROVE = Command(
    run=_approve,
    arguments=_approve_arguments,
    examples=("loop approve d-20261121T011530123-4f2a9c", "loop approve d-20261121 --actions 0,2 --digest 3f9a0c"),
)
_REJECT = Command(
    run=_reject,
    arguments=_reject_arguments,
    examples=('loop reject d-20261121T011530123-4f2a9c --reason "web is to finish first"',),
)
COMMANDS = {"approve": _APPROVE, "engine approve": _APPROVE, "reject": _REJECT, "engine reject": _REJECT}
