"""Texts that reach a model or a lane, with named fields (``$name``). Data; read once by wiring."""

from __future__ import annotations

from pathlib import Path


def load_prompts() -> dict[str, str]:
    """Every packaged text by name, without ``.md``."""
    return {path.stem: path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("*.md")}


def fill(text: str, **fields: str) -> str:
    """The text with every field filled in; a field that the text names and the caller does not is a KeyError."""
    from string import Template

    return Template(text).substitute(fields)
