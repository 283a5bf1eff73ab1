"""What `loop wiki-lint` finds, and what it takes for nothing wrong."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from loop_orchestrator.markdowntext import TEXT_LIMIT
from loop_orchestrator.model.wiki import MARKER
from loop_orchestrator.model.wikiindex import with_entries
from loop_orchestrator.operations.wiki_check import Finding, Kind, Source, check_wiki, missing_entries

CLEAN = {
    "index.md": "# Index\n\n- [checkpoint](checkpoint.md)\n- [log](log.md)\n- [web](lanes/web.md)\n\n## Loops\n",
    "checkpoint.md": f"# Checkpoint\n\n{MARKER}\n",
    "log.md": "# Log\n\n## [2026-03-01] init | laid out\n",
    "lanes/web.md": "# web\n\n[up](../index.md#loops) [task](../../tasks/T0001-a.md) [all](/README.md) [me](#web)\n",
}


def found(pages: dict[str, str | Source], *, clean: bool = True) -> list[Finding]:
    every = {**CLEAN, **pages} if clean else pages
    return list(
        check_wiki(
            {name: one if isinstance(one, Source) else Source(text=one) for name, one in every.items()},
            lanes=frozenset({"web"}),
            wiki=PurePosixPath("ops-wiki"),
            exists=lambda place: str(place) in {"README.md", "tasks/T0001-a.md", "ops-wiki/loops", "ops-wiki/a b.txt"},
        )
    )


def kinds(pages: dict[str, str | Source]) -> list[tuple[str, int, str]]:
    return [(one.page, one.line, one.kind.value) for one in found(pages)]


def test_a_wiki_in_order_has_no_findings() -> None:
    assert found({}) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a](gone.md)", Kind.BROKEN_LINK),
        ("![a](gone.png)", Kind.BROKEN_LINK),
        ("[a][r]\n\n[r]: ../gone.md", Kind.BROKEN_LINK),
        ("[a](<my page.md>)", Kind.BROKEN_LINK),
        ("[a](../index.md#gone)", Kind.BROKEN_ANCHOR),
        ("[a](#gone)", Kind.BROKEN_ANCHOR),
        ("[a](my page.md)", Kind.MALFORMED_LINK),
        ("[a][nowhere]", Kind.MALFORMED_LINK),
        ("[a](../../../out.md)", Kind.LEADS_OUT),
        ("[a](/../../etc/passwd)", Kind.LEADS_OUT),
        ("```\n[a](gone.md)", Kind.UNCLOSED_FENCE),
        ("> **CONFLICT** a says x, b says y", Kind.CONFLICT),
    ],
)
def test_what_is_wrong_on_a_page_is_found_with_its_line(text: str, expected: Kind) -> None:
    assert kinds({"lanes/web.md": f"one\n\n{text}\n"}) == [("lanes/web.md", 3, expected.value)]


@pytest.mark.parametrize(
    "text",
    [
        "```\n[a](gone.md)\n> CONFLICT\n```",
        "`[a](gone.md)`",
        "[a](https://example.org/gone.md#x) <mailto:ann@example.org> [b](//example.org/x)",
        "[a](<../a b.txt>) [b](../a%20b.txt) [c](../loops) [d](../loops/) [e](../index.md?plain=1#LOOPS)",
        "CONFLICT in a text\n\n> no CONFLICT",
        "rows[0][1] and [brackets] and [x](<>)",
    ],
)
def test_what_is_in_order_is_not_found(text: str) -> None:
    assert kinds({"lanes/web.md": f"{text}\n"}) == []


def test_pages_that_the_index_lacks_and_pages_that_nobody_reaches() -> None:
    pages: dict[str, str | Source] = {
        "loops/a.md": "[b](b.md)\n",
        "loops/b.md": "",
        "lanes/web.md": "[c](../loops/c.md)\n",
        "loops/c.md": "",
    }
    assert kinds(pages) == [
        ("loops/a.md", 1, "orphan"),
        ("loops/b.md", 1, "orphan"),
        ("loops/c.md", 1, "not-in-index"),
    ]
    assert missing_entries(tuple(found(pages))) == ("loops/a.md", "loops/b.md", "loops/c.md")


def test_the_marker_and_the_log() -> None:
    assert kinds({"checkpoint.md": f"# C\n\n```\n{MARKER}\n```\n"}) == [("checkpoint.md", 5, "missing-marker")]
    assert kinds({"log.md": ""}) == []
    assert kinds({"checkpoint.md": f"{MARKER}\n\n{MARKER}\n"}) == [("checkpoint.md", 3, "double-marker")]
    entry = "## [2026-03-01] task | T0001\n\nsame\n\n"
    log = f"# Log\n\n{entry}## 2026-03-02 task\n\n{entry}## [2026-03-01] task | T0001\n\nother\n\n### a part\n\n# Log\n"
    assert kinds({"log.md": log}) == [
        ("log.md", 7, "log-heading"),
        ("log.md", 9, "log-duplicate"),
        ("log.md", 19, "log-heading"),
    ]


def test_pages_that_are_not_there_or_cannot_be_read() -> None:
    assert [(one.page, one.kind) for one in found({}, clean=False)] == [
        ("checkpoint.md", Kind.MISSING_PAGE),
        ("index.md", Kind.MISSING_PAGE),
        ("log.md", Kind.MISSING_PAGE),
    ]
    pages: dict[str, str | Source] = {
        "lanes/web.md": Source(text="[a](nowhere.md)", problem="byte 9 is no UTF-8"),
        "lanes/gone.md": Source(leads_out=True),
        "loops/pipe.md": Source(problem="no file"),
    }
    assert kinds(pages) == [
        ("lanes/gone.md", 1, "leads-out"),
        ("lanes/gone.md", 1, "unknown-lane"),
        ("lanes/web.md", 1, "broken-link"),
        ("lanes/web.md", 1, "unreadable"),
        ("loops/pipe.md", 1, "unreadable"),
    ]
    assert kinds({"lanes/web.md": "x" * (TEXT_LIMIT + 1)}) == [("lanes/web.md", 1, "too-large")]
    unreadable = found({"index.md": Source(problem="no"), "loops/a.md": ""})
    assert not any(one.fixable for one in unreadable)


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        ("# I\n\n- [a](a.md)\n\n## Loops\n\n- [b](loops/b.md)\n\n## Lanes\n", "- [b](loops/b.md)\n- NEW\n\n## Lanes\n"),
        ("# I\n\n## Loops\n\ntext\n## Lanes\n", "## Loops\n\ntext\n\n- NEW\n\n## Lanes\n"),
        ("# I\n\n## loops/\n### Old\n\n* [b](b.md)\n", "* [b](b.md)\n- NEW\n"),
        ("# I\n", "# I\n\n- NEW\n"),
        ("# I\r\n\r\n- a", "# I\r\n\r\n- a\n- NEW\n"),
        ("", "- NEW\n"),
    ],
)
def test_a_line_of_the_index_goes_to_the_section_of_its_folder(index: str, expected: str) -> None:
    made = with_entries(index, ("loops/x.md",))
    assert made.replace("[loops/x.md](loops/x.md): loop x", "NEW").endswith(expected)
    assert with_entries(made, ("loops/x.md",)) == made


@pytest.mark.parametrize(
    "name", ["loops/a b.md", "loops/a](x)#?.md", "loops/`é`&amp;.md", "loops/a\n# b.md", "a%20b.md"]
)
def test_a_line_of_the_index_leads_to_its_page_whatever_the_name(name: str) -> None:
    pages: dict[str, str | Source] = {name: ""}
    assert [one.kind for one in found(pages)] == [Kind.ORPHAN]
    assert found({**pages, "index.md": with_entries(CLEAN["index.md"], (name,))}) == []


def test_a_line_that_would_be_no_link_is_not_written() -> None:
    with pytest.raises(ValueError, match=r"mend the fences of index\.md first"):
        with_entries("# I\n\n```\ncode\n", ("loops/x.md",))


def test_the_page_of_a_lane_that_left_a_hand_off_waits_for_the_next_of_its_name() -> None:
    index = CLEAN["index.md"] + "- [old](lanes/old.md)\n"
    assert kinds({"index.md": index, "lanes/old.md": "# old\n"}) == [("lanes/old.md", 1, "unknown-lane")]
    assert kinds({"index.md": index, "lanes/old.md": "# old\n\n## Handoff state\n\n- time: x\n"}) == []
