"""`loop send` (loop-dispatch)."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.clock import SystemClock
from loop_orchestrator.errors import ExitCode, UsageError
from loop_orchestrator.ids import new_id
from loop_orchestrator.model.delivery import DeliveryMode, DeliveryRequest, DeliveryStatus, DeliveryStep, Receipt
from loop_orchestrator.model.lane import Detail
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.world import World

READY_TIMEOUT_S = 20.0
"""How long --wait-ready waits where the config does not say; booted agents are ready within ten seconds."""

_VERIFY_LINES = 5
_GONE = (Detail.MISSING, Detail.EXITED, Detail.CONFLICTING)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("lane", metavar="LANE", help="with --window there is none: all words are the text")
    parser.add_argument("text", nargs="*", metavar="TEXT", help="words, joined by blanks; - reads stdin")
    parser.add_argument("--window", metavar="TARGET", help="the lane in this tmux window or pane: a name, @N or %%N")
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
    from loop_orchestrator.operations.observe import lane_in_window, observe_lane, record_of
    from loop_orchestrator.operations.person import refuse_agent
    from loop_orchestrator.operations.send import send_text
    from loop_orchestrator.operations.shapes import receipt_shape
    from loop_orchestrator.substrate.deliver import PERSON

    words: list[str] = [args.lane, *args.text] if args.window else args.text
    text = sys.stdin.read() if words == ["-"] else " ".join(words)
    if not text.strip():
        raise UsageError("there is no text to send")
    world = project.world
    record = lane_in_window(world, args.window) if args.window else record_of(world, args.lane)
    lane = record.spec.name
    sender = args.sender or project.caller
    if sender == PERSON:
        refuse_agent(world, "send as a person")
    request = DeliveryRequest(
        op=args.op or new_id("s", SystemClock().now()),
        lane=lane,
        text=text,
        mode=DeliveryMode(args.mode) if args.mode else DeliveryMode.TEXT if record.agent else DeliveryMode.COMMAND,
        sender=sender,
        ready_timeout_s=_ready_timeout_s(args, project),
        interrupt=args.interrupt,
        press_enter=not args.no_enter,
        fresh=args.fresh,
    )
    receipt = send_text(world, request)
    if project.json:
        output.document(receipt_shape(receipt))
    else:
        output.line(f"{receipt.status.value}: {receipt.evidence} (operation {receipt.op})")
        for name, count in receipt.removed.items():
            output.note(f"taken out of the text: {name}, {count} times")
    if args.verify:
        rows = [row for row in observe_lane(world, lane).screen if row.strip()]
        for row in rows[-_VERIFY_LINES:]:
            output.note(f"  {row}")
    if receipt.status is DeliveryStatus.UNKNOWN:
        _say_next_step(receipt, world)
    return _exit_code(receipt, world)


def _say_next_step(receipt: Receipt, world: World) -> None:
    from loop_orchestrator.operations.observe import observe_lane
    from loop_orchestrator.operations.resolve import next_step, standing

    stands = receipt.op in standing(world, (receipt,), (observe_lane(world, receipt.lane),))
    if stands:
        output.note(f"the text stands in the composer of lane {receipt.lane}, alone and not submitted")
    output.note(f"look at the lane, then: {next_step(receipt.op, stands=stands)}")


def _exit_code(receipt: Receipt, world: World) -> ExitCode:
    """4 for a lane that takes no text now, 5 for one whose program or pane is gone."""
    from loop_orchestrator.operations.observe import observe_lane

    if receipt.delivered:
        return ExitCode.DONE
    if receipt.status is DeliveryStatus.UNKNOWN:
        return ExitCode.FAILED
    if receipt.step is DeliveryStep.ACCEPT:
        return ExitCode.BUSY  # another process types into the lane
    state = observe_lane(world, receipt.lane).state
    if state.detail in _GONE:
        return ExitCode.UNREACHABLE
    return ExitCode.FAILED if state.ready else ExitCode.BUSY


def _ready_timeout_s(args: argparse.Namespace, project: Project) -> float:
    from loop_orchestrator.operations.delivery_settings import READY_TIMEOUT, seconds_in, seconds_of

    engine = project.config.engine
    default_s = seconds_in(project.environ, READY_TIMEOUT, engine.ready_timeout_s if engine else READY_TIMEOUT_S)
    if args.ready_timeout is not None:
        return seconds_of(args.ready_timeout, "--ready-timeout")
    return default_s if args.wait_ready else 0.0


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
        ),
    ),
}
