"""The installed files of this program: what tells the code that a process runs from the code that is there now."""

from __future__ import annotations

import os
import zlib
from contextlib import suppress
from pathlib import Path

import loop_orchestrator

_PACKAGE = Path(loop_orchestrator.__file__).parent


def stamp(package: Path = _PACKAGE) -> str:
    """Changes whenever a file of the package is written, even with what it held before. Reads no file: some ms."""
    found = [f"{name}\0{info.st_size}\0{info.st_mtime_ns}" for name, info in _files(package)]
    return f"{len(found)}-{zlib.crc32(chr(0).join(found).encode('utf-8', 'surrogateescape')):08x}"


def digest(package: Path = _PACKAGE) -> str:
    """sha256, in hex, over the names and contents of every file of the package, compiled copies left out.

    A file that goes while it is read counts as absent: an installation is under way, and the next look sees its end.
    """
    import hashlib

    whole = hashlib.sha256()
    for name, _ in _files(package):
        try:
            content = (package / name).read_bytes()
        except FileNotFoundError:
            continue
        whole.update(f"{name}\0{len(content)}\0".encode("utf-8", "surrogateescape"))
        whole.update(content)
    return whole.hexdigest()


def _files(package: Path) -> list[tuple[str, os.stat_result]]:
    """Regular files below the package, by their path from it, sorted; hidden and compiled ones left out."""
    found = []
    folders = [str(package)]
    skip = len(folders[0]) + 1
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except FileNotFoundError:
            continue
        for entry in entries:
            name = entry.name
            if name[0] == "." or name == "__pycache__" or name.endswith(".pyc"):
                continue
            if entry.is_dir():
                folders.append(entry.path)
                continue
            with suppress(FileNotFoundError):
                found.append((entry.path[skip:], entry.stat()))
    found.sort()
    return found
