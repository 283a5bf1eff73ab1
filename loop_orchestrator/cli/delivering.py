"""A prompt that this program made, delivered to a lane: the same way, words and exit codes as `loop send`."""

from __future__ import annotations

import argparse

from loop_orchestrator.cli import output
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.ids import new_id
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.wiring import Project


def add_ready_timeout(parser: argparse.ArgumentParser) -> None:
    """The one option that all of these take."""
    parser.add_argument(
        "--ready-timeout", type=float, metavar="S", help="with --dispatch: seconds to wait until the lane is ready"
    )


def deliver_prompt(
    project: Project, lane: str, text: str, *, ready_timeout_s: float | None, **more: JsonValue
) -> ExitCode:
    """Deliver a text, waiting for the lane to be ready; print the receipt.

    more: fields that the JSON document has beside those of the receipt. Raises UsageError for an unknown lane.
    """
    from loop_orchestrator.cli.send import exit_code_of, print_receipt, say_next_step, usual_timeout_s
    from loop_orchestrator.model.delivery import DeliveryRequest, DeliveryStatus
    from loop_orchestrator.operations.person import refuse_agent
    from loop_orchestrator.operations.send import send_text
    from loop_orchestrator.operations.shapes import receipt_shape
    from loop_orchestrator.substrate.deliver import PERSON

    world = project.world
    if project.caller == PERSON:
        refuse_agent(world, "send as a person")
    request = DeliveryRequest(
        op=new_id("s", project.clock.now()),
        lane=lane,
        text=text,
        sender=project.caller,
        ready_timeout_s=usual_timeout_s(project) if ready_timeout_s is None else ready_timeout_s,
    )
    receipt = send_text(world, request)
    if project.json:
        output.document({**receipt_shape(receipt), **more})
    else:
        print_receipt(receipt)
    if receipt.status is DeliveryStatus.UNKNOWN:
        say_next_step(receipt, world)
    return exit_code_of(receipt, world)
