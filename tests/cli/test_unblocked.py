"""Whoever writes is never held up, whatever becomes of what was written."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from loop_orchestrator.cli import unblocked as module
from loop_orchestrator.cli.unblocked import Unblocked, unblocked
from tests.support.waiting import eventually


class Place:
    """A file that is written to, and what was said of its reader."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stream: TextIO = path.open("w", encoding="ascii", errors="backslashreplace")
        self.gone = threading.Event()

    def begin(self) -> Unblocked:
        return Unblocked(self.stream, lambda lines: f"({lines} left out)", self.gone.set)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "out")
    yield made
    made.stream.close()


def test_lines_come_whole_in_their_order_and_as_the_stream_encodes_them(place: Place) -> None:
    out = place.begin()
    for text in ("one ", "line\nanother\n", "✗\n", "not whole"):
        assert out.write(text) == len(text)
    assert out.finish()
    assert place.path.read_text() == "one line\nanother\n\\u2717\n"
    out.write("too late\n")
    assert not out.isatty() and out.fileno() == place.stream.fileno()
    assert "late" not in place.path.read_text()


def test_a_full_disk_costs_lines_and_not_the_rest(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN_S", 0.01)
    full, write = threading.Event(), os.write
    full.set()
    tries: list[int] = []

    def on_disk(fd: int, data: bytes) -> int:
        if full.is_set() and fd == place.stream.fileno():
            tries.append(fd)
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, data)

    monkeypatch.setattr(os, "write", on_disk)
    out = place.begin()
    out.write("lost\n")
    eventually(lambda: len(tries) > 2)
    full.clear()
    eventually(lambda: place.path.read_text() == "(1 left out)\n")
    out.write("kept\n")
    assert out.finish()
    assert place.path.read_text() == "(1 left out)\nkept\n"
    assert not place.gone.is_set()


def test_a_reader_who_is_gone_is_told_of_once_and_nothing_fails(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    gone: list[bool] = []
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        out = Unblocked(stream, str, lambda: gone.append(True))
        for number in range(100):
            out.write(f"{number}\n")
        eventually(lambda: gone)
        out.write("more\n")
        assert not out.finish()
    assert gone == [True]


def test_streams_that_go_to_no_file_stay_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    with unblocked(str, lambda: None) as finish:
        print("as before")
        finish()
    assert capsys.readouterr().out == "as before\n"
