"""A file is the old one or the new one, whatever happens to its writer."""

from __future__ import annotations

import os
import random
import resource
import signal
from pathlib import Path

import pytest

from loop_orchestrator.errors import StoreError
from loop_orchestrator.stores.atomic import link_new, move, read_json, read_text, sweep_temps, write_json, write_text
from tests.stores.forks import in_processes, killed_at_every_write
from tests.support.waiting import eventually

OLD, NEW = "old\n" * 5_000, "new\n" * 9_000


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_written_text_is_read_back_byte_for_byte(tmp_path: Path) -> None:
    text = "a\r\nb\r\u2028\x00ü😀\n\n"
    write_text(tmp_path / "new" / "file", text)
    assert read_text(tmp_path / "new" / "file") == text
    assert names(tmp_path / "new") == ["file"]


def test_a_file_is_for_its_owner_alone_unless_told_otherwise(tmp_path: Path) -> None:
    write_text(tmp_path / "mine", "x")
    write_text(tmp_path / "ours", "x", mode=0o644)
    assert (tmp_path / "mine").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "ours").stat().st_mode & 0o777 == 0o644


def test_a_text_is_on_the_disk_before_its_name_and_its_name_on_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def syncing(fd: int) -> None:
        name = Path(f"/proc/self/fd/{fd}").readlink().name
        done.append("sync folder" if name == tmp_path.name else "sync temporary file")

    def linking(source: Path, target: Path) -> None:
        done.append("name")

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(os, "replace", linking)
    monkeypatch.setattr(os, "link", linking)
    for write in (write_text, link_new):
        done.clear()
        write(tmp_path / "file", "x")
        assert done == ["sync temporary file", "name", "sync folder"]


def test_a_writer_killed_at_any_write_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_text(path, OLD)
    seen = set()

    def check() -> None:
        seen.add(read_text(path))
        sweep_temps(tmp_path)
        assert names(tmp_path) == ["file"]

    deaths = killed_at_every_write(lambda: write_text(path, NEW), check)
    assert deaths >= 4
    assert seen == {OLD, NEW}


def test_a_writer_killed_at_random_moments_never_breaks_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_text(path, OLD)
    chance = random.Random(1)
    for _ in range(40):
        pid = os.fork()
        if pid == 0:
            while True:
                write_text(path, NEW)
                write_text(path, OLD)
        started = path.stat().st_ino
        eventually(lambda inode=started: path.stat().st_ino != inode)  # type: ignore[misc]
        for _ in range(chance.randrange(3_000)):
            pass
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert read_text(path) in (OLD, NEW)
    sweep_temps(tmp_path)
    assert names(tmp_path) == ["file"]


def test_a_sweep_leaves_the_temporary_file_of_a_living_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swept = []
    real = os.fsync

    def sweeping(fd: int) -> None:
        swept.append(sweep_temps(tmp_path))
        real(fd)

    monkeypatch.setattr(os, "fsync", sweeping)
    write_text(tmp_path / "file", "x")
    assert swept[0] == 0
    assert read_text(tmp_path / "file") == "x"


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_text(tmp_path / "file", OLD)

    def refuse(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StoreError, match=r"cannot write .*file: No space left") as caught:
        write_text(tmp_path / "file", NEW)
    assert "space" in caught.value.hint
    assert read_text(tmp_path / "file") == OLD
    assert names(tmp_path) == ["file"]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    write_text(tmp_path / "file", OLD)

    def fill(_: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        with pytest.raises(StoreError):
            write_text(tmp_path / "file", NEW)

    in_processes(1, fill)
    assert read_text(tmp_path / "file") == OLD
    assert names(tmp_path) == ["file"]


def test_of_many_makers_of_one_file_one_succeeds(tmp_path: Path) -> None:
    def make(number: int) -> None:
        try:
            link_new(tmp_path / "file", f"{number}\n" * 1_000)
        except FileExistsError:
            return
        (tmp_path / f"winner-{number}").touch()

    in_processes(8, make)
    winners = [name.removeprefix("winner-") for name in names(tmp_path) if name != "file"]
    assert len(winners) == 1
    assert read_text(tmp_path / "file") == f"{winners[0]}\n" * 1_000


def test_a_maker_killed_at_any_write_made_the_whole_file_or_none(tmp_path: Path) -> None:
    path = tmp_path / "file"

    def check() -> None:
        sweep_temps(tmp_path)
        assert names(tmp_path) in ([], ["file"])
        if path.exists():
            assert read_text(path) == NEW
            path.unlink()

    assert killed_at_every_write(lambda: link_new(path, NEW), check) >= 4


def test_a_move_makes_the_folder_and_a_missing_source_is_an_error(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "x")
    move(tmp_path / "a", tmp_path / "deep" / "b")
    assert read_text(tmp_path / "deep" / "b") == "x"
    with pytest.raises(FileNotFoundError):
        move(tmp_path / "a", tmp_path / "deep" / "b")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('{"a": 1,\n "b": }', ":2:7: "),
        ('{"a": 1, "a": 2}', "'a' stands twice"),
        ("[NaN]", "NaN is no JSON"),
        ("", ":1:1: "),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_broken_json_is_reported_with_its_place(tmp_path: Path, text: str, where: str) -> None:
    (tmp_path / "file.json").write_text(text)
    with pytest.raises(StoreError) as caught:
        read_json(tmp_path / "file.json")
    assert where in caught.value.message
    assert str(tmp_path / "file.json") in caught.value.message


def test_a_file_that_is_no_text_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc\xff")
    with pytest.raises(StoreError, match="byte 4 is no UTF-8"):
        read_text(tmp_path / "file")


def test_a_lone_surrogate_survives_in_json_and_is_refused_in_text(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"ü": "\ud800"})
    assert read_json(tmp_path / "a.json") == {"ü": "\ud800"}
    with pytest.raises(StoreError, match="character 2"):
        write_text(tmp_path / "b", "a\ud800")
    assert names(tmp_path) == ["a.json"]
