"""Which lanes a session is to have: declared in the config, from a preset, or one for each agent found. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.config.problems import did_you_mean
from loop_orchestrator.config.schema import DEFAULT_PLACES, Config, LaneConfig
from loop_orchestrator.errors import UsageError
from loop_orchestrator.model.harness import HarnessKind, HarnessSpec
from loop_orchestrator.model.lane import LaneSpec

if TYPE_CHECKING:
    from loop_orchestrator.harnesses.detect import Found

REHEARSAL = "rehearsal"
"""The harness that needs no key, and the preset of it."""

COORDINATOR_CMD = "loop digest"
"""What the coordinator's lane shows: no agent, so that a person may approve from there."""

_AGENT_LANES = ("web", "infra", "validate-left", "docs")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The lanes to boot."""

    lanes: tuple[LaneSpec, ...]
    source: str
    """where they come from, in a sentence"""


def plan_lanes(
    config: Config, root: Path, harnesses: Mapping[str, HarnessSpec], *, preset: str, found: Sequence[Found]
) -> Plan:
    """The lanes of a session.

    preset: fills what the config does not declare; empty: none. found: the agent programs of this machine; looked at
    only where neither the config nor a preset says anything. Raises UsageError for an unknown preset or a directory
    that is not there.
    """
    declared = {lane.name: lane for lane in config.lanes}
    if preset:
        lanes = {**_preset_lanes(preset, harnesses), **declared}
        source = f"preset {preset}" + (f" under {_count(len(declared))} of the config" if declared else "")
    elif declared:
        lanes, source = declared, f"the config declares {_count(len(declared))}"
    else:
        lanes, source = _lanes_found(found)
    specs = tuple(lane.to_spec(root) for lane in lanes.values())
    for spec in specs:
        if not spec.cwd.is_dir():
            raise UsageError(f"lane {spec.name} cannot start in {spec.cwd}: there is no such directory")
    return Plan(lanes=specs, source=source)


def preset_names(harnesses: Mapping[str, HarnessSpec]) -> tuple[str, ...]:
    """The presets whose harness exists: ``rehearsal``, and ``all-<agent>`` for every other agent."""
    agents = sorted(name for name, spec in harnesses.items() if spec.kind is HarnessKind.AGENT)
    return tuple(name if name == REHEARSAL else f"all-{name}" for name in agents)


def layout_of(harness: str) -> dict[str, LaneConfig]:
    """The eight default lanes: the digest, four agents and three shells."""
    lanes = {"coord": LaneConfig(name="coord", cmd=COORDINATOR_CMD)}
    for name in DEFAULT_PLACES:
        if name != "coord":
            lanes[name] = LaneConfig(name=name, harness=harness if name in _AGENT_LANES else "shell")
    return lanes


def _preset_lanes(preset: str, harnesses: Mapping[str, HarnessSpec]) -> dict[str, LaneConfig]:
    names = preset_names(harnesses)
    if preset not in names:
        raise UsageError(
            f"there is no preset {preset}{did_you_mean(preset, names)}", hint=f"presets: {', '.join(names)}"
        )
    return layout_of(preset.removeprefix("all-"))


def _lanes_found(found: Sequence[Found]) -> tuple[dict[str, LaneConfig], str]:
    usable = [one.spec.name for one in found if one.ok]
    if not usable:
        reasons = [f"{one.spec.name}: {one.reason}" for one in found if one.there]
        absent = ", ".join(one.spec.name for one in found if not one.there)
        why = f" ({'; '.join((*reasons, f'not on PATH: {absent}') if absent else reasons)})" if found else ""
        return layout_of(REHEARSAL), f"no agent program is installed and logged in{why}: rehearsal lanes"
    coord = LaneConfig(name="coord", cmd=COORDINATOR_CMD)
    lanes = {"coord": coord, **{name: LaneConfig(name=name, harness=name) for name in usable}}
    return lanes, f"no lanes in the config; found and logged in: {', '.join(usable)}"


def _count(lanes: int) -> str:
    return f"{lanes} lane" if lanes == 1 else f"{lanes} lanes"
