"""The ids of the last lines of the event log, in memory: what is not among them was not written lately."""

from __future__ import annotations

import re

_ID = re.compile(rb'"id":"([^"\\]+)"')


class RecentIds:
    """The ids in at least the last so many lines that have one, and in no more than twice as many.

    An id may be in it that is none of an event: of a line that is none, or inside a payload.
    """

    def __init__(self, lines: int) -> None:
        self._lines = lines
        self._newest: dict[bytes, int] = {}
        """id -> how many lines had been counted when it was seen last"""
        self._count = 0

    def __contains__(self, id: str) -> bool:
        return id.encode() in self._newest

    def add(self, id: str) -> None:
        """One more line was written, with this id."""
        self._take((id.encode(),))

    def read(self, lines: bytes) -> None:
        """Lines that stand in the log behind those that are known."""
        for line in lines.split(b"\n"):
            if found := _ID.findall(line):
                self._take(found)

    def _take(self, ids: list[bytes] | tuple[bytes, ...]) -> None:
        self._count += 1
        for id in ids:
            self._newest[id] = self._count
        if self._count % self._lines == 0:
            kept = self._count - self._lines
            self._newest = {id: number for id, number in self._newest.items() if number > kept}
