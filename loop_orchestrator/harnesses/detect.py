"""Which programs this machine has, and whether they were set up. Starts none of them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from loop_orchestrator.model.harness import HarnessSpec


@dataclass(frozen=True)
class Found:
    """A program that was looked for."""

    spec: HarnessSpec
    ok: bool
    """installed, and set up as far as its traces tell; of an agent for a lane, its screens can be read, too"""
    reason: str
    """where its program is and what shows that it was set up, or what is missing"""
    there: bool = True
    """its program is on PATH"""
    program: str = ""
    """its path, where it is there"""


def found_agents(specs: Iterable[HarnessSpec], *, path: str, home: Path, env: Mapping[str, str]) -> tuple[Found, ...]:
    """Every agent harness with a program of its own, in the given order; the built-in one is left out.

    path: a search path as in PATH.
    """
    agents = (spec for spec in specs if spec.is_agent and spec.binary != "{python}")
    return tuple(usable(look_for(spec, path=path, home=home, env=env)) for spec in agents)


def usable(found: Found) -> Found:
    """The same, not ok where a lane of it would never be idle."""
    if not found.there or found.spec.composer is not None:
        return found
    reason = f"{found.program} is there, but its screens are not known: it would never be idle"
    return replace(found, ok=False, reason=reason)


def look_for(spec: HarnessSpec, *, path: str, home: Path, env: Mapping[str, str]) -> Found:
    """The program of any harness; a shell and what is built in are always there."""
    program = _program(spec, path, env)
    if not program:
        return Found(spec, False, f"{spec.binary} is not on PATH", there=False)
    if not spec.logged_in:
        return Found(spec, True, program, program=program)
    trace = next((trace for trace in spec.logged_in if _is_there(trace, home, env)), None)
    if trace is None:
        missing = f"{program} was never logged in: none of {', '.join(spec.logged_in)} is there"
        return Found(spec, False, missing, program=program)
    return Found(spec, True, f"{program}, set up by {trace}", program=program)


def key_names(spec: HarnessSpec) -> tuple[str, ...]:
    """Names of the environment variables by which its program is logged in: they hold keys."""
    return tuple(trace.removeprefix("$") for trace in spec.logged_in if trace.startswith("$"))


def _program(spec: HarnessSpec, path: str, env: Mapping[str, str]) -> str:
    if not spec.binary:
        return env.get("SHELL") or "/bin/sh"
    return sys.executable if spec.binary == "{python}" else shutil.which(spec.binary, path=path) or ""


def _is_there(trace: str, home: Path, env: Mapping[str, str]) -> bool:
    return bool(env.get(trace[1:])) if trace.startswith("$") else (home / trace).exists()
