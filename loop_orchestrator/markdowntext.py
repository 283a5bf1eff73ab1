"""Markdown as its readers see it: headings, links, comments and fences with their lines, read by markdown-it-py.

Only what a CommonMark reader takes for a heading or a link is one: what stands in a fence or in code is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

TEXT_LIMIT = 1_000_000
"""Characters of a text that is taken apart. A longer one costs seconds, and nobody reads it: see ``is_too_long``."""

PARAGRAPH_LIMIT = 20_000
"""Characters of one paragraph in which links are looked for: brackets that never close cost the square of them."""

# Patterns stand here as text and are compiled by re at their first use.
_LINES = r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+"
_BLANK_IN_TARGET = r"\[[^\[\]]*\]\((?P<target>[^()<>\s]+(?: +[^()<>\s\"']+)+)\)"
_UNDEFINED = r"(?<![\w\]])\[[^\[\]]+\]\[(?P<label>[^\[\]]+)\]"
_HTML_ID = r"""\b(?:id|name)\s*=\s*["']?([^"'\s>]+)"""


@dataclass(frozen=True)
class Heading:
    """One heading outside of quotes and lists."""

    line: int
    """the first of its lines, from 1"""
    level: int
    """1 to 6"""
    text: str
    """as written, without the signs that make it a heading"""


@dataclass(frozen=True)
class Link:
    """One link or picture; a reference stands for what it is defined as."""

    line: int
    target: str
    """where it leads, percent-encoded as in a URL"""
    is_image: bool = False


@dataclass(frozen=True)
class Fault:
    """What looks like a link or a fence and is none, or is not closed."""

    line: int
    what: str
    """``blank-in-link``, ``undefined-reference``, ``unclosed-fence`` or ``long-paragraph``"""
    about: str
    """the target, the label, the fence's first line"""


@dataclass(frozen=True, kw_only=True)
class Markdown:
    """A text taken apart."""

    lines: tuple[str, ...]
    """with their line ends; joined they are the text again"""
    headings: tuple[Heading, ...]
    links: tuple[Link, ...]
    """empty where they were not asked for"""
    comments: tuple[tuple[int, str], ...]
    """line and text of every HTML block outside of quotes and lists"""
    quotes: tuple[tuple[int, str], ...]
    """line and text of every paragraph inside a quote"""
    anchors: frozenset[str]
    """what ``#anchor`` may name: slugs of headings, and ids of HTML tags; empty where links were not asked for"""
    faults: tuple[Fault, ...]


def is_too_long(text: str) -> bool:
    """It is not taken apart; whoever needs it says so."""
    return len(text) > TEXT_LIMIT


def lines_of(text: str) -> tuple[str, ...]:
    """The lines as Markdown counts them, each with its line end; form feeds and U+2028 end none."""
    return tuple(re.findall(_LINES, text))


def read_blocks(text: str) -> Markdown:
    """Headings, comments, quotes and fences; links are not looked for, which is three times as quick."""
    return _read(text, with_links=False)


def read_markdown(text: str) -> Markdown:
    """Everything."""
    return _read(text, with_links=True)


def slug_of(heading: str) -> str:
    """The anchor of a heading, as GitHub and its like make it."""
    shown = re.sub(r"!?\[([^\[\]]*)\]\([^()]*\)", r"\1", heading)
    kept = re.sub(r"[^\w\- ]", "", shown.strip().lower())
    return kept.replace(" ", "-")


def _read(text: str, *, with_links: bool) -> Markdown:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark")
    env: dict[str, object] = {}
    # A fence that runs to the end of a text without a last line end could not be told from a closed one.
    ended = text if text.endswith(("\n", "\r")) or not text else text + "\n"
    tokens = parser.disable("inline").parse(ended.removeprefix("\ufeff"), env)
    parser.enable("inline")
    headings, faults, comments, quotes = [], [], [], []
    links: list[Link] = []
    anchors: list[str] = []
    quoted = 0
    for place, token in enumerate(tokens):
        quoted += {"blockquote_open": 1, "blockquote_close": -1}.get(token.type, 0)
        line = token.map[0] + 1 if token.map else 0
        if token.type == "heading_open" and token.level == 0:
            headings.append(Heading(line, int(token.tag[1:]), tokens[place + 1].content))
        elif token.type == "fence" and _is_open(token):
            faults.append(Fault(line, "unclosed-fence", f"{token.markup}{token.info}".strip()))
        elif token.type == "html_block":
            anchors += re.findall(_HTML_ID, token.content)
            if token.level == 0:
                comments.append((line, token.content))
        elif token.type == "inline":
            if quoted:
                quotes.append((line, token.content))
            if with_links:
                for found in _inline(parser, token, line, env):
                    match found:
                        case Link():
                            links.append(found)
                        case Fault():
                            faults.append(found)
                        case _:
                            anchors.append(found)
    return Markdown(
        lines=lines_of(text),
        headings=tuple(headings),
        links=tuple(links),
        comments=tuple(comments),
        quotes=tuple(quotes),
        anchors=frozenset((*anchors, *_slugs(headings))) if with_links else frozenset(),
        faults=tuple(faults),
    )


def _is_open(token: Token) -> bool:
    """A fence without a closing line: its content then has one line more than fits between two of them."""
    assert token.map is not None
    first, end = token.map
    return token.content.count("\n") == end - first - 1


def _inline(parser: MarkdownIt, token: Token, line: int, env: dict[str, object]) -> Iterator[Link | Fault | str]:
    """Links, faults and anchors of one paragraph."""
    if "[" not in token.content and "<" not in token.content:
        return
    if len(token.content) > PARAGRAPH_LIMIT:
        yield Fault(line, "long-paragraph", f"{len(token.content)} characters")
        return
    children: list[Token] = []
    parser.inline.parse(token.content, parser, env, children)
    rows = [""]
    for child in _flat(children):
        match child.type:
            case "softbreak" | "hardbreak":
                rows.append("")
            case "link_open":
                yield Link(line + len(rows) - 1, str(child.attrs.get("href", "")))
                rows[-1] += " "
            case "image":
                yield Link(line + len(rows) - 1, str(child.attrs.get("src", "")), is_image=True)
            case "text":
                rows[-1] += child.content
            case "html_inline":
                yield from re.findall(_HTML_ID, child.content)
    for number, row in enumerate(rows):
        for found in re.finditer(_BLANK_IN_TARGET, row):
            yield Fault(line + number, "blank-in-link", found["target"])
        for found in re.finditer(_UNDEFINED, row):
            yield Fault(line + number, "undefined-reference", found["label"])


def _flat(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        if token.children:
            yield from _flat(token.children)


def _slugs(headings: list[Heading]) -> Iterator[str]:
    """Headings that are spelt alike get ``-1``, ``-2`` … from the second on."""
    seen: dict[str, int] = {}
    for heading in headings:
        slug = slug_of(heading.text)
        count = seen.get(slug, 0)
        yield slug if not count else f"{slug}-{count}"
        seen[slug] = count + 1
