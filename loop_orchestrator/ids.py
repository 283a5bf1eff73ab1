"""Ids that sort by time and are unique across processes."""

from __future__ import annotations

import os
from datetime import UTC, datetime


def new_id(prefix: str, now: datetime) -> str:
    """``<prefix>-20261121T011530123-4f2a9c``: sortable by time; 24 random bits part two in one millisecond."""
    return _timed(prefix, now, os.urandom(3).hex())


def numbered_id(prefix: str, now: datetime, number: int) -> str:
    """``<prefix>-20261121T011530123-00001f``: of two things with different numbers, never the same."""
    return _timed(prefix, now, f"{number:06x}")


def _timed(prefix: str, now: datetime, end: str) -> str:
    at = now.astimezone(UTC)
    return f"{prefix}-{at:%Y%m%dT%H%M%S}{at.microsecond // 1000:03d}-{end}"


def derived_id(prefix: str, *parts: str) -> str:
    """The same id for the same parts, for ever: a second copy of one thing can be refused by its id."""
    digest = sha256_text("\0".join(parts))
    return f"{prefix}-{digest[:20]}"


def sha256_text(text: str) -> str:
    """Hex digest of the text's UTF-8 bytes; a lone surrogate is kept rather than refused."""
    import hashlib

    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
