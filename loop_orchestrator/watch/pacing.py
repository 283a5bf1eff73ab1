"""The actor of the route ``engine``: when a cycle may start, and what becomes of the events that called for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from loop_orchestrator.engine.brain import can_be_asked
from loop_orchestrator.engine.cycle import engine_config, run_cycle
from loop_orchestrator.errors import LockedError, LoopError, StoreError
from loop_orchestrator.model.brain import FailureKind
from loop_orchestrator.model.route import Outcome, OutcomeWord
from loop_orchestrator.watch.memory import load_pace, save_pace
from loop_orchestrator.watch.pace import Pace, start_wait_s

if TYPE_CHECKING:
    from loop_orchestrator.model.event import Event
    from loop_orchestrator.watch.looking import Looking
    from loop_orchestrator.world import World

SEEN_BY_CYCLES = frozenset({"lanes", "tasks", "clock"})
"""Sources that tell of what a cycle that looks later sees by itself; mail and answers are settled before it looks."""


class Pacing:
    """Runs cycles: one at a time, as often as the config, a brain's failures and a person let it."""

    def __init__(self, world: World, looking: Looking, *, on_failure: Callable[[Exception], None]) -> None:
        """on_failure: is told why a cycle failed, beyond what its brain said."""
        self.world = world
        self.looking = looking
        self.on_failure = on_failure
        self.engine = engine_config(world)
        self.now = load_pace(world.layout.watch_pace)

    def wait_s(self) -> float | None:
        """Seconds until the next cycle may start; None: the engine is paused."""
        if self.world.control.paused():
            return None
        if self.now.for_brain and can_be_asked(self.world):
            self._remember(self.now.freed())
        return start_wait_s(self.now, self.world.clock.now(), min_interval_s=self.engine.min_cycle_interval_s)

    def act(self, events: Sequence[Event]) -> Outcome:
        """One cycle for all these events. They are held if the brain fails or the engine is told to stop; one that
        breaks the cycle is a failure."""
        try:
            return self._cycle(events)
        except LockedError as error:
            return Outcome(OutcomeWord.HELD, reason=error.message)  # another cycle runs: debounce
        except Exception as error:
            self.on_failure(error)
            now = self.world.clock.now()
            self._keep(self.now.held(now) if isinstance(error, StoreError) else self.now.failed(now))
            if isinstance(error, LoopError):
                return Outcome(OutcomeWord.HELD, reason=error.message)
            return Outcome(OutcomeWord.FAILED, reason=f"{type(error).__name__}: {error}")

    def hold(self) -> None:
        """No cycle for a while: something around it failed."""
        self._keep(self.now.held(self.world.clock.now()))

    def _cycle(self, events: Sequence[Event]) -> Outcome:
        self._remember(self.now.started(self.world.clock.now()))
        why = dict.fromkeys(f"{event.source}: {event.payload.get('detail', '')}" for event in events)
        self.looking.cycle_begins()
        result = run_cycle(self.world, list(why), caused_by=events[0].id)
        if result.failure == FailureKind.STOPPED:
            return Outcome(OutcomeWord.HELD, reason=result.problem)
        if self.world.cancel.is_set():
            # What the cycle left undone, if anything, is for the next one, which the same events call for.
            return Outcome(OutcomeWord.HELD, reason="the engine was told to stop meanwhile")
        if result.outcome == "brain-failed":
            self._keep(self.now.failed(self.world.clock.now(), result.until))
            return Outcome(OutcomeWord.HELD, reason=result.problem)
        with suppress(StoreError):  # known in this process; after a restart the next cycle waits in vain at worst
            self.looking.cycle_ended(result)
        self._keep(self.now.succeeded())

        def knew(event: Event) -> bool:
            return event.source in SEEN_BY_CYCLES and event.seq <= result.seen_to

        return Outcome(OutcomeWord.DONE, knew=knew)

    def _keep(self, pace: Pace) -> None:
        """Like _remember, where what happened cannot be undone by a full disk."""
        with suppress(StoreError):
            self._remember(pace)

    def _remember(self, pace: Pace) -> None:
        self.now = pace
        save_pace(self.world.layout.watch_pace, pace)
