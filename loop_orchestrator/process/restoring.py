"""Writing a snapshot's files back: what stands in the way, then byte for byte what was saved.

Git's own checkout is not used: it converts line ends, runs filters and hooks, and changes the index.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from loop_orchestrator.errors import ProcessError
from loop_orchestrator.model.saved import Change, ChangeKind, SavedWork
from loop_orchestrator.process.git import ask, asked, environment, head
from loop_orchestrator.process.pump import pump
from loop_orchestrator.process.run import Kept, describe_code
from loop_orchestrator.process.saved import changes, differences
from loop_orchestrator.process.saving import SETTINGS, quoted
from loop_orchestrator.process.worktree import CHECKOUT_TIMEOUT_S

_LINK = "120000"
_PROGRAM = "100755"
_NONE = "000000"


class Now(Enum):
    """What stands at the path of one change now."""

    RESTORED = "restored"
    """what the snapshot has"""
    FREE = "free"
    """what its commit has, or nothing: writing loses nothing"""
    OTHER = "other"
    """something that is in neither"""
    BLOCKED = "blocked"
    """a directory, or a parent that is none: what would have to go is not this one file"""


class Placed(NamedTuple):
    """One change, and what stands at its path."""

    change: Change
    now: Now


def placed(one: SavedWork, directory: Path) -> tuple[Placed, ...]:
    """Every change of the snapshot with what stands at its path below a directory. Writes nothing.

    Raises ProcessError, and for a snapshot that names a path outside of its directory.
    """
    wanted = changes(one)
    for change in wanted:
        _check(change)
    dropped = {change.path for change in wanted if change.mode == _NONE}
    kinds = {change.path: _kind(directory, change.path, dropped) for change in wanted}
    found = _Contents(one, directory, [path for path, kind in kinds.items() if kind in (_LINK, _PROGRAM, "100644")])
    return tuple(Placed(change, _now(change, kinds[change.path], found)) for change in wanted)


def write_back(one: SavedWork, places: Sequence[Placed], directory: Path) -> None:
    """Make the paths what the snapshot has; each file is the old one or the new one, never a broken one."""
    todo = [place.change for place in places if place.now is not Now.RESTORED]
    for change in todo:
        if change.kind is ChangeKind.DELETED:
            _remove(directory, change.path)
    written = [change for change in todo if change.kind is not ChangeKind.DELETED]
    if not written:
        return
    receiver, complaint = _Receiver(written, directory), Kept(10_000)
    try:
        ended = pump(
            ["git", f"--git-dir={one.repository}", "cat-file", "--batch"],
            cwd=one.repository,
            env=environment(),
            stdin="".join(f"{change.oid}\n" for change in written).encode(),
            timeout_s=CHECKOUT_TIMEOUT_S,
            cancel=None,
            on_stdout=receiver.take,
            on_stderr=complaint.add,
        )
    except OSError as error:
        raise ProcessError(f"cannot write into {directory}: {error.strerror} ({error.filename})") from error
    finally:
        receiver.close()
    if receiver.left:
        why = complaint.data.decode("utf-8", "replace").strip() or describe_code(ended.code)
        raise ProcessError(f"{receiver.left} files of {one.name} were not written: {why}")


def restage(one: SavedWork, directory: Path) -> bool:
    """Put into the index what was staged then; False where the index, or the commit, is not as it was then."""
    if ask(directory, "diff-index", "--cached", "--quiet", one.staged).code == 0:
        return True
    if head(directory) != one.base or ask(directory, "diff-index", "--cached", "--quiet", "HEAD").code != 0:
        return False
    lines = [
        f"{change.mode if change.mode != _NONE else '0'} {change.oid}\t".encode() + os.fsencode(change.path) + b"\0"
        for change in differences(one.repository, one.base, one.staged)
    ]
    done = ask(directory, "update-index", "-z", "--index-info", config=SETTINGS, stdin=b"".join(lines))
    return done.code == 0


def _check(change: Change) -> None:
    parts = PurePosixPath(change.path).parts
    if change.path.startswith("/") or any(part in ("..", ".") or part.lower() == ".git" for part in parts):
        raise ProcessError(f"the snapshot names {change.path!r}, which no working tree may hold")
    if change.mode not in ("100644", _PROGRAM, _LINK, _NONE):
        raise ProcessError(f"the snapshot holds {change.path!r} with the mode {change.mode}, which is no file")


def _kind(directory: Path, path: str, dropped: set[str]) -> str:
    """The mode, as git writes it, of what stands there; 000000 for nothing, empty for what blocks the way."""
    for parent in reversed(PurePosixPath(path).parents[:-1]):
        with suppress(FileNotFoundError):
            if not stat.S_ISDIR((directory / parent).lstat().st_mode):
                return _NONE if str(parent) in dropped else ""
    try:
        mode = (directory / path).lstat().st_mode
    except FileNotFoundError:
        return _NONE
    if stat.S_ISLNK(mode):
        return _LINK
    if stat.S_ISDIR(mode):
        return _NONE if all(name in dropped for name in _below(directory, path)) else ""
    if not stat.S_ISREG(mode):
        return ""
    return _PROGRAM if mode & stat.S_IXUSR else "100644"


def _below(directory: Path, path: str) -> Iterator[str]:
    """Every file below a directory, relative to the top."""
    for folder, _, files in os.walk(directory / path):
        for name in files:
            yield os.path.relpath(Path(folder) / name, directory)


def _now(change: Change, kind: str, found: _Contents) -> Now:
    if kind in ("", _NONE) and change.mode == _NONE:
        return Now.RESTORED  # there is no such file, whatever else stands there
    if kind in ("", _NONE):
        return Now.FREE if kind else Now.BLOCKED
    if kind == change.mode and found.raw[change.path] == change.oid:
        return Now.RESTORED
    as_committed = change.base_oid in (found.raw[change.path], found.converted(change.path))
    return Now.FREE if kind == change.base_mode and as_committed else Now.OTHER


class _Contents:
    """Object ids of files as they stand: byte for byte, and as git would add them."""

    def __init__(self, one: SavedWork, directory: Path, paths: Sequence[str]) -> None:
        self._env = {"GIT_DIR": str(one.repository), "GIT_WORK_TREE": str(directory)}
        self._directory = directory
        self._paths = paths
        self._converted: dict[str, str] | None = None
        self.raw = self._hashed("--no-filters")

    def converted(self, path: str) -> str:
        if self._converted is None:
            self._converted = self._hashed()
        return self._converted[path]

    def _hashed(self, *options: str) -> dict[str, str]:
        if not self._paths:
            return {}
        with tempfile.TemporaryDirectory(prefix="loop-restore-") as folder:
            names = [self._content(path, Path(folder) / str(n)) for n, path in enumerate(self._paths)]
            stdin = b"".join(quoted(name) + b"\n" for name in names)
            words = ("hash-object", *options, "--stdin-paths")
            done = asked(self._directory, *words, stdin=stdin, env=self._env, timeout_s=CHECKOUT_TIMEOUT_S)
        return dict(zip(self._paths, done.text.split(), strict=True))

    def _content(self, path: str, copy: Path) -> Path:
        """The file to hash: for a symbolic link one with what it says, which no filter applies to."""
        place = self._directory / path
        if not place.is_symlink():
            return Path(path)
        copy.write_bytes(os.fsencode(place.readlink()))
        return copy


def _remove(directory: Path, path: str) -> None:
    """Remove a file, and the directories that are empty then, as git does."""
    (directory / path).unlink(missing_ok=True)
    for parent in PurePosixPath(path).parents[:-1]:
        try:
            (directory / parent).rmdir()
        except OSError:
            return


class _Receiver:
    """Takes what ``git cat-file --batch`` writes, in pieces of any size, and makes a file of every object."""

    def __init__(self, wanted: Sequence[Change], directory: Path) -> None:
        self._wanted = list(wanted)
        self._directory = directory
        self._head = bytearray()
        self._size: int | None = None
        self._temp = Path()
        self._file: IO[bytes] | None = None

    @property
    def left(self) -> int:
        """Files that were not written yet."""
        return len(self._wanted)

    def take(self, data: bytes) -> None:
        while data:
            data = self._take_head(data) if self._size is None else self._take_content(data, self._size)

    def close(self) -> None:
        """Remove what a file under way left."""
        if self._file is not None:
            self._file.close()
            self._temp.unlink(missing_ok=True)

    def _take_head(self, data: bytes) -> bytes:
        """``<oid> blob <size>`` and a newline, before it the newline that ends the object before it."""
        line, end, rest = data.partition(b"\n")
        self._head += line
        if not end or not self._head:
            return rest
        words = self._head.split()
        self._head.clear()
        if len(words) != 3 or words[1] != b"blob" or words[0].decode() != self._wanted[0].oid:
            raise ProcessError(f"the content of {self._wanted[0].path!r} is not in the repository any more")
        self._size = int(words[2])
        self._open()
        if self._size == 0:
            self._finish()
        return rest

    def _take_content(self, data: bytes, size: int) -> bytes:
        assert self._file is not None
        piece = data[:size]
        self._file.write(piece)
        self._size = size - len(piece)
        if self._size == 0:
            self._finish()
        return data[len(piece) :]

    def _open(self) -> None:
        change = self._wanted[0]
        path = self._directory / change.path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._temp = path.with_name(f".{os.urandom(6).hex()}.loop-tmp")
        mode = 0o777 if change.mode == _PROGRAM else 0o666
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        self._file = os.fdopen(os.open(self._temp, flags, mode), "wb")

    def _finish(self) -> None:
        assert self._file is not None
        change = self._wanted.pop(0)
        self._file.close()
        self._file, self._size = None, None
        if change.mode == _LINK:
            target = os.fsdecode(self._temp.read_bytes())
            self._temp.unlink()
            self._temp.symlink_to(target)
        path = self._directory / change.path
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        self._temp.replace(path)
