"""Directs the clock of a test's processes: what LOOP_CLOCK names, rewritten while they run."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from loop_orchestrator.directedclock import DirectedClock, Face


class Director:
    """One clock file. Every change takes hold at once, and of two changes the clock shows the second."""

    def __init__(self, path: Path, *, shows: datetime, rate: float = 1.0) -> None:
        self.path = path
        self._face = Face(shows=shows, passed_s=0.0, at_s=time.monotonic(), rate=rate, set_s=0.0)
        self._write(self._face)
        self.clock = DirectedClock(path)

    @property
    def env(self) -> dict[str, str]:
        return {"LOOP_CLOCK": str(self.path)}

    @property
    def shows(self) -> datetime:
        """The time, if it had never been put forward or back."""
        return self._face.moved_to(time.monotonic()).shows

    def run_at(self, rate: float) -> None:
        """From now on so many seconds pass in a second of the machine."""
        self._write(replace(self._face.moved_to(time.monotonic()), rate=rate))

    def let_pass(self, seconds: float) -> None:
        """So much time passes at once: whoever waits for the end of it waits no more."""
        face = self._face.moved_to(time.monotonic())
        self._write(replace(face, shows=face.shows + timedelta(seconds=seconds), passed_s=face.passed_s + seconds))

    def put_forward(self, seconds: float) -> None:
        """The clock is put forward, negative: back; no time passes."""
        face = self._face
        self._write(replace(face, set_s=face.set_s + seconds))

    def _write(self, face: Face) -> None:
        self._face = face
        aside = self.path.with_suffix(".new")
        aside.write_text(face.text, encoding="utf-8")
        aside.replace(self.path)
