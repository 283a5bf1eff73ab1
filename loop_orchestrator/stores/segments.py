"""The event log as a row of files: closed segments, each named by its first number, and the live file behind them.

Nothing of a closed segment ever changes. Between the making of a segment and that of the next live file the same events
stand in both; whoever reads takes of each file only the numbers below the first of the next one.
"""

from __future__ import annotations

import math
import os
import re
import stat
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from loop_orchestrator.clock import format_time, whole_milliseconds
from loop_orchestrator.errors import StoreError
from loop_orchestrator.ids import numbered_id
from loop_orchestrator.model.event import Event
from loop_orchestrator.stores.atomic import blocks_aside, replace_by, sync_names, written_aside
from loop_orchestrator.stores.lines import MAX_BLOCK, last_bytes, last_lines, next_lines, read_exactly, reading

SEGMENT_BYTES = 8_000_000
"""A live file that is longer is closed: some 40,000 events. At half, twice the files; at double, whoever writes waits
twice the 20 ms that the copy takes, and an id or a time is looked up in twice as much."""

NEAR_BYTES = 4_096
"""A place is read forward from at most this far before what is wanted; each halving costs one more look."""

CONTINUED = "log.continued"
SOURCE = "log"
"""Who the events are from that the log writes about itself."""

_NAME = re.compile(r"([0-9]{12,18})\.jsonl")

Decode = Callable[[bytes], tuple[Event, ...]]


@dataclass(frozen=True)
class Keep:
    """How much of the log is kept. What is still needed is kept in any case."""

    segments: int
    days: float | None = None
    """closed segments are kept for so long; None: for ever"""
    served: int | None = None
    """somebody has yet to read what has a greater number; None: nobody"""
    needed_since: datetime | None = None
    """somebody needs what happened from then on; None: nobody"""


@dataclass(frozen=True)
class Segment:
    """A closed part of the log."""

    path: Path
    first: int
    """the number of its first event, by its name"""


@dataclass(frozen=True)
class Part:
    """A file of the log, open for reading."""

    path: Path
    fd: int
    size: int
    below: float = math.inf
    """only events with a smaller number count: the rest stands in the next file"""
    place: int = 0
    """where to begin reading"""
    is_closed: bool = False
    """it is a segment, and never changes"""


