"""Lines of an open file, read from either end in blocks, so that the cost is that of the lines wanted."""

from __future__ import annotations

import os
from collections.abc import Iterator

FIRST_BLOCK = 8_192
MAX_BLOCK = 262_144
"""Blocks double up to this: few reads for a long way, little read for a short one."""


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
