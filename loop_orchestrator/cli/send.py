"""`loop send` (loop-dispatch)."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.errors import ExitCode, LoopError, UsageError
from loop_orchestrator.ids import new_id
from loop_orchestrator.model.delivery import DeliveryMode, DeliveryRequest, DeliveryStatus, DeliveryStep, Receipt
from loop_orchestrator.model.lane import Detail
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.world import World

READY_TIMEOUT_S = 20.0
"""How long --wait-ready waits where the config does not say; booted agents are ready within ten seconds."""

_VERIFY_LINES = 5
_WORST = (ExitCode.DONE, ExitCode.BUSY, ExitCode.UNREACHABLE, ExitCode.USAGE, ExitCode.FAILED)
"""Of several lanes the last one of these ends the command: a failure may need a person, a busy lane needs patience."""
_GONE = (Detail.MISSING, Detail.EXITED, Detail.CONFLICTING)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "lane", metavar="LANE", help="one lane, or several: web,infra,docs; none with --window or --all"
    )
    parser.add_argument("text", nargs="*", metavar="TEXT", help="words, joined by blanks; - reads stdin")
    parser.add_argument("--window", metavar="TARGET", help="the lane in this tmux window or pane: a name, @N or %%N")
    parser.add_argument("--all", action="store_true", help="to every agent lane, without naming one")
    parser.add_argument(
        "--queue", action="store_true", help="put it in line; the engine delivers it when the lane is ready"
    )
    parser.add_argument(
        "--mode", choices=[mode.value for mode in DeliveryMode], help="default: by what runs in the lane"
    )
    parser.add_argument("--op", metavar="ID", help="operation id: the same id with the same text is delivered once")
    parser.add_argument("--from", dest="sender", metavar="A", help="who sends it; default: LOOP_LANE, else person")
    parser.add_argument("--wait-ready", action="store_true", help="wait until the lane is ready")
    parser.add_argument("--ready-timeout", metavar="S", help="seconds to wait; implies --wait-ready")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--interrupt", action="store_true", help="interrupt a turn that is under way")
    how.add_argument(
        "--fresh",
        action="store_true",
        help="new work: with a fresh context where its data asks for one (claude: /clear)",
    )
    how.add_argument("--no-clear", action="store_true", help="go on in the context the lane has: the default here")
    parser.add_argument("--no-enter", action="store_true", help="leave the text as a draft in the composer")
    parser.add_argument("--verify", action="store_true", help="show the last lines of the lane's screen afterwards")


def _run(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.person import refuse_agent
    from loop_orchestrator.operations.queue import enqueue
    from loop_orchestrator.operations.send import send_text
    from loop_orchestrator.operations.together import send_to_lanes
    from loop_orchestrator.substrate.deliver import PERSON

    if args.queue:
        _refuse_beside_queue(args)
    names, words = _lanes_and_words(args, project)
    text = sys.stdin.read() if words == ["-"] else " ".join(words)
    if not text.strip():
        raise UsageError("there is no text to send", hint="loop send --help")
    world = project.world
    several = args.all or len(names) > 1
    sender = args.sender or project.caller
    if sender == PERSON:
        refuse_agent(world, "send as a person")
    requests = [_request(args, project, name, text, sender, several=several) for name in names]
    if several:
        outcomes = send_to_lanes(world, requests, queue=args.queue)
        receipts = [outcome for outcome in outcomes if isinstance(outcome, Receipt)]
        failures = {
            request.lane: outcome
            for request, outcome in zip(requests, outcomes, strict=True)
            if isinstance(outcome, LoopError)
        }
    else:
        receipts = [enqueue(world, requests[0]) if args.queue else send_text(world, requests[0])]
        failures = {}
    _show(project, receipts, failures, several=several)
    if args.verify:
        for receipt in receipts:
            _show_screen(world, receipt.lane, several=several)
    for receipt in receipts:
        if receipt.status is DeliveryStatus.UNKNOWN:
            say_next_step(receipt, world)
    codes = [exit_code_of(receipt, world, queued=args.queue) for receipt in receipts]
    return max([*codes, *(error.exit_code for error in failures.values())], key=_WORST.index)


def _refuse_beside_queue(args: argparse.Namespace) -> None:
    """What contradicts waiting in line."""
    for option, given in (
        ("--wait-ready", args.wait_ready),
        ("--ready-timeout", args.ready_timeout is not None),
        ("--interrupt", args.interrupt),
        ("--verify", args.verify),
    ):
        if given:
            raise UsageError(
                f"--queue and {option} do not go together: a text in line waits for its lane, and nobody waits for it",
                hint="leave one of them out",
            )


def _lanes_and_words(args: argparse.Namespace, project: Project) -> tuple[list[str], list[str]]:
    """The lanes, each once, and the words of the text. Raises UsageError for a lane that there is not."""
    from loop_orchestrator.operations.observe import lane_in_window, record_of

    world, words = project.world, list(args.text)
    if args.window and args.all:
        raise UsageError("--window and --all do not go together", hint="leave one of them out")
    if args.window:
        return [lane_in_window(world, args.window).spec.name], [args.lane, *words]
    if args.all:
        records = world.lanes.records()
        if args.lane in records and words:
            raise UsageError(
                f"--all goes to every agent lane and names none, but the text begins with the lane {args.lane}",
                hint="put the text in quotes if it is meant so",
            )
        names = [name for name, record in records.items() if record.agent and name != project.caller]
        if not names:
            raise UsageError(f"session {world.session} has no agent lane to send to", hint="loop lane list")
        return names, [args.lane, *words]
    names = args.lane.split(",")
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"lane {name} is named twice")
        if not name:
            raise UsageError(f"{args.lane!r} has an empty name between its commas", hint="loop send web,infra TEXT")
        record_of(world, name)
    return names, words


def _request(
    args: argparse.Namespace, project: Project, name: str, text: str, sender: str, *, several: bool
) -> DeliveryRequest:
    agent = project.world.lanes.records()[name].agent
    op = (f"{args.op}-{name}" if several else args.op) if args.op else new_id("s", project.clock.now())
    return DeliveryRequest(
        op=op,
        lane=name,
        text=text,
        mode=DeliveryMode(args.mode) if args.mode else DeliveryMode.TEXT if agent else DeliveryMode.COMMAND,
        sender=sender,
        ready_timeout_s=_ready_timeout_s(args, project),
        interrupt=args.interrupt,
        press_enter=not args.no_enter,
        fresh=args.fresh,
    )


def _show(project: Project, receipts: list[Receipt], failures: dict[str, LoopError], *, several: bool) -> None:
    from loop_orchestrator.operations.shapes import receipt_shape

    if project.json and several:
        receipts_shown: list[JsonValue] = [receipt_shape(receipt) for receipt in receipts]
        errors: list[JsonValue] = [{"lane": lane, "error": error.message} for lane, error in failures.items()]
        output.document({"receipts": receipts_shown, "errors": errors})
    elif project.json:
        output.document(receipt_shape(receipts[0]))
    for receipt in receipts if not project.json else ():
        print_receipt(receipt, named=several, removed=receipt is receipts[-1])
    for lane, error in failures.items():
        output.note(f"loop: error: {lane}: {error.message}")


def _show_screen(world: World, lane: str, *, several: bool) -> None:
    from loop_orchestrator.operations.observe import observe_lane

    if several:
        output.note(f"{lane}:")
    rows = [row for row in observe_lane(world, lane).screen if row.strip()]
    for row in rows[-_VERIFY_LINES:]:
        output.note(f"  {row}")


def say_next_step(receipt: Receipt, world: World) -> None:
    from loop_orchestrator.operations.observe import observe_lane
    from loop_orchestrator.operations.resolve import next_step, standing

    stands = receipt.op in standing(world, (receipt,), (observe_lane(world, receipt.lane),))
    if stands:
        output.note(f"the text stands in the composer of lane {receipt.lane}, alone and not submitted")
    output.note(f"look at the lane, then: {next_step(receipt.op, stands=stands)}", whole=True)


def print_receipt(receipt: Receipt, *, named: bool = False, removed: bool = True) -> None:
    """The receipt in words, and what was taken out of the text."""
    lane = f"{receipt.lane}: " if named else ""
    output.line(f"{lane}{receipt.status.value}: {receipt.evidence} (operation {receipt.op})")
    for name, count in receipt.removed.items() if removed else ():
        output.note(f"taken out of the text: {name}, {count} times")


def exit_code_of(receipt: Receipt, world: World, *, queued: bool = False) -> ExitCode:
    """4 for a lane that takes no text now, 5 for one whose program or pane is gone."""
    from loop_orchestrator.operations.observe import observe_lane

    if receipt.delivered or (queued and receipt.status is DeliveryStatus.ACCEPTED):
        return ExitCode.DONE
    if receipt.status is DeliveryStatus.UNKNOWN or queued:
        return ExitCode.FAILED
    if receipt.step is DeliveryStep.ACCEPT:
        return ExitCode.BUSY  # another process types into the lane
    state = observe_lane(world, receipt.lane).state
    if state.detail in _GONE:
        return ExitCode.UNREACHABLE
    return ExitCode.FAILED if state.ready else ExitCode.BUSY


def _ready_timeout_s(args: argparse.Namespace, project: Project) -> float:
    if args.ready_timeout is not None:
        from loop_orchestrator.operations.delivery_settings import seconds_of

        return seconds_of(args.ready_timeout, "--ready-timeout")
    return usual_timeout_s(project) if args.wait_ready else 0.0


def usual_timeout_s(project: Project) -> float:
    """How long a delivery that waits for its lane waits where nobody says otherwise."""
    from loop_orchestrator.operations.delivery_settings import READY_TIMEOUT, seconds_in

    engine = project.config.engine
    return seconds_in(project.environ, READY_TIMEOUT, engine.ready_timeout_s if engine else READY_TIMEOUT_S)


COMMANDS = {
    "send": Command(
        run=_run,
        arguments=_arguments,
        examples=(
            "loop send web Read tasks/T0001-header.md and do what it says.",
            "loop send --wait-ready --op release-7 web - < brief.md",
            "loop send --fresh web Read tasks/T0002-footer.md and do what it says.",
            "loop send --window @3 Keep the public signature as it is.",
            "loop send --mode command ops-top make test",
            'loop send --queue web "When you are done: add a changelog entry."',
            'loop send web,infra,docs "Stop for today; write down where you are."',
        ),
    ),
}
