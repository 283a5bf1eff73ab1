"""What is uncommitted in a working tree, as trees of git, without touching its index, its head or a file.

Changed and untracked files become objects byte for byte: no filter and no conversion of line ends, so that writing
them back gives what stood there. An unchanged file stays what the index has for it.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from loop_orchestrator.errors import ProcessError
from loop_orchestrator.process.git import ask, failure, head
from loop_orchestrator.process.run import Finished
from loop_orchestrator.process.worktree import CHECKOUT_TIMEOUT_S, NO_PROGRAMS, git_path, split

SETTINGS = (
    *NO_PROGRAMS,
    "core.splitIndex=false",
    "core.untrackedCache=false",
    "core.fsync=all",
    "core.fsyncMethod=batch",
)
"""For every call on the index of our own; the objects are on the disk before anything relies on them."""

_TRIES = 4
"""How often a file is tried that is there and cannot be read: an agent at work may remove and make it again."""


class Uncommitted(NamedTuple):
    """What a working tree holds beside its commit."""

    base: str
    """the commit that is checked out; empty before the first"""
    base_tree: str
    tree: str
    """the files as they stand, untracked ones included, ignored ones not"""
    staged: str
    """the index, without what a merge left unsettled in it"""
    left_out: tuple[str, ...]
    """repositories inside this one that it does not know: their work is their own"""

    @property
    def clean(self) -> bool:
        return self.tree == self.staged == self.base_tree


def uncommitted(top: Path) -> Uncommitted:
    """Read a working tree, given its top directory. Writes objects into the repository and nothing else.

    Raises ProcessError: no space, a file that cannot be read, a broken repository.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="loop-snapshot-") as folder:
            return _Reading(top, Path(folder)).read()
    except OSError as error:
        raise ProcessError(f"{top} cannot be read: {error.strerror} ({error.filename})") from error


class _Entry(NamedTuple):
    """One line for the index."""

    path: str
    mode: str
    content: Path
    """the file whose bytes it gets, absolute, or relative to the top"""


