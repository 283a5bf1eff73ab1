"""The files of a folder, by name, and the stamp that tells whether one changed."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

Stamp = tuple[int, int, int, int]
"""Time of the last change of the content and of the file in ns, size and inode: two equal settled stamps of one name
are one content, whatever time a copy was given."""

SETTLED_NS = 50_000_000
"""The kernel keeps times in steps of up to 10 ms: two changes closer than that may leave the same stamp."""


def names_in(folder: Path, suffix: str, *, files_only: bool = True) -> list[str]:
    """Names of the files with this suffix, sorted; hidden files and README are left out. Empty for no folder.

    files_only: False takes directories, pipes and links that lead nowhere too.
    """
    return sorted(entry.name for entry in _entries(folder, suffix) if not files_only or entry.is_file())


def stats_in(folder: Path, suffix: str, *, files_only: bool = True) -> list[tuple[str, os.stat_result]]:
    """The same names, each with what ``stat`` says of it: of the file that a link leads to, or, with ``files_only``
    False, of the link itself. What is gone by then is left out.
    """
    found = []
    for entry in _entries(folder, suffix):
        with suppress(FileNotFoundError):
            about = entry.stat(follow_symlinks=files_only)
            if not files_only or stat.S_ISREG(about.st_mode):
                found.append((entry.name, about))
    return sorted(found, key=lambda one: one[0])


def _entries(folder: Path, suffix: str) -> Iterator[os.DirEntry[str]]:
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if name.endswith(suffix) and not name.startswith(".") and name[:6].upper() != "README":
                yield entry


def stamp_of(path: Path) -> Stamp | None:
    """The stamp of a file, if it is settled. Raises FileNotFoundError."""
    return settled_stamp(path.stat())


def settled_stamp(found: os.stat_result) -> Stamp | None:
    """The stamp in what ``stat`` said of a file, if it is settled now: what is read from now on is its content."""
    if abs(time.time_ns() - found.st_ctime_ns) < SETTLED_NS:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
