"""Whose hands are on a lane whose program ended."""

from __future__ import annotations

import pytest

from loop_orchestrator.operations.hands import text_stands


@pytest.mark.parametrize("typed", [False, True])
@pytest.mark.parametrize(
    "prompt", ["", "$ ", "user@host:~/p$ ", "root@host:/# ", "host% ", "~> ", "❯ ", "p on  main λ ", "»  "]
)
def test_a_bare_prompt_is_nobodys_text(prompt: str, typed: bool) -> None:
    assert not text_stands(prompt, typed=typed)


@pytest.mark.parametrize("line", ["$ git sta", "user@host:~/p$ l", "❯ echo 'a b'", "host% cd ..  "])
def test_text_behind_a_prompt_is_seen_whether_it_was_typed_now_or_not(line: str) -> None:
    assert text_stands(line, typed=False)


def test_a_prompt_of_another_form_counts_as_text_only_where_something_was_typed() -> None:
    assert not text_stands("➜  shop git:(main) ✗ ", typed=False)
    assert text_stands("➜  shop git:(main) ✗ git sta", typed=True)
