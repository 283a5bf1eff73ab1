"""The wiki: its pages, the marker that parts the checkpoint, and who may write which part. Data and pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from loop_orchestrator.markdowntext import Markdown, is_too_long, read_blocks

MARKER = "<!-- coord-decisions -->"
"""A line of its own in the checkpoint, outside of fences, quotes and lists: from here on it is the coordinator's."""

INDEX = "index.md"
"""Catalogue of all pages; read first."""
LOG = "log.md"
"""What happened, newest last."""
CHECKPOINT = "checkpoint.md"
"""Where the work stands, and below the marker what was decided."""
ARCHIVE = "decisions-archive.md"
"""Decisions that left the checkpoint."""
SCRATCHPAD = ".lint-scratchpad.md"
"""Notes of reviews; no page, and git leaves it out."""
LOOPS, LANES, DECISIONS, MAIL = "loops", "lanes", "decisions", "mail"
"""Folders: a page for each loop, for each lane, for each decision record, and for the mail of each month that belongs
to no loop."""

LOG_HEADING = r"\[(?P<date>\d{4}-\d{2}-\d{2})\] (?P<type>[a-z][a-z0-9-]*) \| (?P<title>\S.*)"
"""The heading of a log entry, whole, after its ``## ``."""


class Area(StrEnum):
    """A part of the wiki that has one set of writers."""

    INDEX = "index.md"
    """the catalogue"""
    LOG = "log.md"
    """the log"""
    ABOVE = "checkpoint.md above the marker"
    """where the work stands"""
    BELOW = "checkpoint.md from the marker on"
    """what the coordinator decided"""
    ARCHIVE = "decisions-archive.md"
    """decisions that left the checkpoint"""
    LOOP = "loops/"
    """pages of loops"""
    OWN_LANE = "lanes/, the page of one's own lane"
    """what a lane notes for itself"""
    OTHER_LANE = "lanes/, other pages"
    """what other lanes noted"""
    DECISION = "decisions/"
    """stubs of decision records"""
    SCRATCHPAD = ".lint-scratchpad.md"
    """notes of reviews"""
    OTHER = "any other page"
    """pages that somebody added"""


class Right(StrEnum):
    """What may be done to an area."""

    NONE = "–"
    APPEND = "append"
    """text is added at the end; what stands there stays"""
    WRITE = "write"
    """anything"""


_PERSON = dict.fromkeys(Area, Right.WRITE)
_LANE = {Area.OWN_LANE: Right.WRITE}

PARTITIONS: Mapping[str, Mapping[Area, Right]] = {
    "implementation": _LANE,
    "validation": _LANE,
    "ops": _LANE,
    "docs": {
        **_LANE,
        Area.INDEX: Right.WRITE,
        Area.LOG: Right.APPEND,
        Area.ABOVE: Right.WRITE,
        Area.LOOP: Right.WRITE,
        Area.DECISION: Right.WRITE,
        Area.SCRATCHPAD: Right.WRITE,
        Area.OTHER: Right.WRITE,
    },
    "coordinator": {**_LANE, Area.BELOW: Right.WRITE, Area.ARCHIVE: Right.APPEND, Area.LOOP: Right.APPEND},
    "person": _PERSON,
}
"""Role of a lane, or ``person`` -> area -> right; an area that is not named may not be written. A role that is not
here is a word of the user's, and its lanes may write what ``implementation`` may."""


@dataclass(frozen=True)
class Writer:
    """Who writes."""

    lane: str
    """empty: a person, or the engine in the place of a lane of this role"""
    role: str

    def right(self, area: Area) -> Right:
        return PARTITIONS.get(self.role, _LANE).get(area, Right.NONE)

    @property
    def who(self) -> str:
        """``lane web (implementation)``, ``the engine (docs)`` or ``a person``."""
        if self.lane:
            return f"lane {self.lane} ({self.role or 'of no known role'})"
        return "a person" if self == PERSON else f"the engine ({self.role})"


PERSON = Writer("", "person")
INGEST = Writer("", "docs")
"""The engine where it takes mail in: it may write what a docs lane may, but no lane's own page."""
FILING = Writer("", "coordinator")
"""The engine where it files decisions."""

OUTSIDE = "outside"
"""Stands in the info-string of a fence whose text comes, or was made, from what is not trusted: see ``marked``."""
_MARKED = r"(?m)^[ \t]*(?:`{3,}|~{3,})[ \t]*untrusted[ \t]+outside[ \t]+([^\s`]+)"


