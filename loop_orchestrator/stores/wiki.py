"""The wiki on disk: pages that people, lanes and this program write. Who may write what is in model/wiki.py."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from loop_orchestrator.clock import Clock
from loop_orchestrator.errors import ChangedElsewhereError, NotAllowedError, StoreError, UsageError
from loop_orchestrator.model.wiki import LOG, SCRATCHPAD, LogEntry, Writer, parse_log_heading, refusal
from loop_orchestrator.stores.atomic import read_text, replace_if, sync_names, written_aside
from loop_orchestrator.stores.layout import Layout
from loop_orchestrator.stores.lock import brief_lock

TRIES = 5
"""How often a change is made again because somebody without the lock, such as an editor, wrote meanwhile."""

LOG_TAIL = 65_536
"""Characters at the end of the log in which its last headings are looked for; a log of years is not read whole."""

_MODE = 0o644


class Wiki:
    """The pages below ``ops-wiki/``, each named by its path in there: ``lanes/web.md``. Reading takes no lock."""

    def __init__(self, layout: Layout, clock: Clock) -> None:
        self._root = layout.wiki
        self._lock = layout.wiki_lock
        self._clock = clock

    @property
    def root(self) -> Path:
        return self._root

    @property
    def is_there(self) -> bool:
        """The project has a wiki."""
        return self._root.is_dir()

    def require(self) -> None:
        """Raises StoreError where there is no wiki."""
        if not self.is_there:
            raise StoreError(f"there is no wiki: {self._root} is no directory", hint="loop init")

    def pages(self) -> tuple[str, ...]:
        """Every page, sorted; hidden files, pipes and the like are none, and folders that are links are not entered.

        Raises StoreError for a folder that cannot be read.
        """
        self.require()
        return tuple(sorted(self._below(self._root)))

    def _below(self, folder: Path) -> Iterator[str]:
        try:
            with os.scandir(folder) as entries:
                found = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError as error:
            raise StoreError(f"cannot read {folder}: {error.strerror}") from error
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                yield from self._below(Path(entry.path))
            elif entry.name.endswith(".md") and (entry.is_symlink() or entry.is_file()):
                yield Path(entry.path).relative_to(self._root).as_posix()

    def read(self, page: str) -> str:
        """A page as it stands. Raises StoreError for one that is not there, leads out of the wiki or is no UTF-8."""
        self.require()
        try:
            return read_text(self._inside(page))
        except FileNotFoundError:
            raise StoreError(
                f"there is no page {self._root / page}", hint="loop init lays out what is missing"
            ) from None

    def read_or(self, page: str, default: str = "") -> str:
        """Like read; the default for a page that is not there."""
        try:
            return read_text(self._inside(page))
        except FileNotFoundError:
            return default

    def size(self, page: str) -> int:
        """Bytes of a page; 0 for one that is not there. Raises nothing: whoever writes it finds what is wrong."""
        try:
            return (self._root / page).stat().st_size
        except OSError:
            return 0

    def raw(self, page: str) -> bytes:
        """A page's bytes, whatever they are. Raises StoreError, also for one that leads out of the wiki."""
        try:
            return self._inside(page).read_bytes()
        except OSError as error:
            raise StoreError(f"cannot read {self._root / page}: {error.strerror}") from error

    def leads_out(self, page: str) -> bool:
        """The page is a link to something outside of the wiki."""
        base = self._root.resolve()
        return not (self._root / page).resolve().is_relative_to(base)

    def update(self, page: str, change: Callable[[str], str], *, by: Writer) -> str:
        """Replace a page by what ``change`` makes of it ("" for one that is not there yet), and return that.

        It is on the disk, with the mode it had. ``change`` is called again if somebody wrote the page by hand
        meanwhile. Raises NotAllowedError for what the writer may not do, ChangedElsewhereError if the page did not
        come to rest, and StoreError; nothing was written then.
        """
        self.require()
        path = self._writable(page)
        with brief_lock(self._lock):
            for _ in range(TRIES):
                old = self._current(path)
                new = change(old or "")
                if new == old:
                    return new
                if reason := refusal(by, page, old, new):
                    raise NotAllowedError(f"{self._root.name}/{page} was not written: {reason}", hint=_WHERE_INSTEAD)
                if self._replaced(path, old, new):
                    return new
        raise ChangedElsewhereError(f"{path} is being written by somebody else all the time", hint="try again")

    def append(self, page: str, text: str, *, by: Writer) -> None:
        """Add text at the end of a page, a blank line before it. Two writers at once both get theirs in. Raises like
        update.
        """
        self.update(page, lambda old: _joined(old, text), by=by)

    def append_log(self, type: str, title: str, body: str = "", *, by: Writer) -> LogEntry:
        """Add an entry of today (UTC) to the log. Raises UsageError for a bad type or title, else as update."""
        entry = LogEntry(self._clock.now().date(), type, " ".join(title.split()))
        if parse_log_heading(entry.heading.removeprefix("## ")) != entry:
            raise UsageError(
                f"not a log entry: {entry.heading}", hint="the type is one lower-case word, and a title follows"
            )
        said = f"{entry.heading}\n" + (f"\n{body.strip()}\n" if body.strip() else "")
        self.update(LOG, lambda old: _joined(old or "# Log\n", said), by=by)
        return entry

    def last_log(self, count: int) -> tuple[LogEntry, ...]:
        """The last entries of the log, oldest of them first, without malformed headings. Raises StoreError."""
        from loop_orchestrator.markdowntext import read_blocks

        tail = self.read_or(LOG)[-LOG_TAIL:]
        found = (parse_log_heading(one.text) for one in read_blocks(tail).headings if one.level == 2)
        return tuple(entry for entry in found if entry is not None)[-count:]

    def _inside(self, page: str) -> Path:
        """The path of a page. Raises StoreError if it is outside of the wiki, by its name or by a link."""
        name = PurePosixPath(page)
        if name.is_absolute() or ".." in name.parts or not page.endswith(".md"):
            raise StoreError(f"not a page of the wiki: {page!r}")
        if self.leads_out(page):
            raise StoreError(
                f"{self._root / page} is a link that leads out of the wiki; it is not read",
                hint="put the text itself there",
            )
        path = self._root / page
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise StoreError(f"{path} is no file")
        return path

    def _writable(self, page: str) -> Path:
        name = PurePosixPath(page)
        path = self._inside(page)
        if any(part.startswith(".") for part in name.parts) and page != SCRATCHPAD:
            raise StoreError(f"not a page of the wiki: {page!r}")
        if path.is_symlink():
            raise StoreError(f"{path} is a link; writing would replace it", hint="write the page that it leads to")
        return path

    @staticmethod
    def _current(path: Path) -> str | None:
        try:
            return read_text(path)
        except FileNotFoundError:
            return None

    def _replaced(self, path: Path, old: str | None, new: str) -> bool:
        """Put the new text in place, unless the page is no longer the old one."""
        try:
            mode = _MODE if old is None else path.stat().st_mode & 0o777
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot write {path}: {error.strerror}") from error
        with written_aside(path, new, mode=mode) as temp:
            if self._current(path) != old or not replace_if(temp, path, None if old is None else old.encode()):
                return False
        sync_names(path.parent)
        return True


_WHERE_INSTEAD = "notes of a lane go to ops-wiki/lanes/<lane>.md; CONTRACT.md has the whole table"


def _joined(old: str, text: str) -> str:
    """The text behind the old one, with one blank line between them and a line end at the end."""
    gap = "" if not old or old.endswith("\n\n") else "\n" if old.endswith("\n") else "\n\n"
    return f"{old}{gap}{text.rstrip()}\n"
