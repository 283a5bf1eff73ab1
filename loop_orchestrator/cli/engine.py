"""`loop engine once|observe|judge|prompt|replay|contract`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.cli.decided import print_action, print_decision
from loop_orchestrator.cli.trust import require_accepted
from loop_orchestrator.clock import format_age, format_time
from loop_orchestrator.errors import ExitCode, UsageError
from loop_orchestrator.model.decision import ApprovalMode, ItemStatus
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.model.task import ready_tasks
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.engine.cycle import CycleResult
    from loop_orchestrator.model.snapshot import Snapshot
    from loop_orchestrator.operations.cycle import Judged


def _once_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--approval",
        choices=[mode.value for mode in ApprovalMode],
        help="the mode of this cycle; default: the config's",
    )
    parser.add_argument(
        "--retry", action="store_true", help="ask also brains that are left out for a while after a failure"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="show what it would see and ask; writes and sends nothing"
    )


def _once(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.cycle import once, rehearse

    mode = ApprovalMode(args.approval) if args.approval else None
    if args.dry_run:
        return _print_rehearsed(rehearse(project, mode=mode), project)
    require_accepted(project)
    result = once(project.world, mode=mode, retry=args.retry)
    if project.json:
        output.document({"session": project.session, **_shape(result)})
    elif result.decision is not None:
        print_decision(result.decision, whole=False)
        _tell_brains(result, project)
    if result.outcome == "brain-failed":
        _tell_failure(result, project)
        return ExitCode.FAILED
    return ExitCode.WAITING if result.outcome == "waiting" else ExitCode.DONE


def _tell_brains(result: CycleResult, project: Project) -> None:
    """Who answered, what that used, and who is left out meanwhile."""
    from loop_orchestrator.engine.brain import reply_shape
    from loop_orchestrator.operations.engine_view import rest_line
    from loop_orchestrator.operations.telling import usage_words

    if result.reply is not None and result.reply.transcript is not None:
        output.note(f"brain {result.reply.brain} answered: {usage_words(reply_shape(result.reply))}")
        output.note(f"  what it said: loop engine transcript {result.cycle}")
    for rest in project.brain_rests.resting().values():
        output.note(f"brain {rest_line(rest, project.clock.now())}")


def _tell_failure(result: CycleResult, project: Project) -> None:
    output.note(f"the brain failed ({result.failure}): {result.problem}")
    if result.hint:
        output.note(f"  try: {result.hint}")
    if result.until is not None:
        wait = format_age((result.until - project.clock.now()).total_seconds())
        at_once = "; at once: loop engine once --retry" if project.brain_rests.resting() else ""
        output.note(f"it is asked again from {format_time(result.until)} on, in {wait}{at_once}")
    if project.transcripts.calls(result.cycle):
        output.note(f"what it was asked and said: loop engine transcript {result.cycle}")


def _shape(result: CycleResult) -> dict[str, JsonValue]:
    from loop_orchestrator.engine.brain import reply_shape
    from loop_orchestrator.operations.engine_view import full_decision_shape
    from loop_orchestrator.operations.shapes import time_or_none

    return {
        "cycle": result.cycle,
        "outcome": result.outcome,
        "decision": full_decision_shape(result.decision) if result.decision else None,
        "failure": result.failure or None,
        "problem": result.problem or None,
        "until": time_or_none(result.until),
        "reply": reply_shape(result.reply) if result.reply else None,
    }


def _print_rehearsed(result: CycleResult, project: Project) -> int:
    assert result.prompt is not None
    if project.json:
        output.document({"session": project.session, **_shape(result), "prompt": result.prompt.text})
        return ExitCode.DONE
    output.line("what the brain would be asked:")
    output.line()
    output.block(result.prompt.text)
    if result.proposal is not None:
        output.line()
        output.line(f"what the rules would decide: {result.proposal.critique}")
        for idx, (action, verdict) in enumerate(zip(result.proposal.actions, result.verdicts, strict=True)):
            print_action(idx, action, verdict, status=ItemStatus.WAITING)
    return ExitCode.DONE


def _observe(args: argparse.Namespace, project: Project) -> int:  # noqa: ARG001 - every word has this signature
    from loop_orchestrator.operations.observed import look, observed_document

    snapshot = look(project.world)
    if project.json:
        output.document(observed_document(snapshot))
    else:
        _print_observed(snapshot)
    return ExitCode.UNREACHABLE if isinstance(snapshot.lanes, Unknown) else ExitCode.DONE


def _print_observed(snapshot: Snapshot) -> None:
    rows = []
    for lane in () if isinstance(snapshot.lanes, Unknown) else snapshot.lanes:
        since = snapshot.since.get(lane.name)
        age = format_age((snapshot.at - since).total_seconds()) if since else ""
        claim = snapshot.claims.get(lane.name, "")
        rows.append((lane.name, lane.record.spec.role, lane.state.word.value, lane.state.detail.value, age, claim))
    if rows:
        output.table(("LANE", "ROLE", "STATE", "DETAIL", "FOR", "HELD BY"), rows)
    if not isinstance(snapshot.mail, Unknown):
        output.line(f"mail: {len(snapshot.mail)} pending")
    if not isinstance(snapshot.tasks, Unknown):
        ready = [task.id for task in ready_tasks(snapshot.tasks)]
        output.line(f"tasks: {', '.join(ready) or 'none'} ready")
    output.line(f"brain: {snapshot.spent.calls_left} calls left")
    for what, reason in snapshot.unseen:
        output.note(f"{what} cannot be seen: {reason}")


def _judge_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a brain's reply; - reads stdin")


def _judge(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.engine.reply import ReplyProblem
    from loop_orchestrator.operations.cycle import judge_reply

    text = sys.stdin.read() if args.file == "-" else _read(Path(args.file))
    try:
        judged = judge_reply(project, text)
    except ReplyProblem as problem:
        if project.json:
            output.document({"session": project.session, "problem": str(problem)})
        output.note(f"the reply breaks the contract: {problem}")
        output.note("  try: loop engine contract, which prints what a decision may hold")
        return ExitCode.FAILED
    if project.json:
        output.document({"session": project.session, "problem": None, **_judged_shape(judged)})
        return ExitCode.DONE
    output.line(f"critique: {judged.proposal.critique}")
    together = zip(judged.proposal.actions, judged.verdicts, judged.statuses, strict=True)
    for idx, (action, verdict, status) in enumerate(together):
        print_action(idx, action, verdict, status=status)
    return ExitCode.DONE


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{path} cannot be read: {why}", hint="name the file of a reply, or - for stdin") from error


def _judged_shape(judged: Judged) -> dict[str, JsonValue]:
    actions: list[JsonValue] = [
        {
            "idx": idx,
            "kind": action.kind,
            "target": action.target or None,
            "verdict": verdict.level.value,
            "reasons": list(verdict.reasons),
            "status": status.value,
            "fields": action.to_fields(),
        }
        for idx, (action, verdict, status) in enumerate(
            zip(judged.proposal.actions, judged.verdicts, judged.statuses, strict=True)
        )
    ]
    return {"critique": judged.proposal.critique, "actions": actions}


def _prompt_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "id", metavar="ID", nargs="?", help="the prompt that was put for this decision, or the beginning of its id"
    )
    parser.add_argument("--sizes", action="store_true", help="a table of its parts in place of the prompt")


def _prompt(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.prompt import next_prompt, prompt_document, prompt_notes

    if args.id:
        return _print_kept(args, project)
    prompt = next_prompt(project.world)
    if project.json:
        output.document({"session": project.session, **prompt_document(prompt)})
        return ExitCode.DONE
    for note in prompt_notes(prompt)[1 if args.sizes else 0 :]:
        output.note(note)
    if args.sizes:
        rows = [(part.name, str(part.bytes), str(part.tokens), part.cut) for part in prompt.parts]
        rows.append(("whole", str(prompt.bytes), str(prompt.tokens), ""))
        output.table(("PART", "BYTES", "TOKENS", "CUT"), rows)
    else:
        output.block(prompt.text)
    return ExitCode.DONE


def _print_kept(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.engine_view import meant_decision
    from loop_orchestrator.operations.prompt import kept_document, kept_prompt

    if args.sizes:
        raise UsageError("--sizes goes without ID: how the parts of a kept prompt were put together is not kept")
    decisions = project.world.decisions
    decision = decisions.get(meant_decision(decisions, args.id))
    text = kept_prompt(project.world, decision)
    if project.json:
        output.document({"session": project.session, **kept_document(decision, text)})
    else:
        output.block(text)
    return ExitCode.DONE


def _replay_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="the decision, or the beginning of its id")
    parser.add_argument("--brain", metavar="B", required=True, help="a harness, harness:model, or command")


def _replay(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.errors import BrainError
    from loop_orchestrator.operations.replay import replay

    require_accepted(project)
    try:
        found = replay(project.world, args.id, brain=args.brain)
    except BrainError as error:
        output.note(f"brain {args.brain} failed ({error.kind}): {error.message}")
        return ExitCode.FAILED
    if project.json:
        judged = _judged_shape(found.judged) if found.judged else {"critique": None, "actions": None}
        difference: list[JsonValue] = list(found.difference)
        output.document(
            {
                "session": project.session,
                "decision": found.decision.id,
                "brain": found.reply.brain,
                "problem": found.problem or None,
                **judged,
                "difference": difference,
            }
        )
    elif found.problem:
        output.note(f"the reply of {found.reply.brain} breaks the contract: {found.problem}")
    elif found.difference:
        output.block("\n".join(found.difference))
    else:
        output.line(f"{found.reply.brain} decides the same")
    return ExitCode.FAILED if found.problem else ExitCode.DONE


def _contract(args: argparse.Namespace, project: Project) -> int:  # noqa: ARG001 - every word has this signature
    from loop_orchestrator.actions.registry import contract_schema

    output.document(contract_schema())
    return ExitCode.DONE


COMMANDS = {
    "engine once": Command(
        run=_once,
        arguments=_once_arguments,
        examples=("loop engine once", "loop engine once --dry-run", "loop engine once --approval auto --json"),
    ),
    "engine observe": Command(run=_observe, examples=("loop engine observe", "loop engine observe --json")),
    "engine judge": Command(
        run=_judge,
        arguments=_judge_arguments,
        examples=("loop engine judge reply.md", "loop engine judge - < reply.md"),
    ),
    "engine replay": Command(
        run=_replay,
        arguments=_replay_arguments,
        examples=("loop engine replay d-20261121 --brain codex", "loop engine replay d-20261121 --brain claude:opus"),
    ),
    "engine prompt": Command(
        run=_prompt,
        arguments=_prompt_arguments,
        examples=("loop engine prompt", "loop engine prompt --sizes", "loop engine prompt d-20261121"),
    ),
    "engine contract": Command(run=_contract, examples=("loop engine contract > decision.schema.json",)),
}
