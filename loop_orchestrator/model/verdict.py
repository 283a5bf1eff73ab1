"""How dangerous an action is, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """safe < destructive < blocked; the order of this class is the order of the levels."""

    SAFE = "safe"
    """may run by itself in the modes auto and full"""
    DESTRUCTIVE = "destructive"
    """runs only when a person, or the mode full, says so"""
    BLOCKED = "blocked"
    """is never run"""

    @property
    def rank(self) -> int:
        return list(Level).index(self)

    # str orders by letters, so every comparison is spelled out.
    def __lt__(self, other: str) -> bool:
        return self.rank < Level(other).rank

    def __le__(self, other: str) -> bool:
        return self.rank <= Level(other).rank

    def __gt__(self, other: str) -> bool:
        return self.rank > Level(other).rank

    def __ge__(self, other: str) -> bool:
        return self.rank >= Level(other).rank


@dataclass(frozen=True)
class Verdict:
    """A level and the reasons for it. Above safe there is at least one reason."""

    level: Level
    reasons: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.level > Level.SAFE and not self.reasons:
            raise ValueError(f"a {self.level.value} verdict needs a reason")


SAFE = Verdict(Level.SAFE)


def destructive(reason: str) -> Verdict:
    return Verdict(Level.DESTRUCTIVE, (reason,))


def blocked(reason: str) -> Verdict:
    return Verdict(Level.BLOCKED, (reason,))


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The highest level of all, with every reason in order, each once. Of none: safe."""
    level, reasons = Level.SAFE, dict[str, None]()
    for verdict in verdicts:
        level = max(level, verdict.level)
        reasons.update(dict.fromkeys(verdict.reasons))
    return Verdict(level, tuple(reasons))
