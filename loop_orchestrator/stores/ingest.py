"""Mail that is taken into the wiki, on disk: the batch under way, those that ended, and what became of each message."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from loop_orchestrator.clock import Clock, format_time
from loop_orchestrator.errors import StoreError
from loop_orchestrator.model.ingest import Batch, Closed, Edit, EditKind, Fate, IngestMode, Taken
from loop_orchestrator.stores.atomic import move, parse_json, write_json
from loop_orchestrator.stores.documents import Fields, read_document
from loop_orchestrator.stores.layout import Layout, ensure_dir, sync_dir
from loop_orchestrator.stores.lines import is_torn, next_lines, reading, write_whole
from loop_orchestrator.stores.listing import names_in
from loop_orchestrator.stores.lock import Lock, brief_lock
from loop_orchestrator.stores.notes import KeyedNotes

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue

SCHEMA = 1
KEPT = 200
"""Ended batches that are kept, newest first. At half, a busy day's are gone by evening; what became of each message
stays in the ledger in any case."""

_PROBLEM, _UNTIL, _SUCCESSES = "problem", "until", "successes"


class IngestStore:
    """One project's, shared by its sessions: whoever changes anything of it holds ``lock``."""

    def __init__(self, layout: Layout, clock: Clock) -> None:
        self._layout = layout
        self._clock = clock
        self._fates: dict[str, Fate] = {}
        self._read_to = (0, 0)
        """inode of the ledger, and the offset up to which it was read"""
        self._notes = KeyedNotes(layout.ingest_notes, clock)

    def lock(self) -> Lock:
        """What whoever takes mail in holds."""
        return Lock(self._layout.ingest_lock, "taking mail into the wiki")

    def batch(self) -> Batch | None:
        """The batch under way. Raises StoreError."""
        try:
            return _batch(read_document(self._layout.ingest_batch, SCHEMA))
        except FileNotFoundError:
            return None

    def put(self, batch: Batch) -> None:
        """Write a batch, new or changed; it is on the disk on return."""
        ensure_dir(self._layout.ingest)
        write_json(self._layout.ingest_batch, {"schema": SCHEMA, **_batch_values(batch)})

    def drop(self) -> None:
        """Forget the batch under way, of which nothing was done; its messages wait again."""
        self._layout.ingest_batch.unlink(missing_ok=True)

    def close(self, closed: Closed) -> None:
        """End the batch under way; its file stays among those that ended."""
        values = {
            "schema": SCHEMA,
            **_batch_values(closed.batch),
            "outcome": closed.outcome.value,
            "closed_at": format_time(closed.at),
            "note": closed.note,
        }
        write_json(self._layout.ingest_batch, values)
        move(self._layout.ingest_batch, self._layout.ingest_closed / f"{closed.batch.id}.json")
        for name in names_in(self._layout.ingest_closed, ".json")[:-KEPT]:
            (self._layout.ingest_closed / name).unlink(missing_ok=True)

    def last_closed(self) -> Closed | None:
        """The batch that ended last; None if there is none that can be read."""
        for name in reversed(names_in(self._layout.ingest_closed, ".json")[-1:]):
            try:
                fields = read_document(self._layout.ingest_closed / name, SCHEMA)
                return Closed(
                    batch=_batch(fields),
                    outcome=fields.word("outcome", Taken),
                    at=fields.time("closed_at"),
                    note=fields.text("note", ""),
                )
            except (FileNotFoundError, StoreError):
                return None
        return None

    def asked(self, id: str) -> str:
        """The lane that was asked about a batch that ended; empty if none was, or if it is not known any more."""
        try:
            return _batch(read_document(self._layout.ingest_closed / f"{id}.json", SCHEMA)).lane
        except (FileNotFoundError, StoreError):
            return ""

    def record(self, fates: Iterable[Fate]) -> None:
        """Put what became of messages into the ledger; it is on the disk on return. Raises StoreError."""
        lines = b"".join(_line(fate) for fate in fates)
        if not lines:
            return
        path = self._layout.ingest_ledger
        ensure_dir(path.parent)
        with brief_lock(path.with_name(".ledger.lock")):
            try:
                fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
                try:
                    size = os.fstat(fd).st_size
                    write_whole(fd, (b"\n" if is_torn(fd, size) else b"") + lines, size)
                    os.fdatasync(fd)
                finally:
                    os.close(fd)
                sync_dir(path.parent)
            except OSError as error:
                raise StoreError(f"cannot write {path}: {error.strerror}") from error

    def fates(self) -> Mapping[str, Fate]:
        """Message -> what became of it last. Only what was added since the last call is read. Raises StoreError."""
        with reading(self._layout.ingest_ledger) as (fd, size):
            inode = os.fstat(fd).st_ino if fd >= 0 else 0
            if self._read_to[0] != inode or self._read_to[1] > size:
                self._fates, self._read_to = {}, (inode, 0)
            place = self._read_to[1]
            for line in next_lines(fd, place, size) if fd >= 0 else ():
                place += len(line) + 1
                fate = _fate(line)
                if fate is not None:
                    self._fates[fate.file] = fate
            self._read_to = (inode, place)
        return self._fates

    def tries(self) -> dict[str, tuple[int, str]]:
        """Message -> how often it was tried in vain, and why the last time."""
        return {file: (count, reason) for file, (count, _, reason) in self._tries().items()}

    def tried(self, files: Iterable[str], reason: str, *, sure: bool = True) -> None:
        """One more try in vain for each of these.

        sure: the reason lies with the message. Else it counts only if another message was taken in since its last try:
        a program that answers nobody says nothing about a message.
        """
        before, successes = self._tries(), self._successes()
        for file in files:
            count, seen, _ = before.get(file, (0, -1, ""))
            if sure or successes > seen:
                self._notes.add(f"try:{file}", f"{count + 1} {successes} {reason}")

    def succeeded(self) -> None:
        """A brain took messages in."""
        self._notes.add(_SUCCESSES, str(self._successes() + 1))

    def _successes(self) -> int:
        known = self._notes.get(_SUCCESSES) or "0"
        return int(known) if known.isdecimal() else 0

    def _tries(self) -> dict[str, tuple[int, int, str]]:
        found = {}
        for key, text in self._notes.items().items():
            count, _, rest = text.partition(" ")
            seen, _, reason = rest.partition(" ")
            if key.startswith("try:") and count.isdecimal() and seen.isdecimal():
                found[key.removeprefix("try:")] = (int(count), int(seen), reason)
        return found

    def forget_tries(self, files: Iterable[str]) -> None:
        known = self.tries()
        for file in files:
            if file in known:
                self._notes.discard(f"try:{file}")

    def problem(self) -> str:
        """What stands in the way of taking mail in; empty: nothing."""
        return self._notes.get(_PROBLEM) or ""

    def set_problem(self, reason: str) -> bool:
        """Note what stands in the way, or that nothing does (empty); whether that is new."""
        if self.problem() == reason:
            return False
        if reason:
            self._notes.add(_PROBLEM, reason)
        else:
            self._notes.discard(_PROBLEM)
        return True

    def wait(self) -> tuple[int, str]:
        """How many asks of a lane failed in a row, and the time before which it is not asked again; ``(0, "")``."""
        count, _, until = (self._notes.get(_UNTIL) or "").partition(" ")
        return (int(count), until) if count.isdecimal() else (0, "")

    def set_wait(self, failures: int, until: str) -> None:
        if failures:
            self._notes.add(_UNTIL, f"{failures} {until}")
        else:
            self._notes.discard(_UNTIL)


