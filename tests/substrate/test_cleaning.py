"""No byte of a text can act as a key or end a bracketed paste."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from loop_orchestrator.substrate.cleaning import clean


@given(st.text(st.characters()))
def test_nothing_but_newline_and_tab_is_left_of_the_control_characters(text: str) -> None:
    cleaned, _ = clean(text)
    assert not [char for char in cleaned if unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t"]


@given(st.text(st.characters(blacklist_categories=("Cc", "Cs")) | st.sampled_from("\n\t")))
def test_a_text_without_control_characters_is_unchanged(text: str) -> None:
    assert clean(text) == (text, {})


def test_what_was_removed_is_said_by_name() -> None:
    hostile = "a\x1b[201~b\x9b201~c\x00\x03\x7f\ud800d"
    assert clean(hostile) == (
        "a[201~b201~cd",
        {"ESC": 1, "U+009B": 1, "NUL": 1, "ETX": 1, "DEL": 1, "U+D800": 1},
    )


def test_carriage_returns_become_newlines() -> None:
    assert clean("one\r\ntwo\rthree") == ("one\ntwo\nthree", {"CR": 2})
