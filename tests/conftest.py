"""Shared fixtures: no test reaches the home directory, the user's tmux, or a real session's environment."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.clocks import SteppedClock
from tests.support.projects import tmux

# A busy machine makes an example slow; only what an example shows counts.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

# What a shell starts in the background ignores SIGINT, and so would every program that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers() -> int:
    """Three for two cores: much of what a flow does is waiting for programs in tmux."""
    cores = os.cpu_count() or 1
    return cores + cores // 2


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


@pytest.fixture(autouse=True)
def no_server_left(own_surroundings: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Servers named by ``-L`` live in a folder of the test's own; one that is still there at the end is a defect."""
    with tempfile.TemporaryDirectory(prefix="loop-servers-", ignore_cleanup_errors=True) as folder:
        monkeypatch.setenv("TMUX_TMPDIR", folder)
        yield
        left = [path for path in Path(folder).glob("*/*") if tmux(str(path), "kill-server").code == 0]
    assert not left, f"the test left tmux servers: {[path.name for path in left]}"


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
