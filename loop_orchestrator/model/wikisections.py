"""Sections of a page of the wiki: read, added to and replaced, with every other byte left as it is. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from loop_orchestrator.markdowntext import Heading, is_too_long, read_blocks
from loop_orchestrator.model.wiki import CHECKPOINT, MARKER, marker_lines, parted


class PageFault(ValueError):
    """The page is in a state in which it cannot be changed so; a sentence that a person can act on."""


def section_of(page: str, text: str, section: str) -> str | None:
    """The text of a section, heading left out, as it stands; None where there is none.

    page: its path in the wiki; of the checkpoint, the part above the marker is looked at. Raises PageFault.
    """
    above, _ = _sides(page, text)
    found = _bounds(above, section)
    return None if found is None else above[found[0] : found[1]]


def with_entry(page: str, text: str, section: str, entry: str, *, title: str) -> str:
    """Like with_entries_in, for one."""
    return with_entries_in(page, text, section, (entry,), title=title)


def with_entries_in(page: str, text: str, section: str, entries: Sequence[str], *, title: str) -> str:
    """The page with entries at the end of a section, which is made where it is missing.

    entries: whole lines each, the first a level-3 heading that no other entry has: those that the page has are left
    out. title: of a page that is not there yet. Raises PageFault where a reader would not see one of them.
    """
    above, below = _sides(page, text)
    there = _entry_headings(above)
    new = [entry for entry in entries if _heading_of(entry) not in there]
    if not new:
        return text
    above = _appended(above or f"# {title}\n", section, "\n\n".join(entry.strip() for entry in new))
    there = _entry_headings(above)
    if any(_heading_of(entry) not in there for entry in new):
        raise PageFault(f"{page}: an entry would stand in a fence that is not closed; close it")
    return _together(page, above, below)


def with_text(page: str, text: str, section: str, new: str) -> str:
    """The page with another text in a section that is there. Raises PageFault."""
    above, below = _sides(page, text)
    found = _bounds(above, section)
    assert found is not None
    start, end = found
    rest = above[end:]
    return _together(page, f"{above[:start]}\n{new.strip()}\n" + (f"\n{rest}" if rest else ""), below)


def _sides(page: str, text: str) -> tuple[str, str]:
    """What may be changed, and what follows it unchanged."""
    if is_too_long(text):
        raise PageFault(f"{page} is too long to be taken apart; shorten it")
    if page != CHECKPOINT:
        return text, ""
    blocks = read_blocks(text)
    if len(marker_lines(blocks)) != 1:
        raise PageFault(f"{page} must have the marker {MARKER} once, on a line of its own")
    return parted(blocks)


def _together(page: str, above: str, below: str) -> str:
    if not below:
        return above
    gap = "" if above.endswith("\n\n") else "\n" if above.endswith("\n") else "\n\n"
    made = above + gap + below
    if len(marker_lines(read_blocks(made))) != 1:
        raise PageFault(f"{page}: the text would hide the marker or add a second one")
    return made


def _appended(text: str, section: str, entry: str) -> str:
    found = _bounds(text, section)
    if found is None:
        return f"{_ended(text)}## {section}\n\n{entry.strip()}\n"
    start, end = found
    body = text[start:end]
    blank = re.search(r"(?:(?<=\n)|\A)(?:[ \t]*\r?\n)*[ \t]*\Z", body)
    said = len(body) if blank is None else blank.start()
    before, rest = text[: start + said], text[start + said :]
    before += "" if before.endswith("\n") else "\n"
    between = "\n" if rest.strip() and not rest.startswith(("\n", "\r")) else ""
    return f"{before}\n{entry.strip()}\n{between}{rest}"


def _ended(text: str) -> str:
    """The text with a blank line at its end, if there is any."""
    return text if not text or text.endswith("\n\n") else f"{text}\n" if text.endswith("\n") else f"{text}\n\n"


def _bounds(text: str, section: str) -> tuple[int, int] | None:
    """Where the text of a section begins and ends, in characters."""
    blocks = read_blocks(text)
    place = next((i for i, one in enumerate(blocks.headings) if one.level == 2 and one.text.strip() == section), None)
    if place is None:
        return None
    offsets = [0]
    for line in blocks.lines:
        offsets.append(offsets[-1] + len(line))
    own = blocks.headings[place]
    after = next((one.line - 1 for one in blocks.headings[place + 1 :] if one.level <= 2), len(blocks.lines))
    return offsets[own.line - 1 + _height(own, blocks.lines)], offsets[after]


def _height(heading: Heading, lines: tuple[str, ...]) -> int:
    """Lines of a heading: one, or those of its text and the one that underlines it."""
    return 1 if lines[heading.line - 1].lstrip().startswith("#") else heading.text.count("\n") + 2


def _heading_of(entry: str) -> str:
    return entry.partition("\n")[0].removeprefix("### ").strip()


def _entry_headings(text: str) -> frozenset[str]:
    return frozenset(one.text.strip() for one in read_blocks(text).headings if one.level == 3)
