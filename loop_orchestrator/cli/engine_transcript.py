"""`loop engine transcript`: what brains said."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.operations.transcripts import Said
    from loop_orchestrator.stores.transcripts import Transcript


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "cycle",
        metavar="CYCLE",
        nargs="?",
        default="",
        help="a cycle, a replay or a decision, or the beginning of its id; default: the last one",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "-f",
        "--follow",
        action="store_true",
        help="print what is said as it comes: of CYCLE until that ends, else of all until interrupted",
    )
    how.add_argument("--prompt", action="store_true", help="print what was asked instead")
    how.add_argument("--list", action="store_true", help="list the calls that are kept, with what became of them")


def _transcript(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.transcripts import meant_cycle

    if args.list:
        return _list(args.cycle, project)
    if args.follow:
        return _follow(args.cycle, project)
    calls = project.transcripts.calls(meant_cycle(project.transcripts, project.decisions, args.cycle))
    if project.json:
        return _document(calls, project)
    for call in calls:
        _print_call(call, prompt=args.prompt)
    return ExitCode.DONE


def _print_call(call: Transcript, *, prompt: bool) -> None:
    from loop_orchestrator.operations.transcripts import failure_of, state_of, text_of

    _head(call)
    if prompt:
        output.block(call.prompt.read_text(encoding="utf-8"))
        return
    if text := text_of(call):
        output.block(text)
    if state_of(call) == "open":
        output.note("it is not over; follow it: loop engine transcript --follow " + call.cycle)
    elif failed := failure_of(call):
        output.note(f"no reply: {failed}")


def _head(call: Transcript) -> None:
    output.flush()
    output.note(f"== {call.cycle}, call {call.call}")


def _follow(given: str, project: Project) -> int:
    from loop_orchestrator.operations.transcripts import follow, meant_cycle

    cycle = meant_cycle(project.transcripts, project.decisions, given) if given else ""

    def tell(said: Said) -> None:
        if project.json:
            news: dict[str, JsonValue] = {"cycle": said.call.cycle, "call": said.call.call, "text": said.text}
            output.row({**news, "failed": said.failed or None})
        else:
            if said.begins:
                _head(said.call)
            output.part(said.text)
            if said.failed:
                output.flush()
                output.note(f"no reply: {said.failed}")
        output.flush()

    follow(project.transcripts, project.layout, project.decisions, project.events, tell, cycle=cycle)
    return ExitCode.DONE


def _list(given: str, project: Project) -> int:
    from loop_orchestrator.operations.transcripts import failure_of, meant_cycle, state_of

    store = project.transcripts
    cycles = [meant_cycle(store, project.decisions, given)] if given else store.cycles()
    calls = [call for cycle in cycles for call in store.calls(cycle)]
    if project.json:
        return _document(calls, project)
    if not calls:
        output.line("no brain was called yet")
        return ExitCode.DONE
    rows = [(call.cycle, call.call, failure_of(call) or state_of(call)) for call in calls]
    output.table(("cycle", "call", "what became of it"), rows)
    return ExitCode.DONE


def _document(calls: list[Transcript] | tuple[Transcript, ...], project: Project) -> int:
    output.document({"session": project.session, "calls": [_shape(call) for call in calls]})
    return ExitCode.DONE


def _shape(call: Transcript) -> JsonValue:
    from loop_orchestrator.operations.transcripts import failure_of, state_of

    files = {name: getattr(call, name) for name in ("prompt", "stream", "raw", "errors", "reply")}
    return {
        "cycle": call.cycle,
        "call": call.call,
        "state": state_of(call),
        "failure": failure_of(call) or None,
        "files": {name: str(path) if path.exists() else None for name, path in files.items()},
    }


COMMANDS = {
    "engine transcript": Command(
        run=_transcript,
        arguments=_arguments,
        examples=(
            "loop engine transcript",
            "loop engine transcript --follow",
            "loop engine transcript d-20261121 --prompt",
            "loop engine transcript --list",
        ),
    )
}
