"""Snapshots of real working trees: everything is in them, and nothing of the user's was touched."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from loop_orchestrator.errors import ProcessError
from loop_orchestrator.model.saved import ChangeKind, SavedWork
from loop_orchestrator.process import saving
from loop_orchestrator.process.saved import Label, changes, forget, save, saved
from loop_orchestrator.process.saving import uncommitted
from loop_orchestrator.process.worktree import common_dir
from tests.support.repositories import WHO, a_repository, commit_all, contents, git, make_dirty

AT = datetime(2026, 3, 1, 12, 0, 0, 5_000, tzinfo=UTC)
LABEL = Label(lane="web", session="shop", at=AT, worktree_of=None)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return a_repository(tmp_path / "größe und mehr")


def saved_of(top: Path, label: Label = LABEL) -> SavedWork:
    made = save(top, label)
    assert made is not None
    return made[0]


def held(one: SavedWork) -> dict[str, tuple[str, bytes]]:
    """What the snapshot's commit has, as ``contents`` says it."""
    found = {}
    for line in git(one.repository, "ls-tree", "-r", "-z", one.commit).split("\0")[:-1]:
        (mode, _, oid), path = line.split("\t", 1)[0].split(" "), line.split("\t", 1)[1]
        data = os.fsencode(git(one.repository, "cat-file", "blob", oid)) if oid else b""
        kind = {"120000": "link", "100755": "program"}.get(mode, "file")
        found[path] = (kind, data.rstrip(b"\n"))
    return found


def stripped(files: dict[str, tuple[str, bytes]]) -> dict[str, tuple[str, bytes]]:
    return {path: (kind, data.rstrip(b"\n")) for path, (kind, data) in files.items()}


def test_everything_uncommitted_is_in_the_snapshot(repository: Path) -> None:
    make_dirty(repository)
    one = saved_of(repository)
    assert held(one) == stripped(contents(repository))
    assert one.name == "web/20260301T120000005"
    assert (one.lane, one.session, one.at, one.directory) == ("web", "shop", AT, repository)
    assert (one.branch, one.base) == ("main", git(repository, "rev-parse", "HEAD"))
    assert one.files == len(changes(one)) == 11
    assert {change.path for change in changes(one) if change.kind is ChangeKind.DELETED} == {
        "gone.txt",
        "becomes/a-file",
        "plain",
    }


def test_what_was_staged_and_changed_again_is_in_it_too(repository: Path) -> None:
    make_dirty(repository)
    one = saved_of(repository)
    assert git(repository, "show", f"{one.commit}^2:changed.txt") == "line\r\nmixed\n\0no newline"
    assert git(repository, "rev-parse", f"{one.commit}^2^{{tree}}") == one.staged


def test_nothing_of_the_user_is_touched_and_no_hook_runs(repository: Path, tmp_path: Path) -> None:
    make_dirty(repository)
    for name in ("reference-transaction", "post-index-change", "pre-commit", "post-commit"):
        hook = repository / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        hook.chmod(0o755)
    for key, value in (("commit.gpgSign", "true"), ("user.useConfigOnly", "true"), ("core.fsmonitor", "false; x")):
        git(repository, "config", key, value)
    index, before = repository / ".git" / "index", contents(repository)
    was = (index.read_bytes(), index.stat().st_mtime_ns, (repository / ".git" / "HEAD").read_text())
    saved_of(repository)
    assert (index.read_bytes(), index.stat().st_mtime_ns, (repository / ".git" / "HEAD").read_text()) == was
    assert contents(repository) == before
    assert git(repository, "for-each-ref", "--format=%(refname)", "refs/heads") == "refs/heads/main"
    assert not (tmp_path / "ran").exists()


def test_a_clean_tree_makes_no_snapshot(repository: Path) -> None:
    (repository / "kept.txt").touch()
    (repository / "empty folder").mkdir()
    assert save(repository, LABEL) is None
    assert saved(common_dir(repository)) == ()


def test_a_held_index_and_a_merge_do_not_stop_it(repository: Path) -> None:
    git(repository, "switch", "--quiet", "--create", "other")
    (repository / "changed.txt").write_text("theirs\n")
    commit_all(repository)
    git(repository, "switch", "--quiet", "main")
    (repository / "changed.txt").write_text("ours\n")
    commit_all(repository)
    with pytest.raises(subprocess.CalledProcessError):
        git(repository, *WHO, "merge", "other")
    (repository / ".git" / "index.lock").touch()
    one = saved_of(repository)
    assert held(one) == stripped(contents(repository))
    assert "<<<<<<<" in held(one)["changed.txt"][1].decode()


