"""The search path of the user's login shell, and what is not found on it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from loop_orchestrator.process.launch import is_launching
from loop_orchestrator.process.programs import login_path, not_found

SHELLS = [shell for name in ("bash", "dash", "zsh", "fish", "tcsh") if (shell := shutil.which(name))]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_noisy_profile_decides_the_path(shell: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".profile").write_text("echo welcome; PATH=/of/the/profile:$PATH; export PATH\n")
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "SHELL": shell}
    path = login_path(shell, env)
    assert path is not None
    assert "welcome" not in path
    assert set(os.defpath.split(":")) & set(path.split(":"))
    if Path(shell).name in ("bash", "dash"):
        assert path.startswith("/of/the/profile:")


def test_a_shell_that_says_nothing_has_no_path(tmp_path: Path) -> None:
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\nexit 0\n")
    silent.chmod(0o755)
    assert login_path(str(silent), {"PATH": os.environ["PATH"]}) is None


def test_programs_and_the_shells_own_words_are_told_from_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("#!/bin/sh\n")
    (tmp_path / "mine").chmod(0o755)
    assert not_found(("mine", "nosuch", "while", "cd", "no$such"), str(tmp_path)) == ("nosuch", "no$such")
    assert not_found((), "/") == ()


def test_a_process_that_is_no_launcher_is_none() -> None:
    assert not is_launching(os.getpid())
    assert not is_launching(2**30)
