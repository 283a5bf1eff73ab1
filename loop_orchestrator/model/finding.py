"""A finding: one place of a file of the project that is not as it must be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Severity(StrEnum):
    """How much a finding weighs."""

    ERROR = "error"
    """the file cannot be used as it stands"""
    WARNING = "warning"
    """it can be used; somebody should look"""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One place."""

    file: Path
    line: int
    """from 1; 0: it is about the file as a whole"""
    key: str = ""
    """the key of the front matter it is about; empty: none"""
    message: str
    """what was expected and what was found, in one sentence that begins without the key"""
    nearest: str = ""
    """what was probably meant; empty: nothing is near"""
    severity: Severity = Severity.ERROR

    @property
    def says(self) -> str:
        """``status: one of … was expected, found opne; did you mean open?``"""
        meant = f"; did you mean {self.nearest}?" if self.nearest else ""
        return (f"{self.key}: " if self.key else "") + self.message + meant

    @property
    def place(self) -> str:
        """``<file>:<line>``"""
        return f"{self.file}:{self.line}" if self.line else str(self.file)

    @property
    def sentence(self) -> str:
        """Place and what it says, in one line."""
        return f"{self.place}: {self.says}"


def nearest_of(given: object, known: Iterable[str]) -> str:
    """The known word that is spelt most like the given one; empty if none is near."""
    from difflib import get_close_matches

    words = {word.casefold(): word for word in known}
    found = get_close_matches(str(given).casefold(), list(words), n=1, cutoff=0.6)
    return words[found[0]] if found else ""
