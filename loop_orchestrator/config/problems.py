"""Mistakes in files that people write: collected, so that all are reported at once, each with its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from loop_orchestrator.errors import ConfigError
from loop_orchestrator.yamltext import Mark, YamlProblem


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake; its text is one line: ``file:line: key: message``."""

    file: str
    line: int
    """counts from 1; 0: the file as a whole"""
    key: str
    """dotted path of the key; empty: not about a key"""
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


@dataclass
class Problems:
    """Collects mistakes; the same one found twice counts once."""

    found: set[Problem] = field(default_factory=set)

    def add(self, mark: Mark, key: str, message: str) -> None:
        self.found.add(Problem(mark.file, mark.line, key, message))

    def add_yaml(self, file: str, problem: YamlProblem) -> None:
        self.found.add(Problem(file, problem.line, "", f"column {problem.column}: {problem.message}"))

    def add_file(self, file: str, message: str) -> None:
        self.found.add(Problem(file, 0, "", message))

    def raise_any(self) -> None:
        """Raises ConfigError with every problem, by file and line; returns if there is none."""
        if self.found:
            raise ConfigError(tuple(str(problem) for problem in sorted(self.found)))


def nearest(word: str, choices: Iterable[str]) -> str:
    """The choice that a misspelt word was meant to be; empty if none is near."""
    from difflib import get_close_matches

    by_lower = {choice.lower(): choice for choice in choices}
    found = get_close_matches(word.lower(), by_lower, n=1)
    return by_lower[found[0]] if found else ""


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """``; did you mean …?`` for the end of a message; empty if nothing is near."""
    meant = nearest(word, choices)
    return f"; did you mean {meant}?" if meant else ""
