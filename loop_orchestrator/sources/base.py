"""What a source is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from loop_orchestrator.model.route import Emission
from loop_orchestrator.sources.look import Look

Compare = Callable[[Look, Look], Iterable[Emission]]
"""What is new in the second look, in a fixed order. A look's number stands in the key of what can happen again."""


def no_news(before: Look, now: Look) -> Iterable[Emission]:  # noqa: ARG001 - a Compare
    """Of a source that no look asks: it speaks when something is done."""
    return ()


@dataclass(frozen=True)
class SourceKind:
    """One source: its name, the events that it knows, and how it finds them."""

    name: str
    events: Mapping[str, str]
    """event -> what it means"""
    compare: Compare = no_news
