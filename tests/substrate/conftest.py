"""Lanes of a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.substrate.fleet import Fleet


@pytest.fixture
def fleet(project: Path) -> Iterator[Fleet]:
    made = Fleet(project)
    yield made
    made.close()