def mark(sources: Iterable[str], *, outside: bool) -> str:
    """The info-string of a fence for text of others: ``untrusted lane:web``, ``untrusted outside lane:web``."""
    named = ",".join(sources)
    return f"untrusted {OUTSIDE} {named}" if outside else f"untrusted {named}"


def marked(page: str) -> frozenset[str]:
    """Sources that are not trusted and of whose text something stands in a page: ``lane:web``.

    Whoever puts a page before a brain tells the gate. A mark counts wherever it stands, also inside another fence.
    """
    return frozenset(name for one in re.findall(_MARKED, page) for name in one.split(",") if name)


@dataclass(frozen=True)
class LogEntry:
    """One entry of the log."""

    date: date
    type: str
    """one lower-case word: init, ingest, task, lint, checkpoint …"""
    title: str

    @property
    def heading(self) -> str:
        return f"## [{self.date.isoformat()}] {self.type} | {self.title}"


def parse_log_heading(text: str) -> LogEntry | None:
    """The entry of a heading's text, without its ``## ``; None if it is not one."""
    found = re.fullmatch(LOG_HEADING, text.strip())
    if found is None:
        return None
    try:
        return LogEntry(date.fromisoformat(found["date"]), found["type"], found["title"].strip())
    except ValueError:
        return None


def marker_lines(page: Markdown) -> tuple[int, ...]:
    """The lines, from 1, on which the marker stands."""
    return tuple(line for line, text in page.comments if text.strip() == MARKER)


def parted(page: Markdown) -> tuple[str, str]:
    """The checkpoint above the marker, and from the first marker on; without one everything is above."""
    first = next(iter(marker_lines(page)), len(page.lines) + 1) - 1
    return "".join(page.lines[:first]), "".join(page.lines[first:])


def area_of(page: str, writer: Writer) -> Area:
    """The area of a page of the wiki; of the checkpoint, the part above the marker.

    page: path inside the wiki with ``/``.
    """
    single = {
        INDEX: Area.INDEX,
        LOG: Area.LOG,
        CHECKPOINT: Area.ABOVE,
        ARCHIVE: Area.ARCHIVE,
        SCRATCHPAD: Area.SCRATCHPAD,
    }
    if page in single:
        return single[page]
    if page.startswith(f"{LANES}/"):
        return Area.OWN_LANE if writer.lane and page == f"{LANES}/{writer.lane}.md" else Area.OTHER_LANE
    folders = {LOOPS: Area.LOOP, DECISIONS: Area.DECISION}
    return folders.get(page.split("/")[0], Area.OTHER) if "/" in page else Area.OTHER


def refusal(writer: Writer, page: str, old: str | None, new: str) -> str:
    """Why this writer may not make this of a page, in one sentence; empty: it may.

    old: the page as it is; None: there is none yet.
    """
    if writer == PERSON:
        return ""
    if page == CHECKPOINT:
        return _checkpoint_refusal(writer, old, new)
    area = area_of(page, writer)
    return _missing_right(writer, area, old or "", new)


def _checkpoint_refusal(writer: Writer, old: str | None, new: str) -> str:
    if is_too_long(new) or is_too_long(old or ""):
        return f"{CHECKPOINT} is too long to tell its two sides apart; a person has to shorten it"
    before, after = read_blocks(old or ""), read_blocks(new)
    if len(marker_lines(before)) > 1 or len(marker_lines(after)) > 1:
        return f"{CHECKPOINT} has the marker twice, so nobody can tell whose part is whose; a person has to mend it"
    (above, below), (new_above, new_below) = parted(before), parted(after)
    if old is not None and not below and above != new_above:
        return f"{CHECKPOINT} has no marker {MARKER}, so nobody can tell whose part is whose; a person has to add it"
    return _missing_right(writer, Area.ABOVE, above, new_above) or _missing_right(writer, Area.BELOW, below, new_below)


def _missing_right(writer: Writer, area: Area, old: str, new: str) -> str:
    right = writer.right(area)
    if old == new or right is Right.WRITE:
        return ""
    if right is Right.APPEND:
        return "" if new.startswith(old) else f"{writer.who} may only append to {area.value}"
    return f"{writer.who} may not write {area.value}"
