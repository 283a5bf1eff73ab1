"""Text on its way to a lane."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING

from loop_orchestrator.errors import LoopError, SubstrateError, UsageError
from loop_orchestrator.model.delivery import DeliveryRequest, Receipt
from loop_orchestrator.operations.observe import CloseLook, record_of, spec_of
from loop_orchestrator.operations.person import refuse_agent

if TYPE_CHECKING:
    from loop_orchestrator.model.harness import HarnessSpec
    from loop_orchestrator.model.lane import LaneRecord
    from loop_orchestrator.substrate.bells import Bells
    from loop_orchestrator.substrate.deliver import Journal
    from loop_orchestrator.substrate.typist import Typist
    from loop_orchestrator.world import World


Wait = Callable[[str, float], None]
"""Wait until a pane printed something, at most so many seconds."""


def deliver_text(
    world: World, request: DeliveryRequest, *, journal: Journal | None = None, wait: Wait | None = None
) -> Receipt:
    """Deliver text to a lane; the one way, whoever sends. Raises UsageError for a lane that there is not.

    journal: where it is on record; None: among the deliveries, as one that is accepted now. wait: of a connection that
    the caller holds; None: one is held as long as this takes.
    """
    from loop_orchestrator.substrate.deliver import deliver

    record = record_of(world, request.lane)
    spec = spec_of(world, record)
    if spec is None:
        raise UsageError(
            f"lane {request.lane} runs a fixed command and takes no text", hint="loop lane list shows what runs where"
        )
    with nullcontext(wait) if wait else held_connection(world) as wait_for:
        look = CloseLook(world, request.lane).look
        with suppress(LoopError):  # the delivery says so in its receipt
            look()  # whatever has to be imported and compiled is, before anything is leased
        world.deliveries.prepare()
        return deliver(
            request,
            substrate=world.substrate,
            record=record,
            spec=spec,
            journal=journal or world.deliveries,
            state_of=look,
            clock=world.clock,
            cancel=world.cancel,
            settings=world.delivery_settings,
            pause=partial(wait_for, record.pane),
        )


@contextmanager
def held_connection(world: World) -> Iterator[Wait]:
    """A connection to the terminal for as long as deliveries take, where there is none; yields how to wait.

    Without a connection, everything goes the forked way; over one that this process holds for its own ears, which hear
    what is pushed, the wait is a plain one.
    """
    with held_bells(world) as bells:
        yield bells.wait if bells is not None else partial(_plain_wait, world)


@contextmanager
def held_bells(world: World) -> Iterator[Bells | None]:
    """The same connection, to be told of what panes print; None: there is none, or somebody else is told."""
    feed = world.feed if world.ears is None else None
    if feed is None or not feed.lost:
        yield None
        return
    try:
        feed.open()
    except SubstrateError:
        yield None
        return
    from loop_orchestrator.substrate.bells import Bells

    try:
        yield Bells(feed, world.clock)
    finally:
        feed.close()


def _plain_wait(world: World, pane: str, seconds: float) -> None:  # noqa: ARG001 - it wakes for no pane
    world.clock.sleep(seconds)


@contextmanager
def typist_for(world: World, record: LaneRecord, spec: HarnessSpec) -> Iterator[Typist]:
    """What a lane is looked at with and typed into with, outside of a delivery."""
    from loop_orchestrator.substrate.typist import Typist

    with held_connection(world) as wait:
        yield Typist(
            substrate=world.substrate,
            record=record,
            spec=spec,
            state_of=CloseLook(world, record.spec.name).look,
            clock=world.clock,
            cancel=world.cancel,
            pause=partial(wait, record.pane),
        )


def send_text(world: World, request: DeliveryRequest) -> Receipt:
    """Deliver text for somebody at a command line; what processes that are gone left open is settled first.

    Raises NotAPersonError for an agent that would run a command in a lane without one: that goes through the gate.
    """
    if not record_of(world, request.lane).agent:
        refuse_agent(world, f"run a command in lane {request.lane}; mail to that lane is put before a person")
    world.deliveries.settle_dead()
    return deliver_text(world, request)