class _Reading:
    """One reading of one working tree, with a copy of its index."""

    def __init__(self, top: Path, folder: Path) -> None:
        self._top = top
        self._folder = folder
        self._index = folder / "index"
        self._oid_length = 40

    def read(self) -> Uncommitted:
        base = head(self._top) or ""
        base_tree = self._tree_of(base)
        self._oid_length = len(base_tree)
        self._copy_index()
        staged = self._staged()
        self._look_everywhere()
        self._git("update-index", "-q", "--refresh", codes=(0, 1))
        gone, present, nested = self._differing()
        entries, removed = self._entries(present)
        lines = [*self._removals((*gone, *removed)), *self._additions(entries)]
        if lines:
            self._git("update-index", "-z", "--index-info", stdin=b"".join(lines))
        return Uncommitted(base, base_tree, self._write_tree(), staged, nested)

    def _tree_of(self, commit: str) -> str:
        if not commit:
            return self._git("mktree", stdin=b"").text.strip()
        return self._git("rev-parse", f"{commit}^{{tree}}").text.strip()

    def _copy_index(self) -> None:
        """The time of the file goes with it: git reads a file again that is not older than its index."""
        with suppress(FileNotFoundError):
            shutil.copy2(git_path(self._top, "index"), self._index)

    def _staged(self) -> str:
        unmerged = self._git("ls-files", "-z", "--unmerged").stdout
        if not unmerged:
            return self._write_tree()
        whole = self._folder / "whole"
        shutil.copy2(self._index, whole)
        names = dict.fromkeys(line.partition("\t")[2] for line in split(unmerged))
        self._git("update-index", "-z", "--index-info", stdin=b"".join(self._removals(names)))
        staged = self._write_tree()
        whole.replace(self._index)
        return staged

    def _look_everywhere(self) -> None:
        """Let no mark in the index hide a change: "assume unchanged", or "skip" for a file that is there."""
        marked = [
            line[2:]
            for line in split(self._git("ls-files", "-z", "-v").stdout)
            if line[0].islower() or (line[0] == "S" and os.path.lexists(self._top / line[2:]))
        ]
        if marked:
            names = b"".join(os.fsencode(name) + b"\0" for name in marked)
            self._git("update-index", "-z", "--no-assume-unchanged", "--stdin", stdin=names)
            present = [name for name in marked if os.path.lexists(self._top / name)]
            names = b"".join(os.fsencode(name) + b"\0" for name in present)
            self._git("update-index", "-z", "--no-skip-worktree", "--stdin", stdin=names)

    def _differing(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Tracked paths that are gone; those that differ, with the untracked ones; repositories inside this one."""
        changed = split(self._git("diff-files", "-z", "--raw", "--ignore-submodules=all").stdout)
        status = {path: facts.rpartition(" ")[2] for facts, path in zip(changed[::2], changed[1::2], strict=True)}
        others = split(self._git("ls-files", "-z", "--others", "--exclude-standard").stdout)
        gone = tuple(path for path, word in status.items() if word == "D")
        differing = tuple(path for path, word in status.items() if word != "D")
        files = tuple(path for path in others if not path.endswith("/"))
        return gone, (*differing, *files), tuple(path for path in others if path.endswith("/"))

    def _entries(self, paths: Iterable[str]) -> tuple[list[_Entry], list[str]]:
        """What the index gets for these paths, and those that are no file any more."""
        entries: list[_Entry] = []
        removed: list[str] = []
        for path in paths:
            try:
                entry = self._entry(path, len(entries))
            except (FileNotFoundError, NotADirectoryError):
                entry = None
            if entry is None:
                removed.append(path)
            else:
                entries.append(entry)
        return entries, removed

    def _entry(self, path: str, number: int) -> _Entry | None:
        """None for a directory and for what git cannot keep."""
        mode = (self._top / path).lstat().st_mode
        if stat.S_ISLNK(mode):
            return _Entry(path, "120000", self._target(path, number))
        if stat.S_ISREG(mode):
            return _Entry(path, "100755" if mode & stat.S_IXUSR else "100644", Path(path))
        return None

    def _target(self, path: str, number: int) -> Path:
        """A file with what the symbolic link says."""
        copy = self._folder / f"link-{number}"
        copy.write_bytes(os.fsencode((self._top / path).readlink()))
        return copy

    def _additions(self, entries: Sequence[_Entry]) -> Iterator[bytes]:
        """A line for each entry; one whose file an agent removed meanwhile is taken out."""
        tries = 0
        while entries:
            names = b"".join(quoted(entry.content) + b"\n" for entry in entries)
            done = self._git("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=names, codes=None)
            oids = done.text.split()
            for entry, oid in zip(entries, oids, strict=False):
                yield f"{entry.mode} {oid}\t".encode() + os.fsencode(entry.path) + b"\0"
            entries = entries[len(oids) :]
            tries = 0 if oids else tries
            if entries and not os.path.lexists(self._top / entries[0].path):
                yield from self._removals([entries[0].path])
                entries = entries[1:]
            elif entries:
                tries += 1
                if tries == _TRIES or b"could not open" not in done.stderr:
                    raise failure(self._top, "hash-object", done)

    def _removals(self, paths: Iterable[str]) -> Iterator[bytes]:
        for path in paths:
            yield b"0 " + b"0" * self._oid_length + b"\t" + os.fsencode(path) + b"\0"

    def _write_tree(self) -> str:
        return self._git("write-tree").text.strip()

    def _git(self, *words: str, stdin: bytes | None = None, codes: tuple[int, ...] | None = (0,)) -> Finished:
        """codes: the exit codes that are an answer; None: every one."""
        env = {"GIT_INDEX_FILE": str(self._index)}
        done = ask(self._top, *words, config=SETTINGS, stdin=stdin, env=env, timeout_s=CHECKOUT_TIMEOUT_S)
        if codes is not None and done.code not in codes:
            raise failure(self._top, words[0], done)
        return done


def quoted(path: Path) -> bytes:
    """A path as git reads it from a list of lines, whatever its name holds."""
    return (
        b'"'
        + b"".join(b"\\%03o" % byte if byte < 0x20 or byte in b'"\\' else bytes((byte,)) for byte in os.fsencode(path))
        + b'"'
    )
