"""Wait for a condition with a limit, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(probe: Callable[[], T], *, limit_s: float = 60.0, what: str = "") -> T:
    """The first truthy value of ``probe``; AssertionError with its last value when the limit is over."""
    deadline = time.monotonic() + limit_s
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit_s} s: {what or probe!r}; last value: {value!r}")
        time.sleep(0.01)
