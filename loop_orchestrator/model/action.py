"""The base of everything a decision may ask for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, kw_only=True)
class Action(ABC):
    """One action of a decision. Each kind is a subclass in actions/<kind>.py that adds its own fields."""

    kind: ClassVar[str]
    rationale: str
    """why, in the brain's words"""

    @property
    @abstractmethod
    def target(self) -> str:
        """The lane it acts on; empty if it acts on none."""
