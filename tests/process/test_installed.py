"""What tells one installed copy of the program from another."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from loop_orchestrator.process.installed import digest, stamp


@pytest.fixture
def package(tmp_path: Path) -> Path:
    root = tmp_path / "package"
    (root / "data").mkdir(parents=True)
    (root / "one.py").write_text("x = 1\n")
    (root / "data" / "rules.yaml").write_text("a: 1\n")
    return root


def test_the_same_content_is_the_same_code_whenever_it_was_written(package: Path, tmp_path: Path) -> None:
    before, seen = digest(package), stamp(package)
    copy = tmp_path / "copy"
    shutil.copytree(package, copy)
    for path in copy.rglob("*"):
        os.utime(path, (1, 1))
    assert digest(copy) == before
    assert stamp(copy) != seen


@pytest.mark.parametrize("changed", ["one.py", "data/rules.yaml", "new.py", "data/screen.txt"])
def test_a_change_of_any_file_is_other_code(package: Path, changed: str) -> None:
    before, seen = digest(package), stamp(package)
    (package / changed).write_text("y = 2\n")
    assert digest(package) != before
    assert stamp(package) != seen


def test_a_file_that_is_renamed_or_gone_is_other_code(package: Path) -> None:
    before = digest(package)
    (package / "one.py").rename(package / "two.py")
    renamed = digest(package)
    (package / "two.py").unlink()
    assert len({before, renamed, digest(package)}) == 3


def test_compiled_and_hidden_files_are_none_of_it(package: Path) -> None:
    before, seen = digest(package), stamp(package)
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "one.cpython-311.pyc").write_bytes(b"x")
    (package / "one.pyc").write_bytes(b"x")
    (package / ".one.py.swp").write_text("x")
    assert (digest(package), stamp(package)) == (before, seen)
