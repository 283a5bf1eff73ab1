"""A file of ``NAME=value`` lines with secrets, which nobody but its owner may read. It is read, never run."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from loop_orchestrator.errors import StoreError

_LINE = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>.*)")


def read_env_file(path: Path) -> dict[str, str]:
    """Name -> value; empty where there is no such file. Blank lines and those that begin with # or ; say nothing.

    A value may stand in single or double quotes; nothing in it is expanded. Raises StoreError, with file and line but
    never a value, for a line that is none, for a file that others may read or write, and for one that is not this
    user's.
    """
    try:
        # What is no file is not waited for: a pipe that nobody writes to would be.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        os.close(fd)
        raise StoreError(f"{path} cannot be read: it is no file")
    with os.fdopen(fd, encoding="utf-8", errors="surrogateescape") as file:
        if found.st_uid not in (os.geteuid(), 0):
            raise StoreError(f"{path} belongs to another user, who may change it", hint=f"ls -l {path}")
        if stat.S_IMODE(found.st_mode) & 0o077:
            mode = f"{stat.S_IMODE(found.st_mode):04o}"
            raise StoreError(f"{path} may be read or written by others (mode {mode})", hint=f"chmod 600 {path}")
        try:
            lines = file.read().split("\n")
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    return dict(pair for number, line in enumerate(lines, 1) for pair in _pairs(f"{path}:{number}", line.strip()))


def _pairs(where: str, line: str) -> tuple[tuple[str, str], ...]:
    """What a line says: one pair, or none."""
    if not line or line[0] in "#;":
        return ()
    said = _LINE.fullmatch(line)
    if said is None:
        raise StoreError(f"{where}: expected NAME=value", hint="a line that begins with # is a comment")
    value = said["value"]
    if value[:1] in ("'", '"'):
        if len(value) < 2 or value[-1] != value[0]:
            raise StoreError(f"{where}: the quote of {said['name']} is not closed")
        value = value[1:-1]
    if "\0" in value:
        raise StoreError(f"{where}: {said['name']} holds a NUL, which no variable can")
    return ((said["name"], value),)
