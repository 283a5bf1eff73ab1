"""A request to stop that wakes whoever waits for a file descriptor."""

from __future__ import annotations

import os


class Cancel:
    """Set once, by a signal handler or any thread; never cleared.

    It is a file for select and poll: readable from the moment it is set. Holds two descriptors until it is collected.
    """

    def __init__(self) -> None:
        self._set = False
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)

    def set(self) -> None:
        """Ask to stop. Takes no lock and does not block, so a signal handler may call it; again is fine."""
        if not self._set:
            self._set = True
            os.write(self._writer, b"\0")

    def is_set(self) -> bool:
        return self._set

    def fileno(self) -> int:
        """Readable once set; nobody reads from it, so it stays readable for everyone."""
        return self._reader

    def __del__(self) -> None:
        os.close(self._reader)
        os.close(self._writer)
