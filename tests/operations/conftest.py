"""A project with a config and a tmux server of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loop_orchestrator.world import World
from tests.support.projects import PLAIN, own_tmux, project_at


@pytest.fixture
def socket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with own_tmux() as name:
        monkeypatch.setenv("LOOP_TMUX_SOCKET", name)
        yield name


@pytest.fixture
def world(project: Path, socket: str) -> World:
    return project_at(project, config=PLAIN).world
