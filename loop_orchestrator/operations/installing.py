"""Installing this program anew, before a restart: with the command of whoever asks for it, never of a project."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import loop_orchestrator
from loop_orchestrator.errors import LoopError, UsageError
from loop_orchestrator.process.pump import pump
from loop_orchestrator.process.run import describe_code

_CHECKOUT = "pyproject.toml"
"""Stands at the top of the checkout that an editable installation runs from."""


def source_folder(environ: Mapping[str, str]) -> Path:
    """Where it is installed from: LOOP_ORCH_ROOT, else the checkout that this program runs from, else the home
    directory. Raises UsageError for a LOOP_ORCH_ROOT that is no directory.
    """
    named = environ.get("LOOP_ORCH_ROOT", "")
    if named:
        folder = Path(named).expanduser()
        if not folder.is_dir():
            raise UsageError(f"LOOP_ORCH_ROOT: there is no directory {folder}")
        return folder
    package = Path(loop_orchestrator.__file__).resolve().parent
    return package.parent if (package.parent / _CHECKOUT).is_file() else Path.home()


def install_anew(command: str, folder: Path, *, limit_s: float, say: Callable[[str], None]) -> None:
    """Run a command line in a shell, in that folder, and wait for its end; say: gets each line that it prints.

    Raises LoopError if it fails, or has not ended within its time: then nothing of it is left running.
    """
    lines = (_Lines(say), _Lines(say))
    ended = pump(
        ("/bin/sh", "-c", command),
        cwd=folder,
        env=None,
        stdin=None,
        timeout_s=limit_s,
        cancel=None,
        on_stdout=lines[0].add,
        on_stderr=lines[1].add,
    )
    for one in lines:
        one.end()
    if ended.timed_out:
        raise LoopError(
            f"the installation did not end within {limit_s:g} s; nothing was restarted",
            hint="--timeout S gives it longer",
        )
    if ended.code != 0:
        raise LoopError(
            f"the installation failed ({describe_code(ended.code)}); nothing was restarted",
            hint=f"cd {folder} && {command}",
        )


class _Lines:
    """Cuts what comes in pieces into lines."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._begun = b""

    def add(self, data: bytes) -> None:
        *whole, self._begun = (self._begun + data).split(b"\n")
        for line in whole:
            self._say(line.decode("utf-8", "replace"))

    def end(self) -> None:
        if self._begun:
            self._say(self._begun.decode("utf-8", "replace"))
