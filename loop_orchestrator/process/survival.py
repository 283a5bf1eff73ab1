"""Whether the tmux server outlives the login it was started from, and what it is started under so that it does.

Where systemd ends what a login leaves behind, or ends the user's own manager with the last login, a process lives on in
a scope of a manager that lingers. Elsewhere a server without a controlling terminal lives on by itself.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

LINGER_HINT = "loginctl enable-linger"
"""Lets a user's processes stay without a login; asks for a password where the system wants one."""

_ANSWER_S = 3.0
"""Within which logind answers, or is taken for silent."""

_SESSION = re.compile(r"/session-[^/]+\.scope(?:/|$)")
_MANAGER = re.compile(r"/user@\d+\.service(?:/|$)")


class Survives(StrEnum):
    """Whether a logout leaves the server alive."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Survival:
    """The answer for one server, and why."""

    survives: Survives
    reason: str
    hint: str = ""
    """what to do about it; empty where nothing has to be done"""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What decides it, as far as it could be seen."""

    linux: bool
    systemd: bool
    """the machine was booted by systemd"""
    runner: str
    """path of ``systemd-run``; empty: there is none"""
    manager: bool
    """the user's own systemd listens"""
    linger: bool
    """the user's own systemd stays without a login"""
    kills: bool | None
    """logind ends what a login leaves behind; None: it did not say"""


def start_prefix(facts: Facts) -> tuple[str, ...]:
    """What goes before the command that starts the server; empty: nothing has to."""
    if not (facts.systemd and facts.runner and facts.manager and facts.linger):
        return ()
    return (facts.runner, "--user", "--scope", "--quiet", "--collect", "--description=tmux of loop-orchestrator", "--")


def survival_of(facts: Facts, cgroup: str) -> Survival:
    """Whether a process in this control group outlives the login; empty: its group could not be read."""
    if not facts.linux:
        return Survival(survives=Survives.UNKNOWN, reason="this system does not say what it ends at a logout")
    if not facts.systemd:
        return Survival(survives=Survives.YES, reason="it has no terminal of a login, and no systemd ends it")
    if not cgroup:
        return Survival(survives=Survives.UNKNOWN, reason="the control group of the tmux server cannot be read")
    if _MANAGER.search(cgroup):
        if facts.linger:
            return Survival(survives=Survives.YES, reason="it runs under your own systemd, which lingers")
        reason = "it runs under your own systemd, which ends with your last login"
        return Survival(survives=Survives.NO, reason=reason, hint=LINGER_HINT)
    if not _SESSION.search(cgroup):
        return Survival(survives=Survives.YES, reason=f"it belongs to no login ({cgroup})")
    if facts.kills is False:
        return Survival(survives=Survives.YES, reason="logind leaves alone what a login leaves behind")
    tried = "; systemd-run did not start it in a scope of its own" if start_prefix(facts) else ""
    if facts.kills is None:
        reason = f"it belongs to this login, and logind does not say whether it ends it{tried}"
        return Survival(survives=Survives.UNKNOWN, reason=reason, hint="" if tried else LINGER_HINT)
    reason = f"it belongs to this login, and logind ends what a login leaves behind (KillUserProcesses){tried}"
    return Survival(survives=Survives.NO, reason=reason, hint="" if tried else LINGER_HINT)


def read_facts(environ: Mapping[str, str], *, root: Path = Path("/")) -> Facts:
    """Look at this machine. root: where its files begin. Runs ``loginctl`` on a machine with systemd."""
    linux = os.uname().sysname == "Linux"
    systemd = linux and (root / "run/systemd/system").is_dir()
    if not systemd:
        return Facts(linux=linux, systemd=False, runner="", manager=False, linger=False, kills=None)
    runtime = Path(environ.get("XDG_RUNTIME_DIR") or root / f"run/user/{os.getuid()}")
    path = environ.get("PATH", os.defpath)
    return Facts(
        linux=True,
        systemd=True,
        runner=shutil.which("systemd-run", path=path) or "",
        manager=(runtime / "systemd/private").exists() or (runtime / "bus").exists(),
        linger=(root / "var/lib/systemd/linger" / _user()).exists(),
        kills=_logind_kills(path, environ),
    )


def cgroup_of(pid: int, *, root: Path = Path("/")) -> str:
    """The control group of a process in the unified hierarchy, or that of systemd; empty where it cannot be read."""
    try:
        lines = (root / f"proc/{pid}/cgroup").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    groups = dict(line.split(":", 2)[1:] for line in lines if line.count(":") >= 2)
    return groups.get("name=systemd") or groups.get("", "")


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _logind_kills(path: str, environ: Mapping[str, str]) -> bool | None:
    from loop_orchestrator.errors import ProcessError
    from loop_orchestrator.process.run import run

    program = shutil.which("loginctl", path=path)
    if program is None:
        return None
    try:
        # Without the name of a session it shows the manager's own properties.
        asked = (program, "show-session", "--property=KillUserProcesses", "--no-pager")
        said = run(asked, env=dict(environ), timeout_s=_ANSWER_S)
    except ProcessError:
        return None
    answer = said.text.strip() if said.code == 0 else ""
    return {"KillUserProcesses=yes": True, "KillUserProcesses=no": False}.get(answer)
