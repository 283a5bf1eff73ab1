"""Who may write which part of the wiki."""

from __future__ import annotations

import pytest

from loop_orchestrator.markdowntext import TEXT_LIMIT, read_blocks
from loop_orchestrator.model.wiki import (
    MARKER,
    PARTITIONS,
    PERSON,
    Area,
    Right,
    Writer,
    area_of,
    marker_lines,
    parse_log_heading,
    parted,
    refusal,
)

WEB, DOCS, COORD = Writer("web", "implementation"), Writer("docs", "docs"), Writer("coord", "coordinator")
OTHERS = (Writer("check", "validation"), Writer("ops-top", "ops"), Writer("x", "a word of mine"), Writer("y", ""))
PAGES = ("index.md", "log.md", "decisions-archive.md", "loops/a.md", "decisions/a.md", ".lint-scratchpad.md", "more.md")
CHECKPOINT = f"# C\n\nabove\n\n{MARKER}\n\nbelow\n"


@pytest.mark.parametrize("writer", [WEB, *OTHERS])
def test_a_lane_writes_its_own_page_and_no_other(writer: Writer) -> None:
    assert refusal(writer, f"lanes/{writer.lane}.md", "a", "b") == ""
    for page in (*PAGES, "lanes/other.md", f"lanes/{writer.lane}/x.md", f"loops/{writer.lane}.md"):
        assert "may not write" in refusal(writer, page, "a\n", "a\nb\n"), page
    assert "may not write checkpoint.md above" in refusal(writer, "checkpoint.md", CHECKPOINT, "x" + CHECKPOINT)
    assert "may not write checkpoint.md from" in refusal(writer, "checkpoint.md", CHECKPOINT, CHECKPOINT + "x\n")


def test_docs_writes_above_the_marker_and_appends_to_the_log() -> None:
    for page in ("index.md", "loops/a.md", "decisions/a.md", "more.md", ".lint-scratchpad.md", "lanes/docs.md"):
        assert refusal(DOCS, page, "a", "b") == "", page
    assert refusal(DOCS, "log.md", "a\n", "a\nb\n") == ""
    assert "may only append to log.md" in refusal(DOCS, "log.md", "a\n", "b\n")
    assert "may not write lanes/" in refusal(DOCS, "lanes/web.md", "a", "b")
    assert refusal(DOCS, "checkpoint.md", CHECKPOINT, CHECKPOINT.replace("above", "new")) == ""
    for wrong in (CHECKPOINT.replace("below", "new"), CHECKPOINT.replace(MARKER, ""), "```\n" + CHECKPOINT):
        assert "from the marker on" in refusal(DOCS, "checkpoint.md", CHECKPOINT, wrong), wrong


def test_the_coordinator_writes_from_the_marker_on_and_appends_to_loops() -> None:
    assert refusal(COORD, "checkpoint.md", CHECKPOINT, CHECKPOINT + "more\n") == ""
    assert "above the marker" in refusal(COORD, "checkpoint.md", CHECKPOINT, CHECKPOINT.replace("above", "x"))
    assert refusal(COORD, "loops/a.md", "a\n", "a\nnote\n") == ""
    assert "may only append" in refusal(COORD, "loops/a.md", "a\n", "note\n")
    assert refusal(COORD, "checkpoint.md", "# C\n", f"# C\n{MARKER}\n") == ""
    assert "may not write index.md" in refusal(COORD, "index.md", "a", "b")


def test_without_one_marker_only_a_person_writes_what_stands_there() -> None:
    twice = f"{CHECKPOINT}\n{MARKER}\n"
    long = "x" * (TEXT_LIMIT + 1)
    for writer in (DOCS, COORD):
        assert "no marker" in refusal(writer, "checkpoint.md", "# C\n", "# D\n")
        assert "twice" in refusal(writer, "checkpoint.md", CHECKPOINT, twice)
        assert "twice" in refusal(writer, "checkpoint.md", twice, CHECKPOINT)
        assert "too long" in refusal(writer, "checkpoint.md", CHECKPOINT, long)
    for new in ("# D\n", twice, long):
        assert refusal(PERSON, "checkpoint.md", CHECKPOINT, new) == ""
    assert refusal(DOCS, "checkpoint.md", None, "# C\n") == ""


def test_every_role_has_rights_only_over_areas_and_people_over_all() -> None:
    assert all(PERSON.right(area) is Right.WRITE for area in Area)
    for role in set(PARTITIONS) - {"person"}:
        assert Writer("a", role).right(Area.OTHER_LANE) is Right.NONE
        assert Writer("a", role).right(Area.OWN_LANE) is Right.WRITE
    assert area_of("lanes/.md", Writer("", "person")) is Area.OTHER_LANE


def test_the_marker_counts_only_on_a_line_of_its_own_outside_of_everything() -> None:
    text = f"- {MARKER}\n\n> {MARKER}\n\n```\n{MARKER}\n```\n\n    {MARKER}\n\ntext {MARKER}\n\n"
    text += f"<div>\n{MARKER}\n</div>\n\n{MARKER} more\n\n{MARKER}\nend\n"
    page = read_blocks(text)
    assert marker_lines(page) == (19,)
    assert parted(page) == (text[: text.rindex(MARKER)], f"{MARKER}\nend\n")
    assert parted(read_blocks("no marker\n")) == ("no marker\n", "")


@pytest.mark.parametrize(
    "text", ["[2026-02-30] a | b", "[2026-02-03] A | b", "[2026-02-03] a |", "2026-02-03 a | b", ""]
)
def test_a_heading_that_is_no_entry_of_the_log(text: str) -> None:
    assert parse_log_heading(text) is None


def test_the_heading_of_an_entry_is_read_as_it_is_written() -> None:
    entry = parse_log_heading("[2026-02-03] task | T0001 done | really")
    assert entry is not None
    assert entry.heading == "## [2026-02-03] task | T0001 done | really"
