"""The engine as a service of this user: installed, started, stopped and removed through systemd."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from loop_orchestrator.errors import LoopError, ProcessError, StoreError, UsageError
from loop_orchestrator.model.unit import EngineService, systemd_unit
from loop_orchestrator.process import systemd
from loop_orchestrator.process.module import module_argv
from loop_orchestrator.process.survival import LINGER_HINT as LINGER_HINT
from loop_orchestrator.process.survival import read_facts

if TYPE_CHECKING:
    from loop_orchestrator.world import World

KEPT = (
    *("PATH", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ"),
    *("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "TMUX_TMPDIR"),
)
"""What the service keeps of the environment it was installed from: where programs and files are."""

WITHOUT = "in the background without it: loop restart --detach"


@dataclass(frozen=True, kw_only=True)
class ServiceState:
    """How the service of a session stands."""

    name: str
    file: Path
    installed: bool
    state: str
    """systemd's word, ``active`` where it runs; empty: there is no systemd to ask"""


def service_of(world: World, *, socket: str, environ: Mapping[str, str]) -> EngineService:
    """The service of this session, as it would be installed now."""
    beside = Path(sys.executable).with_name("loop-engine")
    program = [str(beside)] if beside.is_file() else [*module_argv("", "engine")]
    where = ("--project-root", str(world.root), "--session", world.session, "--socket", socket)
    return EngineService(
        root=str(world.root),
        session=world.session,
        argv=(*program, "watch", *where, "--run-as", "service"),
        environ={name: environ[name] for name in KEPT if environ.get(name)},
        secrets_file=str(secrets_file(world.session, environ)),
    )


def secrets_file(session: str, environ: Mapping[str, str]) -> Path:
    """``NAME=value`` lines that an engine which is started or restarted has in its environment."""
    home = Path(environ.get("HOME", "/"))
    return Path(environ.get("LOOP_SECRETS_DIR") or home / ".loop-secrets") / f"{session}.env"


def unit_file(service: EngineService, environ: Mapping[str, str]) -> Path:
    named = environ.get("XDG_CONFIG_HOME", "")
    base = Path(named) if named.startswith("/") else Path(environ.get("HOME", "/")) / ".config"
    return base / "systemd" / "user" / f"{service.name}.service"


def text_of(service: EngineService) -> str:
    """The unit. Raises UsageError for a path that cannot stand in one."""
    try:
        return systemd_unit(service)
    except ValueError as error:
        raise UsageError(str(error)) from error


def install(service: EngineService, file: Path) -> bool:
    """Write the unit and let systemd start it at every login; False: it was so already.

    Raises ProcessError where there is no systemd, StoreError where the unit cannot be written.
    """
    require_systemd()
    text = text_of(service)
    changed = not file.is_file() or file.read_text(encoding="utf-8") != text
    if changed:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise StoreError(f"cannot write {file}: {error.strerror}") from error
        systemd.change("daemon-reload")
    systemd.change("enable", file.name)
    return changed


def uninstall(file: Path) -> bool:
    """Stop it and remove the unit; False: there was none. Raises ProcessError, StoreError."""
    if not file.is_file():
        return False
    require_systemd()
    systemd.change("disable", "--now", file.name)
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"cannot remove {file}: {error.strerror}") from error
    systemd.change("daemon-reload")
    return True


def start(world: World, file: Path) -> bool:
    """Start it; False: it runs already. Raises LoopError where another engine watches the session."""
    _require_installed(file)
    if runs(file):
        return False
    holder = world.control.watch_lock().holder()
    if holder is not None:
        raise LoopError(
            f"an engine watches already that is not the service: pid {holder.pid}",
            hint="end it there (Ctrl-C), then: loop service start",
        )
    systemd.systemctl("reset-failed", file.name)
    systemd.change("start", file.name)
    return True


def stop(file: Path) -> bool:
    """Stop it until it is started again, or until the next login; False: it did not run."""
    _require_installed(file)
    running = runs(file)
    systemd.change("stop", file.name)
    return running


def runs(file: Path) -> bool:
    """systemd runs it, or is about to start it again."""
    return file.is_file() and systemd.state_of(file.name) in ("active", "activating", "reloading")


def lingers(environ: Mapping[str, str]) -> bool:
    """This user's systemd stays when the last login ends, and with it the service."""
    return read_facts(environ).linger


def become_logs(file: Path, lines: int, *, follow: bool) -> NoReturn:
    """Become the program that shows what the service printed. Raises LoopError where there is no service."""
    _require_installed(file)
    systemd.become_journal(file.name, lines, follow=follow)


def state(service: EngineService, file: Path) -> ServiceState:
    installed = file.is_file()
    said = systemd.state_of(file.name) if installed else ""
    return ServiceState(name=service.name, file=file, installed=installed, state=said)


def require_systemd() -> None:
    """Raises ProcessError, saying what to do instead, where this user's systemd does not answer."""
    if reason := systemd.problem():
        hint = "loop service install --print=launchd prints what launchd takes; " if sys.platform == "darwin" else ""
        raise ProcessError(f"there is no service here: {reason}", hint=f"{hint}{WITHOUT}")


def _require_installed(file: Path) -> None:
    if not file.is_file():
        raise LoopError("the engine of this session is no service yet", hint="loop service install")
    require_systemd()