def _line(fate: Fate) -> bytes:
    values: dict[str, JsonValue] = {
        "file": fate.file,
        "outcome": fate.outcome.value,
        "batch": fate.batch,
        "at": format_time(fate.at),
        "pages": list(fate.pages),
    }
    return json.dumps(values).encode() + b"\n"


def _fate(line: bytes) -> Fate | None:
    """None for a line that is none: one that was torn, or mended by hand."""
    try:
        value = parse_json(line.decode("utf-8", "replace"), "ledger")
        if not isinstance(value, dict):
            return None
        fields = Fields(value, "ledger")
        return Fate(
            file=fields.text("file"),
            outcome=fields.word("outcome", Taken),
            batch=fields.text("batch"),
            at=fields.time("at"),
            pages=fields.texts("pages"),
        )
    except StoreError:
        return None


def _batch(fields: Fields) -> Batch:
    return Batch(
        id=fields.text("id"),
        mode=fields.word("mode", IngestMode),
        session=fields.text("session"),
        begun_at=fields.time("begun_at"),
        files=fields.texts("files"),
        outside=fields.texts("outside"),
        edits=tuple(_edit(one) for one in fields.objects("edits")),
        is_planned=fields.flag("planned"),
        lane=fields.text("lane", ""),
        decision=fields.text("decision", ""),
    )


def _edit(fields: Fields) -> Edit:
    return Edit(
        page=fields.text("page"),
        section=fields.text("section"),
        text=fields.text("text"),
        files=fields.texts("files"),
        kind=fields.word("kind", EditKind),
        was=fields.text("was", ""),
    )


def _batch_values(batch: Batch) -> dict[str, JsonValue]:
    edits: list[JsonValue] = [
        {
            "page": one.page,
            "section": one.section,
            "text": one.text,
            "files": list(one.files),
            "kind": one.kind.value,
            "was": one.was,
        }
        for one in batch.edits
    ]
    return {
        "id": batch.id,
        "mode": batch.mode.value,
        "session": batch.session,
        "begun_at": format_time(batch.begun_at),
        "files": list(batch.files),
        "outside": list(batch.outside),
        "edits": edits,
        "planned": batch.is_planned,
        "lane": batch.lane,
        "decision": batch.decision,
    }
