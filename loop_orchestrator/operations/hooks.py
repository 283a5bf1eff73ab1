"""Hooks of agent programs in their own settings files: looked at, installed, and taken out again exactly."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from loop_orchestrator.errors import LoopError, StoreError
from loop_orchestrator.harnesses.hooks import Installed, installed, with_hooks, without_hooks
from loop_orchestrator.harnesses.jsonedit import JsonProblem
from loop_orchestrator.model.hooks import HookScope, HookSpec

if TYPE_CHECKING:
    from loop_orchestrator.world import World

BACKUP = ".before-loop"
"""End of the name of the copy that is kept of a file as it was before."""


@dataclass(frozen=True, kw_only=True)
class HookFile:
    """One settings file as it stands."""

    scope: HookScope
    path: Path
    text: str | None
    """None: there is no such file"""
    installed: Installed


@dataclass(frozen=True, kw_only=True)
class HookChange:
    """What would be written."""

    file: HookFile
    after: str | None
    """None: the file is removed"""
    keeps: Path | None = None
    """where a copy of the file as it was is kept"""
    restores: Path | None = None
    """the copy that the file is made from again, and that is then removed"""
    leaves: Path | None = None
    """the copy that stays, because others changed the file since it was made"""

    @property
    def changes(self) -> bool:
        return self.after != self.file.text

    def diff(self) -> str:
        """The change as a unified diff; empty where there is none."""
        from difflib import unified_diff

        before = (self.file.text or "").splitlines(keepends=True)
        after = (self.after or "").splitlines(keepends=True)
        name = str(self.file.path)
        lines = unified_diff(before, after, name if before else os.devnull, name if after else os.devnull)
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def look(spec: HookSpec, scope: HookScope, root: Path, environ: Mapping[str, str]) -> HookFile:
    """The settings file of a scope. Raises StoreError, with line and column, for one that cannot be read."""
    path = _path(spec, scope, root, environ)
    text = _text(path)
    with _Naming(path):
        return HookFile(scope=scope, path=path, text=text, installed=installed(text or "", spec))


def plan_install(spec: HookSpec, file: HookFile) -> HookChange:
    """What installing would write. Raises StoreError."""
    with _Naming(file.path):
        after = with_hooks(file.text or "", spec)
    keeps = file.text is not None and file.installed is Installed.NO
    return HookChange(file=file, after=after, keeps=_backup(file.path) if keeps else None)


def plan_removal(spec: HookSpec, file: HookFile) -> HookChange:
    """What taking them out would write: the file as it was before, where nobody else changed it. Raises StoreError."""
    backup = _backup(file.path)
    if file.text is None or file.installed is Installed.NO:
        return HookChange(file=file, after=file.text)
    with _Naming(file.path):
        before = _text(backup)
        if before is None and with_hooks("", spec) == file.text:
            return HookChange(file=file, after=None)
        exact = before is not None and _would_be(before, spec) == file.text
        after = before if exact else without_hooks(file.text, spec)
    leaves = backup if before is not None and not exact else None
    return HookChange(file=file, after=after, restores=backup if exact else None, leaves=leaves)


def carry_out(world: World, change: HookChange) -> None:
    """Write what was planned. Raises NotAPersonError from an agent's lane, and StoreError where the file cannot be
    written or was changed meanwhile.
    """
    from loop_orchestrator.operations.person import refuse_agent

    refuse_agent(world, "change the hooks of agent programs")
    path = change.file.path
    if not change.changes:
        return
    if _text(path) != change.file.text:
        raise StoreError(f"{path} was changed meanwhile; nothing was written", hint="try again")
    if change.keeps is not None:
        _write(change.keeps, change.file.text or "", like=path)
    if change.after is None:
        path.unlink()
    else:
        _write(path, change.after, like=path)
    if change.restores is not None:
        change.restores.unlink(missing_ok=True)


def _path(spec: HookSpec, scope: HookScope, root: Path, environ: Mapping[str, str]) -> Path:
    """The file itself: what a link leads to, so that the link stays."""
    moved = environ.get(spec.variable, "") if spec.variable else ""
    if scope is HookScope.PROJECT:
        path = root / spec.project
    elif moved.startswith("/"):
        path = Path(moved) / PurePosixPath(spec.user).name
    elif environ.get("HOME", "").startswith("/"):
        path = Path(environ["HOME"]) / spec.user
    else:
        raise LoopError("the home directory is not known (HOME is not set)", hint="use --project")
    return path.resolve()


def _backup(path: Path) -> Path:
    return path.with_name(path.name + BACKUP)


def _would_be(before: str, spec: HookSpec) -> str | None:
    try:
        return with_hooks(before, spec)
    except JsonProblem:
        return None


def _text(path: Path) -> str | None:
    from loop_orchestrator.stores.atomic import read_text

    try:
        return read_text(path)
    except FileNotFoundError:
        return None


def _write(path: Path, text: str, *, like: Path) -> None:
    """like: the file whose mode it gets."""
    from loop_orchestrator.stores.atomic import write_text

    try:
        mode = like.stat().st_mode & 0o777
    except FileNotFoundError:
        mode = 0o600
    write_text(path, text, mode=mode)


class _Naming:
    """Says which file a JsonProblem is about."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, JsonProblem):
            raise StoreError(
                f"{self._path}:{error.line}:{error.column}: {error.message}; the file was left alone",
                hint="mend it by hand and try again",
            ) from error
