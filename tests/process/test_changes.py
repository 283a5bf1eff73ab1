"""What differs in a working tree from its commit."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from loop_orchestrator.operations.changes import changes_text
from loop_orchestrator.process import changes
from loop_orchestrator.process.changes import changes_in
from loop_orchestrator.process.worktree import branch_at


def git(path: Path, *words: str) -> None:
    identity = ("-c", "user.name=ann", "-c", "user.email=ann@localhost")
    subprocess.run(["git", *identity, *words], cwd=path, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    path = tmp_path / "project"
    path.mkdir()
    git(path, "init", "-q", "--initial-branch=main")
    (path / "kept.txt").write_text("as it was\n")
    git(path, "add", "kept.txt")
    git(path, "commit", "-q", "-m", "first")
    return path


def test_changed_staged_and_untracked_files_are_all_there(repository: Path) -> None:
    (repository / "kept.txt").write_text("as it is\n")
    (repository / "staged.txt").write_text("staged\n")
    git(repository, "add", "staged.txt")
    inside = repository / "inside"
    inside.mkdir()
    (inside / "new.txt").write_text("new\n")
    (repository / "a\tb\n.txt").write_text("")
    found = changes_in(inside)
    assert found is not None
    assert (found.top, found.branch, found.cut) == (repository.resolve(), "main", False)
    assert "-as it was\n+as it is\n" in found.diff
    assert "+staged\n" in found.diff
    assert set(found.untracked) == {"inside/", "a\tb\n.txt"}
    text = changes_text(found)
    assert "?? inside/" in text
    assert text.splitlines()[0] == f"{repository.resolve()}, branch main"


def test_nothing_uncommitted_is_said(repository: Path) -> None:
    found = changes_in(repository)
    assert found is not None
    assert changes_text(found).endswith("Nothing is uncommitted.")


def test_before_the_first_commit_what_is_staged_is_new(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--initial-branch=main")
    (tmp_path / "new.txt").write_text("new\n")
    git(tmp_path, "add", "new.txt")
    found = changes_in(tmp_path)
    assert found is not None
    assert "+new\n" in found.diff


def test_outside_of_a_repository_there_are_none(tmp_path: Path) -> None:
    assert changes_in(tmp_path) is None
    assert branch_at(tmp_path) == ""


def test_a_long_diff_and_many_files_are_cut_and_say_so(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "MAX_BYTES", 1000)
    monkeypatch.setattr(changes, "MAX_UNTRACKED", 3)
    (repository / "kept.txt").write_text("x\n" * 5000)
    for number in range(5):
        (repository / f"new{number}").write_text("")
    found = changes_in(repository)
    assert found is not None
    assert (len(found.diff), found.cut, len(found.untracked), found.more_untracked) == (1000, True, 3, 2)
    text = changes_text(found)
    assert "and 2 more: git status" in text
    assert "the diff goes on" in text


def test_it_runs_no_program_that_the_repository_names(repository: Path) -> None:
    ran = repository.parent / "ran"
    script = f"sh -c 'touch {ran}'"
    for name in ("diff.external", "core.fsmonitor", "diff.evil.command", "diff.evil.textconv", "core.pager"):
        git(repository, "config", name, script)
    (repository / ".gitattributes").write_text("*.txt diff=evil\n")
    (repository / "kept.txt").write_text("as it is\n")
    found = changes_in(repository)
    assert found is not None
    assert "+as it is\n" in found.diff
    assert not ran.exists()


def test_a_branch_is_read_without_git_in_a_repository_and_in_its_worktrees(repository: Path) -> None:
    inside = repository / "inside"
    inside.mkdir()
    git(repository, "worktree", "add", "-q", "-b", "loop/demo/web", str(repository.parent / "web"))
    assert branch_at(inside) == "main"
    assert branch_at(repository.parent / "web") == "loop/demo/web"
    git(repository, "checkout", "-q", "--detach")
    assert branch_at(repository) == ""
