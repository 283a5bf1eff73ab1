"""The draft: what a paste becomes, what Enter takes out."""

from __future__ import annotations

import pytest

from loop_orchestrator.rehearsal.composer import LARGE_CHARACTERS, LARGE_LINES, Composer
from tests.support.clocks import SteppedClock


@pytest.fixture
def composer(clock: SteppedClock) -> Composer:
    return Composer(enter_refused_s=0.0, monotonic=clock.monotonic)


def test_line_ends_of_a_paste_become_newlines(composer: Composer) -> None:
    composer.paste("a\r\nb\rc\n")
    assert composer.enter() == "a\nb\nc\n"


@pytest.mark.parametrize("text", ["x" * (LARGE_CHARACTERS + 1), "x\n" * (LARGE_LINES + 1), "a\U00100001b"])
def test_a_large_paste_is_one_character_of_the_draft_and_submitted_whole(composer: Composer, text: str) -> None:
    composer.paste(text)
    composer.paste(" and ")
    composer.paste(text)
    assert len(composer.buffer.text) == len("1 and 2")
    assert composer.enter() == f"{text} and {text}"


@pytest.mark.parametrize("text", ["x" * LARGE_CHARACTERS, "x\n" * LARGE_LINES])
def test_a_smaller_paste_stands_as_text(composer: Composer, text: str) -> None:
    composer.paste(text)
    assert composer.buffer.text == text


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_there_is_nothing_to_submit_in_a_blank_draft(composer: Composer, text: str) -> None:
    composer.paste(text)
    assert (composer.enter(), composer.buffer.text) == ("", "")


def test_bytes_that_are_no_utf8_are_replaced(composer: Composer) -> None:
    composer.buffer.insert_text("a\udcffb")
    assert composer.enter() == "a\ufffdb"


def test_enter_is_a_new_line_until_the_script_s_time_after_a_paste_is_over(clock: SteppedClock) -> None:
    composer = Composer(enter_refused_s=0.25, monotonic=clock.monotonic)
    composer.buffer.insert_text("typed ")
    assert composer.enter() == "typed "
    composer.paste("pasted")
    clock.advance(0.2)
    assert (composer.enter(), composer.buffer.text) == ("", "pasted\n")
    clock.advance(0.1)
    assert composer.enter() == "pasted\n"
