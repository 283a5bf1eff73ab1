"""One text to several lanes: a delivery and a receipt each, carried out at the same time in one process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from loop_orchestrator.errors import LoopError
from loop_orchestrator.model.delivery import DeliveryRequest, Receipt
from loop_orchestrator.operations.observe import record_of
from loop_orchestrator.operations.person import refuse_agent
from loop_orchestrator.operations.queue import enqueue
from loop_orchestrator.operations.send import Wait, deliver_text, held_connection

if TYPE_CHECKING:
    from loop_orchestrator.world import World

CUT_OFF_S = 1.5
"""Seconds that deliveries under way have to end after Ctrl-C."""

Outcome = Receipt | LoopError


def send_to_lanes(world: World, requests: Sequence[DeliveryRequest], *, queue: bool) -> tuple[Outcome, ...]:
    """What became of each request, in their order: its receipt, or why there is none. One lane holds up no other.

    queue: put them in line instead. Who may not send to one of the lanes sends to none. Raises UsageError for a lane
    that there is not, NotAPersonError, and KeyboardInterrupt after telling what is under way to end: how far each came
    is on record.
    """
    for request in requests:
        if not record_of(world, request.lane).agent:
            refuse_agent(world, f"run a command in lane {request.lane}; mail to that lane is put before a person")
    if queue:
        return tuple(_outcome(enqueue, world, request) for request in requests)
    world.deliveries.settle_dead()
    _make_ready(world)
    found: list[Outcome | BaseException | None] = [None] * len(requests)

    def carry_out(wait: Wait, place: int, request: DeliveryRequest) -> None:
        try:
            found[place] = _outcome(partial(deliver_text, wait=wait), world, request)
        except BaseException as error:  # it is raised where somebody sees it
            found[place] = error

    with held_connection(world) as wait:
        threads = [
            threading.Thread(target=carry_out, args=(wait, place, request), name=f"send {request.lane}", daemon=True)
            for place, request in enumerate(requests)
        ]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except KeyboardInterrupt:
            world.cancel.set()
            deadline = world.clock.monotonic() + CUT_OFF_S
            for thread in threads:
                thread.join(max(0.0, deadline - world.clock.monotonic()))
            raise
    outcomes = []
    for outcome in found:
        if not isinstance(outcome, Receipt | LoopError):
            assert outcome is not None
            raise outcome
        outcomes.append(outcome)
    return tuple(outcomes)


def _outcome(send: Callable[[World, DeliveryRequest], Receipt], world: World, request: DeliveryRequest) -> Outcome:
    try:
        return send(world, request)
    except LoopError as error:
        return error


def _make_ready(world: World) -> None:
    """Make what the threads share before there are any: the first of them to need it must not make a second one."""
    _ = (world.substrate, world.deliveries, world.queue, world.events, world.lanes, world.signals, world.cancel)
    for record in world.lanes.records().values():
        if record.spec.harness:
            world.harnesses.get(record.spec.harness)
