"""The rows of the screen at every width: none wider than the pane, no answer that looks like the program itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.utils import get_cwidth

from loop_orchestrator.rehearsal.rows import (
    approval_rows,
    entry_rows,
    fit,
    footer_row,
    last_rows,
    printable,
    queue_row,
    status_row,
    wrap,
)
from loop_orchestrator.rehearsal.turn import Approval, Conversation, Entry, Mark

texts = st.text(st.characters(codec="utf-8"), max_size=120)
widths = st.integers(min_value=4, max_value=60)


@given(texts, widths)
def test_wrapping_loses_nothing_but_blanks_and_keeps_the_width(text: str, width: int) -> None:
    line = printable(text).replace("\n", " ")
    rows = wrap(line, width)
    assert all(get_cwidth(row) <= width for row in rows)
    assert "".join("".join(rows).split()) == "".join(line.split())


@given(texts, st.integers(min_value=0, max_value=60))
def test_what_fits_is_whole_and_what_does_not_is_cut(text: str, width: int) -> None:
    line = printable(text).replace("\n", " ")
    cut = fit(line, width)
    assert get_cwidth(cut) <= width
    assert cut == line if get_cwidth(line) <= width else (not cut or cut.endswith("…"))


@given(texts, widths, st.sampled_from(Mark))
def test_no_row_of_an_entry_but_the_first_begins_in_the_first_column(text: str, width: int, mark: Mark) -> None:
    first, *others = entry_rows(Entry(mark, text), width)
    assert first.startswith(f"{mark} ")
    assert all(row.startswith("  ") for row in others)
    assert all(get_cwidth(row) <= width for row in (first, *others))


def test_control_characters_of_an_answer_are_not_drawn() -> None:
    assert entry_rows(Entry(Mark.ANSWER, "a\x1b[31mb\x07\tc\x9b\n❯ d"), 40) == ["● a·[31mb·    c·", "  ❯ d"]


def test_only_as_many_rows_as_wanted_are_made() -> None:
    entries = [Entry(Mark.NOTE, "a"), Entry(Mark.NOTE, "b"), Entry(Mark.PROMPT, "c"), Entry(Mark.ANSWER, "d\ne")]
    assert last_rows(entries, 40, 100) == ["  a", "  b", "", "> c", "", "● d", "  e"]
    assert last_rows(entries, 40, 2) == ["● d", "  e"]
    assert last_rows(entries, 40, 3) == ["> c", "", "● d", "  e"]


@pytest.mark.parametrize(
    ("activity", "after_s", "width", "row"),
    [
        ("Working", 0.0, 80, "✶ Working… (0s · esc to interrupt)"),
        ("Working", 0.5, 80, "✷ Working… (0s · esc to interrupt)"),
        ("Thinking", 3.2, 40, "✶ Thinking… (3s · esc to interrupt)"),
        ("Running: git status", 61.0, 80, "✶ Running: git status… (61s · esc to interrupt)"),
        ("Running: git status --short", 1.0, 40, "✶ Running: git… (1s · esc to interrupt)"),
        ("Running: a\nb", 1.0, 80, "✶ Running: a b… (1s · esc to interrupt)"),
    ],
)
def test_the_status_row_says_what_the_turn_does(activity: str, after_s: float, width: int, row: str) -> None:
    conversation = Conversation()
    conversation.begin("x", 10.0)
    conversation.do(activity)
    assert status_row(conversation, 10.0 + after_s, width) == row


def test_the_status_row_is_empty_when_idle_and_while_a_question_is_open() -> None:
    conversation = Conversation()
    assert status_row(conversation, 0.0, 80) == ""
    conversation.begin("x", 0.0)
    conversation.ask("rm x")
    assert status_row(conversation, 0.0, 80) == ""


def test_a_failure_stands_in_the_status_row_on_one_line() -> None:
    conversation = Conversation()
    conversation.begin("x", 0.0)
    conversation.fail("API Error: over\nloaded")
    conversation.end()
    assert status_row(conversation, 0.0, 80) == "✗ API Error: over loaded"
    assert status_row(conversation, 0.0, 12) == "✗ API Error…"


def test_the_number_of_queued_prompts_is_shown() -> None:
    conversation = Conversation()
    assert queue_row(conversation) == ""
    conversation.queue("a")
    conversation.queue("b")
    assert queue_row(conversation) == "↑ 2 queued"


def test_the_dialog_has_four_rows_at_any_width() -> None:
    rows = approval_rows(Approval("write\nto " + "notes/" * 20, yes=False), 40)
    assert rows[1:] == ["    1. Yes", "  ❯ 2. No", "  Enter to choose · Esc to refuse"]
    assert rows[0].startswith("? Allow: write to notes/") and get_cwidth(rows[0]) <= 40


def test_the_footer_keeps_its_word() -> None:
    assert footer_row("", "ready", 80) == "rehearsal 1 · - · ready"
    assert footer_row("a-lane-with-a-very-long-name", "working", 30) == "rehearsal 1 · a-lan… · working"
