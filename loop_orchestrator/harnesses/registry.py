"""The harnesses there are: the packaged data files, then those of the project, which replace or add."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from loop_orchestrator.config.compiled import Compiled
from loop_orchestrator.config.problems import Problem, Problems
from loop_orchestrator.config.reader import read_file, read_section
from loop_orchestrator.errors import UsageError
from loop_orchestrator.harnesses import fields
from loop_orchestrator.model.harness import (
    Dialog,
    HarnessKind,
    HarnessSpec,
    OneShot,
    OutputFormat,
    PromptBy,
    StreamRule,
)
from loop_orchestrator.yamltext import Mark, Node, from_plain, to_plain

PACKAGED = Path(__file__).parent / "data"
"""The data files that every project has."""

IDLE_HOME = "LOOP_LANE_IDLE_HOME_PATTERN"
"""The environment variable with the user's pattern for idle screens of agents whose screens no data file knows."""

_NAME = re.compile(r"[a-z][a-z0-9-]*")
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*")
"""A key as tmux names it: ``Enter``, ``C-u``."""
_COUNTS = ("input_tokens", "output_tokens", "cached_tokens")
_A_SUM = "paths to add or take away, such as usage.input_tokens + usage.cached? - usage.other"


class Harnesses(Mapping[str, HarnessSpec]):
    """Every harness by name, read when it is first asked for: most sessions use two or three of them."""

    def __init__(self, project_dir: Path | None, *, cache_dir: Path | None = None, idle_home: str = "") -> None:
        """project_dir: folder of the project's own data files (``.loop/harnesses``); one that is not there is fine.

        cache_dir: where compiled copies of the data files are kept, if that folder's parent is there; None: nowhere.
        idle_home: the user's pattern for idle screens of agents whose screens no data file knows; empty: none.
        Raises UsageError for a pattern that is none.
        """
        self._idle_home = _pattern(idle_home) if idle_home else None
        folders = [PACKAGED] if project_dir is None else [PACKAGED, project_dir]
        self._files = {path.stem: path for folder in folders for path in sorted(folder.glob("*.yaml"))}
        self._cache_dir = cache_dir
        self._copies_serve = True
        self._read: dict[str, HarnessSpec] = {}

    def __getitem__(self, name: str) -> HarnessSpec:
        """Raises ConfigError with every problem of the harness's file."""
        if name not in self._read:
            problems = Problems()
            copied = self._copied(name) if self._copies_serve else None
            spec = copied or self._from_file(name, problems, keep=not self._copies_serve)
            problems.raise_any()
            assert spec is not None
            self._read[name] = self._at_home(spec)
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        """Whether there is such a harness; reads nothing."""
        return name in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def use_files(self) -> None:
        """Take nothing from compiled copies from now on; reads the project's own files, the others when asked for.

        Who acts on a harness calls this first: the copies lie where lanes can write, and are good only for looking.
        Raises ConfigError with every problem of the project's files.
        """
        self._copies_serve, self._read = False, {}
        self._read_files(name for name, path in self._files.items() if path.parent != PACKAGED)

    def check(self) -> None:
        """Read every file itself and write its compiled copy. Raises ConfigError with every problem of every file."""
        self._copies_serve = False
        self._read_files(self._files)

    def _read_files(self, names: Iterable[str]) -> None:
        problems = Problems()
        read = {name: self._from_file(name, problems, keep=True) for name in names}
        problems.raise_any()
        self._read |= {name: self._at_home(spec) for name, spec in read.items() if spec is not None}

    def _at_home(self, spec: HarnessSpec) -> HarnessSpec:
        """With the user's pattern, where nothing else could ever say idle."""
        if self._idle_home is None or not spec.is_agent or spec.composer is not None:
            return spec
        return replace(spec, idle_home=(*spec.idle_home, self._idle_home))

    def _compiled(self, name: str) -> Compiled:
        return Compiled(self._cache_dir and self._cache_dir / f"harness-{name}.json", [self._files[name]])

    def _copied(self, name: str) -> HarnessSpec | None:
        """The harness as its compiled copy has it; None if there is no good copy."""
        values = self._compiled(name).read()
        if values is None:
            return None
        return _spec_of(from_plain(values.get("harness"), Mark(1, 1)), self._files[name], Problems())

    def _from_file(self, name: str, problems: Problems, *, keep: bool) -> HarnessSpec | None:
        """keep: write the compiled copy."""
        compiled = self._compiled(name)
        node = _node_of(self._files[name], problems)
        spec = None if node is None else _spec_of(node, self._files[name], problems)
        if keep and spec is not None:
            compiled.write({"harness": to_plain(node)})
        return spec


