"""Changed files are told of: however they were changed, and only in the folders that were named."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from loop_orchestrator.process import folders
from loop_orchestrator.process.folders import changed_paths


def told(folder: Path, change: Callable[[], object], *awaited: Path) -> set[Path]:
    """What is told until all that is awaited was."""

    async def listen() -> set[Path]:
        stop, found = asyncio.Event(), set[Path]()
        asyncio.get_running_loop().call_soon(lambda: asyncio.get_running_loop().call_later(0.01, change))
        async for paths in changed_paths([folder], stop):
            found |= paths
            if found >= set(awaited):
                stop.set()
        return found

    return asyncio.run(asyncio.wait_for(listen(), 10))


def _written(path: Path) -> None:
    path.write_text("x")


def _linked(path: Path) -> None:
    aside = path.with_name("aside")
    aside.write_text("x")
    os.link(aside, path)
    aside.unlink()


def _renamed(path: Path) -> None:
    path.with_name("aside").write_text("x")
    path.with_name("aside").rename(path)


def _removed(path: Path) -> None:
    path.write_text("x")
    path.unlink()


@pytest.mark.parametrize("way", [_written, _linked, _renamed, _removed, Path.mkdir, Path.touch])
def test_every_way_to_change_a_file_is_told(tmp_path: Path, way: Callable[[Path], None]) -> None:
    path = tmp_path / "mail é.md"
    assert path in told(tmp_path, lambda: way(path), path)


def test_what_is_written_into_a_file_that_stays_open_is_told(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    with log.open("ab", buffering=0) as file:
        assert told(tmp_path, lambda: file.write(b"line\n"), log) == {log}


@pytest.mark.parametrize("way", [_written, _linked, _renamed, _removed])
def test_what_is_whole_does_not_wait_for_the_end_of_another_change(
    tmp_path: Path, way: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "LATER_S", 1000.0)
    path, log = tmp_path / "mail.md", tmp_path / "events.jsonl"
    with log.open("ab", buffering=0) as file:

        def change() -> None:
            file.write(b"line\n")
            asyncio.get_running_loop().call_later(0.01, way, path)

        assert {path, log} <= told(tmp_path, change, path)


def test_a_folder_that_is_taken_away_is_told_of(tmp_path: Path) -> None:
    folder = tmp_path / "messages"
    folder.mkdir()
    assert folder in told(folder, folder.rmdir, folder)


def test_what_lies_deeper_is_not_told(tmp_path: Path) -> None:
    inner, near = tmp_path / "processed", tmp_path / "near"
    inner.mkdir()

    def change() -> None:
        (inner / "deep").write_text("x")
        near.write_text("x")

    assert told(tmp_path, change, near) == {near}


def test_a_thousand_at_once_are_all_told(tmp_path: Path) -> None:
    paths = [tmp_path / str(number) for number in range(1000)]

    def change() -> None:
        for path in paths:
            path.touch()

    assert told(tmp_path, change, *paths) == set(paths)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot be watched"):
        told(tmp_path / "nowhere", lambda: None)


def test_where_there_is_no_such_kernel_a_library_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    path = tmp_path / "mail.md"
    assert path in told(tmp_path, lambda: asyncio.get_running_loop().call_later(0.3, path.touch), path)
