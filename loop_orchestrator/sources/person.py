"""What a person asks for."""

from __future__ import annotations

from loop_orchestrator.model.route import Emission
from loop_orchestrator.sources.base import SourceKind

PERSON = SourceKind("person", {"cycle-now": "a person asked for a cycle"})


def cycle_now(by: str, key: str) -> Emission:
    """A person, or an agent, wants the next cycle. key: of this wish alone."""
    return Emission("person", "cycle-now", key, f"{by} asked for a cycle", {"by": by})
