"""The mailbox: Markdown files that lanes and people send each other. A reader never sees half a message."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.clock import Clock
from loop_orchestrator.crash import crash_point
from loop_orchestrator.errors import LockedError, StoreError, UsageError
from loop_orchestrator.ids import new_id
from loop_orchestrator.model.message import Message, message_file_name
from loop_orchestrator.stores.atomic import link, move, read_text, sync_names, write_text, written_aside
from loop_orchestrator.stores.eventlog import EventLog, source_of
from loop_orchestrator.stores.frontmatter import join
from loop_orchestrator.stores.layout import Layout
from loop_orchestrator.stores.listing import Stamp, names_in, settled_stamp, stats_in
from loop_orchestrator.stores.lock import brief_lock
from loop_orchestrator.stores.messagefile import MAX_BYTES, copy_number, may_pass, parse, plain, refuse_what_is_no_file

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue

YOUNG_S = 2.0
"""A file younger than this that does not parse may still be in the writing. At half, the file of a slow writer is set
aside; at double, a malformed message is reported later."""

_REASON = ".reason.txt"
"""What the name of a reason adds to that of its file."""

_LONGEST_NAME = 200
_TIME_CHARS = len("20261121-011530")
"""Bytes in a file name of the mailbox: 255 is what file systems take, and a reason's name is longer than its file's."""


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
        if len(first) > _LONGEST_NAME:
            raise UsageError(f"the message was not sent: {sender} and {recipient} are too long for a file name")
        if len(text.encode()) > MAX_BYTES:
            raise UsageError(
                f"the message was not sent: it has {len(text.encode())} bytes, a message has at most {MAX_BYTES}",
                hint="keep the text in a file and send its path",
            )
        file = self._link(first, text)
        crash_point("mail.linked")
        event = {"file": file, "from": sender, "to": recipient, "subject": subject}
        self._note_done("mail.sent", source, event, f"{file} is in the mailbox", "do not send it again", trace=trace)
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

        A file that is no message is moved to failed/ with its reason beside it and the event ``mail.failed``; where
        that cannot be done it stays, and ``problems`` has it.
        """
        found = []
        for name, message in self._scan():
            if isinstance(message, Message):
                found.append(message)
            elif not may_pass(message) and not self._is_young(self._layout.messages / name):
                with suppress(StoreError, LockedError):
                    self._set_aside(self._layout.messages / name, message.message)
        return _in_order(found, recipient)

    def peek(self, recipient: str | None = None) -> tuple[Message, ...]:
        """Like pending, and writes nothing."""
        return _in_order([message for _, message in self._scan() if isinstance(message, Message)], recipient)

    def pending_names(self) -> frozenset[str]:
        """File names of everything among the pending messages, those that are none too; opens no file."""
        return frozenset(names_in(self._layout.messages, ".md", files_only=False))

    def newest(self, recipient: str | None = None) -> Message | None:
        """The pending message that came last; of those of one second the one whose file did. Writes nothing."""

        def came(message: Message) -> tuple[datetime, int]:
            with suppress(FileNotFoundError):
                return message.sent_at, (self._layout.messages / message.file).lstat().st_mtime_ns
            return message.sent_at, 0

        return max(self.peek(recipient), key=came, default=None)

    def problems(self) -> tuple[tuple[str, str], ...]:
        """File name and reason of everything among the pending messages that is none; writes nothing."""
        return tuple((plain(name), why.message) for name, why in self._scan() if not isinstance(why, Message))

    def set_aside(self) -> tuple[tuple[str, str], ...]:
        """File name and reason of everything in failed/, sorted by name."""
        found = []
        for name in names_in(self._layout.failed, ".md", files_only=False):
            reason = "its reason is missing"
            with suppress(FileNotFoundError, StoreError):
                reason = read_text(self._layout.failed / f"{name}{_REASON}", limit=MAX_BYTES).strip()
            found.append((plain(name), reason))
        return tuple(found)

    def names(self) -> tuple[str, ...]:
        """File names of all messages, pending ones first, then processed ones; sorted by name in each."""
        return (*names_in(self._layout.messages, ".md"), *names_in(self._layout.processed, ".md"))

    def read(self, file: str) -> Message:
        """One message by its file name, pending or processed. Raises StoreError."""
        for folder in (self._layout.messages, self._layout.processed):
            with suppress(FileNotFoundError):
                return parse(folder / _checked(file))
        raise self._not_pending(file)

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
            try:
                refuse_what_is_no_file(file, os.lstat(source), source)
            except FileNotFoundError:
                raise self._not_pending(file) from None
            target = _free_name(target)
            move(source, target)
        self._note_done("mail.acked", source_of(by), {"file": file, "by": by}, f"{file} is processed", "")
        return target

    def _note_done(
        self, kind: str, source: str, payload: Mapping[str, JsonValue], done: str, hint: str, trace: str = ""
    ) -> None:
        """The event of something that was done. Raises StoreError saying that it was."""
        try:
            self._events.append(kind, source, payload, trace=trace)
        except (StoreError, LockedError) as error:
            raise StoreError(f"{done}, but the event of it could not be written: {error.message}", hint=hint) from error

    def acknowledged(self, recipient: str) -> tuple[str, ...]:
        """Files in processed/ that are to a recipient as far as their names say, oldest first."""
        end = re.compile(rf"-to-{re.escape(recipient)}(?:\.[0-9]+)?\.md\Z")
        mine = [name for name in names_in(self._layout.processed, ".md") if end.search(name)]
        return tuple(sorted(mine, key=lambda name: (name[:_TIME_CHARS], copy_number(name), name)))

    def quarantine(self, file: str, reason: str) -> Path:
        """Move a message, pending or processed, to failed/ with the reason beside it; returns where it is now.

        Raises StoreError if it is in neither.
        """
        with self._changing():
            for folder in (self._layout.processed, self._layout.messages):
                if os.path.lexists(folder / _checked(file)):
                    target = _free_name(self._layout.failed / file)
                    write_text(target.with_name(target.name + _REASON), reason.strip() + "\n")
                    move(folder / file, target)
                    return target
        raise self._not_pending(file)

    def bring_back(self, file: str) -> None:
        """Undo quarantine: the message is processed again. Raises StoreError if it is not in failed/."""
        source = self._layout.failed / _checked(file)
        with self._changing():
            if not os.path.lexists(source):
                raise StoreError(f"{file} is not in {self._layout.failed}")
            move(source, _free_name(self._layout.processed / file))
            source.with_name(source.name + _REASON).unlink(missing_ok=True)

    def processed_count(self) -> int:
        """How many messages were acknowledged."""
        return len(names_in(self._layout.processed, ".md"))

    def _changing(self) -> AbstractContextManager[None]:
        """Sending looks for a free name in three folders; nothing may move between them meanwhile."""
        return brief_lock(self._layout.mailbox_lock)

    def _link(self, first: str, text: str) -> str:
        """Link the message in under the first free one of its names: the copy number counts on within a second."""
        folder = self._layout.messages
        with written_aside(folder / first, text) as temp:
            with self._changing():
                while True:
                    copy = self._free_copy(first)
                    self._last_copy = (first, copy)
                    name = _copy_name(first, copy)
                    with suppress(FileExistsError):
                        link(temp, folder / name, synced=False)
                        break
            sync_names(folder)
            return name

    def _free_copy(self, first: str) -> int:
        """A copy number behind which none is taken: the steps double, then halve, since many may be taken."""
        low = self._last_copy[1] if self._last_copy[0] == first else 0
        step = 1
        while self._is_taken(_copy_name(first, low + step)):
            low, step = low + step, step * 2
        while step > 1:
            step //= 2
            low += step if self._is_taken(_copy_name(first, low + step)) else 0
        return low + 1

    def _is_taken(self, name: str) -> bool:
        folders = (self._layout.messages, self._layout.processed, self._layout.failed)
        return any(os.path.lexists(folder / name) for folder in folders)

    def _scan(self) -> Iterator[tuple[str, Message | StoreError]]:
        """Every pending file with its message, or with the reason why it is none."""
        folder = self._layout.messages
        found = stats_in(folder, ".md", files_only=False)
        self._cache = {name: self._cache[name] for name, _ in found if name in self._cache}
        for name, about in found:
            try:
                yield name, self._cached(folder, name, about)
            except FileNotFoundError:
                continue
            except StoreError as error:
                yield name, error

    def _cached(self, folder: Path, name: str, about: os.stat_result) -> Message:
        """about: what ``lstat`` said of the file before."""
        stamp, cached = settled_stamp(about), self._cache.get(name)
        if stamp is None:
            return parse(folder / name)
        if cached is None or cached.stamp != stamp:
            cached = self._cache[name] = _Cached(stamp, parse(folder / name))
        return cached.message

    def _is_young(self, path: Path) -> bool:
        with suppress(FileNotFoundError):
            return abs(self._clock.machine_now().timestamp() - path.lstat().st_mtime) < YOUNG_S
        return True

    def _set_aside(self, path: Path, reason: str) -> None:
        with self._changing():
            if not os.path.lexists(path):
                return
            stem = os.fsdecode(os.fsencode(path.name.removesuffix(".md"))[:_LONGEST_NAME])
            target = _free_name(self._layout.failed / f"{stem}.md")
            write_text(target.with_name(target.name + _REASON), reason + "\n")
            move(path, target)
        self._events.append("mail.failed", "engine", {"file": plain(path.name), "reason": reason})

    def _not_pending(self, file: str) -> StoreError:
        if (self._layout.processed / file).exists():
            return StoreError(f"{file} is processed already")
        if os.path.lexists(self._layout.failed / file):
            return StoreError(f"{file} is no message; the reason stands in {self._layout.failed / file}{_REASON}")
        return StoreError(f"there is no message {file}", hint="loop mail list")


def _in_order(messages: list[Message], recipient: str | None) -> tuple[Message, ...]:
    wanted = [message for message in messages if recipient in (None, message.recipient)]
    return tuple(sorted(wanted, key=lambda message: (message.sent_at, copy_number(message.file), message.file)))


def _checked(file: str) -> str:
    if file != Path(file).name or file.startswith(".") or not file.endswith(".md"):
        raise StoreError(f"there is no message {file!r}", hint="loop mail list")
    return file


def _copy_name(first: str, copy: int) -> str:
    return first if copy == 1 else f"{first.removesuffix('.md')}.{copy}.md"


def _free_name(path: Path) -> Path:
    """The path, or the first of its numbered copies that is not taken."""
    free, copy = path, 2
    while os.path.lexists(free):
        free, copy = path.with_name(f"{path.stem}.{copy}{path.suffix}"), copy + 1
    return free