def test_before_the_first_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    assert save(tmp_path, LABEL) is None
    (tmp_path / "first").write_text("x")
    one = saved_of(tmp_path)
    assert (one.base, [change.path for change in changes(one)]) == ("", ["first"])


def test_bytes_are_kept_where_git_would_convert_them(repository: Path) -> None:
    (repository / ".gitattributes").write_text("* text=auto eol=lf\nfiltered filter=shout\n")
    (repository / "crlf").write_bytes(b"a\r\nb\n")
    git(repository, "config", "filter.shout.clean", "tr a-z A-Z")
    (repository / "filtered").write_text("quiet")
    one = saved_of(repository)
    for name in ("crlf", "filtered"):
        oid = next(change.oid for change in changes(one) if change.path == name)
        assert int(git(repository, "cat-file", "-s", oid)) == (repository / name).stat().st_size
    assert held(one)["filtered"][1] == b"quiet"


def test_a_file_that_git_calls_unchanged_is_no_work(repository: Path) -> None:
    git(repository, "config", "core.autocrlf", "true")
    (repository / "kept.txt").unlink()
    git(repository, "checkout", "--", "kept.txt")
    assert (repository / "kept.txt").read_bytes() == b"kept\r\n"
    os.utime(repository / "kept.txt", (1, 1))
    assert save(repository, LABEL) is None


def test_no_mark_of_the_index_hides_work(repository: Path) -> None:
    git(repository, "update-index", "--assume-unchanged", "changed.txt")
    git(repository, "update-index", "--skip-worktree", "kept.txt")
    (repository / "changed.txt").write_text("hidden one\n")
    (repository / "kept.txt").write_text("hidden two\n")
    assert git(repository, "status", "--porcelain") == ""
    assert [change.path for change in changes(saved_of(repository))] == ["changed.txt", "kept.txt"]


def test_ignored_files_are_not_in_it_and_repositories_inside_are_named(repository: Path) -> None:
    (repository / ".git" / "info").mkdir(exist_ok=True)
    (repository / ".git" / "info" / "exclude").write_text("*.log\n")
    (repository / "a.log").touch()
    a_repository(repository / "inner")
    work = uncommitted(repository)
    assert (work.clean, work.left_out) == (True, ("inner/",))


def test_the_same_work_is_saved_once(repository: Path) -> None:
    (repository / "kept.txt").write_text("changed\n")
    first, again = save(repository, LABEL), save(repository, LABEL)
    assert first and again and (first[1], again) == (True, (first[0], False))
    (repository / "kept.txt").write_text("changed more\n")
    third = saved_of(repository)
    assert third.name == "web/20260301T120000006", "a name that is taken is not taken again"
    assert [one.name for one in saved(common_dir(repository))] == [third.name, first[0].name]
    forget(first[0])
    assert [one.name for one in saved(common_dir(repository))] == [third.name]


def test_what_cannot_be_saved_is_said(repository: Path) -> None:
    (repository / "kept.txt").write_text("changed\n")
    objects = repository / ".git" / "objects"
    objects.rename(repository / ".git" / "elsewhere")
    with pytest.raises(ProcessError, match=f"{repository}"):
        save(repository, LABEL)


def test_a_ref_that_somebody_else_made_is_listed_as_far_as_it_goes(repository: Path) -> None:
    git(repository, "update-ref", "refs/loop/snapshots/odd/name", "HEAD")
    (one,) = saved(common_dir(repository))
    assert (one.lane, one.name, one.directory, one.files, one.base) == ("odd", "odd/name", None, None, "")


def test_a_repository_with_longer_ids(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--object-format=sha256")
    (tmp_path / "a").write_text("a")
    commit_all(tmp_path)
    (tmp_path / "a").unlink()
    assert [change.kind for change in changes(saved_of(tmp_path))] == [ChangeKind.DELETED]


def test_files_that_an_agent_removes_meanwhile_are_left_out(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a-temp", "b-stays", "c-temp"):
        (repository / name).write_text(name)
    (repository / "kept.txt").write_text("changed\n")
    entries = saving._Reading._entries

    def then_removed(reading: saving._Reading, paths: Iterable[str]) -> tuple[list[saving._Entry], list[str]]:
        found = entries(reading, paths)
        for name in ("a-temp", "c-temp", "kept.txt"):
            (repository / name).unlink()
        return found

    monkeypatch.setattr(saving._Reading, "_entries", then_removed)
    assert held(saved_of(repository)) == stripped(contents(repository))
