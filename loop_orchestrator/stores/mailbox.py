"""The mailbox: Markdown files that lanes and people send each other. A reader never sees half a message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.clock import Clock
from loop_orchestrator.crash import crash_point
from loop_orchestrator.errors import StoreError, UsageError
from loop_orchestrator.ids import new_id
from loop_orchestrator.model.message import FILE_NAME, Message, message_file_name, parse_message_file_name
from loop_orchestrator.stores.atomic import link, move, read_text, write_text, written_aside
from loop_orchestrator.stores.eventlog import EventLog, source_of
from loop_orchestrator.stores.frontmatter import FrontMatter, join, split, split_one_line_texts
from loop_orchestrator.stores.layout import Layout
from loop_orchestrator.stores.listing import Stamp, names_in, stamp_of
from loop_orchestrator.stores.lock import brief_lock

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue

YOUNG_S = 0.2
"""A file younger than this that does not parse may still be in the writing. At half, a slow editor's file is set aside;
at double, a malformed message is reported later."""


@dataclass(frozen=True)
class _Cached:
    stamp: Stamp
    message: Message


class Mailbox:
    """The messages of a project, shared by its sessions. A file name is used once: it is a message's identity."""

    def __init__(self, layout: Layout, clock: Clock, events: EventLog) -> None:
        self._layout = layout
        self._clock = clock
        self._events = events
        self._cache: dict[str, _Cached] = {}
        self._last_copy = ("", 0)

    def send(
        self,
        sender: str,
        recipient: str,
        subject: str,
        body: str,
        in_reply_to: str = "",
        trace: str = "",
        source: str = "cli",
    ) -> Message:
        """Put a message into the mailbox, then the event ``mail.sent``; it is on the disk on return.

        source: who the event says wrote it. Raises UsageError for an address that is none and for a blank subject.
        """
        now = self._clock.now().replace(microsecond=0)
        if not subject.strip():
            raise UsageError("the message was not sent: it has no subject", hint="give --subject")
        data: dict[str, JsonValue] = {"subject": subject, "from": sender, "to": recipient}
        data["id"] = new_id("m", self._clock.now())
        data |= {key: value for key, value in (("in_reply_to", in_reply_to), ("trace", trace)) if value}
        try:
            first = message_file_name(now, sender, recipient)
            text = join(data, body)
        except ValueError as error:
            raise UsageError(
                f"the message was not sent: {error}", hint="an address is letters, digits, '-' and '_', a letter first"
            ) from error
        file = self._link(first, text)
        crash_point("mail.linked")
        self._events.append(
            "mail.sent",
            source,
            {"file": file, "from": sender, "to": recipient, "subject": subject},
            trace=trace,
        )
        return Message(
            file=file,
            id=str(data["id"]),
            sender=sender,
            recipient=recipient,
            subject=subject,
            body=body,
            sent_at=now.astimezone(UTC),
            in_reply_to=in_reply_to,
            trace=trace,
        )

    def pending(self, recipient: str | None = None) -> tuple[Message, ...]:
        """Messages that nobody acknowledged, oldest first; None: of every recipient.

        A file that is no message is moved to failed/ with its reason beside it and the event ``mail.failed``.
        """
        found = []
        for name, message in self._scan():
            if isinstance(message, Message):
                found.append(message)
            elif not self._is_young(self._layout.messages / name):
                self._set_aside(self._layout.messages / name, message)
        return _in_order(found, recipient)

    def peek(self, recipient: str | None = None) -> tuple[Message, ...]:
        """Like pending, and writes nothing."""
        return _in_order([message for _, message in self._scan() if isinstance(message, Message)], recipient)

    def read(self, file: str) -> Message:
        """One message by its file name, pending, processed or failed. Raises StoreError."""
        for folder in (self._layout.messages, self._layout.processed, self._layout.failed):
            path = folder / _checked(file)
            with suppress(FileNotFoundError):
                if path.is_file():
                    return _parse(path)
        raise StoreError(f"there is no message {file}", hint="loop mail list")

    def reply(self, file: str, sender: str, body: str, subject: str | None = None, source: str = "cli") -> Message:
        """Answer a message: to its sender, tied to it by ``in_reply_to`` and its trace. None: ``Re: `` its subject."""
        to = self.read(file)
        again = to.subject if to.subject.lower().startswith("re:") else f"Re: {to.subject}"
        return self.send(sender, to.sender, subject or again, body, in_reply_to=to.id, trace=to.trace, source=source)

    def ack(self, file: str, by: str) -> Path:
        """Move a pending message to processed/, then the event ``mail.acked``; returns where it is now.

        Raises StoreError if it is not pending; the message says where it is.
        """
        source, target = self._layout.messages / _checked(file), self._layout.processed / file
        with self._changing():
            if not source.exists():
                raise self._not_pending(file)
            target = _free_name(target)
            move(source, target)
        self._events.append("mail.acked", source_of(by), {"file": file, "by": by})
        return target

    def processed_count(self) -> int:
        """How many messages were acknowledged."""
        return len(names_in(self._layout.processed, ".md"))

    def _changing(self) -> AbstractContextManager[None]:
        """Sending looks for a free name in three folders; nothing may move between them meanwhile."""
        return brief_lock(self._layout.mailbox_lock)

    def _link(self, first: str, text: str) -> str:
        """Link the message in under the first free one of its names: the copy number counts on within a second."""
        folder = self._layout.messages
        with written_aside(folder / first, text) as temp, self._changing():
            while True:
                copy = self._last_copy[1] + 1 if self._last_copy[0] == first else 1
                name = first if copy == 1 else f"{first.removesuffix('.md')}.{copy}.md"
                self._last_copy = (first, copy)
                if not any((where / name).exists() for where in (folder, self._layout.processed, self._layout.failed)):
                    with suppress(FileExistsError):
                        link(temp, folder / name)
                        return name

    def _scan(self) -> Iterator[tuple[str, Message | str]]:
        """Every pending file with its message, or with the reason why it is none."""
        names = names_in(self._layout.messages, ".md")
        self._cache = {name: self._cache[name] for name in names if name in self._cache}
        for name in names:
            try:
                yield name, self._cached(name)
            except FileNotFoundError:
                continue
            except StoreError as error:
                yield name, error.message

    def _cached(self, name: str) -> Message:
        path = self._layout.messages / name
        stamp, cached = stamp_of(path), self._cache.get(name)
        if stamp is None:
            return _parse(path)
        if cached is None or cached.stamp != stamp:
            cached = self._cache[name] = _Cached(stamp, _parse(path))
        return cached.message

    def _is_young(self, path: Path) -> bool:
        with suppress(FileNotFoundError):
            return abs(self._clock.now().timestamp() - path.stat().st_mtime) < YOUNG_S
        return True

    def _set_aside(self, path: Path, reason: str) -> None:
        with self._changing():
            if not path.exists():
                return
            target = _free_name(self._layout.failed / path.name)
            write_text(target.with_name(target.name + ".reason.txt"), reason + "\n")
            move(path, target)
        self._events.append("mail.failed", "engine", {"file": path.name, "reason": reason})

    def _not_pending(self, file: str) -> StoreError:
        if (self._layout.processed / file).exists():
            return StoreError(f"{file} is processed already")
        if (self._layout.failed / file).exists():
            return StoreError(f"{file} is no message; the reason stands in {self._layout.failed / file}.reason.txt")
        return StoreError(f"there is no message {file}", hint="loop mail list")


