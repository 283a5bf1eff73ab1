"""In how many arenas a process has its memory, as the C library says it."""

SAY_ARENAS = """
import ctypes
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
libc.malloc_info(0, ctypes.c_void_p(libc.fdopen(1, b"w")))
libc.fflush(None)
"""
"""Python code that prints it. Linux with glibc."""


def arenas_in(said: bytes | str) -> int:
    """How many were printed."""
    text = said.decode() if isinstance(said, bytes) else said
    return text.count("<heap nr=")
