"""Text of others in a prompt: fences that it cannot close, and values in one row. Pure."""

from __future__ import annotations

import json
import re

UNTRUSTED = "untrusted"
"""Info-string of every fence with text of others."""

_UNFIT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""What no prompt holds: a brain's argument ends at NUL, no file takes a lone surrogate, and an escape code acts."""

_TOKEN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/@+-]{0,119}")
"""What stands in a row as it is: a name, a path, an id."""


def clean(text: str) -> str:
    """The text with line ends as ``\\n`` and U+FFFD for every other control character but the tab."""
    return _UNFIT.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def fenced(text: str, info: str = "") -> str:
    """Text inside a fence longer than any run of backticks in it."""
    text = clean(text).rstrip()
    fence = "`" * max(3, longest_run(text) + 1)
    return f"{fence}{info}\n{text}\n{fence}"


def longest_run(text: str) -> int:
    """Backticks in the longest run of them."""
    return max(map(len, re.findall(r"`+", text)), default=0)


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
