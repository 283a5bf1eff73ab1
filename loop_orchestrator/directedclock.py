"""A clock that a test directs while programs run: its pace is changed, time passes at once, it is put forward and back.

It is for tests alone, and is refused where none runs. Every process of a test is given the same file by LOOP_CLOCK.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from loop_orchestrator.clock import Clock, SystemClock, format_time, parse_time
from loop_orchestrator.errors import UsageError

LOOK_S = 0.02
"""Most seconds between two looks at the file by whoever waits. At half, a test's daemon wakes up twice as often for
nothing; at double, time that a test lets pass is noticed later."""


@dataclass(frozen=True, kw_only=True)
class Face:
    """What the file says of the clock."""

    shows: datetime
    """the time at ``at_s``, as if nobody had ever put the clock forward or back"""
    passed_s: float
    """seconds that had passed on it by then"""
    at_s: float
    """the machine's monotonic clock at that moment"""
    rate: float
    """seconds that pass on it in a second of the machine; 0: it stands"""
    set_s: float
    """by how much it was put forward altogether; negative: back"""

    def moved_to(self, at_s: float) -> Face:
        """The same clock, described at another moment of the machine."""
        passed_s = (at_s - self.at_s) * self.rate
        return Face(
            shows=self.shows + timedelta(seconds=passed_s),
            passed_s=self.passed_s + passed_s,
            at_s=at_s,
            rate=self.rate,
            set_s=self.set_s,
        )

    @property
    def text(self) -> str:
        """The content of the file."""
        values = {"shows": format_time(self.shows), "passed_s": self.passed_s, "at_s": self.at_s}
        return json.dumps({**values, "rate": self.rate, "set_s": self.set_s}) + "\n"


class DirectedClock:
    """The clock that a file describes; the file may be replaced at any time, by another file of that name.

    What is about terminals, programs and files goes by the machine: ``monotonic``, ``sleep`` and ``machine_now``.
    """

    def __init__(self, path: Path) -> None:
        """Raises UsageError where the file does not describe a clock."""
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._face = self._look()

    def now(self) -> datetime:
        face = self._look()
        return face.moved_to(time.monotonic()).shows + timedelta(seconds=face.set_s)

    def machine_now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._look().set_s)

    def monotonic(self) -> float:
        return time.monotonic()

    def passed(self) -> float:
        return self._look().moved_to(time.monotonic()).passed_s

    def wait_s(self, seconds: float) -> float:
        rate = self._look().rate
        return max(0.0, min(LOOK_S, seconds / rate if rate else LOOK_S))

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def _look(self) -> Face:
        try:
            found = self._path.stat()
            stamp = found.st_ino, found.st_mtime_ns
            if stamp != self._stamp:
                self._face, self._stamp = read_face(self._path), stamp
        except FileNotFoundError as error:
            raise UsageError(f"LOOP_CLOCK names {self._path}, which is not there") from error
        return self._face


def read_face(path: Path) -> Face:
    """Raises UsageError for a file that does not describe a clock, FileNotFoundError for none."""
    text = path.read_text(encoding="utf-8")
    try:
        value = json.loads(text)
        face = Face(
            shows=parse_time(value["shows"]),
            **{name: float(value[name]) for name in ("passed_s", "at_s", "rate", "set_s")},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"LOOP_CLOCK names {path}, which describes no clock: {error!r}") from error
    if face.rate < 0:
        raise UsageError(f"LOOP_CLOCK names {path}, whose clock runs backwards: rate {face.rate:g}")
    return face


def clock_of(environ: Mapping[str, str]) -> Clock:
    """The machine's clock, or the one that LOOP_CLOCK names a file of.

    Raises UsageError where LOOP_CLOCK is set outside a test (LOOP_TEST=1), or names no clock.
    """
    named = environ.get("LOOP_CLOCK")
    if named is None:
        return SystemClock()
    if os.environ.get("LOOP_TEST") != "1":
        raise UsageError("LOOP_CLOCK is set, but this is no test", hint="unset LOOP_CLOCK")
    return DirectedClock(Path(named))