class Parts:
    """The files of a log as they are now, for one reading: the live file is open, a segment is opened when reached."""

    def __init__(self, path: Path, fd: int, size: int, decode: Decode) -> None:
        self.live = Part(path, fd, size)
        self.damaged: dict[str, str] = {}
        """segment -> why it could not be read"""
        self._decode = decode

    @cached_property
    def first(self) -> float:
        """The number of the first event of the live file; infinite if there is none."""
        found = first_event(self.live, self._decode)
        return found.seq if found else math.inf

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """Those before the live file, oldest first."""
        return segments_of(self.live.path, below=self.first)

    def backwards(self) -> Iterator[Part]:
        """The live file, then the segments from the newest on."""
        yield self.live
        for number in reversed(range(len(self.segments))):
            with self._opened(number) as part:
                if part is not None:
                    yield part

    def last_bytes(self, lines: int) -> Iterator[bytes]:
        """Bytes that hold at least so many of the last lines, or all there are, the newest first."""
        for part in self.backwards():
            found = last_bytes(part.fd, part.size, lines)
            yield found
            lines -= found.count(b"\n")
            if lines <= 0:
                break

    def after(self, seq: int) -> Iterator[Part]:
        """The files that hold every event with a greater number, oldest first, each with the place to begin at."""
        if seq + 1 < self.first and self.segments:
            number = max(0, bisect_right([one.first for one in self.segments], seq + 1) - 1)
            yield from self._forwards(number, lambda event: event.seq <= seq)
            yield self.live
        else:
            yield replace(self.live, place=place_of(self.live, self._decode, lambda event: event.seq <= seq))

    def since(self, at: datetime) -> Iterator[Part]:
        """Like after, for every event from a time on. Where the clock was set back, some more."""
        place = place_of(self.live, self._decode, lambda event: event.at < at)
        if place == 0 and self.segments:
            number = len(self.segments) - 1
            while number > 0 and not self._begins_before(number, at):
                number -= 1
            yield from self._forwards(number, lambda event: event.at < at)
        yield replace(self.live, place=place)

    def from_offset(self, offset: int) -> Iterator[tuple[Part, int]]:
        """The files that hold the bytes from an offset of the whole log on, each with the offset of its first byte.

        Bytes that were removed are passed over. An offset behind the end means the beginning of the live file.
        """
        start = self.start_of_live()
        if offset < start:
            starts = dict(self._starts_down_to(offset))
            for number in sorted(starts):
                with self._opened(number) as part:
                    if part is not None:
                        yield replace(part, place=min(part.size, max(0, offset - starts[number]))), starts[number]
        place = offset - start
        yield replace(self.live, place=place if 0 <= place <= self.live.size else 0), start

    def start_of_live(self) -> int:
        """How many bytes of the log stand before the live file."""
        noted = _noted_start(self.live, self._decode)
        return self._end_of(len(self.segments) - 1) if noted is None else noted

    def closed_by(self, number: int) -> Event | None:
        """The first event behind a segment; it was written when the segment was closed."""
        if number + 1 == len(self.segments):
            return first_event(self.live, self._decode)
        with self._opened(number + 1) as part:
            return None if part is None else first_event(part, self._decode)

    def _starts_down_to(self, offset: int) -> Iterator[tuple[int, int]]:
        """Segments from the newest on to the one that holds an offset, or to the oldest, and where each begins."""
        for number in reversed(range(len(self.segments))):
            begin = self._start_of(number)
            yield number, begin
            if begin <= offset:
                break

    def _start_of(self, number: int) -> int:
        with self._opened(number) as part:
            noted = None if part is None else _noted_start(part, self._decode)
        return self._end_of(number - 1) if noted is None else noted

    def _end_of(self, number: int) -> int:
        if number < 0:
            return 0
        with suppress(FileNotFoundError):
            return self._start_of(number) + self.segments[number].path.stat().st_size
        return self._end_of(number - 1)

    def _begins_before(self, number: int, at: datetime) -> bool:
        with self._opened(number) as part:
            first = None if part is None else first_event(part, self._decode)
            return first is not None and first.at < at

    def _forwards(self, number: int, is_before: Callable[[Event], bool]) -> Iterator[Part]:
        """Segments from this one on; in the first, from the place behind what is before."""
        for one in range(number, len(self.segments)):
            with self._opened(one) as part:
                if part is not None:
                    yield replace(part, place=place_of(part, self._decode, is_before) if one == number else 0)

    @contextmanager
    def _opened(self, number: int) -> Iterator[Part | None]:
        """A segment, while it is looked at; None where it was removed or cannot be read."""
        path = self.segments[number].path
        below = self.segments[number + 1].first if number + 1 < len(self.segments) else self.first
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            yield None
            return
        except OSError as error:
            self.damaged[path.name] = f"cannot read it: {error.strerror}"
            yield None
            return
        try:
            found = os.fstat(fd)
            if stat.S_ISREG(found.st_mode):
                yield Part(path, fd, found.st_size, below=below, is_closed=True)
            else:
                self.damaged[path.name] = "it is no file"
                yield None
        finally:
            os.close(fd)


def size_of(log: str, file: tuple[int, int]) -> int | None:
    """The size of the live file if it is this one, by device and inode; None: it was deleted or closed."""
    try:
        found = os.stat(log)  # noqa: PTH116 - a fifth of the time of Path.stat
    except FileNotFoundError:
        return None
    return found.st_size if (found.st_dev, found.st_ino) == file else None


def folder_of(log: Path) -> Path:
    """Where the segments of a log stand."""
    return log.with_suffix("")


def segments_of(log: Path, *, below: float = math.inf) -> tuple[Segment, ...]:
    """The segments whose first number is smaller, oldest first."""
    folder, found = folder_of(log), list[Segment]()
    with suppress(FileNotFoundError, NotADirectoryError):
        for name in os.listdir(folder):  # noqa: PTH208 - half the time of a Path for each
            match = _NAME.fullmatch(name)
            if match and (first := int(match[1])) < below:
                found.append(Segment(folder / name, first))
    return tuple(sorted(found, key=lambda one: one.first))


def first_event(part: Part, decode: Decode) -> Event | None:
    """The first line of a file that is an event."""
    for line in next_lines(part.fd, 0, part.size):
        for event in decode(line):
            return event
    return None


