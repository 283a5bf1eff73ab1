"""Which agent programs this machine has, and whether they were set up."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from loop_orchestrator.model.harness import HarnessSpec


@dataclass(frozen=True)
class Found:
    """An agent that was looked for."""

    spec: HarnessSpec
    ok: bool
    """installed, set up as far as its traces tell, and its screens can be read"""
    reason: str
    """where its program is and what shows that it was set up, or what is missing"""
    there: bool = True
    """its program is on PATH"""


def found_agents(specs: Iterable[HarnessSpec], *, path: str, home: Path, env: Mapping[str, str]) -> tuple[Found, ...]:
    """Every agent harness with a program of its own, in the given order. Starts nothing; the built-in one is left out.

    path: a search path as in PATH.
    """
    agents = (spec for spec in specs if spec.is_agent and spec.binary != "{python}")
    return tuple(_look_for(spec, path, home, env) for spec in agents)


def _look_for(spec: HarnessSpec, path: str, home: Path, env: Mapping[str, str]) -> Found:
    program = shutil.which(spec.binary, path=path)
    if program is None:
        return Found(spec, False, f"{spec.binary} is not on PATH", there=False)
    if spec.composer is None:
        return Found(spec, False, f"{program} is there, but its screens are not known: it would never be idle")
    if not spec.logged_in:
        return Found(spec, True, program)
    trace = next((trace for trace in spec.logged_in if _is_there(trace, home, env)), None)
    if trace is None:
        return Found(spec, False, f"{program} was never logged in: none of {', '.join(spec.logged_in)} is there")
    return Found(spec, True, f"{program}, set up by {trace}")


def _is_there(trace: str, home: Path, env: Mapping[str, str]) -> bool:
    return bool(env.get(trace[1:])) if trace.startswith("$") else (home / trace).exists()
