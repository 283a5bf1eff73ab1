"""What is dim on a screen, and what its rows say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loop_orchestrator.substrate.screens import parse_ansi


@pytest.mark.parametrize(
    ("drawn", "row", "bright"),
    [
        ("❯ \x1b[2mType a prompt\x1b[0m", "❯ Type a prompt", "❯"),
        ("\x1b[0;2mdim\x1b[22mnot", "dimnot", "   not"),
        ("\x1b[38;2;2;2;2mcolour\x1b[0m", "colour", "colour"),
        ("\x1b[38;5;2mcolour\x1b[48;5;7;2mdim\x1b[m", "colourdim", "colour"),
        ("\x1b[4:3mcurly\x1b[0m", "curly", "curly"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link", "link"),
        ("\x1b[7mT\x1b[0;2mype\x1b[0m", "Type", ""),
        ("\x1b[7mTy\x1b[0;2mpe\x1b[0m", "Type", "Ty"),
        ("T\x1b[7m \x1b[0m", "T", "T"),
        ("\x0elqqk\x0f q", "┌──┐ q", "┌──┐ q"),
        ("a\x1b(Bb\x1b", "ab", "ab"),
    ],
)
def test_escape_codes_are_read_and_never_shown(drawn: str, row: str, bright: str) -> None:
    screen = parse_ansi(drawn)
    assert (screen.rows, screen.bright) == ((row,), (bright,))


SUGGESTED = "\x1b[38;5;183m> \x1b[4m\x1b[39mR\x1b[0m\x1b[38;5;103m\x1b[49mun the tests"
HINTS = "\n\x1b[39m  \x1b[38;5;103m? for shortcuts"


def test_what_a_program_suggests_in_the_colour_of_its_hints_is_dim() -> None:
    assert parse_ansi(SUGGESTED + HINTS).bright == (">", "  ? for shortcuts")
    assert parse_ansi(SUGGESTED + HINTS).rows == ("> Run the tests", "  ? for shortcuts")


@pytest.mark.parametrize(
    "typed",
    [
        SUGGESTED,  # no hint has that colour
        "\x1b[38;5;183m> \x1b[4m\x1b[39mR\x1b[0m\x1b[39m\x1b[49mun the tests" + HINTS,  # the cursor at its beginning
        "\x1b[38;5;183m> \x1b[4m/\x1b[0m\x1b[38;5;103m\x1b[49mreview" + HINTS,  # a coloured word
        "\x1b[38;5;183m> \x1b[39mRun the test\x1b[4ms\x1b[0m" + HINTS,
    ],
)
def test_what_somebody_typed_is_not(typed: str) -> None:
    screen = parse_ansi(typed)
    assert screen.bright == screen.rows


def test_attributes_hold_on_from_row_to_row_as_tmux_writes_them() -> None:
    assert parse_ansi("\x1b[2mone\ntwo\x1b[0m\nthree\n").bright == ("", "", "three")


def test_trailing_blanks_go_but_a_no_break_space_stays() -> None:
    assert parse_ansi("❯\u00a0  \n").rows == ("❯\u00a0",)


def test_empty_rows_are_rows() -> None:
    assert parse_ansi("\n\nlast\n\n").rows == ("", "", "last", "")


@given(st.text(st.characters(blacklist_categories=("Cc", "Cs"))), st.booleans())
def test_text_without_escape_codes_is_as_it_is(text: str, newline: bool) -> None:
    screen = parse_ansi(text + "\n" * newline)
    assert screen.rows == screen.bright == (text.rstrip(" "),)


@given(st.text())
def test_no_output_of_a_program_breaks_the_reading(text: str) -> None:
    screen = parse_ansi(text)
    assert len(screen.rows) == len(screen.bright) == text.removesuffix("\n").count("\n") + 1 or "\x1b" in text
    assert all(char >= " " for row in screen.rows for char in row)
