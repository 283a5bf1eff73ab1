"""What `loop up` is told about lanes at the command line and in the environment, and its plan as it is shown."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.cli import output
from loop_orchestrator.config.schema import DEFAULT_PLACES
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.operations.plan import Asked, Plan

_FILLING = {
    "gateway_health_cmd": ("--gateway-health-cmd", "LOOP_GATEWAY_HEALTH_CMD", "ops-top"),
    "log_stream_cmd": ("--log-stream-cmd", "LOOP_LOG_STREAM_CMD", "ops-bottom"),
    "validate_cmd": ("--validate-cmd", "LOOP_VALIDATE_CMD", "validate-left"),
}
_DIRECTORIES = {
    "infra_root": ("--infra-root", "LOOP_INFRA_ROOT", "the repository of lane infra"),
    "worktree_web": ("--worktree-web", "LOOP_WORKTREE_WEB", "where web and the validation lanes start"),
    "worktree_infra": ("--worktree-infra", "LOOP_WORKTREE_INFRA", "where infra starts"),
}


def add_lane_options(parser: argparse.ArgumentParser) -> None:
    """Add the preset, the commands and the directories of the default lanes."""
    group = parser.add_argument_group(
        "lanes", "A lane of the config goes before a command given here, and that before one of a preset."
    )
    group.add_argument(
        "--preset",
        metavar="P",
        default="",
        help="lanes beside those of the config: rehearsal, all-<agent>, pi-claude, monitor or validation-only",
    )
    for name in DEFAULT_PLACES:
        group.add_argument(f"--{name}-cmd", metavar="C", default="", help=f"command line for lane {name}")
    for option, variable, lane in _FILLING.values():
        group.add_argument(option, metavar="C", help=f"the same for lane {lane} ({variable})")
    for option, variable, sentence in _DIRECTORIES.values():
        group.add_argument(option, metavar="P", help=f"{sentence} ({variable})")


def asked_of(args: argparse.Namespace, environ: Mapping[str, str]) -> Asked:
    """What was asked for; an option goes before its variable."""
    from loop_orchestrator.operations.plan import Asked

    filling = {name: getattr(args, name) or environ.get(variable, "") for name, (_, variable, _) in _FILLING.items()}
    places = {
        name: Path(os.path.abspath(Path(given).expanduser())) if given else None  # noqa: PTH100 - takes `..` out
        for name, (_, variable, _) in _DIRECTORIES.items()
        for given in (getattr(args, name) or environ.get(variable),)
    }
    cmds = {name: getattr(args, f"{name.replace('-', '_')}_cmd") for name in DEFAULT_PLACES}
    return Asked(
        cmds={name: cmd for name, cmd in cmds.items() if cmd},
        validate_cmd=filling["validate_cmd"],
        health_cmd=filling["gateway_health_cmd"],
        log_cmd=filling["log_stream_cmd"],
        infra_root=places["infra_root"],
        worktree_web=places["worktree_web"],
        worktree_infra=places["worktree_infra"],
    )


def print_plan(plan: Plan, project: Project, *, variables: bool) -> None:
    """What would run, and where. variables: the default lanes as KEY=value too."""
    from loop_orchestrator.operations.boot import program_of
    from loop_orchestrator.operations.shapes import spec_shape

    programs = {spec.name: program_of(project.world, spec, project.surroundings) for spec in plan.lanes}
    values = _variables(plan, programs, project)
    if project.json:
        lanes: list[JsonValue] = [{**spec_shape(spec), "argv": list(programs[spec.name])} for spec in plan.lanes]
        given: dict[str, JsonValue] = {"variables": dict(values)} if variables else {}
        output.document(
            {"session": project.session, "source": plan.source, "notes": list(plan.notes), "lanes": lanes, **given}
        )
        return
    output.note(plan.source)
    for note in plan.notes:
        output.note(note)
    rows = [
        (
            *(spec.name, spec.window, spec.role, place_in(spec.cwd, project.root)),
            spec.cmd or shlex.join(programs[spec.name]) or "your login shell",
        )
        for spec in plan.lanes
    ]
    output.table(("LANE", "WINDOW", "ROLE", "DIRECTORY", "RUNS"), rows)
    for key, value in values.items() if variables else ():
        output.line(f"{key}={value}", whole=True)


def place_in(directory: Path, root: Path) -> str:
    """A directory as a person names it: from the project, where it is inside."""
    return str(directory.relative_to(root)) if directory.is_relative_to(root) else str(directory)


def _variables(plan: Plan, programs: Mapping[str, tuple[str, ...]], project: Project) -> dict[str, str]:
    commands = {spec.name: spec.cmd or shlex.join(programs[spec.name]) for spec in plan.lanes}
    return {
        "SESSION_NAME": project.session,
        "WEB_ROOT": str(plan.web_root),
        "INFRA_CD_ROOT": str(plan.infra_root),
        **{f"AUTO_{name.upper().replace('-', '_')}_CMD": commands.get(name, "") for name in DEFAULT_PLACES},
    }
