"""An ADR: one architecture decision record, a Markdown file that is proposed by anybody and accepted by a person."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

ADR_FILE = re.compile(r"([0-9]{4})-[^/]+\.md")
"""Name of an ADR's file: four digits, which are its id, and a slug."""

LAST_NUMBER = 9999

RECORDS = ("verify_record", "canary_record", "rollback")
"""Keys of the front matter that name files of the project."""

SUPERSEDED_BY = re.compile(r"superseded(?:[ ]+by[ ]+(?:adr[- ]?)?([0-9]{1,4})\b.*)?", re.IGNORECASE)
"""How a status names the ADR that took its place."""

_SLUG_LENGTH = 60
_LEADING_NUMBER = re.compile(r"((?:ADR[- ]?)?[0-9]{1,4})[ ]*[:.–-][ ]+", re.IGNORECASE)


class AdrStatus(StrEnum):
    """Where an ADR stands."""

    PROPOSED = "Proposed"
    """somebody wrote it; it binds nobody"""
    ACCEPTED = "Accepted"
    """a person said yes; it holds"""
    REJECTED = "Rejected"
    """a person said no"""
    DEPRECATED = "Deprecated"
    """it holds no longer, and nothing took its place; written by hand"""
    SUPERSEDED = "Superseded"
    """another ADR took its place"""


ADR_MOVES: Mapping[AdrStatus, frozenset[AdrStatus]] = {
    AdrStatus.PROPOSED: frozenset({AdrStatus.ACCEPTED, AdrStatus.REJECTED}),
    AdrStatus.ACCEPTED: frozenset({AdrStatus.SUPERSEDED}),
    AdrStatus.REJECTED: frozenset(),
    AdrStatus.DEPRECATED: frozenset(),
    AdrStatus.SUPERSEDED: frozenset(),
}
"""Moves that ``loop adr`` makes, each on the word of a person."""


@dataclass(frozen=True, kw_only=True)
class Adr:
    """One ADR."""

    id: str
    """four digits, from the name of its file"""
    title: str
    status: AdrStatus
    superseded_by: str = ""
    """id of the ADR that took its place; empty: none, or not said"""
    date: str
    """as it stands there: of the last change of the status"""
    deciders: str
    verify_record: str
    """the file that shows that the decision was verified, as it stands there; empty: none"""
    canary_record: str
    """the file that shows how it went on a small part"""
    rollback: str
    """the file that says how to go back"""
    file: Path
    """absolute"""
    body: str


def slug_of(title: str) -> str:
    """The title as a part of a file's name: lower-case ASCII words joined by hyphens, never empty."""
    plain = unicodedata.normalize("NFKD", title.casefold()).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain)
    slug = "-".join(words)
    if len(slug) > _SLUG_LENGTH:
        slug = slug[: _SLUG_LENGTH + 1].rpartition("-")[0] or slug[:_SLUG_LENGTH]
    return slug or "decision"


def number_in(given: str) -> str:
    """The id that ``7``, ``0007``, ``ADR-7``, a file's name or a path means; empty if it means none."""
    name = given.rpartition("/")[2]
    found = re.fullmatch(r"(?:adr[- ]?)?([0-9]{1,4})(?:-.*)?", name, re.IGNORECASE)
    return f"{int(found[1]):04d}" if found else ""


def title_in(body: str, id: str) -> str:
    """The first heading of a body, without the ADR's own number in front of it; empty if there is none."""
    found = re.search(r"(?m)^#[ \t]+(.+?)(?:[ \t]+#+)?[ \t]*\r?$", body)
    if found is None:
        return ""
    number = _LEADING_NUMBER.match(found[1])
    return found[1][number.end() :] if number and number_in(number[1]) == id else found[1]
