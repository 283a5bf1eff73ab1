"""The hooks there are data for: the packaged files, then those of the project, which replace or add."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from loop_orchestrator.config.compiled import Compiled
from loop_orchestrator.config.problems import Problem, Problems, did_you_mean
from loop_orchestrator.config.reader import read_file, read_section
from loop_orchestrator.model.hooks import HookSpec
from loop_orchestrator.model.lane import Detail
from loop_orchestrator.yamltext import Mark, Node, from_plain, to_plain

PACKAGED = Path(__file__).parent / "data" / "hooks"
"""The data files that every project has."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class HookFiles(Mapping[str, HookSpec]):
    """The hooks of every program by its name, read when they are first asked for."""

    def __init__(self, project_dir: Path | None, *, cache_dir: Path | None = None) -> None:
        """project_dir: folder of the project's own data files (``.loop/harnesses/hooks``); it need not be there.

        cache_dir: where compiled copies are kept, if that folder's parent is there; None: nowhere.
        """
        folders = [PACKAGED] if project_dir is None else [PACKAGED, project_dir]
        self._files = {path.stem: path for folder in folders for path in sorted(folder.glob("*.yaml"))}
        self._cache_dir = cache_dir
        self._read: dict[str, HookSpec] = {}

    def __getitem__(self, name: str) -> HookSpec:
        """Raises ConfigError with every problem of the file."""
        if name not in self._read:
            path = self._files[name]
            compiled = Compiled(self._cache_dir and self._cache_dir / f"hooks-{name}.json", [path])
            values = compiled.read()
            spec = None if values is None else _spec_of(from_plain(values.get("hooks"), Mark(1, 1)), path, Problems())
            self._read[name] = spec or _from_file(path, compiled)
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        """Whether there is data of that name; reads nothing."""
        return name in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def _from_file(path: Path, compiled: Compiled) -> HookSpec:
    problems = Problems()
    node = read_file(path, problems)
    if node is None and not problems.found:
        problems.add_file(str(path), "is empty")
    spec = None if node is None else _spec_of(node, path, problems)
    problems.raise_any()
    assert spec is not None
    compiled.write({"hooks": to_plain(node)})
    return spec


def _spec_of(node: Node, path: Path, problems: Problems) -> HookSpec | None:
    spec = read_section(HookSpec, node, problems, "", given={"origin": str(path)})
    if spec is None:
        return None
    mistakes = tuple(_mistakes(spec, path.stem))
    problems.found.update(Problem(str(path), 0, key, message) for key, message in mistakes)
    return None if mistakes else spec


def _mistakes(spec: HookSpec, stem: str) -> Iterator[tuple[str, str]]:
    """What is wrong between the keys of one file: (key, message)."""
    if spec.name != stem:
        yield "name", f"expected the name of the file, {stem} (got {spec.name!r})"
    for key, text in (("user", spec.user), ("project", spec.project)):
        file = PurePosixPath(text)
        if file.is_absolute() or ".." in file.parts or file.suffix != ".json":
            yield key, f"expected a JSON file below the directory it is relative to (got {text!r})"
    if spec.variable and not _VARIABLE.fullmatch(spec.variable):
        yield "variable", f"expected the name of an environment variable (got {spec.variable!r})"
    if spec.timeout < 0:
        yield "timeout", f"expected a number that is not below 0 (got {spec.timeout})"
    if not spec.events:
        yield "events", "expected at least one event"
    names = [event.event for event in spec.events]
    for number, event in enumerate(spec.events):
        if names.index(event.event) != number:
            yield f"events[{number}].event", f"{event.event} stands there twice"
        if bool(event.by) != bool(event.values):
            yield f"events[{number}]", "expected by and values together"
        if event.detail is None and not event.values:
            yield f"events[{number}]", "expected a detail, or by and values"
        for value, detail in event.values:
            if detail not in tuple(Detail):
                near = did_you_mean(detail, Detail)
                yield f"events[{number}].values.{value}", f"expected a detail of a lane's state (got {detail!r}){near}"
