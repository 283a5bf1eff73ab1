"""The daemon waits for a brain until it may be asked, and no longer once a person had it asked."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from loop_orchestrator.engine.brain import can_be_asked
from loop_orchestrator.watch.pacing import Pacing
from loop_orchestrator.world import World
from tests.support.clocks import SteppedClock
from tests.support.projects import project_at

QUOTA = "import sys; sys.exit('usage limit reached, resets in 3 hours')"


def watching(project: Path, **brain: object) -> tuple[World, SteppedClock]:
    """A project whose brain is out of quota for three hours, with something to do."""
    config = {"engine": {"brain": {"use": "command", "command": [sys.executable, "-c", QUOTA], **brain}}}
    clock = SteppedClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
    world = project_at(project, config=json.dumps(config), clock=clock).world
    world.events.append("trigger.noted", "watch", {"why": "mail", "detail": "x"})
    return world, clock


def test_a_brain_is_waited_for_until_it_may_be_asked(project: Path) -> None:
    world, clock = watching(project)
    pacing = Pacing(world)
    pacing.run_cycle()
    assert pacing.cycle_wait_s() == 3 * 3600
    clock.advance(3600)
    assert Pacing(world).cycle_wait_s() == 2 * 3600
    clock.advance(2 * 3600)
    assert pacing.cycle_wait_s() == 0


def test_a_brain_that_a_person_had_asked_is_waited_for_no_longer(project: Path) -> None:
    world, clock = watching(project)
    pacing = Pacing(world)
    pacing.run_cycle()
    clock.advance(60)
    assert not can_be_asked(world)
    world.brain_rests.answered("command")
    assert can_be_asked(world)
    assert pacing.cycle_wait_s() == 0
    assert Pacing(world).now.retry_at is None


def test_a_budget_that_is_used_up_is_waited_for(project: Path) -> None:
    world, clock = watching(project, max_calls_per_hour=1)
    world.budget.charge()
    pacing = Pacing(world)
    pacing.run_cycle()
    assert pacing.cycle_wait_s() == 3600
    clock.advance(1800)
    assert pacing.cycle_wait_s() == 1800
    more, clock = watching(project, max_calls_per_hour=2)
    clock.advance(60)
    assert Pacing(more).cycle_wait_s() == 0
