"""One file of the mailbox as a message, or the reason why it is none."""

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from loop_orchestrator.errors import StoreError
from loop_orchestrator.model.message import FILE_NAME, Message, message_file_name, parse_message_file_name
from loop_orchestrator.stores.atomic import kind_of, read_text
from loop_orchestrator.stores.frontmatter import FrontMatter, split, split_one_line_texts

MAX_BYTES = 1 << 20
"""Of one message, its front matter included. Every reader holds all pending ones; what is larger is sent as a path."""

_NAME_RULE = (
    "a message is named YYYYMMDD-HHMMSS-<from>-to-<to>.md, <from> and <to> of the letters A-Z and a-z, 0-9, - and _"
)


def parse(path: Path) -> Message:
    """Raises FileNotFoundError, and StoreError saying why the file is no message; see ``may_pass``."""
    name = plain(path.name)
    refuse_what_is_no_file(name, os.lstat(path), path)
    found = parse_message_file_name(path.name)
    if found is None:
        named = FILE_NAME.fullmatch(path.name)
        raise StoreError(f"{name}: {_NAME_RULE}" + (f"; {named[1]} is no time" if named else ""))
    try:
        text = read_text(path, limit=MAX_BYTES)
    except StoreError as error:
        more = f"; {error.hint}" if error.hint else ""
        raise StoreError(f"{name}: {error.message.removeprefix(f'cannot read {path}: ')}{more}") from error.__cause__
    return _message(path.name, text, found[0], found[1], found[2])


def refuse_what_is_no_file(name: str, found: os.stat_result, path: Path) -> None:
    """Raises StoreError for a directory, a link, a pipe: nothing of these is opened.

    A link is none because it would lead elsewhere once it is moved to processed/.
    """
    if stat.S_ISREG(found.st_mode):
        return
    leads = ""
    if stat.S_ISLNK(found.st_mode):
        with suppress(OSError):
            leads = f" to {plain(str(path.readlink()))}"
    raise StoreError(f"{name}: it is {kind_of(found.st_mode)}{leads}; a message is a file of its own")


def may_pass(error: StoreError) -> bool:
    """The file could not be read for a reason that says nothing about it, such as too many open files."""
    cause = error.__cause__
    return isinstance(cause, OSError) and cause.errno not in (errno.EACCES, errno.EPERM)


def plain(text: str) -> str:
    """Text in which bytes of a file name that are no UTF-8, and control characters, are written as escapes."""
    if text.isascii() and text.isprintable():
        return text
    escaped = "".join(char if char.isprintable() or char == " " else repr(char)[1:-1] for char in text)
    return escaped.encode("utf-8", "backslashreplace").decode("utf-8")


def copy_number(name: str) -> int:
    """The counter in a message's file name; 1 where there is none."""
    if name.count(".") == 1:
        return 1  # most have none, and every list of messages is sorted by it
    found = FILE_NAME.fullmatch(name)
    return int(found[4] or 1) if found else 1


def _message(file: str, text: str, sent_at: datetime, sender: str, recipient: str) -> Message:
    front = _front_matter(file, text)
    claimed = _text(front, "from"), _text(front, "to")
    with suppress(ValueError):
        if re.sub(r"\.[0-9]+\.md$", ".md", file) == message_file_name(sent_at, *claimed):
            sender, recipient = claimed
    subject = _text(front, "subject")
    if not subject.strip():
        raise StoreError(f"{file}: the front matter has no subject: write a line such as 'subject: Header is done'")
    return Message(
        file=file,
        id=_text(front, "id") or file.removesuffix(".md"),
        sender=sender,
        recipient=recipient,
        subject=subject,
        body=front.body,
        sent_at=sent_at,
        in_reply_to=_text(front, "in_reply_to"),
        trace=_text(front, "trace"),
    )


def _front_matter(name: str, text: str) -> FrontMatter:
    try:
        return split(text)
    except ValueError as error:
        with suppress(ValueError):
            return split_one_line_texts(text)
        raise StoreError(f"{name}: {error}") from error


def _text(front: FrontMatter, key: str) -> str:
    """The text under a key; a number or a truth value as JSON writes it; empty for anything else."""
    match front.data.get(key):
        case str(text):
            return text
        case bool(flag):
            return "true" if flag else "false"
        case int() | float() as number:
            return str(number)
        case _:
            return ""
