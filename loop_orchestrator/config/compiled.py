"""Compiled copies of YAML files: their plain values as JSON in ``.loop/cache``, good while the files stay as they are.

Reading a copy imports no YAML reader. Who reads one passes its values through the reader that the file would pass, so
a copy that someone changed can hold nothing that a file could not.
"""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator import __version__

if TYPE_CHECKING:
    from loop_orchestrator.model.budget import Limits
    from loop_orchestrator.model.state import JsonValue

CONFIG_NAME = "lane-config.yaml"

_SETTLED_NS = 20_000_000
"""File times move in steps of up to 10 ms: a copy made within one step of an edit could hide a second edit."""


class Compiled:
    """The compiled copy of some files. It knows the files as they were when this object was made."""

    def __init__(self, copy: Path | None, files: Sequence[Path]) -> None:
        """copy: its file; None: there is no place for one."""
        self._copy = copy
        self._stamp: list[JsonValue] = [__version__]
        self._changed_ns = 0
        for path in files:
            with contextlib.suppress(OSError):
                info = path.stat()
                self._stamp.append([str(path), info.st_mtime_ns, info.st_ctime_ns, info.st_ino, info.st_size])
                self._changed_ns = max(self._changed_ns, info.st_ctime_ns)

    def read(self) -> dict[str, JsonValue] | None:
        """What was written for the files as they are; None if there is nothing, whatever is wrong with it."""
        if self._copy is None:
            return None
        try:
            if self._copy.stat().st_mtime_ns - self._changed_ns < _SETTLED_NS:
                return None
            record = json.loads(self._copy.read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        return record if isinstance(record, dict) and record.get("stamp") == self._stamp else None

    def write(self, values: dict[str, JsonValue]) -> None:
        """Best effort: a copy that cannot be written only costs time. Without ``.loop`` there is no place for it.

        A good copy of the same values stays: every cycle comes here for every harness.
        """
        record = {"stamp": self._stamp, **values}
        if self._copy is None or self.read() == record:
            return
        import tempfile

        with contextlib.suppress(OSError):
            self._copy.parent.mkdir(mode=0o700, exist_ok=True)
            handle, aside = tempfile.mkstemp(dir=self._copy.parent, prefix=".compiled-")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump(record, file)
                Path(aside).replace(self._copy)
            except BaseException:
                Path(aside).unlink()
                raise


def config_places(root: Path, *, lane_config: Path | None = None, hostname: str | None = None) -> tuple[Path, Path]:
    """Where a project's config stands: the base and the host's own, whether they are there or not."""
    base = lane_config or root / CONFIG_NAME
    return base, base.with_name(f"{base.stem}.{_host(hostname)}{base.suffix}")


def _host(hostname: str | None) -> str:
    return (os.uname().nodename if hostname is None else hostname).split(".")[0]


def config_files(
    root: Path, *, lane_config: Path | None = None, hostname: str | None = None
) -> tuple[tuple[Path, ...], Compiled]:
    """The files of a project's config, the base before the host's own, and the compiled copy of both.

    lane_config: the base, also where it is missing.
    """
    places = config_places(root, lane_config=lane_config, hostname=hostname)
    files = tuple(path for path in places if path == lane_config or os.path.lexists(path))
    name = zlib.crc32(f"{places[0]}\0{_host(hostname)}".encode("utf-8", "surrogateescape"))
    return files, Compiled(root / ".loop" / "cache" / f"config-{name:08x}.json", files)


def compiled_limits(root: Path, *, lane_config: Path | None = None) -> Limits | None:
    """What the brains may use, as the compiled copy has it; None if there is no good copy."""
    from loop_orchestrator.model.budget import Limits

    _, compiled = config_files(root, lane_config=lane_config)
    values = compiled.read()
    match values.get("limits") if values else None:
        case {
            "calls_per_hour": int(hour),
            "calls_per_day": int() | None as day,
            "usd_per_day": int() | float() | None as usd,
            "assumed_usd": int() | float() as assumed,
        }:
            return Limits(calls_per_hour=hour, calls_per_day=day, usd_per_day=usd, assumed_usd=assumed)
    return None
