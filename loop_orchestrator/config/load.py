"""Loads ``lane-config.yaml`` and the host file laid over it, or the compiled copy of both."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from loop_orchestrator.config.compiled import CONFIG_NAME, config_files
from loop_orchestrator.config.policy import PolicyConfig
from loop_orchestrator.config.problems import Problems, did_you_mean
from loop_orchestrator.config.reader import check_section, read_file, read_section
from loop_orchestrator.config.schema import BRAIN_COMMAND, BRAIN_RULES, BrainConfig, Config, EngineConfig, place_of
from loop_orchestrator.model.ingest import IngestMode
from loop_orchestrator.model.lane import Split
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.yamltext import Mapping, Mark, Node, Scalar, Sequence, from_plain, to_plain

_ASKING = (IngestMode.LANE, IngestMode.HEADLESS)
"""Modes in which a lane or a program is asked to take mail in."""


@dataclass(frozen=True, kw_only=True)
class LoadedConfig:
    """A config and where it came from."""

    config: Config
    files: tuple[Path, ...]
    """the files that were read, base first; empty: there is none, all is default"""

    @property
    def digest(self) -> str:
        """sha256 of what the config makes this machine run or allow; a person accepts exactly this."""
        return digest_of(self.config)

    @property
    def doors(self) -> dict[str, JsonValue]:
        """What the digest is of."""
        return doors_of(self.config)


def load(
    root: Path,
    *,
    lane_config: Path | None = None,
    hostname: str | None = None,
    harness_names: Collection[str] = (),
    keep_copy: bool = True,
) -> LoadedConfig:
    """The config of a project; all defaults where it has no file.

    Reads ``<root>/lane-config.yaml``, or ``lane_config`` (which must exist), and beside it the same name with
    ``.<short host name>`` before the suffix. Writes a compiled copy where ``<root>/.loop`` exists, unless ``keep_copy``
    is false.
    harness_names: names that lanes and brain may use; empty: any.
    Raises ConfigError with every problem of both files.
    """
    files, compiled = config_files(root, lane_config=lane_config, hostname=hostname)
    shown = [_shown(path, root) for path in files]
    copied = _from_copy(compiled.read(), harness_names)
    if copied is not None:
        return LoadedConfig(config=copied, files=files)
    config, plain = _from_files(files, shown, harness_names)
    if keep_copy:
        compiled.write({"config": plain, "limits": _plain_limits(config)})
    return LoadedConfig(config=config, files=files)


def _plain_limits(config: Config) -> dict[str, JsonValue]:
    from dataclasses import asdict

    return asdict(config.limits)


def digest_of(config: Config) -> str:
    """sha256 of its doors."""
    import hashlib
    import json

    return hashlib.sha256(json.dumps(doors_of(config), sort_keys=True).encode()).hexdigest()


def doors_of(config: Config) -> dict[str, JsonValue]:
    """All keys but those that only place things on the screen or set the pace: what runs, and what is allowed."""
    said: dict[str, JsonValue] = {
        "lanes": {
            lane.name: {
                "harness": lane.harness,
                "cmd": lane.cmd,
                "model": lane.model,
                "role": lane.role,
                "repo": lane.repo,
                "env": [[name, value] for name, value in sorted(lane.env)],
                "auto_approve": lane.auto_approve,
                "outside": lane.outside,
                **({"answer_dialogs": list(lane.answer_dialogs)} if lane.answer_dialogs else {}),
            }
            for lane in config.lanes
        }
    }
    if engine := config.engine:
        said["engine"] = {
            "approval": engine.approval,
            "use": engine.brain.use,
            "command": list(engine.brain.command),
            "model": engine.brain.model,
            "env": list(engine.brain.env),
            "max_calls_per_hour": engine.brain.max_calls_per_hour,
            "max_dispatches_per_cycle": engine.destructive.max_dispatches_per_cycle,
            "max_lanes": engine.destructive.max_lanes,
            "payload_patterns": [pattern.pattern for pattern in engine.destructive.payload_patterns],
            "trust": list(engine.trust),
            **{name: value for name, value in _unusual(engine.brain).items() if value},
            **({"signers": engine.signers} if engine.signers else {}),
            **({"approval_expires_s": engine.approval_expires_s} if engine.approval_expires_s else {}),
            **({"policy": _plain_policy(engine.policy)} if engine.policy != PolicyConfig() else {}),
            **({"ingest": _plain_ingest(engine)} if engine.ingest.mode in _ASKING else {}),
        }
    if services := config.notify.services:
        said["notify"] = {
            one.name: {"url_env": one.url_env, "command": list(one.command), "env": list(one.env)} for one in services
        }
    return said


def _unusual(brain: BrainConfig) -> dict[str, JsonValue]:
    """Keys of the brain that most projects leave out, and that count only where they stand."""
    return {
        "fallback": list(brain.fallback),
        "max_calls_per_day": brain.max_calls_per_day,
        "max_usd_per_day": brain.max_usd_per_day,
        "assumed_usd": brain.assumed_usd if brain.max_usd_per_day is not None else None,
    }


def _plain_ingest(engine: EngineConfig) -> JsonValue:
    """Who is asked to take mail in, where anybody is."""
    headless = engine.ingest.mode is IngestMode.HEADLESS
    asked = [engine.ingest_brain, *engine.ingest.command] if headless else [engine.ingest.lane]
    return [engine.ingest.mode.value, *asked]


def _plain_policy(policy: PolicyConfig) -> JsonValue:
    from dataclasses import asdict
    from typing import cast

    return cast("JsonValue", asdict(policy))  # words, numbers, and tuples of them


def _from_files(files: tuple[Path, ...], shown: list[str], harness_names: Collection[str]) -> tuple[Config, JsonValue]:
    """The config and the merged values it was read from. Raises ConfigError."""
    problems = Problems()
    nodes = [read_file(path, problems, shown=name) for path, name in zip(files, shown, strict=True)]
    problems.raise_any()
    merged: Node = Mapping((), Mark(1, 1, shown[0] if shown else CONFIG_NAME))
    for node in nodes:
        if node is not None:
            check_section(Config, node, problems, "")
            merged = _merge(merged, node)
    config, found = _read(merged, harness_names)
    problems.found |= found.found
    problems.raise_any()
    assert config is not None
    return config, to_plain(merged)


def _read(root: Node, harness_names: Collection[str]) -> tuple[Config | None, Problems]:
    """The config of the merged values, None if there are problems."""
    problems = Problems()
    config = read_section(Config, root, problems, "")
    lanes = root.get("lanes") if isinstance(root, Mapping) else None
    if isinstance(lanes, Mapping):
        _check_firsts(lanes, problems)
        for name, _, lane in lanes.entries:
            _check_harness(lane, "harness", f"lanes.{name}", harness_names, problems)
    brain = _child(_child(root, "engine"), "brain")
    if brain is not None and harness_names:
        known = (BRAIN_RULES, BRAIN_COMMAND, *harness_names)
        _check_harness(brain, "use", "engine.brain", known, problems)
        _check_fallback(brain, known, problems)
    ingest = _child(_child(root, "engine"), "ingest")
    if ingest is not None and harness_names:
        _check_label(ingest, "brain", "engine.ingest", (BRAIN_COMMAND, *harness_names), problems)
    policy = _child(_child(root, "engine"), "policy")
    if policy is not None and harness_names and config is not None and config.engine is not None:
        for path, name in config.engine.policy.harnesses():
            if name not in harness_names:
                advice = did_you_mean(name, harness_names) or f"; there are {', '.join(sorted(harness_names))}"
                problems.add(
                    _mark_of(policy, path, name),
                    f"engine.policy.{path}",
                    f"no harness has this name (got {name!r}){advice}",
                )
    return config, problems


def _check_firsts(lanes: Mapping, problems: Problems) -> None:
    """A window begins with one pane: adds each lane that wants to be first where another lane is."""
    firsts: dict[str, str] = {}
    for name, mark, lane in lanes.entries:
        place = place_of(name, harness=_text(lane, "harness"))
        split = _text(lane, "split") or place.split
        first = firsts.setdefault(_text(lane, "window") or place.window, name) if split == Split.FIRST else name
        if first != name:
            problems.add(mark, f"lanes.{name}", f"needs split: right or below; lane {first} is first in its window")


def _check_harness(node: Node, key: str, path: str, names: Collection[str], problems: Problems) -> None:
    """Adds a problem if the name under a key is none of the harness names; empty names: any will do."""
    name, value = _text(node, key), _child(node, key)
    if value is not None and name and names and name not in names:
        advice = did_you_mean(name, names) or f"; there are {', '.join(sorted(names))}"
        problems.add(value.mark, f"{path}.{key}", f"no harness has this name (got {name!r}){advice}")


def _check_label(node: Node, key: str, path: str, names: Collection[str], problems: Problems) -> None:
    """Adds a problem if what stands before the ``:`` under a key is no name of a brain."""
    name, value = _text(node, key).partition(":")[0], _child(node, key)
    if value is not None and name and name not in names:
        advice = did_you_mean(name, names) or f"; there are {', '.join(sorted(names))}"
        problems.add(value.mark, f"{path}.{key}", f"no brain has this name (got {name!r}){advice}")


def _check_fallback(brain: Node, names: Collection[str], problems: Problems) -> None:
    """Adds each fallback that names no brain."""
    listed = _child(brain, "fallback")
    for one in listed.items if isinstance(listed, Sequence) else ():
        name = str(one.value).partition(":")[0] if isinstance(one, Scalar) else ""
        if name and name not in names:
            advice = did_you_mean(name, names) or f"; there are {', '.join(sorted(names))}"
            problems.add(one.mark, "engine.brain.fallback", f"no brain has this name (got {name!r}){advice}")


def _mark_of(node: Node, path: str, text: str) -> Mark:
    """Where a text stands under a dotted path, by itself or in a list."""
    found: Node | None = node
    for key in path.split("."):
        found = _child(found, key)
    items = found.items if isinstance(found, Sequence) else (found,)
    return next((one.mark for one in items if isinstance(one, Scalar) and one.value == text), node.mark)


def _child(node: Node | None, key: str) -> Node | None:
    return node.get(key) if isinstance(node, Mapping) else None


def _text(node: Node, key: str) -> str:
    """The text under a key; empty if there is none."""
    value = _child(node, key)
    return value.value if isinstance(value, Scalar) and isinstance(value.value, str) else ""


def _merge(base: Node, over: Node) -> Node:
    """Mappings key by key, anything else replaced; a mapping with nothing laid over it stays."""
    if not isinstance(base, Mapping):
        return over
    if isinstance(over, Scalar) and over.value is None:
        return base
    if not isinstance(over, Mapping):
        return over
    entries = {key: (mark, node) for key, mark, node in base.entries}
    for key, mark, node in over.entries:
        entries[key] = (mark, _merge(entries[key][1], node) if key in entries else node)
    return Mapping(tuple((key, mark, node) for key, (mark, node) in entries.items()), over.mark)


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _from_copy(values: dict[str, JsonValue] | None, harness_names: Collection[str]) -> Config | None:
    """The config of a compiled copy; None if there is none, or anything in it is wrong."""
    if values is None:
        return None
    try:
        config, problems = _read(from_plain(values.get("config"), Mark(1, 1)), harness_names)
    except (ValueError, TypeError, RecursionError):
        return None
    return None if problems.found else config
