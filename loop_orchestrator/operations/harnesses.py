"""What is known about the harnesses, and what their programs say of themselves on this machine."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from loop_orchestrator.config.problems import did_you_mean
from loop_orchestrator.errors import ProcessError, UsageError
from loop_orchestrator.harnesses.detect import Found, look_for
from loop_orchestrator.harnesses.launch import own_argv
from loop_orchestrator.harnesses.registry import PACKAGED
from loop_orchestrator.model.harness import HarnessSpec
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.process.run import run

ASK_S = 10.0
"""How long a program may take to say its version or its health. Node programs take two seconds on a busy machine."""

_DOTTED = re.compile(r"\d+(?:\.\d+)+[\w.+-]*")
_NUMBER = re.compile(r"\d+")


class Health(StrEnum):
    """Whether a harness can be used on this machine, in one word."""

    OK = "ok"
    MISSING = "missing"
    """its program is not on PATH"""
    UNAUTHENTICATED = "unauthenticated"
    """its program was never logged in, or says so"""
    UNHEALTHY = "unhealthy"
    """its program does not answer, or may not be asked"""


@dataclass(frozen=True)
class Checkup:
    """The health of one harness."""

    word: Health
    reason: str
    """what shows it"""


@dataclass(frozen=True)
class Machine:
    """Where programs and their traces are looked for."""

    env: Mapping[str, str]

    def look_for(self, spec: HarnessSpec) -> Found:
        home = Path(self.env.get("HOME", "/"))
        return look_for(spec, path=self.env.get("PATH", ""), home=home, env=self.env)


def harness_named(harnesses: Mapping[str, HarnessSpec], name: str) -> HarnessSpec:
    """Raises UsageError, naming the nearest, if there is none of that name."""
    spec = harnesses.get(name)
    if spec is None:
        raise UsageError(f"there is no harness {name}{did_you_mean(name, harnesses)}", hint="loop harness list")
    return spec


def is_packaged(spec: HarnessSpec) -> bool:
    """Its data comes with this program; else it is a file of the project."""
    return Path(spec.origin).parent == PACKAGED


def replaced(spec: HarnessSpec) -> Path | None:
    """The packaged file that the project's own one stands in for."""
    packaged = PACKAGED / f"{spec.name}.yaml"
    return packaged if not is_packaged(spec) and packaged.is_file() else None


def fields_of(spec: HarnessSpec) -> dict[str, JsonValue]:
    """Every value of a harness by its dotted key; the keys of a rule stand under ``rules`` and its name."""
    return dict(_flat("", spec))


def field_of(spec: HarnessSpec, key: str) -> JsonValue:
    """One value. Raises UsageError, naming the nearest, for a key that there is not."""
    fields = fields_of(spec)
    if key not in fields:
        message = f"harness {spec.name} has no field {key}{did_you_mean(key, fields)}"
        raise UsageError(message, hint=f"loop harness fields {spec.name}")
    return fields[key]


def _flat(prefix: str, section: object) -> Iterator[tuple[str, JsonValue]]:
    assert dataclasses.is_dataclass(section)
    for field in dataclasses.fields(section):
        key, value = f"{prefix}{field.name}", getattr(section, field.name)
        if dataclasses.is_dataclass(value):
            yield from _flat(f"{key}.", value)
        elif isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
            for number, one in enumerate(value):
                yield from _flat(f"{key}.{getattr(one, 'name', number)}.", one)
        else:
            yield key, _plain(value)


def _plain(value: object) -> JsonValue:
    match value:
        case re.Pattern(pattern=pattern):
            return str(pattern)
        case StrEnum():
            return value.value
        case tuple() if value and isinstance(value[0], tuple):
            return {str(name): _plain(one) for name, one in value}
        case tuple():
            return [_plain(one) for one in value]
        case None | bool() | int() | float() | str():
            return value
    raise TypeError(f"no field can hold {value!r}")


@dataclass(frozen=True, kw_only=True)
class Probe:
    """The program of a harness, as it is installed here."""

    path: str
    """empty where it is not on PATH"""
    version: str
    """as it says; empty where it does not"""
    note: str
    """why there is no version; empty where there is one"""
    verified: bool
    """its screen rules were tried on exactly this version"""


def probe(spec: HarnessSpec, machine: Machine) -> Probe:
    """Find the program and ask it for its version; blocks for at most ASK_S."""
    found = machine.look_for(spec)
    if not found.program:
        return Probe(path="", version="", note=found.reason, verified=False)
    version, note = _version(spec, machine)
    return Probe(path=found.program, version=version, note=note, verified=version in spec.verified)


def _version(spec: HarnessSpec, machine: Machine) -> tuple[str, str]:
    """The version, or why it is not known."""
    if not spec.version_argv:
        return "", "its data has no version_argv"
    argv = own_argv(spec.version_argv)
    try:
        done = run(argv, env=machine.env, timeout_s=ASK_S)
    except ProcessError as error:
        return "", error.message
    if done.timed_out:
        return "", f"{argv[0]} did not say its version within {ASK_S:g} s"
    said = f"{done.text}\n{done.stderr.decode('utf-8', 'replace')}"
    found = _DOTTED.search(said) or _NUMBER.search(said)
    if done.code != 0 or found is None:
        return "", f"{' '.join(argv)} names no version: {done.complaint}"
    return found[0], ""


def checkup(spec: HarnessSpec, machine: Machine) -> Checkup:
    """The health of a harness; runs its ``health_argv`` where it has one, and nothing else.

    Blocks for at most ASK_S.
    """
    found = machine.look_for(spec)
    if not found.program:
        return Checkup(Health.MISSING, found.reason)
    if spec.health_argv:
        return _asked(spec, machine, found)
    return Checkup(Health.OK if found.ok else Health.UNAUTHENTICATED, found.reason)


def _asked(spec: HarnessSpec, machine: Machine, found: Found) -> Checkup:
    argv = own_argv(spec.health_argv)
    shown = " ".join(argv)
    try:
        done = run(argv, env=machine.env, timeout_s=ASK_S)
    except ProcessError as error:
        return Checkup(Health.UNHEALTHY, error.message)
    if done.timed_out:
        return Checkup(Health.UNHEALTHY, f"{shown} did not end within {ASK_S:g} s")
    if done.code == 0:
        return Checkup(Health.OK, f"{found.program}; {shown} ended with status 0")
    word = Health.UNHEALTHY if spec.auth == "none" else Health.UNAUTHENTICATED
    return Checkup(word, f"{shown} ended with status {done.code}: {done.complaint}")


def checkups(specs: Iterable[HarnessSpec], machine: Machine, *, may_ask: bool) -> tuple[Checkup, ...]:
    """The health of several, all looked at together, so that it takes as long as the slowest of them.

    may_ask: the project's own data was accepted on this machine; where it was not, no probe of it is run.
    """
    chosen = tuple(specs)
    if not chosen:
        return ()
    with ThreadPoolExecutor(max_workers=len(chosen)) as pool:
        return tuple(pool.map(lambda spec: _allowed_checkup(spec, machine, may_ask), chosen))


def _allowed_checkup(spec: HarnessSpec, machine: Machine, may_ask: bool) -> Checkup:
    if spec.health_argv and not may_ask and not is_packaged(spec):
        return Checkup(
            Health.UNHEALTHY, "not asked: the project's own probe is not accepted on this machine: loop trust"
        )
    return checkup(spec, machine)
