"""The report of an unexpected error: what ran, where it broke, on what; names of the environment, never its values."""

from __future__ import annotations

import os
import platform
import sys
import traceback
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from loop_orchestrator import __version__
from loop_orchestrator.wiring import state_home


def write_crash(error: BaseException, argv: Sequence[str], environ: Mapping[str, str]) -> str:
    """Write the report under the user's state directory; its path, or why there is none. Never raises."""
    now = datetime.now(UTC)
    folder = state_home(environ) / "crashes"
    path = folder / f"{now:%Y%m%dT%H%M%S}-{os.getpid()}.txt"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(_report(error, argv, environ, now), encoding="utf-8", errors="backslashreplace")
    except OSError as problem:
        return f"no report could be written to {path}: {problem}"
    return str(path)


def _report(error: BaseException, argv: Sequence[str], environ: Mapping[str, str], now: datetime) -> str:
    names = " ".join(sorted(name for name in environ if name.startswith(("LOOP_", "TMUX"))))
    try:
        place = str(Path.cwd())
    except FileNotFoundError:
        place = "a directory that is gone"
    return "\n".join(
        (
            f"loop-orchestrator {__version__}, Python {platform.python_version()}, {platform.platform()}",
            f"at {now.isoformat()} in {place}",
            f"argv: {[sys.argv[0], *argv]!r}",
            f"set: {names}",
            "",
            "".join(traceback.format_exception(error)),
        )
    )
