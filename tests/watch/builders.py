"""What a daemon has of a project, without its event loop."""

from __future__ import annotations

from loop_orchestrator.model.route import Emission
from loop_orchestrator.routing.pump import Pump, emit
from loop_orchestrator.routing.routes import ENGINE, ROUTES
from loop_orchestrator.watch.looking import Looking
from loop_orchestrator.watch.pacing import Pacing
from loop_orchestrator.world import World


class Watching:
    """Looks, and the route that leads from them to cycles."""

    def __init__(self, world: World) -> None:
        self.failures: list[Exception] = []
        self.world = world
        self.looking = Looking(world)
        self.pacing = Pacing(world, self.looking, on_failure=self.failures.append)
        self.pump = Pump(world.events, world.routing, world.clock, ROUTES, {ENGINE.actor: self.pacing})

    def look(self) -> None:
        """At everything."""
        self.looking.look(None)

    def cycle(self) -> None:
        """Give the engine what is due."""
        self.pump.run(ENGINE.name)

    def cycle_wait_s(self) -> float | None:
        return self.pump.wait_s(ENGINE.name)

    def pending(self) -> list[str]:
        """What calls for a cycle, a sentence each."""
        return [str(event.payload["detail"]) for event in self.pump.pending(ENGINE.name)]


def something_happens(world: World, what: str = "x") -> None:
    """An event that wakes the engine."""
    emit(world.events, world.clock, [Emission("mailbox", "arrived", what, what)])
