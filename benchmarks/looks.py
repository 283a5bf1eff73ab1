"""What a look at the lanes costs: a tmux for each look, and a connection that is held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from benchmarks.bare import SESSION, BareControl, bare_batch, plain_panes
from benchmarks.measure import Way
from benchmarks.scene import Scene, scene, shell_lanes
from loop_orchestrator.substrate.port import Substrate
from loop_orchestrator.substrate.tmux import TmuxSubstrate
from loop_orchestrator.wiring import Project


@contextmanager
def fleet() -> Iterator[tuple[Way, ...]]:
    """A look at every lane from a process that runs already: a tmux for each look, and a connection that is held."""
    with scene(shell_lanes(6)) as few, scene(shell_lanes(50)) as many, ExitStack() as held:
        yield (*_looks(few, "6 lanes", held), *_looks(many, "50 lanes", held))


@contextmanager
def panes() -> Iterator[tuple[Way, ...]]:
    """The same for 200 panes that no launcher stands in, and full of text."""
    with plain_panes(200) as (socket, ids, server), ExitStack() as held:
        connected = TmuxSubstrate(socket, SESSION, 200, 50)
        yield tuple(_reads(socket, ids, server, connected, "200 panes", held))


def _looks(made: Scene, size: str, held: ExitStack) -> tuple[Way, ...]:
    world = made.project.world
    connected = Project(made.project.options, made.project.environ).world
    server, bare, limit = made.server, f"tmux batch, {size}", f"bare control mode, {size}"
    return (
        *_reads(made.socket, made.panes, server, connected.substrate, size, held),
        Way(name=f"observe_lanes, {size}", run=world.observe_lanes, against=(bare,), goal=3.0, server=server),
        Way(
            name=f"observe_lanes, connected, {size}",
            run=connected.observe_lanes,
            against=(limit,),
            goal=3.0,
            server=server,
        ),
    )


def _reads(
    socket: str, ids: Sequence[str], server: int, connected: Substrate, size: str, held: ExitStack
) -> Iterator[Way]:
    """The two limits, and reading in both ways. One that reads once knows no screen; one that is connected does."""
    feed, control = connected.feed(), held.enter_context(BareControl(socket, SESSION))
    feed.open()
    held.callback(feed.close)
    bare, limit = f"tmux batch, {size}", f"bare control mode, {size}"
    yield Way(name=bare, run=lambda: bare_batch(socket, ids), server=server)
    yield Way(name=limit, run=lambda: control.snapshot(ids), server=server)
    once = lambda: TmuxSubstrate(socket, SESSION, 200, 50).read(ids)  # noqa: E731
    yield Way(name=f"read once, {size}", run=once, against=(bare,), goal=2.0, server=server)
    yield Way(
        name=f"read, connected, {size}", run=lambda: connected.read(ids), against=(limit,), goal=1.5, server=server
    )
