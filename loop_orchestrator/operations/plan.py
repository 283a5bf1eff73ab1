"""Which lanes a session is to have: of the config, of the command line, of a preset, or one for each agent found.

Pure, but for looking whether a directory is there.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
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
_PI_CLAUDE = {"web": "pi", "infra": "claude", "validate-left": "claude", "docs": "pi"}
_VALIDATION_ONLY, _MONITOR = "validation-only", "monitor"
_WEB_LANES = ("web", "validate-left", "validate-right")
"""The lanes that work on, and check, what lane web works on."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line and the environment say of the default lanes. Empty and None: nothing."""

    cmds: Mapping[str, str] = field(default_factory=dict)
    """lane -> the command line that it is to run"""
    validate_cmd: str = ""
    """for validate-left, unless ``cmds`` names one"""
    health_cmd: str = ""
    """for ops-top"""
    log_cmd: str = ""
    """for ops-bottom"""
    infra_root: Path | None = None
    """the repository of lane infra; one that is not there is the project instead, with a note"""
    worktree_web: Path | None = None
    """where lane web and the validation lanes start"""
    worktree_infra: Path | None = None
    """where lane infra starts; goes before infra_root"""

    @property
    def commands(self) -> dict[str, str]:
        """Every lane that is to run a command line, in the order of the windows."""
        filling = {"validate-left": self.validate_cmd, "ops-top": self.health_cmd, "ops-bottom": self.log_cmd}
        return {name: cmd for name in DEFAULT_PLACES if (cmd := self.cmds.get(name) or filling.get(name, ""))}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The lanes to boot."""

    lanes: tuple[LaneSpec, ...]
    source: str
    """where they come from, in a sentence"""
    web_root: Path
    """where lane web starts unless the config says otherwise"""
    infra_root: Path
    asked_for: tuple[str, ...] = ()
    """names of the lanes that run what the command line says"""
    notes: tuple[str, ...] = ()
    """what a person asked for and does not get, a sentence each"""


def plan_lanes(
    config: Config,
    root: Path,
    harnesses: Mapping[str, HarnessSpec],
    *,
    preset: str,
    found: Sequence[Found],
    asked: Asked | None = None,
    running: Sequence[LaneSpec] = (),
) -> Plan:
    """The lanes of a session: what the config declares, else what was asked for, else what the preset has.

    preset: empty for none. running: the lanes that the session has now, and found: the agent programs of this machine;
    looked at only where nobody says anything.
    A lane of the config is taken as a whole. Raises UsageError for an unknown preset, a directory that is not there,
    and a dialog that the lane's program does not have.
    """
    asked = asked or Asked()
    notes: list[str] = []
    web_root, infra_root = _roots(asked, root, notes)
    declared = {lane.name: lane for lane in config.lanes}
    commands = {}
    for name, cmd in asked.commands.items():
        if name in declared:
            notes.append(f"lane {name} runs what the config declares; the command given for it is not used")
        else:
            commands[name] = _lane_of(name, cmd, harnesses, notes)
    if running and not (preset or declared or commands):
        source = f"nothing says which lanes; {_count(len(running))} run already"
        return Plan(lanes=tuple(running), source=source, web_root=web_root, infra_root=infra_root, notes=tuple(notes))
    base, source = _base(preset, declared, commands, harnesses, found, notes)
    lanes = {**base, **commands, **declared}
    starts = {**dict.fromkeys(_WEB_LANES, web_root), "infra": infra_root}
    for name, place in starts.items():
        if place == root or (name not in lanes and name not in ("web", "infra")):
            continue
        if name not in lanes:
            notes.append(f"there is no lane {name}, so nothing starts in {place}")
        elif lanes[name].repo:
            notes.append(f"lane {name} starts in {lanes[name].repo}, as the config declares, not in {place}")
        else:
            lanes[name] = replace(lanes[name], repo=str(place))
    specs = tuple(lane.to_spec(root) for lane in lanes.values())
    for spec in specs:
        if not spec.cwd.is_dir():
            raise UsageError(f"lane {spec.name} cannot start in {spec.cwd}: there is no such directory")
        check_dialogs(spec, harnesses)
    return Plan(
        lanes=specs,
        source=source,
        web_root=web_root,
        infra_root=infra_root,
        asked_for=tuple(commands),
        notes=tuple(notes),
    )


def preset_names(harnesses: Mapping[str, HarnessSpec]) -> tuple[str, ...]:
    """The presets whose harnesses exist: ``rehearsal``, ``all-<agent>`` for every other agent, and the mixed ones."""
    agents = {name for name, spec in harnesses.items() if spec.kind is HarnessKind.AGENT}
    names = [name if name == REHEARSAL else f"all-{name}" for name in agents]
    names += [_MONITOR, _VALIDATION_ONLY, *(["pi-claude"] if {"pi", "claude"} <= agents else [])]
    return tuple(sorted(names))


def layout_of(agents: Mapping[str, str]) -> dict[str, LaneConfig]:
    """The eight default lanes: the digest, these agents (lane -> harness), and shells in the other places."""
    lanes = {"coord": LaneConfig(name="coord", cmd=COORDINATOR_CMD)}
    for name in DEFAULT_PLACES:
        if name != "coord":
            lanes[name] = LaneConfig(name=name, harness=agents.get(name, "shell"))
    return lanes


def _base(
    preset: str,
    declared: Mapping[str, LaneConfig],
    commands: Mapping[str, LaneConfig],
    harnesses: Mapping[str, HarnessSpec],
    found: Sequence[Found],
    notes: list[str],
) -> tuple[dict[str, LaneConfig], str]:
    """The lanes under all others, and where the session's lanes come from."""
    given = "the command line" if commands else ""
    by_config = f"{_count(len(declared))} of the config" if declared else ""
    above = " and ".join(one for one in (given, by_config) if one)
    if preset:
        _note_empty(preset, commands, declared, notes)
        return _preset_lanes(preset, harnesses), f"preset {preset}" + (f" under {above}" if above else "")
    if declared:
        beside = f"; {', '.join(commands)} by {given}" if commands else ""
        return {}, f"the config declares {_count(len(declared))}{beside}"
    if commands:
        return layout_of({}), "the default lanes, with commands of the command line"
    return _lanes_found(found)


