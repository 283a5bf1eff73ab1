"""Texts that reach a model or a lane, with named fields (``$name``). Data; read once by wiring."""

from __future__ import annotations

from importlib.resources import files
from string import Template


def load_prompts() -> dict[str, str]:
    """Every packaged text by name, without ``.md``."""
    return {
        entry.name.removesuffix(".md"): entry.read_text(encoding="utf-8")
        for entry in files(__name__).iterdir()
        if entry.name.endswith(".md")
    }


def fill(text: str, **fields: str) -> str:
    """The text with every field filled in; a field that the text names and the caller does not is a KeyError."""
    return Template(text).substitute(fields)
