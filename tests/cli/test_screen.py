"""A live screen fits whatever it is shown on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loop_orchestrator import plaintext
from loop_orchestrator.cli.screen import fitted

SECTIONS = [
    ["title"],
    ["", "LOOPS", *(f"  loop {n}" for n in range(20))],
    ["", "MAIL", "  one"],
    ["", "WORK", "  a", "  b"],
]


def test_a_screen_that_is_high_enough_shows_every_line_as_it_is() -> None:
    assert fitted(SECTIONS, 80, 40) == [line for section in SECTIONS for line in section]


def test_blank_lines_go_first_then_the_ends_of_the_longest_sections() -> None:
    every = [line for section in SECTIONS for line in section if line]
    assert fitted(SECTIONS, 80, len(every)) == every
    assert fitted(SECTIONS, 80, 12) == [
        "title",
        *("LOOPS", *(f"  loop {n}" for n in range(4)), "  … 16 more"),
        *("MAIL", "  one"),
        *("WORK", "  a", "  b"),
    ]


def test_a_line_is_cut_by_cells_and_says_so() -> None:
    assert fitted([["漢字漢字", "abcdefgh", "12345"]], 5, 24) == ["漢字…", "abcd…", "12345"]


@given(
    st.lists(st.lists(st.text(st.characters(exclude_categories=["C", "M", "Z"])), min_size=1, max_size=9), max_size=6),
    st.integers(2, 90),
    st.integers(1, 30),
)
def test_nothing_is_wider_or_higher_than_the_screen(sections: list[list[str]], columns: int, rows: int) -> None:
    lines = fitted(sections, columns, rows)
    assert len(lines) <= rows
    assert all(plaintext.cells(line) <= columns for line in lines)
