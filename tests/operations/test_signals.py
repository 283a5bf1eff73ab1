"""What programs say of themselves counts only from under their lane's pane."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from loop_orchestrator.errors import LoopError, UsageError
from loop_orchestrator.model.lane import Detail
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.operations.signals import detail_meant, note_signal, signal_of
from loop_orchestrator.stores.atomic import write_json
from loop_orchestrator.world import World
from tests.support.builders import a_lane


def a_lane_above_this_process(world: World, *, pane_pid: int) -> None:
    world.lanes.put(replace(a_lane("web").record, pane_pid=pane_pid))
    path = world.lanes.run_path("web")
    path.parent.mkdir(parents=True, exist_ok=True)
    times: dict[str, JsonValue] = {"started_at": "2026-01-01T00:00:00.000Z", "ended_at": None, "exit_status": None}
    write_json(path, {"pid": os.getpid(), **times, "suspended": False})


def say(world: World, detail: Detail = Detail.BUSY) -> bool:
    signal = signal_of(detail, "hook:claude", "said", world.clock.now())
    return note_signal(world, "web", signal, pid=os.getpid(), conversation="s", by="lane:web")


def test_a_process_under_the_pane_is_taken_at_its_word(world: World) -> None:
    a_lane_above_this_process(world, pane_pid=os.getppid())
    assert say(world, Detail.TOOL)
    assert [signal.detail for signal in world.signals.of("web")] == [Detail.TOOL]
    assert world.events.last("signal.refused") is None


@pytest.mark.parametrize("pane", ["the process itself", "nobody"])
def test_any_other_process_is_refused_with_one_event_a_minute(world: World, pane: str) -> None:
    a_lane_above_this_process(world, pane_pid=os.getpid() if pane == "the process itself" else 2**22 - 1)
    for _ in range(3):
        with pytest.raises(LoopError, match=r"nothing was noted for lane web: process .* does not run in its pane"):
            say(world)
    refused = [event for event in world.events.since(0) if event.kind == "signal.refused"]
    assert 1 <= len(refused) <= 2  # a minute may end between two of them
    assert refused[0].payload["lane"] == "web"
    assert world.signals.of("web") == ()


def test_without_a_program_on_record_nobody_speaks(world: World) -> None:
    a_lane_above_this_process(world, pane_pid=os.getppid())
    world.lanes.run_path("web").unlink()
    with pytest.raises(LoopError, match="no program of it is on record"):
        say(world)


def test_a_lane_that_is_not_there_is_a_usage_error(world: World) -> None:
    with pytest.raises(UsageError, match="has no lane web"):
        say(world)


@pytest.mark.parametrize(
    ("state", "detail"),
    [
        ("working", Detail.BUSY),
        ("idle", Detail.READY),
        ("awaiting-approval", Detail.APPROVAL),
        ("errored", Detail.API_ERROR),
        ("unknown", Detail.STALE),
        ("compacting", Detail.COMPACTING),
    ],
)
def test_a_word_or_a_detail_is_meant(state: str, detail: Detail) -> None:
    assert detail_meant(state) is detail


def test_a_misspelt_state_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"did you mean thinking\?"):
        detail_meant("thinkin")
