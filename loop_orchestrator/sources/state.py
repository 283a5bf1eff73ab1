"""Changes of the state file."""

from __future__ import annotations

from collections.abc import Iterator

from loop_orchestrator.model.route import Emission
from loop_orchestrator.sources.base import SourceKind
from loop_orchestrator.sources.look import Look


def _compare(before: Look, now: Look) -> Iterator[Emission]:
    if before.state_version and now.state_version != before.state_version:
        yield Emission("state", "changed", f"{now.state_version}#{now.number}", "the state file changed")


STATE = SourceKind("state", {"changed": "somebody wrote the state file"}, _compare)
