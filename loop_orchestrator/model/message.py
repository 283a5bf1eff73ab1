"""A message of the mailbox: one Markdown file, its name and its front matter."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
"""A sender or a recipient, whole: the name of a lane or of a person."""

FILE_NAME = re.compile(r"([0-9]{8}-[0-9]{6})-([A-Za-z][A-Za-z0-9_-]*?)-to-([A-Za-z][A-Za-z0-9_-]*)(?:\.([0-9]+))?\.md")
"""Time (UTC), sender, recipient, and a counter for messages that share all three."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message."""

    file: str
    """its file name, without a directory: its identity in the mailbox"""
    id: str
    """the ``id`` of its front matter, else its file name without ``.md``"""
    sender: str
    """who it says it is from: a claim"""
    recipient: str
    subject: str
    body: str
    sent_at: datetime
    """from the file name; whole seconds, UTC"""
    in_reply_to: str = ""
    """id of the message or ask that this answers"""
    trace: str = ""
    """id that ties it to the event it comes from"""


def message_file_name(sent_at: datetime, sender: str, recipient: str, *, copy: int = 1) -> str:
    """``20261121-011530-web-to-coord.md``; from the second copy on ``….2.md``.

    Raises ValueError if an address does not fit ADDRESS.
    """
    for address in (sender, recipient):
        if not ADDRESS.fullmatch(address):
            raise ValueError(f"not an address: {address!r}")
    stem = f"{sent_at.astimezone(UTC):%Y%m%d-%H%M%S}-{sender}-to-{recipient}"
    return f"{stem}.md" if copy == 1 else f"{stem}.{copy}.md"


def parse_message_file_name(name: str) -> tuple[datetime, str, str] | None:
    """Time, sender and recipient of a message's file name; None if it is not one.

    An address that itself holds ``-to-`` is read at the first one; front matter ``from`` and ``to`` settle it.
    """
    match = FILE_NAME.fullmatch(name)
    if match is None:
        return None
    at = match[1]
    try:
        day = int(at[:4]), int(at[4:6]), int(at[6:8])
        sent_at = datetime(*day, int(at[9:11]), int(at[11:13]), int(at[13:]), tzinfo=UTC)
    except ValueError:
        return None
    return sent_at, match[2], match[3]
