"""Reads scripts, and the steps a prompt asks for directly: YAML, strict, every mistake with file, line and key."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TypeVar

from loop_orchestrator.config.problems import Problems, did_you_mean
from loop_orchestrator.config.reader import About, read_file, read_section
from loop_orchestrator.rehearsal.steps import (
    FIELDS,
    Ack,
    Answer,
    Answers,
    Ask,
    Exit,
    Fail,
    Mail,
    RateLimit,
    Reply,
    Run,
    Say,
    Script,
    Step,
    Think,
    Work,
    Write,
    texts_of,
    unknown_names,
)
from loop_orchestrator.yamltext import YamlProblem, parse

T = TypeVar("T")

PACKAGED = Path(__file__).with_name("default-script.yaml")
"""The script that is played unless another is given; a key that another one leaves out is taken from it."""

_STEERING = re.compile(r"^REHEARSE:(.*)$", re.MULTILINE)
_SECONDS = About(unit="seconds", at_least=0, at_most=3600).metadata
_STATUS = About(at_least=0, at_most=255).metadata


@dataclass(frozen=True, kw_only=True)
class _SpokenStep:
    """A step of a one-shot reply: exactly one key."""

    say: str | None = None
    work_s: float | None = field(default=None, metadata=_SECONDS)
    error: str | None = None
    exit: int | None = field(default=None, metadata=_STATUS)

    def __post_init__(self) -> None:
        given = [key.name for key in fields(self) if getattr(self, key.name) is not None]
        if len(given) != 1:
            names = ", ".join(key.name for key in fields(self))
            raise ValueError(f"a step has exactly one of {names} (got {', '.join(given) or 'none'})")

    @property
    def step(self) -> Step:
        if self.say is not None:
            return Say(self.say)
        if self.work_s is not None:
            return Work(self.work_s)
        if self.error is not None:
            return Fail(self.error)
        assert self.exit is not None
        return Exit(self.exit)


@dataclass(frozen=True, kw_only=True)
class _TurnStep(_SpokenStep):
    """A step of a turn: exactly one key."""

    think_s: float | None = field(default=None, metadata=_SECONDS)
    mail: Mail | None = None
    reply: Reply | None = None
    ack: str | None = None
    write: Write | None = None
    run: tuple[str, ...] | None = None
    ask: str | None = None
    rate_limit: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.run is not None and not (self.run and self.run[0]):
            raise ValueError("run needs a program")

    @property
    def step(self) -> Step:
        if self.think_s is not None:
            return Think(self.think_s)
        if self.run is not None:
            return Run(self.run)
        if self.ack is not None:
            return Ack(self.ack)
        if self.ask is not None:
            return Ask(self.ask)
        if self.rate_limit is not None:
            return RateLimit(self.rate_limit)
        return self.mail or self.reply or self.write or super().step


@dataclass(frozen=True, kw_only=True)
class _TurnDefault:
    steps: tuple[_TurnStep, ...]

    def __post_init__(self) -> None:
        _check_names(self.steps, ())


@dataclass(frozen=True, kw_only=True)
class _TurnAnswer:
    when: re.Pattern[str]
    steps: tuple[_TurnStep, ...]

    def __post_init__(self) -> None:
        _check_names(self.steps, _groups(self.when))


@dataclass(frozen=True, kw_only=True)
class _SpokenDefault:
    steps: tuple[_SpokenStep, ...]

    def __post_init__(self) -> None:
        _check_names(self.steps, ())


@dataclass(frozen=True, kw_only=True)
class _SpokenAnswer:
    when: re.Pattern[str]
    steps: tuple[_SpokenStep, ...]

    def __post_init__(self) -> None:
        _check_names(self.steps, _groups(self.when))


@dataclass(frozen=True, kw_only=True)
class _OneShotKeys:
    answers: tuple[_SpokenAnswer, ...] | None = None
    default: _SpokenDefault | None = None


@dataclass(frozen=True, kw_only=True)
class _ScriptKeys:
    boot_s: float | None = field(default=None, metadata=_SECONDS)
    enter_refused_ms: float | None = field(default=None, metadata=About(unit="milliseconds", at_least=0).metadata)
    answers: tuple[_TurnAnswer, ...] | None = None
    default: _TurnDefault | None = None
    oneshot: _OneShotKeys | None = None


@dataclass(frozen=True, kw_only=True)
class _Steering:
    steps: tuple[_TurnStep, ...]


def load_script(path: Path | None) -> Script:
    """The script of a file, completed from the packaged one. Raises ConfigError with every mistake in it."""
    own = _read(path) if path is not None else _ScriptKeys()
    packaged = _read(PACKAGED)
    own_oneshot, packaged_oneshot = own.oneshot or _OneShotKeys(), packaged.oneshot or _OneShotKeys()
    return Script(
        boot_s=_first(own.boot_s, packaged.boot_s),
        enter_refused_s=_first(own.enter_refused_ms, packaged.enter_refused_ms) / 1000,
        interactive=_answers(_first(own.answers, packaged.answers), _first(own.default, packaged.default)),
        oneshot=_answers(
            _first(own_oneshot.answers, packaged_oneshot.answers), _first(own_oneshot.default, packaged_oneshot.default)
        ),
    )


def steered(prompt: str) -> tuple[Step, ...] | None:
    """The steps of the prompt's lines ``REHEARSE: [...]``, their texts as they are; None without such a line.

    Raises ConfigError for steps that cannot be read.
    """
    lines = _STEERING.findall(prompt)
    if not lines:
        return None
    problems = Problems()
    steps: list[Step] = []
    for line in lines:
        try:
            node = parse(f"steps: {line.strip()}", strict=True, file="REHEARSE")
        except YamlProblem as problem:
            problems.add_yaml("REHEARSE", problem)
            continue
        if node is not None and (keys := read_section(_Steering, node, problems, "")):
            steps += [key.step for key in keys.steps]
    problems.raise_any()
    return tuple(steps)


def _read(path: Path) -> _ScriptKeys:
    problems = Problems()
    node = read_file(path, problems)
    keys = read_section(_ScriptKeys, node, problems, "") if node is not None else None
    problems.raise_any()
    return keys or _ScriptKeys()


def _first(own: T | None, packaged: T | None) -> T:
    value = packaged if own is None else own
    assert value is not None, "the packaged script has every key"
    return value


def _answers(
    answers: Iterable[_TurnAnswer] | Iterable[_SpokenAnswer], default: _TurnDefault | _SpokenDefault
) -> Answers:
    return Answers(
        tuple(Answer(answer.when, tuple(key.step for key in answer.steps)) for answer in answers),
        tuple(key.step for key in default.steps),
    )


def _groups(when: re.Pattern[str]) -> tuple[str, ...]:
    return (*map(str, range(when.groups + 1)), *when.groupindex)


def _check_names(steps: Iterable[_SpokenStep], groups: tuple[str, ...]) -> None:
    """Raises ValueError for a name in braces that no text will be put in for."""
    names = frozenset((*FIELDS, *groups))
    for key in steps:
        for text in texts_of(key.step):
            for name in unknown_names(text, names):
                meant = did_you_mean(name, names)
                raise ValueError(
                    f"nothing is known to put in for {{{name}}} in {text!r}{meant}; {{{{{name}}}}} is text"
                )
