"""Lanes that keep every byte they are sent, and lanes that begin new work with a fresh context."""

from __future__ import annotations

from pathlib import Path

import pytest

from loop_orchestrator.harnesses.registry import PACKAGED, Harnesses
from loop_orchestrator.model.lane import Detail
from tests.substrate.fleet import REPOSITORY, Fleet

_RECORDING = r"""
name: recording
title: Recording
kind: agent
launch: ["{python}"]
foreground: [python, python3]
idle_settle_s: 0.05
harmless: ['.']
composer:
  line: '^>(?: (?P<text>.*))?$'
  frame: last
  paste_marks: ['\[got \d+ bytes\]']
  settle_s: 0
  clear: [C-u]
  reset: /clear
  reset_first: true
"""


def harnesses(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """``recording``, and ``fresh``: the rehearsal agent whose new work begins with a fresh context."""
    (folder / "recording.yaml").write_text(_RECORDING, encoding="utf-8")
    packaged = (PACKAGED / "rehearsal.yaml").read_text(encoding="utf-8")
    fresh = packaged.replace("name: rehearsal\n", "name: fresh\n", 1)
    fresh = fresh.replace("  reset: /clear\n", "  reset: /clear\n  reset_first: true\n", 1)
    (folder / "fresh.yaml").write_text(fresh, encoding="utf-8")
    monkeypatch.setattr("tests.substrate.fleet.HARNESSES", Harnesses(folder))


class Recorded:
    """One recording lane, ready."""

    def __init__(self, fleet: Fleet, name: str = "web", *options: str) -> None:
        self.file = fleet.root / f"{name}.bytes"
        self.name = name
        fleet.start(name, "recording", str(REPOSITORY / "tests/support/recording_agent.py"), str(self.file), *options)
        fleet.becomes(name, Detail.READY)
        self._read = 0

    def all(self) -> bytes:
        return self.file.read_bytes() if self.file.exists() else b""

    def news(self) -> bytes:
        """What came since the last call."""
        data = self.all()[self._read :]
        self._read += len(data)
        return data