def last_number(log: Path, decode: Decode) -> int:
    """The greatest number that may stand in the segments: the next one is free even where the newest is damaged."""
    segments = segments_of(log)
    if not segments:
        return 0
    newest = segments[-1]
    try:
        with reading(newest.path) as (fd, size):
            lines = sum(block.count(b"\n") for block in blocks_of(fd, size))
            known = (event.seq for line in last_lines(fd, size, torn=True) for event in decode(line))
            return max(next(known, 0), newest.first + lines - 1)
    except StoreError:
        return newest.first


def place_of(part: Part, decode: Decode, is_before: Callable[[Event], bool]) -> int:
    """The offset of a line such that every event above it is before what is wanted; near the first that is not."""
    low, high = 0, part.size
    while high - low > NEAR_BYTES:
        middle = (low + high) // 2
        place, event = _event_behind(part.fd, middle, high, decode)
        if event is None or not is_before(event):
            high = middle
        else:
            low = place
    return low


def _event_behind(fd: int, offset: int, end: int, decode: Decode) -> tuple[int, Event | None]:
    """The first event that begins behind an offset and before ``end``, and where."""
    place = offset
    for position, line in enumerate(next_lines(fd, offset, end)):
        if position:
            for event in decode(line):
                return place, event
        place += len(line) + 1
    return end, None


def _noted_start(part: Part, decode: Decode) -> int | None:
    """How many bytes stand before a file, as its first line says; None where that line cannot say it."""
    for line in next_lines(part.fd, 0, part.size):
        for event in decode(line):
            before = event.payload.get("before") if event.kind == CONTINUED else None
            return before if isinstance(before, int) else None
        return None
    return None


def close_into(log: Path, first: int, blocks: Iterable[bytes]) -> Path:
    """Put the bytes of the live file into a segment; on the disk on return. Raises StoreError, OSError."""
    target = folder_of(log) / f"{first:012d}.jsonl"
    with blocks_aside(target, blocks) as temp:
        replace_by(temp, target)
    sync_names(target.parent)
    return target


def continuing(now: datetime, segment: str, first: int, last: int, before: int) -> Event:
    """What stands first in a live file that follows a segment: it keeps the numbers and the offsets going."""
    return Event(
        id=numbered_id("e", format_time(now), last + 1),
        seq=last + 1,
        at=whole_milliseconds(now),
        kind=CONTINUED,
        source=SOURCE,
        payload={"segment": segment, "first": first, "last": last, "before": before},
    )


def begin_anew(log: Path, line: bytes) -> None:
    """Put a file with one line in the place of the live file; on the disk on return. Raises StoreError, OSError."""
    with written_aside(log, line.decode()) as temp:
        replace_by(temp, log)
    sync_names(log.parent)


def blocks_of(fd: int, size: int, *, end: bytes = b"") -> Iterator[bytes]:
    """The bytes of an open file, and then some."""
    for place in range(0, size, MAX_BLOCK):
        yield read_exactly(fd, place, min(size, place + MAX_BLOCK))
    if end:
        yield end


@contextmanager
def opened(path: Path, decode: Decode) -> Iterator[Parts]:
    """The log for one reading. Raises StoreError."""
    with reading(path) as (fd, size):
        yield Parts(path, fd, size, decode)


def removable(log: Path, keep: Keep, now: datetime, decode: Decode) -> list[tuple[Segment, int]]:
    """The oldest segments that need not be kept, oldest first, each with the number of its last event."""
    found = list[tuple[Segment, int]]()
    with opened(log, decode) as parts:
        for number, segment in enumerate(parts.segments):
            closed_by = parts.closed_by(number)
            if closed_by is None or not _may_go(len(parts.segments) - number, closed_by, keep, now):
                break
            found.append((segment, closed_by.seq - 1))
    return found


def _may_go(left: int, closed_by: Event, keep: Keep, now: datetime) -> bool:
    """left: how many segments there are from this one on."""
    age_days = (now - closed_by.at).total_seconds() / 86_400
    is_old = left > keep.segments or (keep.days is not None and age_days > keep.days)
    is_read = keep.served is None or closed_by.seq - 1 <= keep.served
    return is_old and is_read and (keep.needed_since is None or closed_by.at < keep.needed_since)
