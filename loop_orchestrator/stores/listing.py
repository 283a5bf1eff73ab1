"""The files of a folder, by name, and the stamp that tells whether one changed."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

Stamp = tuple[int, int, int]
"""Time of the last change in ns, size and inode: two equal settled stamps of one name are one content."""

SETTLED_NS = 50_000_000
"""The kernel keeps times in steps of up to 10 ms: two changes closer than that may leave the same stamp."""


def names_in(folder: Path, suffix: str, *, files_only: bool = True) -> list[str]:
    """Names of the files with this suffix, sorted; hidden files and README are left out. Empty for no folder.

    files_only: False takes directories, pipes and links that lead nowhere too.
    """
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        return sorted(
            entry.name
            for entry in entries
            if entry.name.endswith(suffix)
            and not entry.name.startswith(".")
            and entry.name[:6].upper() != "README"
            and (not files_only or entry.is_file())
        )
    return []


def stamp_of(path: Path) -> Stamp | None:
    """The stamp of a file, if it is settled. Raises FileNotFoundError."""
    return settled_stamp(path.stat())


def settled_stamp(found: os.stat_result) -> Stamp | None:
    """The stamp in what ``stat`` said of a file, if it is settled."""
    if abs(time.time_ns() - found.st_mtime_ns) < SETTLED_NS:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
