"""Sections of pages: what is added is seen by a reader, what stood there stays byte for byte, the marker is kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loop_orchestrator.model.wiki import CHECKPOINT, MARKER, mark, marked
from loop_orchestrator.model.wikiindex import with_entries
from loop_orchestrator.model.wikisections import PageFault, section_of, with_entry, with_text

ENTRY = "### a-to-b\n\ntext\n"
LINES = st.lists(st.sampled_from(["# T", "## Mail", "## Other", "### x", "para", "", "  ", "- item  ", "```", "> q"]))


def test_a_page_that_is_not_there_is_made_with_title_and_section() -> None:
    assert with_entry("loops/x.md", "", "Mail", ENTRY, title="Loop x") == "# Loop x\n\n## Mail\n\n### a-to-b\n\ntext\n"


def test_an_entry_goes_to_the_end_of_its_section_and_the_rest_stays() -> None:
    page = "# T\r\n\r\n## Mail\r\n\r\nold  \r\n\r\n\r\n## Other\r\nx"
    made = with_entry("p.md", page, "Mail", ENTRY, title="T")
    assert made == "# T\r\n\r\n## Mail\r\n\r\nold  \r\n\n### a-to-b\n\ntext\n\r\n\r\n## Other\r\nx"
    assert with_entry("p.md", made, "Mail", ENTRY, title="T") == made
    assert with_entry("p.md", "Mail\n----\nold", "Mail", ENTRY, title="T") == "Mail\n----\nold\n\n### a-to-b\n\ntext\n"
    assert section_of("p.md", made, "Other") == "x"
    assert section_of("p.md", made, "None") is None


@given(LINES)
def test_whatever_a_page_holds_it_is_kept_and_the_entry_is_seen_or_refused(lines: list[str]) -> None:
    page = "\n".join(lines)
    try:
        made = with_entry("p.md", page, "Mail", ENTRY, title="T")
    except PageFault:
        return
    rest = iter(made.splitlines())
    assert all(line in rest for line in page.splitlines()), "every line is still there, in its order"
    assert made.count("### a-to-b") == 1 and len(made) < len(page) + len("# T\n\n\n## Mail\n\n\n") + len(ENTRY) + 4
    assert with_entry("p.md", made, "Mail", ENTRY, title="T") == made


def test_of_the_checkpoint_only_the_part_above_the_marker_changes() -> None:
    page = f"# C\n\n## Now\n\nold\n\n{MARKER}\n\n## Now\n\nbelow\n"
    made = with_entry(CHECKPOINT, page, "Now", ENTRY, title="C")
    assert made == f"# C\n\n## Now\n\nold\n\n### a-to-b\n\ntext\n\n{MARKER}\n\n## Now\n\nbelow\n"
    assert with_text(CHECKPOINT, page, "Now", "new") == f"# C\n\n## Now\n\nnew\n\n{MARKER}\n\n## Now\n\nbelow\n"
    new = with_entry(CHECKPOINT, page, "More", ENTRY, title="C")
    assert new == f"# C\n\n## Now\n\nold\n\n## More\n\n### a-to-b\n\ntext\n\n{MARKER}\n\n## Now\n\nbelow\n"
    for broken in ("# C\n", f"{MARKER}\n\n{MARKER}\n"):
        with pytest.raises(PageFault, match="marker"):
            with_entry(CHECKPOINT, broken, "Now", ENTRY, title="C")


def test_an_entry_that_a_reader_would_not_see_is_refused() -> None:
    with pytest.raises(PageFault, match="fence"):
        with_entry("p.md", "# T\n\n```\ncode\n", "Mail", ENTRY, title="T")
    with pytest.raises(PageFault, match="too long"):
        with_entry("p.md", "x" * 2_000_000, "Mail", ENTRY, title="T")


def test_a_mark_is_found_wherever_it_stands_and_only_there() -> None:
    page = f"```{mark(['lane:a', 'lane:b'], outside=True)}\nx\n```\n\n    ~~~~ untrusted outside lane:c\n"
    assert marked(page) == {"lane:a", "lane:b", "lane:c"}
    assert marked(f"```{mark(['lane:a'], outside=False)}\nuntrusted outside lane:z\n```\n") == frozenset()


def test_pages_of_mail_get_a_section_of_the_index_once() -> None:
    index = "# Index\n\n## Decisions\n\nOne page.\n"
    made = with_entries(index, ("mail/2026-11.md", "loops/x.md"))
    made = with_entries(made, ("mail/2026-12.md",))
    assert made.count("## Mail") == 1
    assert made.index("## Mail") < made.index("mail/2026-11.md") < made.index("mail/2026-12.md")
    assert made.startswith(index.rstrip())
