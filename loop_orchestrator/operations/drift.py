"""Whether a program whose screens no rule knows is of a version that its rules were not tried on."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.errors import LoopError
from loop_orchestrator.model.lane import Detail, Lane
from loop_orchestrator.operations.observe import spec_of

if TYPE_CHECKING:
    from loop_orchestrator.model.harness import HarnessSpec
    from loop_orchestrator.model.lane import LaneRecord
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.world import World

LONG_S = 30.0
"""Seconds for which a lane's screen is unknown before its version is asked for. At half, a menu that somebody has open
counts; at double, a redesign is noticed later."""

ASK_S = 20.0
"""How long a program may take to print its version."""


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One version of a program that showed screens that no rule knows."""

    harness: str
    version: str
    verified: tuple[str, ...]
    """versions that its rules were tried on"""
    lane: str
    """where it was seen"""


_VERSION = re.compile(r"\d+(?:\.\d+)*(?:[-+.][0-9A-Za-z.]+)*")
_UNKNOWN = "unknown"


def note_drifts(world: World, lanes: Iterable[Lane], since: Mapping[str, datetime]) -> None:
    """Write one event for each version of a harness that was not tried and shows an unknown screen for long.

    since: when each lane's present state was first seen. A program is asked for its version once for each change of
    its file; that blocks for up to ASK_S. What was noted once is not noted again.
    """
    now = world.clock.now()
    for lane in lanes:
        long = (now - since.get(lane.name, now)).total_seconds() >= LONG_S
        spec = spec_of(world, lane.record) if lane.state.detail is Detail.DRIFTED and long else None
        if spec is not None and spec.verified and spec.version_argv:
            _note(world, lane, spec)


def drifts_of(world: World, records: Iterable[LaneRecord]) -> tuple[Drift, ...]:
    """The drifts on record that concern programs of these lanes and are not settled by newer rules. Raises StoreError.

    Nothing is asked and nothing is started.
    """
    noted = world.drifts.items()
    specs = {record.spec.harness: spec_of(world, record) for record in records} if noted else {}
    found = []
    for key, lane in noted.items():
        harness, _, version = key.partition(" ")
        spec = specs.get(harness)
        if spec is not None and version not in spec.verified:
            found.append(Drift(harness=harness, version=version, verified=spec.verified, lane=lane))
    return tuple(found)


def _note(world: World, lane: Lane, spec: HarnessSpec) -> None:
    version = _version(world, lane, spec)
    key = f"{spec.name} {version}"
    if version == _UNKNOWN or version in spec.verified or world.drifts.get(key) is not None:
        return
    verified: list[JsonValue] = list(spec.verified)
    payload: dict[str, JsonValue] = {
        "harness": spec.name,
        "version": version,
        "verified": verified,
        "lane": lane.name,
    }
    world.events.append("harness.drift", "watch", payload)
    world.drifts.add(key, lane.name)


def _version(world: World, lane: Lane, spec: HarnessSpec) -> str:
    """The version of the program that the lane runs; ``unknown`` where it does not tell."""
    from loop_orchestrator.process.ancestry import environment_of
    from loop_orchestrator.process.run import run

    environ = environment_of(lane.run.pid) if lane.run else None
    program = _file(spec.version_argv[0], environ or {})
    if program is None:
        return _UNKNOWN
    key = f"{program} {program.stat().st_mtime_ns}"
    known = world.versions.get(key)
    if known is not None:
        return known
    try:
        done = run((str(program), *spec.version_argv[1:]), cwd=Path("/"), env=environ, stdin=b"", timeout_s=ASK_S)
        found = _VERSION.search(done.text) if done.code == 0 else None
    except LoopError:
        found = None
    version = found[0] if found else _UNKNOWN
    world.versions.add(key, version)
    return version


def _file(program: str, environ: Mapping[str, str]) -> Path | None:
    """The program's file, as the lane finds it; a link stays a link, since a program may look at its own name."""
    from shutil import which

    found = which(program.replace("{python}", sys.executable), path=environ.get("PATH"))
    return Path(found) if found else None