def _preset_lanes(preset: str, harnesses: Mapping[str, HarnessSpec]) -> dict[str, LaneConfig]:
    names = preset_names(harnesses)
    if preset not in names:
        raise UsageError(
            f"there is no preset {preset}{did_you_mean(preset, names)}", hint=f"presets: {', '.join(names)}"
        )
    if preset == "pi-claude":
        return layout_of(_PI_CLAUDE)
    if preset == _MONITOR:
        return layout_of({})
    if preset == _VALIDATION_ONLY:
        return {**layout_of({}), "coord": LaneConfig(name="coord", harness="shell")}
    return layout_of(dict.fromkeys(_AGENT_LANES, preset.removeprefix("all-")))


def _note_empty(
    preset: str, commands: Mapping[str, LaneConfig], declared: Mapping[str, LaneConfig], notes: list[str]
) -> None:
    """Note the places of a preset that are there for a command, and have none."""
    options = {_VALIDATION_ONLY: {"validate-left": "--validate-cmd"}}
    options[_MONITOR] = {"ops-top": "--gateway-health-cmd", "ops-bottom": "--log-stream-cmd"}
    for name, option in options.get(preset, {}).items():
        if name not in commands and name not in declared:
            notes.append(f"lane {name} is a shell: preset {preset} runs there what {option} says")


def _lane_of(name: str, cmd: str, harnesses: Mapping[str, HarnessSpec], notes: list[str]) -> LaneConfig:
    """The lane that runs a command line. One that just starts an agent is a lane of that harness: it takes texts."""
    try:
        words = tuple(shlex.split(cmd))
    except ValueError as error:
        raise UsageError(f"--{name}-cmd: {error}: {cmd!r}", hint="mind the quotes") from None
    for spec in harnesses.values() if words else ():
        if not (spec.is_agent and spec.launch) or words[: len(spec.launch)] != spec.launch:
            continue
        more = words[len(spec.launch) :]
        if not more or (spec.auto_approve_argv and more == spec.auto_approve_argv):
            return LaneConfig(name=name, harness=spec.name, auto_approve=bool(more))
        notes.append(
            f"lane {name} runs {spec.name} with options of its own, as a command that takes no texts; "
            f"declare it in lane-config.yaml to have it take them"
        )
    return LaneConfig(name=name, cmd=cmd)


def _roots(asked: Asked, root: Path, notes: list[str]) -> tuple[Path, Path]:
    """Where web and infra start. Raises UsageError for a worktree that is not there."""
    for option, place in (("--worktree-web", asked.worktree_web), ("--worktree-infra", asked.worktree_infra)):
        if place is not None and not place.is_dir():
            raise UsageError(f"{option} {place}: there is no such directory", hint="git worktree list")
    infra = asked.worktree_infra or asked.infra_root
    if infra is not None and not infra.is_dir():
        notes.append(f"--infra-root {infra}: there is no such directory; lane infra starts in {root}")
        infra = None
    return asked.worktree_web or root, infra or root


def check_dialogs(spec: LaneSpec, harnesses: Mapping[str, HarnessSpec]) -> None:
    """Raises UsageError for a dialog that is to be answered and that the lane's program does not have."""
    if not spec.answer_dialogs:
        return
    harness = harnesses.get(spec.harness)
    known = tuple(dialog.name for dialog in harness.dialogs) if harness else ()
    for name in spec.answer_dialogs:
        if name not in known:
            there = f"it has {', '.join(known)}" if known else "it has none that can be answered"
            raise UsageError(
                f"lane {spec.name}: {spec.harness} has no start-up dialog {name}{did_you_mean(name, known)}; {there}",
                hint="mend lanes.<name>.answer_dialogs, or --answer-dialog",
            )


def _lanes_found(found: Sequence[Found]) -> tuple[dict[str, LaneConfig], str]:
    usable = [one.spec.name for one in found if one.ok]
    if not usable:
        reasons = [f"{one.spec.name}: {one.reason}" for one in found if one.there]
        absent = ", ".join(one.spec.name for one in found if not one.there)
        why = f" ({'; '.join((*reasons, f'not on PATH: {absent}') if absent else reasons)})" if found else ""
        lanes = layout_of(dict.fromkeys(_AGENT_LANES, REHEARSAL))
        return lanes, f"no agent program is installed and logged in{why}: rehearsal lanes"
    coord = LaneConfig(name="coord", cmd=COORDINATOR_CMD)
    lanes = {"coord": coord, **{name: LaneConfig(name=name, harness=name) for name in usable}}
    return lanes, f"no lanes in the config; found and logged in: {', '.join(usable)}"


def _count(lanes: int) -> str:
    return f"{lanes} lane" if lanes == 1 else f"{lanes} lanes"
