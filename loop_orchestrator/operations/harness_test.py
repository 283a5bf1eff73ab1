"""Whether the rules of a harness still hold: on recorded screens, and on a live boot in a scratch session."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from loop_orchestrator.harnesses.recorded import Capture, expected, read
from loop_orchestrator.model.harness import HarnessSpec
from loop_orchestrator.model.lane import WORD_OF, Detail, Lane, LaneSpec, LaneState, LaneWord
from loop_orchestrator.operations.boot import start_lane
from loop_orchestrator.operations.bootcheck import await_lane
from loop_orchestrator.substrate.listing import is_running

if TYPE_CHECKING:
    from loop_orchestrator.operations.boot import Surroundings
    from loop_orchestrator.world import World

MUST_BE_RIGHT = 0.98
"""Share of the recorded screens that must be read as what they were."""

BOOT_LIMIT_S = 45.0
"""How long a program may take to its first known screen; the slowest known one takes nine seconds on a busy machine."""

END_LIMIT_S = 10.0
"""How long a program may take to end with its pane. Its launcher kills it after five seconds."""


@dataclass(frozen=True, kw_only=True)
class Miss:
    """A recorded screen that was read as something else."""

    screen: str
    expected: tuple[Detail, ...]
    state: LaneState
    wrongly_idle: bool
    """it would have been taken for a lane that waits for text"""


@dataclass(frozen=True, kw_only=True)
class Score:
    """How the rules of one harness did on recorded screens."""

    harness: str
    versions: tuple[str, ...]
    """that the screens are of"""
    screens: int
    misses: tuple[Miss, ...]

    @property
    def right(self) -> int:
        return self.screens - len(self.misses)

    @property
    def unknown(self) -> int:
        """Screens that no rule knew, or that the evidence did not settle."""
        return sum(miss.state.word is LaneWord.UNKNOWN for miss in self.misses)

    @property
    def wrong(self) -> int:
        """Screens read as something that they were not; the wrongly idle ones are among them."""
        return len(self.misses) - self.unknown

    @property
    def wrongly_idle(self) -> int:
        return sum(miss.wrongly_idle for miss in self.misses)

    @property
    def passed(self) -> bool:
        return self.right >= MUST_BE_RIGHT * self.screens and not self.wrongly_idle


def score(spec: HarnessSpec, captures: Iterable[Capture], now: datetime) -> Score:
    """Read every screen with the rules of the harness and compare. Pure."""
    seen = tuple(captures)
    misses = tuple(miss for capture in seen if (miss := _miss(spec, capture, now)) is not None)
    versions = tuple(dict.fromkeys(capture.version for capture in seen))
    return Score(harness=spec.name, versions=versions, screens=len(seen), misses=misses)


def _miss(spec: HarnessSpec, capture: Capture, now: datetime) -> Miss | None:
    may_be, state = expected(capture), read(capture, spec, now)
    if state.detail in may_be:
        return None
    idle = state.word is LaneWord.IDLE and not any(WORD_OF[detail] is LaneWord.IDLE for detail in may_be)
    return Miss(screen=capture.name, expected=tuple(sorted(may_be)), state=state, wrongly_idle=idle)


@dataclass(frozen=True, kw_only=True)
class LiveBoot:
    """What a program showed when it was booted as a lane."""

    lane: Lane
    took_s: float

    @property
    def passed(self) -> bool:
        """It runs, and a rule knows its screen: ready, at work, or asking a person something."""
        return self.lane.state.word in (LaneWord.IDLE, LaneWord.WORKING, LaneWord.AWAITING_APPROVAL)


def boot_live(world: World, spec: HarnessSpec, surroundings: Surroundings) -> LiveBoot:
    """Boot the program as a lane of this session, wait for evidence of how it came up, and end the session.

    The world is a scratch one: its session is ended whatever happens. Types nothing and answers nothing. Blocks for at
    most BOOT_LIMIT_S and END_LIMIT_S. Raises SubstrateError and StoreError.
    """
    began = world.clock.monotonic()
    asked = LaneSpec(name=spec.name, window=spec.name, role="implementation", harness=spec.name, cwd=world.root)
    try:
        start_lane(world, asked, surroundings)
        lane = await_lane(world, spec.name, limit_s=BOOT_LIMIT_S)
        return LiveBoot(lane=lane, took_s=world.clock.monotonic() - began)
    finally:
        _end(world)


def _end(world: World) -> None:
    """End the session and wait until nothing of it runs, so that its directory can be removed."""
    running = [pid for record in world.lanes.records().values() for pid in _pids(world, record.spec.name)]
    running += [record.pane_pid for record in world.lanes.records().values()]
    world.substrate.end_session()
    deadline = world.clock.monotonic() + END_LIMIT_S
    while any(map(is_running, running)) and world.clock.monotonic() < deadline:
        world.clock.sleep(0.05)


def _pids(world: World, name: str) -> tuple[int, ...]:
    run = world.lanes.run(name)
    return (run.pid,) if run is not None and run.ended_at is None else ()
