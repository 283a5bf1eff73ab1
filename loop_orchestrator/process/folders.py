"""Tells of changed files in folders: from the kernel itself on Linux, so that waiting costs nothing."""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from pathlib import Path

SOON_S = 0.002
"""Between a change that is whole (renamed in, closed, removed) and the telling. At half, a burst is told in more
pieces; at double, mail is noticed that much later."""

LATER_S = 0.05
"""How long the end of a change is awaited whose beginning was seen (created, written to). At half, half-written files
are looked at more often; at double, what is appended to a file that stays open is noticed that much later."""

UNWATCHED_S = 1.0
"""Between two looks at folders that the kernel does not watch. At half, twice the wakes; at double, news are late."""

_MODIFY, _CLOSE_WRITE, _MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x2, 0x8, 0x40, 0x80, 0x100, 0x200
_DELETE_SELF, _MOVE_SELF, _OVERFLOW, _ONLY_DIRECTORIES = 0x400, 0x800, 0x4000, 0x1000000
_WANTED = _MODIFY | _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _DELETE_SELF | _MOVE_SELF
_EVENT = struct.Struct("iIII")


async def changed_paths(folders: Sequence[Path], stop: asyncio.Event) -> AsyncGenerator[set[Path], None]:
    """Paths in these folders that changed, until stop is set; a folder itself where it is gone or too much changed.

    Subfolders are not followed. It is a hint, never a promise. Raises OSError where a folder cannot be watched.
    """
    if sys.platform != "linux":
        from watchfiles import awatch

        async for found in awatch(*folders, step=20, debounce=50, recursive=False, stop_event=stop):
            yield {Path(path) for _, path in found}
        return
    watch = _Watch(folders)
    ending = asyncio.create_task(stop.wait())
    try:
        while not stop.is_set():
            waiting = asyncio.create_task(watch.changed.wait())
            await asyncio.wait({waiting, ending}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if not stop.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(watch.whole.wait(), LATER_S)
                await asyncio.sleep(SOON_S)
                yield watch.take()
    finally:
        ending.cancel()
        watch.close()


async def looks(
    folders: Callable[[], Sequence[Path]], wait_s: Callable[[], float | None]
) -> AsyncGenerator[set[Path], None]:
    """Yields when a look at the files is due: once at the beginning, when the folders are watched already, so that
    nothing slips between; then whenever something in them changed, with its paths, and when the time is over.

    folders: asked again when one of them is gone, or a folder came into one. wait_s: asked before each wait; None waits
    for a change alone. Where the kernel cannot watch them, a look is due every second.
    """
    found: set[Path] = set()
    while True:
        watched, stop = list(folders()), asyncio.Event()
        changes = changed_paths(watched, stop)
        coming = asyncio.ensure_future(anext(changes))
        try:
            await asyncio.sleep(0)  # the watch begins before its first wait
            while not (found & set(watched) or any(path.is_dir() for path in found)):
                yield found
                found = set()
                limit = wait_s()
                await asyncio.wait({coming}, timeout=limit)
                if coming.done():
                    found = coming.result()
                    coming = asyncio.ensure_future(anext(changes))
        except OSError:
            await asyncio.sleep(UNWATCHED_S)
        finally:
            stop.set()
            coming.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration, OSError):
                await coming
            await changes.aclose()
        found = set()


class _Watch:
    """An inotify descriptor on the running event loop."""

    def __init__(self, folders: Sequence[Path]) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self.changed = asyncio.Event()
        self.whole = asyncio.Event()
        """one of the changes is whole"""
        self._paths: set[Path] = set()
        self._folders: dict[int, Path] = {}
        self._loop = asyncio.get_running_loop()
        self._fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), f"files cannot be watched: {os.strerror(ctypes.get_errno())}")
        for folder in folders:
            number = libc.inotify_add_watch(self._fd, os.fsencode(folder), _WANTED | _ONLY_DIRECTORIES)
            if number < 0:
                error = ctypes.get_errno()
                os.close(self._fd)
                raise OSError(error, f"{folder} cannot be watched: {os.strerror(error)}")
            self._folders[number] = folder
        self._loop.add_reader(self._fd, self._read)

    def take(self) -> set[Path]:
        paths, self._paths = self._paths, set()
        self.whole.clear()
        self.changed.clear()
        return paths

    def close(self) -> None:
        self._loop.remove_reader(self._fd)
        os.close(self._fd)

    def _read(self) -> None:
        with suppress(BlockingIOError):
            data = os.read(self._fd, 65_536)
            place = 0
            while place < len(data):
                number, mask, _, length = _EVENT.unpack_from(data, place)
                name = data[place + _EVENT.size : place + _EVENT.size + length].rstrip(b"\0")
                place += _EVENT.size + length
                self._note(number, mask, os.fsdecode(name))

    def _note(self, number: int, mask: int, name: str) -> None:
        folder = self._folders.get(number)
        if mask & _OVERFLOW:
            self._paths |= set(self._folders.values())
        elif folder is not None:
            self._paths.add(folder / name if name else folder)
        else:
            return
        if not mask & (_CREATE | _MODIFY):
            self.whole.set()
        self.changed.set()
