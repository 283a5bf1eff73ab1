"""What reaches the terminal is text, never an order to it."""

from __future__ import annotations

import json

import pytest

from loop_orchestrator.cli import output


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain ünïcödé 漢字", "plain ünïcödé 漢字"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("\x9b31m", "\\x9b31m"),
        ("safe\u202etxt", "safe\\u202etxt"),
        ("\x7f", "\\x7f"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_acts_on_a_terminal_is_shown(text: str, expected: str) -> None:
    assert output.shown(text) == expected


def test_a_block_keeps_its_lines_and_nothing_else_that_acts(capsys: pytest.CaptureFixture[str]) -> None:
    output.block("one\n\ttwo\x1b[0m\n\n")
    assert capsys.readouterr().out == "one\n\ttwo\\x1b[0m\n"


def test_columns_stand_under_each_other_with_wide_characters_too(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("NAME", "X"), [("漢字", "a"), ("abcde", "b"), ("evil\x1b", "c")])
    assert capsys.readouterr().out.splitlines() == ["NAME      X", "漢字      a", "abcde     b", "evil\\x1b  c"]


def test_a_document_begins_with_the_version_of_the_contract_and_holds_nothing_that_acts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.document({"text": "\x1b[2J\u202e\ud800ü"})
    out = capsys.readouterr().out
    assert out.isascii()
    assert "\x1b" not in out
    assert list(json.loads(out)) == ["contract_version", "text"]
    assert json.loads(out)["contract_version"] == 1


def test_a_shortened_text_is_one_line() -> None:
    assert output.shorten("a  b\nc", 10) == "a b c"
    assert output.shorten("abcdefghij", 5) == "abcd…"
