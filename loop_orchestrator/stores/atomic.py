"""Durable writes: a file is the old one or the new one, never a broken one; and the reading that goes with them.

A write goes to a temporary file beside its target, which is synced, renamed over the target, and made durable by
syncing the folder. The writer holds a kernel lock on its temporary file, so that a sweep can tell what a dead writer
left behind from what a living one is about to rename.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.errors import StoreError
from loop_orchestrator.stores.layout import ensure_dir, sync_dir

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue

TEMP_SUFFIX = ".loop-tmp"
"""End of the name of every temporary file; its name begins with a dot."""

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
"""Of Linux."""
_RENAME_SWAP = 2
"""Of macOS."""


def write_text(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Replace or make a file, UTF-8, newlines as they are. The folder is made where it is missing.

    On return the text is on the disk. Raises StoreError, with the file as it was before.
    """
    with written_aside(path, text, mode=mode) as temp:
        replace_by(temp, path)
    sync_names(path.parent)


def replace_if(temp: Path, path: Path, expected: bytes | None) -> bool:
    """Like replace_by, where what is replaced has these bytes, or None: is not there; else everything stays as it is.

    The two trade places, so that what was replaced can be looked at: whoever writes without a lock is not overwritten
    between a look and the replacing. Where the system cannot do that, this is replace_by. Raises StoreError.
    """
    with _writing(path):
        try:
            if expected is None:
                os.link(temp, path)
                return True
            swap(temp, path)
        except (FileExistsError, FileNotFoundError):
            return False
        except OSError as error:
            if error.errno not in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
                raise
            temp.replace(path)
            return True
        if read_bytes(temp) == expected:
            return True
        swap(temp, path)
        return False


def swap(one: Path, other: Path) -> None:
    """Let two files trade places at once. Raises OSError; ENOSYS, EINVAL or ENOTSUP where the system cannot."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    here, there = os.fsencode(one), os.fsencode(other)
    try:
        if sys.platform == "darwin":
            failed = libc.renamex_np(here, there, ctypes.c_uint(_RENAME_SWAP))
        else:
            failed = libc.renameat2(_AT_FDCWD, here, _AT_FDCWD, there, ctypes.c_uint(_RENAME_EXCHANGE))
    except AttributeError:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(other)) from None
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(other))


def replace_by(temp: Path, path: Path) -> None:
    """Put a file that written_aside made in the place of another; on the disk after ``sync_names``, which needs no lock
    of the caller's: until then a power cut may bring the old file back. Raises StoreError.
    """
    with _writing(path):
        temp.replace(path)


@contextmanager
def written_aside(path: Path, text: str, *, mode: int = 0o600) -> Iterator[Path]:
    """A synced temporary file beside a path, with this text; what is left of it on leaving is removed."""
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise StoreError(f"cannot write {path}: character {error.start + 1} of the text is no Unicode text") from error
    with blocks_aside(path, (data,), mode=mode) as temp:
        yield temp


@contextmanager
def blocks_aside(path: Path, blocks: Iterable[bytes], *, mode: int = 0o600) -> Iterator[Path]:
    """Like written_aside, for bytes that come in blocks."""
    with _writing(path):
        fd, temp = _open_temp(path, mode)
    try:
        with _writing(path):
            for block in blocks:
                _write_all(fd, block)
            os.fsync(fd)
        yield temp
    finally:
        temp.unlink(missing_ok=True)
        os.close(fd)


def link_new(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Make a file that does not exist yet; whoever sees it sees all of it, and of many makers one succeeds.

    Raises FileExistsError if the name is taken, and StoreError.
    """
    with written_aside(path, text, mode=mode) as temp:
        link(temp, path)


def link(temp: Path, path: Path, *, synced: bool = True) -> None:
    """Give a file that written_aside made a second name, for good. Raises FileExistsError, and StoreError.

    synced: False leaves the last step to ``sync_names``, which needs no lock of the caller's.
    """
    with _writing(path):
        os.link(temp, path)
    if synced:
        sync_names(path.parent)


def sync_names(folder: Path) -> None:
    """Put the names in a folder on the disk. Raises StoreError."""
    with _writing(folder):
        sync_dir(folder)


