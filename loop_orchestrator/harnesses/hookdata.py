"""The hooks there are data for: the packaged files, then those of the project, which replace or add."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from loop_orchestrator.config.compiled import Compiled
from loop_orchestrator.model.hooks import HookEvent, HookSpec
from loop_orchestrator.model.lane import Detail

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue

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
        """For who only looks: a compiled copy serves as well. Raises ConfigError with every problem of the file."""
        if name not in self._read:
            values = self._compiled(name).read()
            spec = None if values is None else _from_copy(values.get("hooks"), self._files[name])
            self._read[name] = spec or self.itself(name)
        return self._read[name]

    def itself(self, name: str) -> HookSpec:
        """For who acts on it: read from the file itself, since lanes can write where the copies lie.

        Writes the compiled copy. Raises ConfigError with every problem of the file.
        """
        return _from_file(self._files[name], self._compiled(name))

    def _compiled(self, name: str) -> Compiled:
        return Compiled(self._cache_dir and self._cache_dir / f"hooks-{name}.json", [self._files[name]])

    def __contains__(self, name: object) -> bool:
        """Whether there is data of that name; reads nothing."""
        return name in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def _from_copy(values: JsonValue, path: Path) -> HookSpec | None:
    """As much of the copy as a report is read with; None if it is not what a good file gives.

    It runs at every tool call of an agent, so it goes without the reader of files and all that it imports.
    """
    try:
        assert isinstance(values, dict)
        events = values["events"]
        assert isinstance(events, list)
        return HookSpec(
            name=path.stem,
            user=_text(values["user"]),
            project=_text(values["project"]),
            event_field=_text(values.get("event_field", HookSpec.event_field)),
            conversation_field=_text(values.get("conversation_field", HookSpec.conversation_field)),
            events=tuple(map(_event, events)),
            origin=str(path),
        )
    except (AssertionError, KeyError, ValueError):
        return None


def _event(values: JsonValue) -> HookEvent:
    assert isinstance(values, dict)
    detail, special = values.get("detail"), values.get("values", {})
    assert isinstance(special, dict)
    return HookEvent(
        event=_text(values["event"]),
        detail=None if detail is None else Detail(_text(detail)),
        by=_text(values.get("by", "")),
        values=tuple((value, Detail(_text(meant)).value) for value, meant in special.items()),
    )


def _text(value: JsonValue) -> str:
    assert isinstance(value, str)
    return value


def _from_file(path: Path, compiled: Compiled) -> HookSpec:
    from loop_orchestrator.config.problems import Problem, Problems
    from loop_orchestrator.config.reader import read_file, read_section
    from loop_orchestrator.yamltext import to_plain

    problems = Problems()
    node = read_file(path, problems)
    if node is None and not problems.found:
        problems.add_file(str(path), "is empty")
    spec = None if node is None else read_section(HookSpec, node, problems, "", given={"origin": str(path)})
    if spec is not None:
        problems.found.update(Problem(str(path), 0, key, message) for key, message in _mistakes(spec, path.stem))
    problems.raise_any()
    assert spec is not None
    compiled.write({"hooks": to_plain(node)})
    return spec


def _mistakes(spec: HookSpec, stem: str) -> Iterator[tuple[str, str]]:
    """What is wrong between the keys of one file: (key, message)."""
    from loop_orchestrator.config.problems import did_you_mean

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
