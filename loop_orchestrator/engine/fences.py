"""Text of others in a prompt: fences that it cannot close, and values in one row. Pure."""

from __future__ import annotations

import json
import re

from loop_orchestrator.prompts import clean as clean
from loop_orchestrator.prompts import fenced as fenced
from loop_orchestrator.prompts import longest_run as longest_run

UNTRUSTED = "untrusted"
"""Info-string of every fence with text of others."""

_TOKEN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/@+-]{0,119}")
"""What stands in a row as it is: a name, a path, an id."""


def untrusted(text: str) -> str:
    """Text of others inside its fence."""
    return fenced(text, UNTRUSTED)


def quoted(text: str, limit: int) -> str:
    """Text of others in one row, in quotes: no line end or quote of its own gets out. limit: characters of it."""
    flat = clean(text[: limit + 1])
    return json.dumps(flat if len(flat) <= limit else flat[: limit - 1] + "…", ensure_ascii=False)


def plain(text: str) -> str:
    """A name or a path as it is, and anything else in quotes and in ASCII; at most 120 characters of it."""
    return text if _TOKEN.fullmatch(text) else json.dumps(text[:120])
