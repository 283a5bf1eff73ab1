"""Programs that reach a person: a service behind a URL, the desktop, a command. Each is given a time to end."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.errors import ProcessError
from loop_orchestrator.process.cancel import Cancel
from loop_orchestrator.process.module import module_argv
from loop_orchestrator.process.run import run

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue

USUAL = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ"),
    *("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"),
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"),
)
"""What such a program gets of the environment: whose it is, and how the network is reached. No key, no token."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What became of one message."""

    ok: bool
    reason: str = ""
    """why not"""
    stopped: bool = False
    """this process was told to stop meanwhile: nobody knows, and nothing is held against the service"""
    lasting: bool = False
    """it cannot go better while this process lives: a variable or a program is missing"""


def tell_by_url(url: str, title: str, body: str, *, timeout_s: float, cancel: Cancel | None = None) -> Told:
    """Send it to a service, through Apprise; blocks up to timeout_s. The URL goes over a pipe, out of sight."""
    asked = json.dumps({"url": url, "title": title, "body": body}).encode()
    argv = module_argv("process.apprised")
    return _told(argv, stdin=asked, env=usual_environment(), cwd=Path("/"), timeout_s=timeout_s, cancel=cancel)


def tell_desktop(title: str, body: str, *, timeout_s: float, cancel: Cancel | None = None) -> Told:
    """Show it on the desktop of this user."""
    if shutil.which("notify-send"):
        marked = body.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        argv = ["notify-send", "--app-name=loop-orchestrator", "--", title, marked]
    elif sys.platform == "darwin" and shutil.which("osascript"):
        script = ("on run argv", "display notification (item 2 of argv) with title (item 1 of argv)", "end run")
        argv = ["osascript", *(word for line in script for word in ("-e", line)), title, body]
    else:
        return Told(ok=False, reason="there is no notify-send here (package libnotify)", lasting=True)
    return _told(argv, stdin=None, env=usual_environment(), cwd=Path("/"), timeout_s=timeout_s, cancel=cancel)


def tell_by_command(
    argv: Sequence[str],
    document: Mapping[str, JsonValue],
    *,
    env: Mapping[str, str],
    cwd: Path,
    timeout_s: float,
    cancel: Cancel | None = None,
) -> Told:
    """Run a program with the notice as JSON on its stdin; exit code 0 says that it was told."""
    stdin = (json.dumps(document, ensure_ascii=True) + "\n").encode()
    return _told(argv, stdin=stdin, env=env, cwd=cwd, timeout_s=timeout_s, cancel=cancel)


def usual_environment(*more: str) -> dict[str, str]:
    """What of this process's environment a telling program gets, and these names besides."""
    return {name: os.environ[name] for name in (*USUAL, *more) if name in os.environ}


def _told(
    argv: Sequence[str],
    *,
    stdin: bytes | None,
    env: Mapping[str, str],
    cwd: Path,
    timeout_s: float,
    cancel: Cancel | None,
) -> Told:
    try:
        done = run(argv, cwd=cwd, env=env, stdin=stdin, timeout_s=timeout_s, cancel=cancel, max_output=100_000)
    except ProcessError as error:
        return Told(ok=False, reason=error.message)
    if done.cancelled:
        return Told(ok=False, reason="it was told to stop", stopped=True)
    if done.timed_out:
        return Told(ok=False, reason=f"no answer within {timeout_s:g} s")
    return Told(ok=True) if done.code == 0 else Told(ok=False, reason=done.complaint)
