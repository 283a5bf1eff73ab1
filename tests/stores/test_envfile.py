"""What an engine is to have in its environment is read from a file that nobody else may read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from loop_orchestrator.errors import StoreError
from loop_orchestrator.stores.envfile import read_env_file


def written(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_lines_are_names_and_values_and_nothing_of_them_is_run(tmp_path: Path) -> None:
    text = "# comment\n; another\n\n A=1\nexport B='two words'\nC=\"$(touch x) $A `id`\"\nA=2\nD=\nE=a=b # c\n"
    found = read_env_file(written(tmp_path / "s.env", text))
    assert found == {"A": "2", "B": "two words", "C": "$(touch x) $A `id`", "D": "", "E": "a=b # c"}


def test_no_file_is_an_empty_one(tmp_path: Path) -> None:
    assert read_env_file(tmp_path / "none.env") == {}


@pytest.mark.parametrize("line", ["A", "A B=1", "1A=2", "A='open", 'A="', "A=x\0y", "= 1"])
def test_a_line_that_is_none_is_named_without_what_it_says(tmp_path: Path, line: str) -> None:
    path = written(tmp_path / "s.env", f"FIRST=secret\n{line}\n")
    with pytest.raises(StoreError) as caught:
        read_env_file(path)
    where, _, said = caught.value.message.partition(":2: ")
    assert where == str(path)
    assert "secret" not in said and "open" not in said


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644])
def test_a_file_that_others_may_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path / "s.env", "A=1\n", mode)
    with pytest.raises(StoreError, match=f"mode {mode:04o}") as caught:
        read_env_file(path)
    assert caught.value.hint == f"chmod 600 {path}"


def test_a_file_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "s.env", "A=1\n")
    if os.geteuid() == 0:
        os.chown(path, 4711, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 4711)
    with pytest.raises(StoreError, match="another user"):
        read_env_file(path)


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_is_an_error_for_people(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "s.env")
    with pytest.raises(StoreError, match="it is no file"):
        read_env_file(tmp_path / "s.env")
