"""How the C library hands out memory to the threads of a process that runs for days."""

from __future__ import annotations

import ctypes
from contextlib import suppress

_ARENA_MAX = -8
"""M_ARENA_MAX of glibc's malloc.h"""


def share_one_arena() -> None:
    """Let every thread that starts from now on allocate where the first one does, as far as the C library knows how.

    By default glibc gives each its own arena, which keeps what the thread needed at its busiest moment.
    """
    with suppress(AttributeError, OSError):  # another C library has no such switch, and mostly no such arenas
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)
