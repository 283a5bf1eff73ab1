"""Prompts and replies of the brain, and how many of them are kept."""

from __future__ import annotations

from pathlib import Path

from loop_orchestrator.stores.atomic import write_text
from loop_orchestrator.stores.layout import ensure_dir


class TranscriptStore:
    """One folder; the files of a cycle share its id as the beginning of their names."""

    def __init__(self, folder: Path, *, keep: int) -> None:
        """keep: cycles whose files are kept; those of older ones are removed when a new one begins."""
        self._folder = folder
        self._keep = keep

    def begin(self, cycle: str, name: str, prompt: str) -> Path:
        """Write the prompt of a call and return the file that may receive its reply as it arrives."""
        ensure_dir(self._folder)
        self._prune(cycle)
        write_text(self._folder / f"{cycle}.{name}.prompt.md", prompt)
        return self._folder / f"{cycle}.{name}.stream"

    def end(self, cycle: str, name: str, reply: str) -> Path:
        """Write the whole reply; returns its file."""
        path = self._folder / f"{cycle}.{name}.reply.md"
        write_text(path, reply)
        return path

    def _prune(self, current: str) -> None:
        cycles = {path.name.partition(".")[0] for path in self._folder.iterdir() if not path.name.startswith(".")}
        kept = {current, *sorted(cycles | {current}, key=_time)[-self._keep :]}
        for path in self._folder.iterdir():
            if path.name.partition(".")[0] in cycles - kept:
                path.unlink(missing_ok=True)


def _time(cycle: str) -> str:
    """The time in an id, for ids of several kinds to be in one order."""
    return cycle.partition("-")[2]