def _parse(path: Path) -> Message:
    """Raises FileNotFoundError, and StoreError saying why the file is no message."""
    name = parse_message_file_name(path.name)
    if name is None:
        raise StoreError(f"{path.name}: a message is named YYYYMMDD-HHMMSS-<from>-to-<to>.md")
    front = _front_matter(path.name, read_text(path))
    sent_at, sender, recipient = name
    claimed = _text(front, "from"), _text(front, "to")
    with suppress(ValueError):
        if _without_copy(path.name) == message_file_name(sent_at, *claimed):
            sender, recipient = claimed
    subject = _text(front, "subject")
    if not subject.strip():
        raise StoreError(f"{path.name}: the front matter has no subject")
    return Message(
        file=path.name,
        id=_text(front, "id") or path.name.removesuffix(".md"),
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


def _in_order(messages: list[Message], recipient: str | None) -> tuple[Message, ...]:
    wanted = [message for message in messages if recipient in (None, message.recipient)]
    return tuple(sorted(wanted, key=lambda message: (message.sent_at, _copy(message.file), message.file)))


def _copy(name: str) -> int:
    found = FILE_NAME.fullmatch(name)
    return int(found[4] or 1) if found else 1


def _without_copy(name: str) -> str:
    return re.sub(r"\.\d+\.md$", ".md", name)


def _checked(file: str) -> str:
    if file != Path(file).name or file.startswith(".") or not file.endswith(".md"):
        raise StoreError(f"there is no message {file!r}", hint="loop mail list")
    return file


def _free_name(path: Path) -> Path:
    """The path, or the first of its numbered copies that is not taken."""
    free, copy = path, 2
    while free.exists():
        free, copy = path.with_name(f"{path.stem}.{copy}{path.suffix}"), copy + 1
    return free
