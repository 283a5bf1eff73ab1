"""Shared fixtures: no test reaches the home directory, the user's tmux, or a real session's environment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clocks import SteppedClock


@pytest.fixture(autouse=True)
def own_surroundings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home, a state directory and a tmux directory of the test's own; nothing of a surrounding session."""
    home = tmp_path_factory.mktemp("home")
    for name in [name for name in os.environ if name.startswith(("LOOP_", "TMUX", "XDG_", "GIT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.setenv("LOOP_TEST", "1")


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """An empty project directory."""
    root = tmp_path / "project"
    root.mkdir()
    (root / ".loop").mkdir(mode=0o700)
    yield root