def load_harnesses(project_dir: Path | None) -> Harnesses:
    """Every harness, read and checked. Raises ConfigError with every problem of every file."""
    found = Harnesses(project_dir)
    found.check()
    return found


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise UsageError(f"{IDLE_HOME}: expected a regular expression, {error} (got {text!r})") from error


def _node_of(path: Path, problems: Problems) -> Node | None:
    before = len(problems.found)
    node = read_file(path, problems)
    if node is None and len(problems.found) == before:
        problems.add_file(str(path), "is empty")
    return node


def _spec_of(node: Node, path: Path, problems: Problems) -> HarnessSpec | None:
    spec = read_section(HarnessSpec, node, problems, "", given={"origin": str(path)})
    if spec is None:
        return None
    mistakes = tuple(_mistakes(spec, path.stem))
    problems.found.update(Problem(str(path), 0, key, message) for key, message in mistakes)
    return None if mistakes else spec


def _mistakes(spec: HarnessSpec, stem: str) -> Iterator[tuple[str, str]]:
    """What is wrong between the keys of one file: (key, message)."""
    if not _NAME.fullmatch(spec.name) or spec.name != stem:
        yield "name", f"expected the name of the file, {stem}, in lower case letters, digits and - (got {spec.name!r})"
    needs_launch = spec.kind in (HarnessKind.AGENT, HarnessKind.DASHBOARD)
    if needs_launch and not spec.launch:
        yield "launch", f"a harness of kind {spec.kind} needs the argv of its program"
    if not needs_launch and spec.launch:
        yield "launch", f"a harness of kind {spec.kind} starts no program of its own"
    if spec.kind is HarnessKind.BRAIN and spec.oneshot is None:
        yield "oneshot", "a brain needs this section"
    for number, rule in enumerate(spec.rules):
        if not rule.all and not rule.any:
            yield f"rules[{number}]", "expected at least one pattern in all or any"
    if spec.composer is not None:
        if "text" not in spec.composer.line.groupindex:
            yield "composer.line", "expected a group named text, (?P<text>…)"
        if not spec.composer.submit:
            yield "composer.submit", "expected at least one key"
        if spec.composer.reset_first and not spec.composer.reset:
            yield "composer.reset", "expected the program's own command, since reset_first asks for it"
        if "\n" in spec.composer.reset.strip() or spec.composer.reset != spec.composer.reset.strip():
            yield "composer.reset", f"expected one line without blanks around it (got {spec.composer.reset!r})"
        for key in ("clear", "interrupt", "submit"):
            keys: tuple[str, ...] = getattr(spec.composer, key)
            for name in keys:
                if not _KEY.fullmatch(name):
                    yield f"composer.{key}", f"expected names of keys, such as Escape or C-u (got {name!r})"
    yield from _dialog_mistakes(spec.dialogs)
    for key, argv in (("model_argv", spec.model_argv), ("oneshot.model_argv", _oneshot_model(spec.oneshot))):
        if argv and not any("{model}" in word for word in argv):
            yield key, "expected {model} in one of its words"
    if spec.oneshot is not None:
        yield from _oneshot_mistakes(spec.oneshot)


