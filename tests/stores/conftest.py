"""Shared fixtures of the stores' tests."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def without_waiting_for_the_disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed process loses nothing that the kernel has; when something is synced is tried in test_atomic."""
    if not request.node.nodeid.split("::")[0].endswith("test_atomic.py"):
        monkeypatch.setattr(os, "fsync", lambda _: None)
