"""Taking mail into the wiki: how, what a batch of it is, and what became of each message."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

RECIPIENT = "coord"
"""Whose acknowledged mail is taken in."""

ANSWER_SUBJECT = re.compile(r"\s*ingest[ :]+(i-[0-9A-Za-z]+-[0-9a-f]{6})[:,]?\s+(done|failed)\b.*", re.DOTALL)
"""Subject with which a lane says what became of a batch that it was asked to take in."""


class IngestMode(StrEnum):
    """How mail gets into the wiki."""

    RULES = "rules"
    """each message as it stands, on the page it belongs to; needs no model"""
    LANE = "lane"
    """a lane is asked, once for each batch, and writes the pages itself"""
    HEADLESS = "headless"
    """a one-shot brain proposes what the pages should say, and this program writes it"""
    OFF = "off"
    """not at all"""


class Taken(StrEnum):
    """What became of a message."""

    TAKEN = "taken"
    """it is in the wiki"""
    ANSWER = "answer"
    """it is a lane's answer about a batch, which is no news"""
    DECLINED = "declined"
    """a person said no to the text that would have asked a lane"""
    UNANSWERED = "unanswered"
    """the lane that was asked never said what became of it, or said that it could not"""
    QUARANTINED = "quarantined"
    """it could not be taken in and lies in failed/ of the mailbox, with the reason"""
    OTHER = "other"
    """it turned out to be to somebody else, and is left alone"""
    AGAIN = "again"
    """a person wants it taken in again; it counts as new"""


class EditKind(StrEnum):
    """What an edit does to a section."""

    APPEND = "append"
    """text is added at its end"""
    REPLACE = "replace"
    """its text becomes another, if it is still the one that was shown; else the new one is added at its end"""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One change of one section of a page of the wiki."""

    page: str
    """its path in the wiki: ``loops/header.md``"""
    section: str
    """text of its level-2 heading; made where there is none"""
    text: str
    """whole lines, as they will stand there"""
    files: tuple[str, ...]
    """the messages it comes from"""
    kind: EditKind = EditKind.APPEND
    was: str = ""
    """what the section said when it was shown, for a replacement"""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Messages that are taken in together; on disk before anything of it is done."""

    id: str
    mode: IngestMode
    session: str
    begun_at: datetime
    files: tuple[str, ...]
    """names of the messages, oldest first"""
    outside: tuple[str, ...] = ()
    """sources of them that are not trusted: ``lane:web``; what is made of the batch keeps the mark"""
    edits: tuple[Edit, ...] = ()
    """empty in mode lane, and until a brain answered"""
    is_planned: bool = False
    """the edits are all there are"""
    lane: str = ""
    """who was asked, in mode lane"""
    decision: str = ""
    """the decision that asks, in mode lane"""

    def planned(self, edits: tuple[Edit, ...]) -> Batch:
        return replace(self, edits=edits, is_planned=True)

    @property
    def pages(self) -> tuple[str, ...]:
        """Pages that it changes, each once."""
        return tuple(dict.fromkeys(edit.page for edit in self.edits))

    def pages_of(self, file: str) -> tuple[str, ...]:
        """Pages that hold something of a message."""
        return tuple(dict.fromkeys(edit.page for edit in self.edits if file in edit.files))


@dataclass(frozen=True, kw_only=True)
class Closed:
    """How a batch ended."""

    batch: Batch
    outcome: Taken
    at: datetime
    note: str = ""
    """a sentence, where there is something to say"""


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What became of one message, as the ledger has it."""

    file: str
    outcome: Taken
    batch: str
    at: datetime
    pages: tuple[str, ...] = ()


def waiting(candidates: tuple[str, ...], fates: Mapping[str, Fate]) -> tuple[str, ...]:
    """Those of the candidates of which nothing became yet, in their order."""
    return tuple(name for name in candidates if name not in fates or fates[name].outcome is Taken.AGAIN)
