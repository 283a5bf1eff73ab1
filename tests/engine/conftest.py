"""A world whose lanes are on record only: no terminal is reached."""

from __future__ import annotations

from pathlib import Path

import pytest

from loop_orchestrator.world import World
from tests.support.projects import PLAIN, project_at


@pytest.fixture
def world(project: Path, tmp_path: Path) -> World:
    return project_at(project, config=PLAIN, environ={"LOOP_TMUX_SOCKET": str(tmp_path / "no-server")}).world
