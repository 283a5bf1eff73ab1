"""An agent's terminal, ended with the test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rehearsal.terminal import AgentTerminal


@pytest.fixture
def terminal() -> Iterator[AgentTerminal]:
    with tempfile.TemporaryDirectory() as folder:  # a socket's path has to be short
        agent = AgentTerminal(Path(folder).resolve())
        yield agent
        agent.close()
