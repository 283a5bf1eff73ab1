"""Which harnesses a lane could be added with on this machine, and what is on record against each. Starts nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from loop_orchestrator.clock import format_time
from loop_orchestrator.errors import StoreError
from loop_orchestrator.harnesses.detect import Found, look_for, usable
from loop_orchestrator.model.harness import HarnessKind, HarnessSpec
from loop_orchestrator.model.snapshot import Candidate
from loop_orchestrator.world import World


def roster_of(world: World) -> tuple[Candidate, ...]:
    """Every harness that can run in a lane, agents first, in the order of their names."""
    specs = [spec for spec in world.harnesses.values() if spec.kind is not HarnessKind.BRAIN]
    rested = _rested(world)
    drifted = _drifted(world)
    return tuple(
        Candidate(
            spec=spec,
            missing=_why_not(spec),
            trouble=(*rested.get(spec.name, ()), *drifted.get(spec.name, ())),
        )
        for spec in sorted(specs, key=lambda one: (not one.is_agent, one.name))
    )


def missing_program(spec: HarnessSpec) -> str:
    """Why the program of a harness cannot be started here; empty: it can, as far as its traces tell."""
    look = _look_for(spec)
    return "" if look.ok else look.reason


def _look_for(spec: HarnessSpec) -> Found:
    return look_for(spec, path=os.environ.get("PATH", ""), home=Path.home(), env=os.environ)


def _why_not(spec: HarnessSpec) -> str:
    """Why a lane of this harness would be of no use here."""
    look = _look_for(spec)
    found = usable(look) if spec.is_agent else look
    return "" if found.ok else found.reason


def _rested(world: World) -> dict[str, list[str]]:
    """Harness -> that as the brain it failed and is left out."""
    found: dict[str, list[str]] = {}
    with suppress(StoreError):
        for label, rest in world.brain_rests.resting().items():
            said = f"as the brain it failed ({rest.failure.value}) and is left out until {format_time(rest.until)}"
            found.setdefault(label.partition(":")[0], []).append(said)
    return found


def _drifted(world: World) -> dict[str, list[str]]:
    """Harness -> versions of it whose screens were unknown."""
    found: dict[str, list[str]] = {}
    for harness, version in _drifts(world):
        spec = world.harnesses.get(harness)
        if spec is not None and version not in spec.verified:
            found.setdefault(harness, []).append(f"screens of its version {version} were unknown")
    return found


def _drifts(world: World) -> Iterator[tuple[str, str]]:
    with suppress(StoreError):
        for key in world.drifts.items():
            harness, _, version = key.partition(" ")
            yield harness, version
