"""Writing a snapshot back: byte for byte, over nothing that would be lost, and nowhere outside of its directory."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from loop_orchestrator.errors import ProcessError
from loop_orchestrator.model.saved import Change, ChangeKind, SavedWork
from loop_orchestrator.process import restoring
from loop_orchestrator.process.restoring import Now, placed, restage, write_back
from loop_orchestrator.process.saved import Label, save, saved
from loop_orchestrator.process.worktree import common_dir
from tests.support.repositories import a_repository, contents, git, make_dirty

LABEL = Label(lane="web", session="shop", at=datetime(2026, 3, 1, tzinfo=UTC), worktree_of=None)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return a_repository(tmp_path / "a repository")


def saved_of(top: Path) -> SavedWork:
    made = save(top, LABEL)
    assert made is not None
    return made[0]


def undo_all(top: Path) -> None:
    git(top, "reset", "--quiet", "--hard")
    git(top, "clean", "-fdxq")


def restore(one: SavedWork, directory: Path) -> set[Now]:
    places = placed(one, directory)
    write_back(one, places, directory)
    return {place.now for place in places}


def test_what_was_saved_comes_back_as_it_was(repository: Path) -> None:
    make_dirty(repository)
    before, status = contents(repository), git(repository, "status", "--porcelain", "-z")
    one = saved_of(repository)
    undo_all(repository)
    assert restore(one, repository) == {Now.FREE}
    assert restage(one, repository)
    assert contents(repository) == before
    assert git(repository, "status", "--porcelain", "-z") == status
    assert restore(one, repository) == {Now.RESTORED}
    assert restage(one, repository), "it is staged already"


def test_it_can_be_written_beside_and_over_half_of_itself(repository: Path, tmp_path: Path) -> None:
    make_dirty(repository)
    one = saved_of(repository)
    beside = tmp_path / "beside"
    beside.mkdir()
    (beside / "run.sh").write_text("#!/bin/sh\n")
    places = {place.change.path: place.now for place in placed(one, beside)}
    assert places["run.sh"] is Now.OTHER, "the same bytes, and not executable"
    (beside / "run.sh").chmod(0o755)
    assert restore(one, beside) == {Now.FREE, Now.RESTORED}
    mine = contents(repository)
    assert contents(beside) == {path: mine[path] for path in contents(beside)}
    assert set(mine) - set(contents(beside)) == {"kept.txt"}


def test_other_work_is_told_from_what_may_be_overwritten(repository: Path) -> None:
    (repository / "changed.txt").write_text("saved\n")
    (repository / "kept.txt").write_text("saved\n")
    (repository / "new").write_text("saved\n")
    one = saved_of(repository)
    undo_all(repository)
    (repository / "changed.txt").write_text("other\n")
    (repository / "new").write_text("other\n")
    found = {place.change.path: place.now for place in placed(one, repository)}
    assert found == {"changed.txt": Now.OTHER, "kept.txt": Now.FREE, "new": Now.OTHER}


def test_a_file_that_git_converted_on_its_way_out_is_no_other_work(repository: Path) -> None:
    git(repository, "config", "core.autocrlf", "true")
    (repository / "kept.txt").write_bytes(b"saved\r\n")
    one = saved_of(repository)
    (repository / "kept.txt").write_bytes(b"kept\r\n")
    assert restore(one, repository) == {Now.FREE}
    assert (repository / "kept.txt").read_bytes() == b"saved\r\n"


def test_a_directory_or_a_link_in_the_way_blocks(repository: Path, tmp_path: Path) -> None:
    (repository / "sub").mkdir()
    (repository / "sub" / "file").write_text("x")
    (repository / "other").write_text("x")
    one = saved_of(repository)
    shutil.rmtree(repository / "sub")
    (repository / "other").unlink()
    (repository / "other").mkdir()
    (repository / "other" / "mine").write_text("x")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (repository / "sub").symlink_to(elsewhere)
    assert {place.now for place in placed(one, repository)} == {Now.BLOCKED}


@pytest.mark.parametrize("name", ["../out", ".git", "sub/../../out"])
def test_a_made_up_snapshot_writes_nowhere_else(repository: Path, name: str) -> None:
    blob = git(repository, "rev-parse", "HEAD:kept.txt")
    tree, parts = f"100644 {blob}", name.split("/")
    for depth, part in enumerate(reversed(parts)):
        made = f"{tree}".encode() if depth else b""
        entry = b"100644 " + os.fsencode(part) + b"\0" + bytes.fromhex(blob)
        if made:
            entry = b"40000 " + os.fsencode(part) + b"\0" + bytes.fromhex(tree)
        raw = repository / ".git" / "made-up"
        raw.write_bytes(entry)
        tree = git(repository, "hash-object", "-t", "tree", "-w", "--literally", str(raw))
    commit = git(repository, "-c", "user.name=x", "-c", "user.email=x@x", "commit-tree", "-m", "x", tree)
    git(repository, "update-ref", "refs/loop/snapshots/web/1", commit)
    (one,) = saved(common_dir(repository))
    with pytest.raises(ProcessError, match="no working tree may hold"):
        placed(one, repository)


def test_content_that_is_gone_is_said_and_leaves_no_half_file(repository: Path, tmp_path: Path) -> None:
    (repository / "kept.txt").write_text("saved\n")
    one = saved_of(repository)
    oid = git(repository, "rev-parse", f"{one.commit}:kept.txt")
    (repository / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    target = tmp_path / "target"
    target.mkdir()
    with pytest.raises(ProcessError, match=r"'kept\.txt' is not in the repository any more"):
        restore(one, target)
    assert list(target.iterdir()) == []


def test_files_are_made_of_pieces_of_any_size_and_a_half_one_is_not_left(tmp_path: Path) -> None:
    wanted = [
        Change(kind=ChangeKind.ADDED, path=path, mode=mode, oid=oid, base_mode="000000", base_oid="0")
        for path, mode, oid in (
            ("a", "100755", "aa"),
            ("b/c", "100644", "bb"),
            ("d", "120000", "cc"),
            ("e", "100644", "dd"),
        )
    ]
    receiver = restoring._Receiver(wanted, tmp_path)
    for byte in b"aa blob 3\n\nx\n\nbb blob 0\n\ncc blob 2\n/x\ndd blob 9\nhalf":
        receiver.take(bytes((byte,)))
    receiver.close()
    assert receiver.left == 1
    assert contents(tmp_path) == {"a": ("program", b"\nx\n"), "b/c": ("file", b""), "d": ("link", b"/x")}


def test_a_large_file_goes_through_in_pieces(repository: Path) -> None:
    (repository / "large").write_bytes(os.urandom(1 << 20) * 3)
    before = contents(repository)
    one = saved_of(repository)
    (repository / "large").unlink()
    restore(one, repository)
    assert contents(repository) == before
