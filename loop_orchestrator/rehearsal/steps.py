"""What a script can make the rehearsal agent do, one frozen value per step, and which steps answer a prompt."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TypeVar

PROMPT_FIELD_CHARACTERS = 60
"""How much of a prompt ``{prompt}`` stands for, on one line."""

FIELDS = ("lane", "session", "model", "prompt")
"""Names that every text of a script may hold in braces, beside the groups of its own ``when``."""

_NAMED = re.compile(r"\{\{(\w+)\}\}|\{(\w+)\}")


@dataclass(frozen=True)
class Think:
    seconds: float


@dataclass(frozen=True)
class Work:
    seconds: float


@dataclass(frozen=True)
class Mail:
    to: str
    subject: str
    body: str = ""


@dataclass(frozen=True)
class Reply:
    file: str
    body: str


@dataclass(frozen=True)
class Ack:
    file: str


@dataclass(frozen=True)
class Write:
    path: str
    """relative to the working directory"""
    text: str


@dataclass(frozen=True)
class Run:
    argv: tuple[str, ...]


@dataclass(frozen=True)
class Ask:
    what: str


@dataclass(frozen=True)
class Say:
    text: str


@dataclass(frozen=True)
class Fail:
    text: str


@dataclass(frozen=True)
class RateLimit:
    until: str


@dataclass(frozen=True)
class Exit:
    status: int


Step = Think | Work | Mail | Reply | Ack | Write | Run | Ask | Say | Fail | RateLimit | Exit

S = TypeVar("S", bound=Step)


@dataclass(frozen=True)
class Answer:
    """Steps for the prompts in which ``when`` is found."""

    when: re.Pattern[str]
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Answers:
    """What answers which prompt: the first answer that fits, else the default."""

    answers: tuple[Answer, ...]
    default: tuple[Step, ...]

    def steps_for(self, prompt: str, values: Mapping[str, str]) -> tuple[Step, ...]:
        """The steps for a prompt, their texts filled in. values: FIELDS but ``prompt``."""
        known = {**values, "prompt": " ".join(prompt.split())[:PROMPT_FIELD_CHARACTERS].rstrip()}
        for answer in self.answers:
            if found := answer.when.search(prompt):
                groups = {str(number): found[number] or "" for number in range(answer.when.groups + 1)}
                named = {name: text or "" for name, text in found.groupdict().items()}
                return tuple(filled(step, {**known, **groups, **named}) for step in answer.steps)
        return tuple(filled(step, known) for step in self.default)


@dataclass(frozen=True)
class Script:
    """A whole script."""

    boot_s: float
    enter_refused_s: float
    """how long Enter makes a new line after a paste"""
    interactive: Answers
    oneshot: Answers


def filled(step: S, values: Mapping[str, str]) -> S:
    """The step with ``{name}`` replaced in its texts, and ``{{name}}`` made ``{name}``."""

    def fill(text: str) -> str:
        return _NAMED.sub(lambda found: f"{{{found[1]}}}" if found[1] else values.get(found[2], found[0]), text)

    changes: dict[str, str | tuple[str, ...]] = {}
    for field in fields(step):
        value = getattr(step, field.name)
        if isinstance(value, str):
            changes[field.name] = fill(value)
        elif isinstance(value, tuple):
            changes[field.name] = tuple(map(fill, value))
    return replace(step, **changes)  # type: ignore[arg-type]


def texts_of(step: Step) -> tuple[str, ...]:
    """Every text of a step in which names are filled in."""
    values = [getattr(step, field.name) for field in fields(step)]
    return tuple(
        text for value in values for text in (value if isinstance(value, tuple) else (value,)) if isinstance(text, str)
    )


def unknown_names(text: str, names: frozenset[str]) -> tuple[str, ...]:
    """Names in braces that nothing will be put in for."""
    return tuple(found[2] for found in _NAMED.finditer(text) if found[2] and found[2] not in names)
