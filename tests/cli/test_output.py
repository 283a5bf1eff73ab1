"""What reaches the terminal is text, never an order to it."""

from __future__ import annotations

import json

import pytest

from loop_orchestrator import plaintext
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
    assert plaintext.shown(text) == expected


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
    assert plaintext.shorten("a  b\nc", 10) == "a b c"
    assert plaintext.shorten("abcdefghij", 5) == "abcd…"


@pytest.mark.parametrize(
    ("text", "columns", "rows"),
    [
        ("short", 10, ["short"]),
        ("one two three four", 9, ["one two", "  three", "  four"]),
        ("  indented words go on", 12, ["  indented", "    words go", "    on"]),
        ("a averylongwordthatfitsnowhere b", 8, ["a", "  averylongwordthatfitsnowhere", "  b"]),
        ("two  blanks  stay  here", 14, ["two  blanks", "  stay  here"]),
        ("漢字 漢字 漢字", 9, ["漢字 漢字", "  漢字"]),
        ("anything at all", 0, ["anything at all"]),
    ],
)
def test_a_line_too_wide_for_the_terminal_is_folded_at_blanks_and_loses_nothing(
    text: str, columns: int, rows: list[str]
) -> None:
    assert output.folded(text, columns).split("\n") == rows
    assert "".join(output.folded(text, columns).split()) == "".join(text.split())


def test_the_last_column_of_a_table_is_folded_under_itself(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "_columns", lambda stream: 30)
    output.table(("ID", "WHAT"), [("1", "a sentence that is longer than its column")])
    assert capsys.readouterr().out == "ID  WHAT\n1   a sentence that is longer\n    than its column\n"


def test_a_command_is_never_folded(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "_columns", lambda stream: 10)
    output.line("  loop approve d-20261121T011530123-4f2a9c", whole=True)
    output.note("loop resolve op happened", whole=True)
    out, err = capsys.readouterr()
    assert (out.count("\n"), err.count("\n")) == (1, 1)
