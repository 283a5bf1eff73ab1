"""Answers about real repositories, the odd ones included."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from loop_orchestrator.errors import ProcessError
from loop_orchestrator.process.git import (
    Unpushed,
    add_all_commit,
    branch,
    head,
    init_repository,
    is_repository,
    status_porcelain,
    toplevel,
    unpushed,
)


def git(where: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=where, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository on main without a commit; no person is configured."""
    root = tmp_path / "größe und mehr"
    root.mkdir()
    init_repository(root)
    return root


def commit(where: Path, name: str) -> None:
    (where / name).write_text(name)
    assert add_all_commit(where, f"Add {name}")


def test_a_new_repository_is_empty_on_main(repository: Path) -> None:
    assert is_repository(repository) and toplevel(repository) == repository
    assert (head(repository), branch(repository), status_porcelain(repository)) == (None, "main", ())
    assert unpushed(repository) == Unpushed("main", None, None)


def test_outside_of_a_repository(tmp_path: Path) -> None:
    assert not is_repository(tmp_path) and toplevel(tmp_path) is None
    assert not is_repository(tmp_path / "nowhere")
    for ask in (head, branch, status_porcelain, unpushed):
        with pytest.raises(ProcessError, match=f"git .* failed in {tmp_path}: .*not a git repository"):
            ask(tmp_path)


def test_everything_is_committed_without_a_configured_person(repository: Path) -> None:
    commit(repository, "a file")
    assert head(repository) == git(repository, "rev-parse", "HEAD")
    assert git(repository, "log", "-1", "--format=%an <%ae> %s") == (
        "loop-orchestrator <loop-orchestrator@localhost> Add a file"
    )
    assert status_porcelain(repository) == ()
    assert not add_all_commit(repository, "nothing new")


def test_a_configured_person_commits_and_a_wish_for_signatures_does_not_stop_it(repository: Path) -> None:
    for name, value in (("user.name", "Ann"), ("user.email", "ann@host"), ("commit.gpgSign", "true")):
        git(repository, "config", name, value)
    commit(repository, "x")
    assert git(repository, "log", "-1", "--format=%an <%ae>") == "Ann <ann@host>"


def test_the_status_names_changed_and_untracked_files(repository: Path) -> None:
    commit(repository, "kept")
    (repository / "kept").write_text("changed")
    (repository / "größe").write_text("")
    assert status_porcelain(repository) == (" M kept", "?? größe")


def test_the_status_runs_no_program_that_the_repository_names(repository: Path) -> None:
    git(repository, "config", "core.fsmonitor", "touch ran; false")
    status_porcelain(repository)
    assert not (repository / "ran").exists()


def test_initialising_again_changes_nothing(repository: Path) -> None:
    commit(repository, "x")
    before = head(repository)
    init_repository(repository)
    assert head(repository) == before


def test_a_detached_head_has_no_branch(repository: Path) -> None:
    commit(repository, "x")
    git(repository, "checkout", "--quiet", "--detach")
    assert branch(repository) is None and head(repository)
    assert unpushed(repository) == Unpushed(None, None, None)


def test_commits_that_the_upstream_has_not_are_counted(repository: Path, tmp_path: Path) -> None:
    commit(repository, "one")
    git(tmp_path, "init", "--quiet", "--bare", "hub.git")
    git(repository, "remote", "add", "origin", str(tmp_path / "hub.git"))
    git(repository, "push", "--quiet", "--set-upstream", "origin", "main")
    assert unpushed(repository) == Unpushed("main", "origin/main", 0)
    commit(repository, "two")
    commit(repository, "three")
    assert unpushed(repository) == Unpushed("main", "origin/main", 2)
    git(repository, "update-ref", "-d", "refs/remotes/origin/main")
    assert unpushed(repository) == Unpushed("main", None, None)


def test_a_hooks_environment_does_not_lead_to_another_repository(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(repository, "x")
    other = tmp_path / "other"
    other.mkdir()
    init_repository(other)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    assert head(repository) is not None and status_porcelain(repository) == ()


def test_without_git_it_is_said(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ProcessError, match="git cannot be started: no such program"):
        is_repository(repository)
