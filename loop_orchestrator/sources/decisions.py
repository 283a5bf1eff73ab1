"""Decisions of which nothing is left to do, and lanes that they hold no longer."""

from __future__ import annotations

from collections.abc import Iterator

from loop_orchestrator.model.route import Emission
from loop_orchestrator.sources.base import SourceKind
from loop_orchestrator.sources.look import Look


def _compare(before: Look, now: Look) -> Iterator[Emission]:
    for one in sorted(before.decisions - now.decisions):
        decision, _, lane = one.partition(" ")
        event = "freed" if lane else "finished"
        detail = f"{decision} holds {lane} no longer" if lane else f"{decision} is finished"
        yield Emission("decisions", event, f"{one}#{now.number}", detail, {"decision": decision, "lane": lane})


DECISIONS = SourceKind(
    "decisions",
    {"finished": "nothing of a decision is left to do", "freed": "a decision acts on a lane no longer"},
    _compare,
)
