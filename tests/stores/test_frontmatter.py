"""Front matter goes through a file and back, whoever wrote it."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.stores import frontmatter
from loop_orchestrator.stores.frontmatter import FrontMatter, join, split, split_one_line_texts
from loop_orchestrator.yamltext import parse, to_plain

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
ODD_LINES = st.sampled_from(["---", "--- ", "---\r", "\ufeff---", "a: b", "", "\u2028", "\x85", "\r"])


@given(data=st.dictionaries(TEXT, VALUES, max_size=5), body=TEXT | st.lists(ODD_LINES | TEXT).map("\n".join))
def test_what_is_joined_is_split_into_the_same(data: dict[str, JsonValue], body: str) -> None:
    assert split(join(data, body)) == FrontMatter(data, body)


@pytest.mark.parametrize(
    "text",
    [
        "---\nsubject: x\n---\nbody\n",
        "\ufeff---\r\nsubject: x\r\n---\r\nbody\n",
        "---  \t\nsubject: 'x'  \n--- \nbody\n",
        '---\n\n# a comment\nsubject: "x"\n---\nbody\n',
    ],
)
def test_files_of_many_editors_are_read(text: str) -> None:
    assert split(text) == FrontMatter({"subject": "x"}, "body\n")


def test_a_file_may_end_at_its_closing_fence() -> None:
    assert split("---\na: b\n---") == FrontMatter({"a": "b"}, "")
    assert split("---\n---\n") == FrontMatter({}, "")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1: no front matter"),
        ("body", "line 1: no front matter"),
        ("\n---\na: b\n---\n", "line 1: no front matter"),
        ("---\na: b\nc: d\n", "line 3: the front matter has no closing"),
        ("---\n- a\n---\n", "line 2: the front matter is no list of keys"),
        ("---\na: b\nc: [\n---\n", "line [34]: "),
        ("---\na: b\na: c\n---\n", "line 3: "),
        ("---\nsubject: Re: build\n---\n", "line 2: "),
    ],
)
def test_what_is_no_front_matter_is_reported_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}"):
        split(text)


WORDS = st.sampled_from(
    ["true", "No", "null", "yes", "-", " ", ".", "a", "Z9", "1e5", "@", "/", "(x)", "'", '"', "#", ": ", "~", "\\"]
)


@given(
    key=st.text(string.ascii_letters + "_", min_size=1) | WORDS,
    value=st.lists(WORDS).map("".join),
    quote=st.sampled_from(["", "'", '"']),
    blanks=st.sampled_from(["", " ", "   "]),
)
def test_a_line_that_is_read_without_yaml_is_read_as_yaml_reads_it(
    key: str, value: str, quote: str, blanks: str
) -> None:
    line = f"{key}:{blanks}{quote}{value}{quote}{blanks}"
    simple = frontmatter._simple([line])
    if simple is not None:
        assert to_plain(parse(line + "\n")) == simple


def test_plain_front_matter_is_read_without_yaml() -> None:
    lines = ["subject: T0001 review", "from: web", "id: m-20260301T120000000-4f2a9c", "to: 'coord: x'", 'a: "#1"']
    assert frontmatter._simple(lines) == {
        "subject": "T0001 review",
        "from": "web",
        "id": "m-20260301T120000000-4f2a9c",
        "to": "coord: x",
        "a": "#1",
    }


def test_one_line_texts_are_read_as_people_mean_them() -> None:
    text = "---\nsubject: Re: build [web]: 50% \r\n\nid: a:b\n---\nbody"
    assert split_one_line_texts(text) == FrontMatter({"subject": "Re: build [web]: 50%", "id": "a:b"}, "body")


@pytest.mark.parametrize("header", ["subject:", "a: b\na: c", "- a", "a: b\n  c"])
def test_what_is_no_list_of_one_line_texts_is_refused(header: str) -> None:
    with pytest.raises(ValueError, match="not one new key with one text"):
        split_one_line_texts(f"---\n{header}\n---\n")


def test_keys_are_found_with_their_lines() -> None:
    text = "\ufeff---\r\na: b\r\n# c: d\r\ntags: |\r\n  e: f\r\ng: {h: i}\r\n---\r\nj: k\r\n"
    assert frontmatter.key_lines(text) == {"a": 2, "tags": 4, "g": 6}
    assert frontmatter.key_lines("---\n---\n") == {}
    with pytest.raises(frontmatter.FrontMatterProblem) as raised:
        frontmatter.key_lines("---\na: b\nc: [\n---\n")
    assert raised.value.line in (3, 4)


@given(st.lists(ODD_LINES, max_size=4), st.sampled_from(["\n", "\r\n"]), st.sampled_from(["x", "'x'", '"x" # y', ""]))
def test_a_changed_value_changes_nothing_else(body: list[str], newline: str, old: str) -> None:
    head = newline.join(["---", "a: b", f"status: {old}".rstrip(), "c: d", "---", ""])
    text = head + newline.join(body)
    changed = frontmatter.with_values(text, {"status": "Accepted", "date": "2026-01-31"})
    assert changed.endswith(newline.join(body))
    assert split(changed).data == {"a": "b", "status": "Accepted", "c": "d", "date": "2026-01-31"}
    assert changed.count("# y") == text.count("# y")
