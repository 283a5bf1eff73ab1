"""Lines with a mark: the same that reading all of them finds, in both directions, whatever the blocks cut."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loop_orchestrator.stores import lines
from loop_orchestrator.stores.lines import last_lines, last_lines_with, lines_with, next_lines

TEXT = st.lists(st.text(alphabet="abX", max_size=12), max_size=20).map("\n".join)


@given(text=TEXT, block=st.integers(1, 40), stop=st.integers(0, 60))
def test_the_search_finds_what_reading_every_line_finds(
    tmp_path_factory: pytest.TempPathFactory, text: str, block: int, stop: int
) -> None:
    path = tmp_path_factory.mktemp("t") / "f"
    path.write_text(text)
    size, marks = path.stat().st_size, (b"X", b"aa")
    stop = min(stop, size)
    fd = os.open(path, os.O_RDONLY)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lines, "SEARCH_BLOCK", block)
            forwards = list(lines_with(fd, 0, size, marks))
            backwards = list(last_lines_with(fd, size, marks))
            stopped = list(last_lines_with(fd, size, marks, stop=stop))
        every = [line for line in next_lines(fd, 0, size) if b"X" in line or b"aa" in line]
        assert forwards == every
        assert backwards == every[::-1]
        expected = [line for line in last_lines(fd, size, stop=stop) if b"X" in line or b"aa" in line]
        assert stopped == expected
    finally:
        os.close(fd)


def test_marks_may_grow_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("a b\nb c\nd\n")
    marks = [b"a"]
    found = []
    with path.open("rb") as file:
        for line in lines_with(file.fileno(), 0, 10, marks):
            found.append(line)
            marks += line.split()
    assert found == [b"a b", b"b c"]
