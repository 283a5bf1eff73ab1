"""Whether the programs of lanes are there, before the lanes are started."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.errors import ProcessError
from loop_orchestrator.operations.boot import Surroundings, program_of
from loop_orchestrator.operations.plan import COORDINATOR_CMD

if TYPE_CHECKING:
    from loop_orchestrator.model.lane import LaneSpec
    from loop_orchestrator.world import World

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_PLAIN_WORD = re.compile(r"[\w.+:@%-]+")
"""A word that a shell takes as it stands."""


def missing_programs(
    world: World, specs: Sequence[LaneSpec], surroundings: Surroundings, environ: Mapping[str, str]
) -> tuple[str, ...]:
    """A sentence for each lane whose program will not be found, with what to do. Runs the user's login shell once.

    Programs named by their place are not looked for. Raises UsageError for an unknown harness.
    """
    from loop_orchestrator.process.launch import login_shell
    from loop_orchestrator.process.programs import login_path, not_found

    programs = [(spec, word) for spec in specs if (word := _program(world, spec, surroundings))]
    if not programs:
        return ()
    shell = login_shell(surroundings.shell)
    try:
        path = login_path(shell, environ)
        if path is None:
            return (f"the programs of the lanes were not looked for: {shell} did not say its PATH",)
        by_path: dict[str, list[str]] = {}
        for spec, word in programs:
            by_path.setdefault(_path_of(spec, path), []).append(word)
        gone = {place: not_found(words, place) for place, words in by_path.items()}
    except ProcessError as error:
        return (f"the programs of the lanes were not looked for: {error.message}",)
    return tuple(
        f"lane {spec.name}: {word} is not on the PATH of your login shell ({Path(shell).name}): install it, or add its "
        f"folder to PATH in your profile; then: loop lane restart {spec.name}"
        for spec, word in programs
        if word in gone[_path_of(spec, path)]
    )


def _path_of(spec: LaneSpec, path: str) -> str:
    """A lane's own PATH goes before the one of the profile."""
    return dict(spec.env).get("PATH", path)


def _program(world: World, spec: LaneSpec, surroundings: Surroundings) -> str:
    """The word that is looked up on the path; empty where none is, or only the shell knows."""
    argv = program_of(world, spec, surroundings)
    if spec.cmd == COORDINATOR_CMD:
        return ""  # every lane finds this program
    if not spec.cmd:
        return argv[0] if argv and "/" not in argv[0] else ""
    try:
        words = shlex.split(spec.cmd)
    except ValueError:
        return ""
    first = next((word for word in words if not _ASSIGNMENT.match(word)), "")
    return first if _PLAIN_WORD.fullmatch(first) else ""
