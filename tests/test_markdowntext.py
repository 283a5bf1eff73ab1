"""What a reader of Markdown takes for a heading, a link, a fence: that and nothing else is found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loop_orchestrator.markdowntext import PARAGRAPH_LIMIT, Fault, Link, lines_of, read_blocks, read_markdown, slug_of

PAGE = """\
# A [title](one.md)
See [two](<my page.md#An end>), [a
link](three.md) and
[ref][r] ![a picture](pic.png "t") <https://example.org/x> `[no](code.md)` rows[0][1]

[r]: lanes/web.md

```md
[no](fenced.md)
# no heading
```
- a list [four](four.md)
> a quote [five](five.md)
"""


def test_links_are_found_with_their_lines_and_code_is_none() -> None:
    assert read_markdown(PAGE).links == (
        Link(1, "one.md"),
        Link(2, "my%20page.md#An%20end"),
        Link(2, "three.md"),
        Link(4, "lanes/web.md"),
        Link(4, "pic.png", is_image=True),
        Link(4, "https://example.org/x"),
        Link(12, "four.md"),
        Link(13, "five.md"),
    )
    assert read_markdown(PAGE).faults == ()
    assert read_blocks(PAGE).links == ()


def test_what_looks_like_a_link_and_is_none_is_a_fault() -> None:
    page = read_markdown("[a](my page.md)\n[b][nowhere] x[0][1]\n\n`[c](d e.md)` [t](u.md 'with a title')\n")
    assert page.faults == (Fault(1, "blank-in-link", "my page.md"), Fault(2, "undefined-reference", "nowhere"))
    assert page.links == (Link(4, "u.md"),)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("```\nx\n```", []),
        ("```\nx\n```\n", []),
        ("~~~ py\n```\n~~~\n", []),
        ("- ```\n  x\n  ```\n", []),
        ("```\r\nx\r\n```\r\n", []),
        ("```\n```\n", []),
        ("```", [1]),
        ("a\n```\nx", [2]),
        ("````\n```\n", [1]),
        ("> ```\n> x\n\nout\n", [1]),
        ("a\rb\r```\rx", [3]),
    ],
)
def test_a_fence_that_nothing_closes_is_found(text: str, lines: list[int]) -> None:
    assert [(one.line, one.what) for one in read_blocks(text).faults] == [(line, "unclosed-fence") for line in lines]


def test_anchors_are_those_of_headings_and_of_html() -> None:
    page = read_markdown(
        '# One, two!\n\n## One two\n\nSet\n===\n\n## `x` [y](z.md)\n\n<a id="Own"></a> t\n\n<p name=p2>\n'
    )
    assert page.anchors == {"one-two", "one-two-1", "set", "x-y", "Own", "p2"}
    assert slug_of("Über  uns_2") == "über--uns_2"


def test_a_paragraph_of_brackets_is_a_fault_and_costs_nothing() -> None:
    page = read_markdown("[a" * PARAGRAPH_LIMIT)
    assert [(one.line, one.what) for one in page.faults] == [(1, "long-paragraph")]


@given(st.text(alphabet="a#`>- \n\r\f\u2028[](){}<!->\x00é"))
def test_the_lines_are_the_text_and_headings_stand_on_theirs(text: str) -> None:
    assert "".join(lines_of(text)) == text
    page = read_markdown(text)
    lines = [one.line for one in page.headings] + [one.line for one in page.links] + [one.line for one in page.faults]
    assert all(1 <= line <= max(1, len(page.lines)) for line in lines)