def write_json(path: Path, value: JsonValue) -> None:
    """Like write_text, with the JSON text of a value. Raises ValueError for a number that is not finite."""
    write_text(path, json_text(value))


def json_text(value: JsonValue) -> str:
    """Indented JSON with a newline at the end; Unicode as it is, unless the value holds a lone surrogate."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            text = json.dumps(value, indent=2, allow_nan=False)
    return text + "\n"


def move(source: Path, target: Path) -> None:
    """Rename a file so that it stays renamed; the target's folder is made where it is missing.

    A target that exists is replaced: the caller holds the lock under which it looked. Raises FileNotFoundError if
    the source is gone, and StoreError.
    """
    with _writing(target):
        ensure_dir(target.parent)
        source.rename(target)
        sync_dir(target.parent)
        sync_dir(source.parent)


def read_text(path: Path, *, limit: int | None = None) -> str:
    """The whole file, newlines as they are. Never waits: a pipe or a device is no file.

    limit: bytes; more are refused. Raises FileNotFoundError, and StoreError for what cannot be read.
    """
    return decoded(read_bytes(path, limit=limit), path)


def decoded(data: bytes, path: Path) -> str:
    """The bytes of a file as text. Raises StoreError naming the byte that is no UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        hint = "save it as UTF-8" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
        raise StoreError(f"cannot read {path}: byte {error.start + 1} is no UTF-8", hint=hint) from error


def read_bytes(path: Path, *, limit: int | None = None) -> bytes:
    """Like read_text, before it is taken for text."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise StoreError(f"cannot read {path}: it is {kind_of(found.st_mode)}, no file")
            if limit is not None and found.st_size > limit:
                raise StoreError(f"cannot read {path}: it has {found.st_size} bytes, at most {limit} are read")
            with os.fdopen(fd, "rb", closefd=False) as file:
                return file.read()
        finally:
            os.close(fd)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error


def kind_of(mode: int) -> str:
    """What something is that is no regular file, by its ``st_mode``: ``a directory``."""
    kinds = {stat.S_IFDIR: "a directory", stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def read_json(path: Path) -> JsonValue:
    """The value in a JSON file. Raises FileNotFoundError, and StoreError with line and column."""
    return parse_json(read_text(path), path)


def parse_json(text: str, path: Path | str) -> JsonValue:
    """The value that a text is; of two equal keys none is believed. Raises StoreError with ``path:line:column``."""
    try:
        value: JsonValue = json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise StoreError(f"{path}:{error.lineno}:{error.colno}: {error.msg}", hint="mend it by hand") from error
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise StoreError(f"cannot read {path}: {reason}", hint="mend it by hand") from error
    return value


def sweep_temps(folder: Path) -> int:
    """Remove the temporary files of dead writers from a folder; returns how many there were."""
    swept = 0
    with suppress(FileNotFoundError):
        for entry in os.scandir(folder):
            if entry.name.startswith(".") and entry.name.endswith(TEMP_SUFFIX):
                swept += _remove_abandoned(Path(entry.path))
    return swept


def _remove_abandoned(temp: Path) -> bool:
    with suppress(OSError):
        fd = os.open(temp, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            temp.unlink()
            return True
        finally:
            os.close(fd)
    return False


def _open_temp(path: Path, mode: int) -> tuple[int, Path]:
    while True:
        begin = os.fsdecode(os.fsencode(path.name)[:150])  # a name is limited in bytes
        temp = path.with_name(f".{begin}.{os.urandom(6).hex()}{TEMP_SUFFIX}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        try:
            fd = os.open(temp, flags, mode)
        except FileNotFoundError:
            ensure_dir(path.parent)
            continue
        fcntl.flock(fd, fcntl.LOCK_EX)
        if os.fstat(fd).st_nlink:
            return fd, temp
        os.close(fd)  # a sweep came between the making of the file and its lock


def _write_all(fd: int, data: bytes) -> None:
    """Write every byte; a short write is followed by the rest, or by the error that cut it short."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError as error:
        hint = "free some space and try again" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        raise StoreError(f"cannot write {path}: {error.strerror}", hint=hint) from error


def _unique_keys(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} stands twice in one object")
    return found


def _no_constant(name: str) -> JsonValue:
    raise ValueError(f"{name} is no JSON")
