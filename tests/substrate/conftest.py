"""Lanes of a test's own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.substrate.fleet import Fleet
from tests.substrate.servers import Server


@pytest.fixture
def fleet(project: Path) -> Iterator[Fleet]:
    made = Fleet(project)
    yield made
    made.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made, tmux = Server(tmp_path), str(shutil.which("tmux"))
    yield made
    subprocess.run([tmux, "-S", str(made.socket), "kill-server"], capture_output=True, check=False)
