"""Lines of a file: read from either end in blocks, so that the cost is that of the lines wanted, and added whole."""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from loop_orchestrator.errors import StoreError

FIRST_BLOCK = 8_192
MAX_BLOCK = 262_144
"""Blocks double up to this: few reads for a long way, little read for a short one."""

SEARCH_BLOCK = 1_048_576
"""Blocks double up to this while something is searched for. At half, twice the reads; at double, twice the memory."""


@contextmanager
def reading(path: Path) -> Iterator[tuple[int, int]]:
    """A descriptor and the size the file has now; one that does not exist is empty. Raises StoreError."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield -1, 0
        return
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
    try:
        yield fd, os.fstat(fd).st_size
    finally:
        os.close(fd)


def is_torn(fd: int, size: int) -> bool:
    """The last line was not written to its end."""
    return size > 0 and os.pread(fd, 1, size - 1) != b"\n"


def write_whole(fd: int, line: bytes, size: int) -> None:
    """Add a line in one write to a file of this size. Raises OSError where it does not fit, with the file as it was."""
    try:
        if os.write(fd, line) < len(line):
            raise OSError(errno.ENOSPC, "no space for the whole line")
    except OSError:
        with suppress(OSError):
            os.ftruncate(fd, size)
        raise


def last_lines(fd: int, end: int, *, stop: int = 0, torn: bool = False) -> Iterator[bytes]:
    """Lines before an offset, last first, without their newline.

    stop: lines that begin before it are left out. torn: what stands behind the last newline counts as a line.
    """
    place, block = end, FIRST_BLOCK
    behind: list[bytes] = []
    is_rest = True
    while place > stop:
        start = max(stop, place - block)
        parts = read_exactly(fd, start, place).split(b"\n")
        place, block = start, min(block * 2, MAX_BLOCK)
        for part in reversed(parts[1:]):
            line = b"".join((part, *reversed(behind))) if behind else part
            behind.clear()
            if not is_rest or (torn and line):
                yield line
            is_rest = False
        behind.append(parts[0])
    if stop == 0 and end > 0 and (not is_rest or torn):
        yield b"".join(reversed(behind))


def next_lines(fd: int, start: int, end: int) -> Iterator[bytes]:
    """Lines from an offset that begins a line up to the last newline before ``end``, without their newline."""
    place, block = start, FIRST_BLOCK
    before: list[bytes] = []
    while place < end:
        parts = read_exactly(fd, place, min(end, place + block)).split(b"\n")
        place, block = min(end, place + block), min(block * 2, MAX_BLOCK)
        for part in parts[:-1]:
            yield b"".join((*before, part)) if before else part
            before.clear()
        before.append(parts[-1])


def lines_with(fd: int, start: int, end: int, marks: Collection[bytes]) -> Iterator[bytes]:
    """Like next_lines, but only lines in which one of the marks stands; a megabyte without one costs a search."""
    place, rest, block = start, b"", min(FIRST_BLOCK, SEARCH_BLOCK)
    while place < end:
        data = rest + read_exactly(fd, place, min(end, place + block))
        place, block = min(end, place + block), min(block * 2, SEARCH_BLOCK)
        cut = data.rfind(b"\n") + 1
        rest = data[cut:]
        yield from _with(data[:cut], marks, backwards=False)


def last_lines_with(fd: int, end: int, marks: Collection[bytes], *, stop: int = 0) -> Iterator[bytes]:
    """Like last_lines without what is torn, but only lines in which one of the marks stands."""
    place, rest, block = end, b"", min(FIRST_BLOCK, SEARCH_BLOCK)
    while place > stop:
        start, block = max(stop, place - block), min(block * 2, SEARCH_BLOCK)
        data = read_exactly(fd, start, place) + rest
        place, cut = start, data.find(b"\n") + 1 if start else 0
        rest = data[:cut] if cut or not start else data
        yield from _with(data[cut:] if rest is not data else b"", marks, backwards=True)


def _with(data: bytes, marks: Collection[bytes], *, backwards: bool) -> Iterator[bytes]:
    if any(mark in data for mark in marks):
        lines = data.split(b"\n")[:-1]
        yield from (line for line in (reversed(lines) if backwards else lines) if any(mark in line for mark in marks))


def last_bytes(fd: int, end: int, lines: int) -> bytes:
    """The bytes before an offset that hold at least so many lines, or all there are."""
    place, found, blocks = end, 0, list[bytes]()
    while place > 0 and found <= lines:
        start = max(0, place - MAX_BLOCK)
        blocks.append(read_exactly(fd, start, place))
        found += blocks[-1].count(b"\n")
        place = start
    return b"".join(reversed(blocks))


def read_exactly(fd: int, start: int, end: int) -> bytes:
    """The bytes between two offsets; fewer only if the file ends before."""
    data = os.pread(fd, end - start, start)
    while len(data) < end - start and (more := os.pread(fd, end - start - len(data), start + len(data))):
        data += more
    return data
