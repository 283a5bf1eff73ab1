"""How a line that is too long goes on in the next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from loop_orchestrator.deck.pager import wrapped


def test_lines_part_at_spaces_and_keep_their_indent() -> None:
    assert wrapped("  one two three", 9) == ["  one two", "three"]
    assert wrapped("one two", 80) == ["one two"]
    assert wrapped("one  two", 4) == ["one", "two"]
    assert wrapped("", 4) == [""]


def test_a_word_that_is_too_long_is_parted() -> None:
    assert wrapped("abcdefghij", 4) == ["abcd", "efgh", "ij"]
    assert wrapped("漢字漢字", 4) == ["漢字", "漢字"]


@given(st.text("ab 漢é"), st.integers(2, 40))
def test_nothing_but_blanks_is_lost_and_every_part_fits(line: str, width: int) -> None:
    parts = wrapped(line, width)
    assert "".join("".join(parts).split(" ")) == "".join(line.split(" "))
    assert all(cell_len(part) <= width for part in parts)