def _dialog_mistakes(dialogs: Sequence[Dialog]) -> Iterator[tuple[str, str]]:
    names = [dialog.name for dialog in dialogs]
    for number, dialog in enumerate(dialogs):
        where = f"dialogs[{number}]"
        if not _NAME.fullmatch(dialog.name) or names.count(dialog.name) > 1:
            yield (
                f"{where}.name",
                f"expected a name of its own in lower case letters, digits and - (got {dialog.name!r})",
            )
        if not dialog.all:
            yield f"{where}.all", "expected at least one pattern"
        if dialog.choose and dialog.chosen is None:
            yield f"{where}.chosen", "expected a pattern that shows that yes is chosen, since keys choose it"
        for key, keys in (("choose", dialog.choose), ("confirm", (dialog.confirm,) if dialog.confirm else ())):
            for name in keys:
                if not _KEY.fullmatch(name):
                    yield f"{where}.{key}", f"expected the name of a key, such as Enter or Down (got {name!r})"


def _oneshot_model(oneshot: OneShot | None) -> tuple[str, ...]:
    return oneshot.model_argv if oneshot else ()


def _oneshot_mistakes(oneshot: OneShot) -> Iterator[tuple[str, str]]:
    if not oneshot.argv:
        yield "oneshot.argv", "expected the argv of the program"
    has_prompt = any("{prompt}" in word for word in oneshot.argv)
    if has_prompt != (oneshot.prompt is PromptBy.ARGUMENT):
        yield "oneshot.argv", "expected {prompt} in one of its words exactly if prompt is argument"
    if oneshot.output is OutputFormat.JSON and not oneshot.reply:
        yield "oneshot.reply", "with output json this key is needed"
    for key in ("reply", "error", "cost"):
        yield from _path_mistake(f"oneshot.{key}", getattr(oneshot, key), fields.PATH, "a path such as usage.cost")
    for key in _COUNTS:
        yield from _path_mistake(f"oneshot.{key}", getattr(oneshot, key), fields.SUM, _A_SUM)
    has_events = oneshot.output is OutputFormat.JSONL
    if bool(oneshot.events) != has_events:
        yield "oneshot.events", "expected rules exactly if output is jsonl"
    elif has_events and not any(rule.text or rule.piece or rule.reply for rule in oneshot.events):
        yield "oneshot.events", "expected a rule with text, piece or reply: without one there is no answer"
    for key in ("reply", "error", "cost", *_COUNTS):
        if has_events and getattr(oneshot, key):
            yield f"oneshot.{key}", "with output jsonl it stands in the rules of events"
    for number, rule in enumerate(oneshot.events):
        yield from _event_mistakes(rule, f"oneshot.events[{number}]")


def _event_mistakes(rule: StreamRule, where: str) -> Iterator[tuple[str, str]]:
    if not rule.when:
        yield f"{where}.when", "expected at least one path and the value that stands there"
    if rule.of and not rule.each:
        yield f"{where}.of", "expected each, the list of which this is a member"
    if rule.quiet and not rule.text:
        yield f"{where}.quiet", "expected text, which is what is not shown again"
    yield from _path_mistake(f"{where}.each", rule.each, fields.PATH, "a path such as message.content")
    yield from _path_mistake(f"{where}.cost", rule.cost, fields.PATH, "a path such as usage.cost")
    for path, _ in (*rule.when, *rule.of):
        yield from _path_mistake(where, path, fields.PATH, "a path such as message.role")
    for key in ("text", "piece", "reply", "shows", "tells", "warns", "tool", "arguments", "failure"):
        yield from _path_mistake(f"{where}.{key}", getattr(rule, key), fields.PATHS, "paths such as name or name + id")
    for key in _COUNTS:
        yield from _path_mistake(f"{where}.{key}", getattr(rule, key), fields.SUM, _A_SUM)


def _path_mistake(key: str, given: str, shape: re.Pattern[str], wanted: str) -> Iterator[tuple[str, str]]:
    if given and not shape.fullmatch(given):
        yield key, f"expected {wanted} (got {given!r})"
