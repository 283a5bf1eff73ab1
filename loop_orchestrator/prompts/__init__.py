"""Texts that reach a model or a lane, with named fields (``$name``). Data; read once by wiring."""

from __future__ import annotations

import re
from pathlib import Path

_UNFIT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""What no prompt holds: a brain's argument ends at NUL, no file takes a lone surrogate, and an escape code acts."""


def load_prompts() -> dict[str, str]:
    """Every packaged text by name, without ``.md``."""
    return {path.stem: path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("*.md")}


def fill(text: str, **fields: str) -> str:
    """The text with every field filled in; a field that the text names and the caller does not is a KeyError."""
    from string import Template

    return Template(text).substitute(fields)


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
