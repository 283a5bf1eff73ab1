"""What a project's config makes this machine run, and whether a person accepted it here.

The record of what was accepted lies outside the project, in the user's state directory: ``accepted/<hash>.json``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_time
from loop_orchestrator.config.schema import BRAIN_COMMAND, BRAIN_RULES
from loop_orchestrator.model.decision import ApprovalMode
from loop_orchestrator.model.ingest import IngestMode
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.operations.plan import COORDINATOR_CMD

if TYPE_CHECKING:
    from loop_orchestrator.config.load import LoadedConfig
    from loop_orchestrator.config.notify import ServiceConfig
    from loop_orchestrator.config.schema import EngineConfig, LaneConfig
    from loop_orchestrator.model.harness import HarnessSpec


@dataclass(frozen=True, kw_only=True)
class Door:
    """What comes in through a project's config."""

    root: Path
    digest: str
    """of everything that the lines speak of"""
    lines: tuple[str, ...]
    """one for each thing that runs a program or lowers a guard; empty: there is nothing to accept"""
    said: Mapping[str, JsonValue] = field(default_factory=dict, compare=False)
    """what the digest is of, to be shown; files by their own digests"""


def door_of(root: Path, loaded: LoadedConfig, harnesses: Mapping[str, HarnessSpec], harness_dir: Path) -> Door:
    """Read what this config and this project's harness data would do."""
    own = sorted((*harness_dir.glob("*.yaml"), *harness_dir.glob("hooks/*.yaml"))) if harness_dir.is_dir() else []
    whole = hashlib.sha256(loaded.digest.encode())
    said = loaded.doors
    for path in own:
        data = path.read_bytes()
        whole.update(b"\0" + path.name.encode() + b"\0" + data)
        said[str(path.relative_to(harness_dir.parent))] = hashlib.sha256(data).hexdigest()
    config = loaded.config
    if config.engine is not None and config.engine.signers:
        signers = root / config.engine.signers
        data = signers.read_bytes() if signers.is_file() else b""
        whole.update(b"\0signers\0" + data)
        said[config.engine.signers] = hashlib.sha256(data).hexdigest()
    lines = [line for lane in config.lanes for line in _lane_lines(lane)]
    if config.engine is not None:
        lines += _engine_lines(config.engine)
    lines += [line for service in config.notify.services for line in _notify_lines(service)]
    lines += _harness_lines(harnesses, harness_dir)
    return Door(root=root, digest=whole.hexdigest(), lines=tuple(lines), said=said)


def is_accepted(door: Door, state_home: Path) -> bool:
    """True where a person accepted exactly this on this machine, or nothing was accepted ever and nothing has to be.

    What was accepted once may hold guards that a config without a line to accept has lost.
    """
    record = _record(door.root, state_home)
    return record.get("digest") == door.digest if record is not None else not door.lines


def new_lines(door: Door, state_home: Path) -> tuple[str, ...]:
    """The lines that were not part of what was accepted last."""
    known = (_record(door.root, state_home) or {}).get("lines")
    accepted = set(map(str, known)) if isinstance(known, list) else set()
    return tuple(line for line in door.lines if line not in accepted)


def gone_lines(door: Door, state_home: Path) -> tuple[str, ...]:
    """The lines of what was accepted last that hold no longer."""
    known = (_record(door.root, state_home) or {}).get("lines")
    return tuple(line for line in map(str, known) if line not in door.lines) if isinstance(known, list) else ()


def difference(was: Door, now: Door) -> tuple[str, ...]:
    """What one has and the other has not, line by line, each with ``-`` or ``+`` before it.

    Values of a lane's environment, which may be secrets, stand there by their digests.
    """
    from difflib import unified_diff

    from loop_orchestrator.yamltext import dump

    before, after = (dump(_without_secrets(dict(door.said))).splitlines() for door in (was, now))
    return tuple(unified_diff(before, after, n=1, lineterm=""))[2:]


def _without_secrets(said: dict[str, JsonValue]) -> dict[str, JsonValue]:
    lanes = said.get("lanes")
    if isinstance(lanes, dict):
        said["lanes"] = {name: _without_values(lane) for name, lane in lanes.items()}
    return said


