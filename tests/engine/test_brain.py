"""Asking a program: whatever keeps it from answering is a failure of the brain, and the cycle ends."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from loop_orchestrator.engine.cycle import run_cycle
from loop_orchestrator.world import World
from tests.support.projects import project_at

REPLY = "```decision\\nversion: 1\\ncritique: x\\nactions: []\\n```\\n"


def world_with(project: Path, *command: str) -> World:
    words = ", ".join(map(repr, command))
    config = f"engine: {{brain: {{use: command, command: [{words}], timeout_s: 2}}}}\n"
    return project_at(project, config=config).world


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("", "unparseable"),
        (f"import sys; sys.stderr.write('{REPLY}')", "unparseable"),
        ("print('word ' * 400_000)", "unparseable"),
        (f"print('{REPLY}' * 2)", "unparseable"),
        (f"import sys; print('{REPLY}'); sys.exit(3)", "exit"),
        (f"import os; print('{REPLY}', flush=True); os.kill(os.getpid(), 9)", "exit"),
        ("import time; time.sleep(60)", "timeout"),
    ],
)
def test_a_brain_that_gives_no_reply_fails_by_name(project: Path, code: str, failure: str) -> None:
    world = world_with(project, sys.executable, "-c", code)
    result = run_cycle(world, ("test",))
    assert (result.outcome, result.failure) == ("brain-failed", failure)
    assert world.decisions.open_decisions() == ()
    assert world.events.tail(1)[0].kind == "cycle.ended"


def test_a_brain_that_cannot_be_started_has_failed(project: Path) -> None:
    world = world_with(project, "/no/such/brain")
    result = run_cycle(world, ("test",))
    assert (result.outcome, result.failure) == ("brain-failed", "exit")
    assert "no such program" in result.problem
    assert [event.kind for event in world.events.tail(2)] == ["brain.failed", "cycle.ended"]


def test_odd_bytes_around_and_in_a_reply_are_survived(project: Path) -> None:
    reply = "b'\\xff\\xfe\\n```decision\\r\\nversion: 1\\r\\ncritique: \\xff\\r\\nactions: []\\r\\n```\\r\\n'"
    code = f"import sys; sys.stdout.buffer.write({reply})"
    assert run_cycle(world_with(project, sys.executable, "-c", code), ("test",)).outcome == "stopped"
