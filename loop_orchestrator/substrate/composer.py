"""Finds the place on a screen where a person types, and what stands in it."""

from __future__ import annotations

from dataclasses import dataclass

from loop_orchestrator.model.harness import ComposerRule, HarnessKind, HarnessSpec
from loop_orchestrator.model.terminal import Screen


@dataclass(frozen=True)
class Composer:
    """The composer as it is drawn now."""

    first: int
    """its first row"""
    end: int
    """the row after its last one"""
    text: str
    """empty where only a placeholder stands in it"""


def composer_text(screen: Screen, spec: HarnessSpec) -> str | None:
    """What stands in the composer: empty for a placeholder, None where the screen shows no composer."""
    composer = find_composer(screen, spec)
    return None if composer is None else composer.text


def find_composer(screen: Screen, spec: HarnessSpec) -> Composer | None:
    """The lowest row that the composer's rule finds, unless more rows stand below it than a footer has.

    Further rows of a draft are indented and end at a horizontal line. A shell's prompt is on the last row.
    """
    rule = spec.composer
    if rule is None:
        return None
    drawn = [index for index, row in enumerate(screen.rows) if row.strip()]
    candidates = drawn[-1:] if spec.kind is HarnessKind.SHELL else drawn
    first = next((index for index in reversed(candidates) if rule.line.search(screen.rows[index])), None)
    if first is None:
        return None
    end = first + 1
    while end < len(screen.rows) and (not screen.rows[end] or screen.rows[end].startswith("  ")):
        end += 1
    if end == len(screen.rows) or not _is_line(screen.rows[end]):
        end = first + 1
    if rule.below and sum(index >= end for index in drawn) > rule.below:
        return None
    return Composer(first, end, _text_in(screen, rule, first, end))


def _is_line(row: str) -> bool:
    """The row is a horizontal line."""
    return len(row) >= 10 and not row.strip("─━═╌")


def _text_in(screen: Screen, rule: ComposerRule, first: int, end: int) -> str:
    found = rule.line.search(screen.bright[first]) or rule.line.search(screen.rows[first])
    opening = (found["text"] if found else "") or ""
    text = "\n".join((opening, *(row.strip() for row in screen.bright[first + 1 : end]))).strip(" \n\u00a0\u200b")
    plain = screen.rows == screen.bright
    return "" if plain and any(pattern.fullmatch(text) for pattern in rule.placeholders) else text
