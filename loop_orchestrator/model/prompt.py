"""A text for a model: its parts, how long it is, and whether it fits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

WARN_TOKENS = 24_000
"""Estimated tokens above which a text is called long: a tenth of a usual window, before any work is in it."""

CEILING_TOKENS = 48_000
"""Estimated tokens that it may have where nobody says otherwise."""

BYTES_PER_TOKEN = 4
"""English and code come to 3.5 to 4.5; an estimate, and called one."""


def bytes_of(text: str) -> int:
    """The bytes of a text as UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", errors="replace"))


def tokens_of(bytes: int) -> int:
    """An estimate, rounded up."""
    return -(-bytes // BYTES_PER_TOKEN)


class Fit(StrEnum):
    """How a prompt fits into its ceiling."""

    FITS = "fits"
    """whole, and not long"""
    LONG = "long"
    """whole, and above 24000 tokens"""
    CUT = "cut"
    """parts of it were cut, each with a word about it in the prompt"""
    OVERFLOW = "overflow"
    """the checkpoint is too long for any prompt; the brain is told to have its pages trimmed"""


@dataclass(frozen=True)
class Part:
    """One part of a text."""

    name: str
    text: str
    cut: str = ""
    """what was cut of it, in words; empty: it is whole"""

    @property
    def bytes(self) -> int:
        return bytes_of(self.text)

    @property
    def tokens(self) -> int:
        """Estimated."""
        return tokens_of(self.bytes)


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """What a brain is asked."""

    text: str
    parts: tuple[Part, ...]
    """in the order of the text; the first, ``header``, is everything that is in no other one"""
    ceiling: int
    """estimated tokens that it may have"""
    overflow: bool = False
    """the checkpoint was left out"""

    @property
    def bytes(self) -> int:
        return bytes_of(self.text)

    @property
    def tokens(self) -> int:
        """Estimated."""
        return tokens_of(self.bytes)

    @property
    def cuts(self) -> tuple[Part, ...]:
        """The parts of which something was cut."""
        return tuple(part for part in self.parts if part.cut)

    @property
    def fit(self) -> Fit:
        if self.overflow:
            return Fit.OVERFLOW
        if self.cuts:
            return Fit.CUT
        return Fit.LONG if self.tokens > WARN_TOKENS else Fit.FITS
