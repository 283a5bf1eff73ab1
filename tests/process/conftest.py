"""Fixtures for tests that need a terminal."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.terminals import Tmux


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    """A private tmux server whose panes have $HOME of the test; the path of its socket is short enough for one."""
    with tempfile.TemporaryDirectory(prefix="lo-") as folder:
        server = Tmux(Path(folder), Path(os.environ["HOME"]))
        yield server
        server.end()
