"""The files of a folder and their stamps: whatever puts another content under a name gives it another stamp."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from loop_orchestrator.stores import listing
from loop_orchestrator.stores.listing import names_in, settled_stamp, stamp_of, stats_in


def _written_over(path: Path) -> None:
    """The same size, and the time that it had."""
    before = path.stat()
    path.write_text("two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _replaced(path: Path) -> None:
    """By a file with the size and the time of the one before, as ``cp -p`` and ``mv`` leave it."""
    before = path.stat()
    other = path.with_name("other")
    other.write_text("two")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)


def _made_anew(path: Path) -> None:
    """The file system may give it the inode of the one that is gone."""
    before = path.stat()
    path.unlink()
    path.write_text("two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("change", [_written_over, _replaced, _made_anew])
def test_another_content_has_another_stamp_whatever_time_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    path = tmp_path / "a.md"
    path.write_text("one")
    monkeypatch.setattr(listing, "SETTLED_NS", 0)
    first = stamp_of(path)
    assert first is not None
    while path.stat().st_ctime_ns == _tick(tmp_path):
        pass
    change(path)
    assert stamp_of(path) != first


def _tick(folder: Path) -> int:
    """The time that the file system gives a change now."""
    (folder / "tick").write_text("")
    return (folder / "tick").stat().st_ctime_ns


def test_what_changed_just_now_has_no_stamp(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("one")
    os.utime(path, (1, 1))
    assert stamp_of(path) is None
    assert settled_stamp(path.stat()) is None


def test_names_and_stats_are_of_the_same_files(tmp_path: Path) -> None:
    for name in ("b.md", "a.md", ".hidden.md", "README.md", "c.txt"):
        (tmp_path / name).write_text(name)
    (tmp_path / "d.md").mkdir()
    (tmp_path / "e.md").symlink_to("nowhere")
    (tmp_path / "f.md").symlink_to("a.md")
    assert names_in(tmp_path, ".md") == ["a.md", "b.md", "f.md"]
    assert [name for name, _ in stats_in(tmp_path, ".md")] == ["a.md", "b.md", "f.md"]
    everything = ["a.md", "b.md", "d.md", "e.md", "f.md"]
    assert names_in(tmp_path, ".md", files_only=False) == everything
    found = dict(stats_in(tmp_path, ".md", files_only=False))
    assert list(found) == everything
    assert found["f.md"] == (tmp_path / "f.md").lstat()
    assert dict(stats_in(tmp_path, ".md"))["f.md"] == (tmp_path / "a.md").stat()
    assert (names_in(tmp_path / "gone", ".md"), stats_in(tmp_path / "gone", ".md")) == ([], [])
