"""What is wrong with a wiki, found without a model. Pure: pages and names in, findings out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from urllib.parse import unquote

from loop_orchestrator.markdowntext import TEXT_LIMIT, Link, Markdown, is_too_long, read_markdown
from loop_orchestrator.model.handoff import HANDOFF
from loop_orchestrator.model.wiki import (
    CHECKPOINT,
    INDEX,
    LANES,
    LOG,
    MARKER,
    marker_lines,
    parse_log_heading,
)


class Kind(StrEnum):
    """What a finding is about."""

    MISSING_PAGE = "missing-page"
    """index.md, log.md or checkpoint.md is not there"""
    UNREADABLE = "unreadable"
    """a page cannot be read, or is no UTF-8"""
    LEADS_OUT = "leads-out"
    """a page is a link out of the wiki, or a link leads out of the project"""
    TOO_LARGE = "too-large"
    """a page or a paragraph is too long to be taken apart; what it links to is not known"""
    BROKEN_LINK = "broken-link"
    """a link or picture leads nowhere"""
    BROKEN_ANCHOR = "broken-anchor"
    """the page is there, the heading is not"""
    MALFORMED_LINK = "malformed-link"
    """what looks like a link is none for a reader of Markdown"""
    ORPHAN = "orphan"
    """no page that is reached from index.md leads to it"""
    NOT_IN_INDEX = "not-in-index"
    """it is reached, but index.md has no line for it"""
    MISSING_MARKER = "missing-marker"
    """nobody can tell where the coordinator's part of the checkpoint begins"""
    DOUBLE_MARKER = "double-marker"
    """the checkpoint has the marker more than once"""
    LOG_HEADING = "log-heading"
    """a heading of the log is no entry"""
    LOG_DUPLICATE = "log-duplicate"
    """an entry of the log stands twice, heading and text"""
    UNCLOSED_FENCE = "unclosed-fence"
    """a fence swallows the rest of its page"""
    CONFLICT = "conflict"
    """a contradiction is marked and not settled"""
    UNKNOWN_LANE = "unknown-lane"
    """a page of a lane that there is not, and that left no hand-off for the next one of its name"""


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is wrong."""

    page: str
    """path inside the wiki"""
    line: int
    """from 1"""
    kind: Kind
    what: str
    """one sentence"""
    mend: str
    """what to do about it"""
    fixable: bool = False
    """``loop wiki-lint --fix`` does it"""


@dataclass(frozen=True, kw_only=True)
class Source:
    """One page as found."""

    text: str = ""
    problem: str = ""
    """why it could not be read, or not all of it"""
    leads_out: bool = False


_NEEDED = (INDEX, LOG, CHECKPOINT)


def check_wiki(
    pages: Mapping[str, Source], *, lanes: frozenset[str], wiki: PurePosixPath, exists: Callable[[PurePosixPath], bool]
) -> tuple[Finding, ...]:
    """Everything that is wrong, by page and line.

    lanes: the names of all lanes. wiki: the wiki's folder in the project. exists: whether something stands at a path of
    the project that is no page of the wiki.
    """
    read = {name: read_markdown(one.text) for name, one in pages.items() if not is_too_long(one.text)}
    findings = [*_unread(pages), *(one for name, page in read.items() for one in _own(name, page, lanes))]
    leads: dict[str, set[str]] = {name: set() for name in pages}
    for name, page in read.items():
        for link in page.links:
            found = _follow(name, link, wiki, read, pages, exists)
            if isinstance(found, Finding):
                findings.append(found)
            elif found:
                leads[name].add(found)
    return tuple(sorted((*findings, *_unlisted(pages, leads))))


def missing_entries(findings: tuple[Finding, ...]) -> tuple[str, ...]:
    """The pages for which index.md lacks a line."""
    return tuple(one.page for one in findings if one.fixable)


def _unread(pages: Mapping[str, Source]) -> Iterator[Finding]:
    for name in _NEEDED:
        if name not in pages:
            yield Finding(name, 1, Kind.MISSING_PAGE, "the page is not there", "loop init lays out what is missing")
    for name, one in pages.items():
        if one.leads_out:
            yield Finding(
                name,
                1,
                Kind.LEADS_OUT,
                "it is a link that leads out of the wiki",
                "put the text itself there, or remove it",
            )
        elif one.problem:
            yield Finding(name, 1, Kind.UNREADABLE, one.problem, "save it as UTF-8 text that you may read")
        elif is_too_long(one.text):
            what = (
                f"it has {len(one.text)} characters; at most {TEXT_LIMIT} are taken apart, and its links are not known"
            )
            yield Finding(name, 1, Kind.TOO_LARGE, what, "part it into pages, or move what is old out of the wiki")


def _own(name: str, page: Markdown, lanes: frozenset[str]) -> Iterator[Finding]:
    """What can be seen on the page alone."""
    for fault in page.faults:
        match fault.what:
            case "unclosed-fence":
                what = f"the fence {fault.about} is not closed: all that follows is code"
                yield Finding(name, fault.line, Kind.UNCLOSED_FENCE, what, "close it on a line of its own")
            case "blank-in-link":
                what = f"({fault.about}) is no link: a blank ends its target"
                yield Finding(name, fault.line, Kind.MALFORMED_LINK, what, f"write it as (<{fault.about}>)")
            case "undefined-reference":
                what = f"[{fault.about}] is defined nowhere on the page"
                yield Finding(name, fault.line, Kind.MALFORMED_LINK, what, f"add a line [{fault.about}]: <target>")
            case _:
                what = f"a paragraph of {fault.about}: its links are not known"
                yield Finding(name, fault.line, Kind.TOO_LARGE, what, "part it")
    for line, text in page.quotes:
        if text.lstrip("*_ ").startswith("CONFLICT"):
            what = f"a contradiction is open: {text.split(chr(10))[0][:100]}"
            yield Finding(name, line, Kind.CONFLICT, what, "settle it from the sources it names, and take the mark out")
    if name == CHECKPOINT:
        yield from _markers(page)
    if name == LOG:
        yield from _log(page)
    folder, _, rest = name.partition("/")
    ended = any(one.level == 2 and one.text == HANDOFF for one in page.headings)
    if folder == LANES and rest.removesuffix(".md") not in lanes and not ended:
        mend = "move what should last to a page of loops/ and remove it; loop lane list shows the lanes"
        yield Finding(name, 1, Kind.UNKNOWN_LANE, f"there is no lane {rest.removesuffix('.md')}", mend)


def _markers(page: Markdown) -> Iterator[Finding]:
    markers = marker_lines(page)
    if not markers:
        what = f"the line {MARKER} stands nowhere outside of fences, quotes and lists"
        mend = f"put {MARKER} on a line of its own above what the coordinator decided, or at the end"
        yield Finding(CHECKPOINT, len(page.lines) or 1, Kind.MISSING_MARKER, what, mend)
    for line in markers[1:]:
        what = f"the marker stands on line {markers[0]} already"
        yield Finding(CHECKPOINT, line, Kind.DOUBLE_MARKER, what, "keep the one above what the coordinator decided")


def _log(page: Markdown) -> Iterator[Finding]:
    seen: dict[tuple[str, str], int] = {}
    cuts = [one for one in page.headings if one.level <= 2]
    ends = (*(one.line - 1 for one in cuts[1:]), len(page.lines))
    for heading, end in zip(cuts, ends, strict=False):
        if heading.level == 1 and heading.line == cuts[0].line:
            continue
        entry = parse_log_heading(heading.text) if heading.level == 2 else None
        if entry is None:
            what = f"{heading.text[:100]!r} is no heading of a log entry"
            yield Finding(LOG, heading.line, Kind.LOG_HEADING, what, "write it as ## [YYYY-MM-DD] <type> | <title>")
            continue
        text = "".join(page.lines[heading.line : end]).strip()
        first = seen.setdefault((entry.heading, text), heading.line)
        if first != heading.line:
            what = f"the entry stands on line {first} already, word for word"
            yield Finding(LOG, heading.line, Kind.LOG_DUPLICATE, what, "a person removes one of them")


def _follow(
    name: str,
    link: Link,
    wiki: PurePosixPath,
    read: Mapping[str, Markdown],
    pages: Mapping[str, Source],
    exists: Callable[[PurePosixPath], bool],
) -> Finding | str:
    """The page a link leads to, ``""`` where it leads elsewhere, or what is wrong with it."""
    target = link.target
    if _is_external(target):
        return ""
    path, _, anchor = target.partition("#")
    place = _place(wiki, name, unquote(path.partition("?")[0]))
    shown = unquote(target)
    if place is None:
        return Finding(
            name, link.line, Kind.LEADS_OUT, f"{shown} leads out of the project", "name it in words, or by a URL"
        )
    inside = place.relative_to(wiki).as_posix() if place.is_relative_to(wiki) else ""
    if inside not in pages:
        if exists(place):
            return ""
        word = "the picture" if link.is_image else "the link"
        return Finding(
            name,
            link.line,
            Kind.BROKEN_LINK,
            f"{word} {shown} leads nowhere",
            f"there is no {place}: mend or remove it",
        )
    if anchor and inside in read and unquote(anchor).lower() not in {one.lower() for one in read[inside].anchors}:
        what = f"{inside} has no heading #{unquote(anchor)}"
        return Finding(name, link.line, Kind.BROKEN_ANCHOR, what, f"link to one of its headings, or to {inside} alone")
    return inside


def _is_external(target: str) -> bool:
    head = target.split("/")[0].split("#")[0].split("?")[0]
    return target.startswith("//") or (":" in head and head.split(":")[0].replace("+", "").replace("-", "").isalnum())


def _place(wiki: PurePosixPath, name: str, path: str) -> PurePosixPath | None:
    """The path in the project that a link of a page means; None: outside of it. No path is the page itself."""
    if not path:
        return wiki / name
    parts: list[str] = [] if path.startswith("/") else list((wiki / name).parent.parts)
    for part in PurePosixPath(path.lstrip("/")).parts:
        if part == ".." and not parts:
            return None
        parts = parts[:-1] if part == ".." else [*parts, part]
    return PurePosixPath(*parts)


def _unlisted(pages: Mapping[str, Source], leads: Mapping[str, set[str]]) -> Iterator[Finding]:
    reached, todo = {INDEX}, deque([INDEX])
    while todo:
        for to in leads.get(todo.popleft(), set()) - reached:
            reached.add(to)
            todo.append(to)
    listed = leads.get(INDEX, set())
    can_be_fixed = INDEX in pages and not pages[INDEX].problem and not pages[INDEX].leads_out
    for name, page in pages.items():
        is_text = not page.problem or page.text
        if name == INDEX or name in listed or page.leads_out or not is_text:
            continue
        mend = "loop wiki-lint --fix adds a line to index.md"
        if name in reached:
            yield Finding(name, 1, Kind.NOT_IN_INDEX, "index.md has no line for it", mend, can_be_fixed)
        else:
            yield Finding(name, 1, Kind.ORPHAN, "no page that is reached from index.md leads to it", mend, can_be_fixed)
