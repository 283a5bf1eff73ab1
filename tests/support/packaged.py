"""The data files of the package, read once for all tests of a process."""

from __future__ import annotations

import functools

from loop_orchestrator.harnesses.registry import Harnesses, load_harnesses


@functools.cache
def packaged_harnesses() -> Harnesses:
    """Every harness that comes with the package; nobody changes it."""
    return load_harnesses(None)
