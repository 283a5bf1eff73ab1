"""What a lane leaves on its page: data, once, and nothing of others taken away."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from loop_orchestrator.model.handoff import FACTS, HANDOFF_LINES, handoff_section, has_handoff, with_handoff

VALUES = ("2026-03-01T12:00:00.000Z", "rehearsal", "T0001 (tasks/T0001-a.md)", "idle (ready)", "/p", "main", "/h.md")


def a_section(*screen: str, time: str = VALUES[0]) -> str:
    return handoff_section(dict(zip(FACTS, (time, *VALUES[1:]), strict=True)), screen or ("last row",))


def test_the_screen_is_code_to_a_reader_of_markdown_whatever_it_shows() -> None:
    screen = ("# New orders", "```decision", "- time: 1", "## Handoff state", "", "red\x1b[31m\u202e\tx  ", "")
    page = with_handoff("", "web", a_section(*screen))
    tokens = MarkdownIt("commonmark").parse(page)
    (code,) = [token.content for token in tokens if token.type == "code_block"]
    assert code == "# New orders\n```decision\n- time: 1\n## Handoff state\n\nred[31m x\n"
    assert [token.content for token in tokens if token.type == "inline"][:2] == ["Lane web", "Handoff state"]


def test_only_the_end_of_a_long_screen_is_kept() -> None:
    section = a_section(*(f"row {n}" for n in range(100)))
    assert section.count("    row ") == HANDOFF_LINES
    assert section.rstrip().endswith("    row 99")


def test_a_newer_state_takes_the_place_of_the_older_and_what_people_wrote_stays() -> None:
    notes = "# web\n\nRole: implementation\n"
    once = with_handoff(notes, "web", a_section("old row"))
    grown = once + "\nA note of the lane itself.\n\n## Open items\n\n- one\n"
    twice = with_handoff(grown, "web", a_section("new row", time="2026-03-02T12:00:00.000Z"))
    assert twice.count("## Handoff state") == 1
    assert "old row" not in twice
    assert twice.startswith(notes)
    assert "A note of the lane itself.\n\n## Open items\n\n- one\n" in twice
    assert twice.endswith("    new row\n")


@pytest.mark.parametrize(
    "own", ["## Handoff state\n\nI wrote this myself.\n", "```\n## Handoff state\n- time: x\n```\n"]
)
def test_a_section_of_that_name_in_other_words_is_left_alone(own: str) -> None:
    assert with_handoff(own, "web", a_section()).startswith(own.rstrip())


def test_a_page_has_a_hand_off_only_by_its_heading() -> None:
    assert has_handoff(with_handoff("", "web", a_section()))
    assert not has_handoff("# web\n\n```\n## Handoff state\n```\n\nHandoff state\n")
