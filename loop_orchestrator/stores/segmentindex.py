"""Where in a closed segment of the event log what is sought may stand, so that the rest of it need not be read.

Beside a segment stands a small file ``<first number>.index``. It names, for stretches of the segment, the kinds of the
events in them and the ids that tie events together. It is made of the segment alone, when that is closed or by a reader
that misses it, and tells only where to look: every event is read from the segment. One that is damaged, or not of the
segment as it is now, is made anew.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from loop_orchestrator.errors import StoreError
from loop_orchestrator.stores.atomic import blocks_aside, replace_by
from loop_orchestrator.stores.lines import last_lines_with, lines_with, next_lines, read_exactly, reading
from loop_orchestrator.stores.segments import Part, segments_of

SCHEMA = 1

STRETCH_BYTES = 65_536
"""A stretch is read as a whole for one event in it. At half, an index of frequent kinds is twice as long; at double, a
rare event costs twice the reading, 0.1 ms."""

MADE_AT_ONCE = 4
"""Indexes that one reading makes where they are missing, 0.15 s each; the other segments are read instead."""

SUFFIX = ".index"

_KIND = re.compile(rb'"kind":"([^"\\\x00-\x1f]+)"')
_ID = re.compile(rb'"(?:trace|caused_by|cycle|decision|op|file|id)":"([^"\\\x00-\x1f]+)')
"""Up to what is written with a backslash: whoever looks for more of it does not find it in the line either."""
_NUMBERED = re.compile(rb"e-[0-9]{8}T[0-9]{9}-[0-9a-f]{6,}")
"""An id that the log itself gave: they ascend, so that their least and greatest tell enough."""

_UNUSABLE = (OSError, StoreError, ValueError, LookupError, TypeError)


class Sought:
    """What is looked for: events of some kinds, or with ids that begin in some way.

    Ids are those of the event, its trace and cause, and the fields cycle, decision, op and file of its payload. What is
    found holds the text of one of them somewhere: whoever asks looks whether it is what was meant.
    """

    def __init__(self, *, kinds: Iterable[str] = (), ids: Iterable[str] = ()) -> None:
        self.kinds = tuple(kinds)
        self.ids: list[str] = []
        self.marks = [f'"kind":"{kind}"'.encode() for kind in self.kinds]
        """one of these stands in the line of an event that is looked for"""
        self.add_ids(ids)

    def add_ids(self, ids: Iterable[str]) -> None:
        """More ids, also while a reading is under way: it takes them from its next file on, at the latest."""
        found = list(ids)
        self.ids += found
        self.marks += [f'"{id}'.encode("utf-8", "surrogatepass") for id in found]


class Index:
    """What the index of a segment says; its ids are read where ids are looked for."""

    def __init__(self, path: Path, segment: int) -> None:
        """segment: its descriptor. Raises an error of _UNUSABLE where the index cannot be believed."""
        self._path = path
        with reading(path) as (fd, size):
            head = next(next_lines(fd, 0, size), b"")
            self._ids_at = len(head) + 1
        check, _, document = head.partition(b" ")
        said = json.loads(document)
        if int(check, 16) != zlib.crc32(document) or said["schema"] != SCHEMA or said["of"] != _marks_of(segment):
            raise ValueError(f"{path} is damaged, or of another segment")
        self.starts: list[int] = said["starts"]
        """where each stretch begins; it ends where the next begins"""
        self._kinds: dict[str, list[int]] = said["kinds"]
        self._numbered: list[tuple[str, str]] = said["numbered"]
        self._ids_check: int = said["ids"]

    def stretches(self, sought: Sought) -> set[int]:
        """The numbers of the stretches in which something of it may stand. Raises an error of _UNUSABLE."""
        found = {number for kind in sought.kinds for number in self._kinds.get(kind, ())}
        rows = self._rows() if sought.ids else b""
        least = min((one for one, _ in self._numbered if one), default="")
        most = max((one for _, one in self._numbered), default="")
        for id in sought.ids:
            for row in _rows_with(rows, id.encode("utf-8", "surrogatepass")):
                found.update(map(int, row.rpartition(b"\t")[2].split(b",")))
            if _lies_between(id, least, most):
                found.update(number for number, ends in enumerate(self._numbered) if _lies_between(id, *ends))
        return found

    def _rows(self) -> bytes:
        """Sorted lines: an id, a tab, and the numbers of the stretches in which it stands, with commas between."""
        with reading(self._path) as (fd, size):
            data = read_exactly(fd, self._ids_at, size)
        if zlib.crc32(data) != self._ids_check:
            raise ValueError(f"{self._path} is damaged")
        return data


class Finder:
    """Where to look in the files of a log, for one reading."""

    def __init__(self, sought: Sought) -> None:
        self._sought = sought
        self._may_make = MADE_AT_ONCE

    def lines(self, part: Part) -> Iterator[bytes]:
        """The lines of a file, from ``part.place`` on, that hold something of it."""
        for start, end in self._places(part):
            yield from lines_with(part.fd, start, end, self._sought.marks)

    def last_lines(self, part: Part) -> Iterator[bytes]:
        """The same lines, last first."""
        for start, end in reversed(self._places(part)):
            stop = max(0, start - 1)  # the newline before it, which tells that a line begins there
            yield from last_lines_with(part.fd, end, self._sought.marks, stop=stop)

    def _places(self, part: Part) -> list[tuple[int, int]]:
        """The stretches in which what is sought may stand, from ``part.place`` on, in their order: start and end."""
        found = self._stretches(part) if part.is_closed else None
        if found is None:
            return [(part.place, part.size)]
        index, numbers = found
        ends, places = (*index.starts[1:], part.size), list[tuple[int, int]]()
        for number in sorted(numbers):
            start, end = max(part.place, index.starts[number]), ends[number]
            if places and places[-1][1] == start:
                places[-1] = places[-1][0], end
            elif start < end:
                places.append((start, end))
        return places

    def _stretches(self, part: Part) -> tuple[Index, set[int]] | None:
        """By the index of a segment; None where it has none and none is made."""
        for _ in range(2):
            with suppress(*_UNUSABLE):
                index = Index(index_of(part.path), part.fd)
                return index, index.stretches(self._sought)
            if not self._may_make:
                break
            self._may_make -= 1
            with suppress(OSError, StoreError):
                make_index(part.path)
        return None


def index_of(segment: Path) -> Path:
    return segment.with_suffix(SUFFIX)


def make_index(segment: Path) -> None:
    """Write the index of a segment. Raises OSError, StoreError."""
    with reading(segment) as (fd, size):
        data = _written(fd, size)
    target = index_of(segment)
    with blocks_aside(target, (data,)) as temp:
        replace_by(temp, target)
    if not segment.exists():  # it was removed meanwhile, by somebody who removed the index before it was there
        target.unlink(missing_ok=True)


def remove_with_index(segment: Path) -> None:
    """Remove a segment; whoever makes an index of it meanwhile sees that it is gone. Raises OSError."""
    segment.unlink(missing_ok=True)
    index_of(segment).unlink(missing_ok=True)


def remove_orphans(log: Path) -> None:
    """Remove indexes whose segment is gone: whoever removed it died. Raises OSError."""
    kept = {index_of(one.path).name for one in segments_of(log)}
    with suppress(FileNotFoundError):
        for path in log.with_suffix("").glob(f"*{SUFFIX}"):
            if path.name not in kept and not path.with_suffix(".jsonl").exists():
                path.unlink(missing_ok=True)


def _written(fd: int, size: int) -> bytes:
    starts, numbered = list[int](), list[tuple[str, str]]()
    kinds: dict[str, list[int]] = {}
    words: dict[bytes, list[int]] = {}
    for number, (start, lines) in enumerate(_stretches(fd, size)):
        ids = set(_ID.findall(lines))
        own = sorted(id.decode() for id in ids if _NUMBERED.fullmatch(id))
        starts.append(start)
        numbered.append((own[0], own[-1]) if own else ("", ""))
        for kind in set(_KIND.findall(lines)):
            kinds.setdefault(kind.decode("utf-8", "replace"), []).append(number)
        for id in ids:
            if not _NUMBERED.fullmatch(id):
                words.setdefault(id, []).append(number)
    rows = b"\n".join(sorted(b"%b\t%b" % (id, ",".join(map(str, found)).encode()) for id, found in words.items()))
    said = {"schema": SCHEMA, "of": _marks_of(fd), "starts": starts, "numbered": numbered, "kinds": kinds}
    head = json.dumps({**said, "ids": zlib.crc32(rows)}, separators=(",", ":")).encode()
    return b"%08x %b\n%b" % (zlib.crc32(head), head, rows)


def _stretches(fd: int, size: int) -> Iterator[tuple[int, bytes]]:
    """Whole lines, some 65 kB of them at once, each with the place where they begin."""
    place = 0
    while place < size:
        want = STRETCH_BYTES
        lines = read_exactly(fd, place, min(size, place + want))
        while place + len(lines) < size and b"\n" not in lines:
            want *= 2
            lines = read_exactly(fd, place, min(size, place + want))
        if place + len(lines) < size:
            lines = lines[: lines.rfind(b"\n") + 1]
        yield place, lines
        place += len(lines)


def _marks_of(fd: int) -> list[int]:
    """What a segment differs in from one that somebody changed: size and time of its last change."""
    found = os.fstat(fd)
    return [found.st_size, found.st_mtime_ns]


def _rows_with(rows: bytes, begin: bytes) -> Iterator[bytes]:
    """The rows that begin in this way; halving in the text takes a tenth of the time of taking it apart."""
    low, high = 0, len(rows)
    while low < high:
        row = rows.rfind(b"\n", low, (low + high) // 2) + 1 or low
        if rows[row : row + len(begin)] < begin:
            low = rows.find(b"\n", row) + 1 or high
        else:
            high = row
    while rows.startswith(begin, low) and low < len(rows):
        end = rows.find(b"\n", low) + 1 or len(rows) + 1
        yield rows[low : end - 1]
        low = end


def _lies_between(id: str, least: str, most: str) -> bool:
    return bool(least) and least[: len(id)] <= id <= most[: len(id)]