def _without_values(lane: JsonValue) -> JsonValue:
    if not isinstance(lane, dict) or not isinstance(pairs := lane.get("env"), list):
        return lane
    hidden: list[JsonValue] = [
        f"{pair[0]} (sha256 {hashlib.sha256(str(pair[1]).encode()).hexdigest()[:12]})"
        for pair in pairs
        if isinstance(pair, list)
    ]
    return {**lane, "env": hidden}


def accept(door: Door, state_home: Path, *, by: str, now: datetime) -> Path:
    """Write down that this was accepted; the file it is written to."""
    from loop_orchestrator.stores.atomic import write_json

    path = _record_path(door.root, state_home)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lines: list[JsonValue] = list(door.lines)
    write_json(
        path,
        {"root": str(door.root), "digest": door.digest, "accepted_at": format_time(now), "by": by, "lines": lines},
    )
    return path


def _record_path(root: Path, state_home: Path) -> Path:
    name = hashlib.sha256(str(root.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return state_home / "accepted" / f"{name}.json"


def _record(root: Path, state_home: Path) -> Mapping[str, JsonValue] | None:
    """What was accepted last; empty where the record cannot be read, None where nothing was accepted ever."""
    from loop_orchestrator.errors import StoreError
    from loop_orchestrator.stores.atomic import read_json

    path = _record_path(root, state_home)
    if not path.exists():
        return None
    try:
        value = read_json(path)
    except StoreError:
        return {}
    return value if isinstance(value, dict) else {}


def _lane_lines(lane: LaneConfig) -> Iterator[str]:
    name = lane.name
    if lane.cmd and lane.cmd != COORDINATOR_CMD:
        yield f"lane {name} runs: {lane.cmd}"
    for variable, value in lane.env:
        yield f"lane {name} gets the environment {variable}={value}"
    if lane.auto_approve:
        yield f"lane {name} starts {lane.harness} with its permission prompts switched off"
    if lane.answer_dialogs:
        yield f"lane {name} says yes to these start-up dialogs of {lane.harness}: {', '.join(lane.answer_dialogs)}"


def _engine_lines(engine: EngineConfig) -> Iterator[str]:
    for name in engine.brain.chain:
        what = "the brain" if name == engine.brain.chain[0] else "a brain in its place"
        if name == BRAIN_COMMAND:
            yield f"{what} runs: {' '.join(engine.brain.command)}"
        elif name != BRAIN_RULES:
            yield f"{what} runs: {name.partition(':')[0]}"
    if engine.brain.env:
        yield f"the brain gets these variables of yours: {', '.join(engine.brain.env)}"
    if engine.ingest.mode is IngestMode.HEADLESS and (engine.ingest.brain or engine.ingest.command):
        own = " ".join(engine.ingest.command or engine.brain.command)
        label = engine.ingest_brain
        yield f"mail is taken into the wiki by: {own if label == BRAIN_COMMAND else label.partition(':')[0]}"
    if engine.signers:
        yield f"approvals are signed, by whom {engine.signers} names"
    if engine.approval is not ApprovalMode.MANUAL:
        yield f"approval is {engine.approval.value}: actions run without a person"
    if engine.trust:
        yield f"text from these sources is trusted: {', '.join(engine.trust)}"


def _notify_lines(service: ServiceConfig) -> Iterator[str]:
    if service.url_env:
        yield f"notices go to the service that your variable {service.url_env} names ({service.name})"
    if service.command:
        yield f"notices run: {' '.join(service.command)} ({service.name})"
    if service.env:
        yield f"notices by {service.name} get these variables of yours: {', '.join(service.env)}"


def _harness_lines(harnesses: Mapping[str, HarnessSpec], harness_dir: Path) -> Iterator[str]:
    """Only the project's own files are read; a harness is named as its file is."""
    for name in sorted(path.stem for path in harness_dir.glob("*.yaml")):
        spec = harnesses[name]
        oneshot = spec.oneshot.argv if spec.oneshot else ()
        yield f"harness {name} of this project runs: {' '.join(spec.launch or oneshot)} ({Path(spec.origin).name})"
        for asked in (spec.version_argv, spec.health_argv):
            if asked:
                yield f"harness {name} of this project is asked with: {' '.join(asked)}"
    for path in sorted(harness_dir.glob("hooks/*.yaml")):
        yield f"what hooks of {path.stem} mean says this project ({path.relative_to(harness_dir)})"
