"""A version that the rules were not tried on is noticed once, when its screens are unknown for long."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from loop_orchestrator.model.lane import Detail, Lane
from loop_orchestrator.operations.drift import note_drifts
from loop_orchestrator.operations.status import status
from loop_orchestrator.wiring import Project
from loop_orchestrator.world import World
from tests.support.builders import a_lane


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``claude`` on PATH, which counts how often it is asked."""
    path = tmp_path / "bin" / "claude"
    path.parent.mkdir()
    write(path, "2.9.9 (Claude Code)")
    monkeypatch.setenv("PATH", str(path.parent), prepend=":")
    return path


def write(path: Path, says: str) -> None:
    path.write_text(f"#!/bin/sh\necho asked >> {path}.log\necho '{says}'\n")
    path.chmod(0o755)


def asked(program: Path) -> int:
    log = program.with_name("claude.log")
    return len(log.read_text().splitlines()) if log.exists() else 0


def a_claude(detail: Detail = Detail.DRIFTED) -> Lane:
    lane = a_lane("web", detail)
    return replace(lane, record=replace(lane.record, spec=replace(lane.record.spec, harness="claude")))


def look(world: World, lane: Lane, *, for_s: float = 60) -> list[dict[str, object]]:
    note_drifts(world, [lane], {lane.name: world.clock.now() - timedelta(seconds=for_s)})
    return [dict(event.payload) for event in world.events.since(0) if event.kind == "harness.drift"]


def test_a_drift_is_one_event_and_asks_the_program_once(world: World, program: Path) -> None:
    for _ in range(3):
        noted = look(world, a_claude())
    assert noted == [{"harness": "claude", "version": "2.9.9", "verified": ["2.1.197", "2.1.329"], "lane": "web"}]
    assert asked(program) == 1


def test_another_version_is_another_drift(world: World, program: Path) -> None:
    look(world, a_claude())
    write(program, "3.0.0")
    assert [event["version"] for event in look(world, a_claude())] == ["2.9.9", "3.0.0"]
    assert asked(program) == 2


@pytest.mark.parametrize(
    ("lane", "for_s"), [(a_claude(), 29), (a_claude(Detail.BUSY), 60), (a_lane("web", Detail.DRIFTED), 60)]
)
def test_otherwise_no_program_is_asked(world: World, program: Path, lane: Lane, for_s: float) -> None:
    if lane.record.spec.harness == "rehearsal":
        lane = replace(lane, record=replace(lane.record, spec=replace(lane.record.spec, harness="shell")))
    assert look(world, lane, for_s=for_s) == []
    assert asked(program) == 0


@pytest.mark.parametrize("says", ["2.1.329 (Claude Code)", "no version at all", ""])
def test_a_version_that_was_tried_or_is_not_told_is_no_drift(world: World, program: Path, says: str) -> None:
    write(program, says)
    assert look(world, a_claude()) == []


def test_a_drift_stands_in_the_status_as_long_as_such_a_lane_is_there(world: World, program: Path) -> None:
    look(world, a_claude())

    def needs(*lanes: Lane) -> list[str]:
        assert isinstance(world, Project)

        class Seen(Project):
            def observe_lanes(self) -> tuple[Lane, ...]:
                return lanes

        return [need.what for need in status(Seen(world.options, world.environ)).needs]

    (need,) = needs(a_claude(Detail.READY))
    assert need.startswith("claude 2.9.9 showed screens that no rule knows")
    assert needs(a_lane("web")) == []
