"""Where the rehearsal agent runs: its lane, its project, and how it was started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Surroundings:
    """Where the agent runs: its lane, and the project that its mail goes to."""

    lane: str
    """empty outside a lane"""
    session: str
    project_root: str
    """empty: the ``loop`` command finds it"""
    model: str
    auto_approve: bool
    cwd: Path

    @classmethod
    def of(cls, env: Mapping[str, str], *, model: str, auto_approve: bool, cwd: Path) -> Surroundings:
        """Lane, session and project as the launcher of the lane put them into the environment."""
        return cls(
            env.get("LOOP_LANE", ""),
            env.get("LOOP_SESSION", ""),
            env.get("LOOP_PROJECT_ROOT", ""),
            model,
            auto_approve,
            cwd,
        )

    @property
    def fields(self) -> dict[str, str]:
        """Values for the names in the texts of a script."""
        return {"lane": self.lane or "-", "session": self.session or "-", "model": self.model or "-"}
