"""The engine as a service of this user: its name, and the text that systemd or launchd reads."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class EngineService:
    """What is started for one session of one project."""

    root: str
    """the project, absolute"""
    session: str
    argv: Sequence[str]
    """the program with its arguments; the first word is absolute"""
    environ: Mapping[str, str]
    """what it needs of the environment it was installed from; never a secret"""
    secrets_file: str
    """``NAME=value`` lines that are added to the environment where this file is there"""

    @property
    def name(self) -> str:
        """The same for ever for one project and session, and another for any other."""
        return f"loop-{self.session}-{hashlib.sha256(self.root.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


def systemd_unit(service: EngineService) -> str:
    """A unit for systemd's manager of a user. Raises ValueError for a path that no unit can name."""
    for text in (service.root, service.secrets_file, *service.argv, *service.environ.values()):
        if not text.isprintable():
            raise ValueError(f"{text!r} cannot stand in a unit of systemd")
    command = " ".join(_argument(word) for word in service.argv)
    environ = "".join(f"Environment={_quoted(f'{name}={value}')}\n" for name, value in service.environ.items())
    return f"""\
# Written by `loop service install`; `loop service uninstall` removes it.
[Unit]
Description=loop-orchestrator, the engine of session {_plain(service.session)} in {_plain(service.root)}
StartLimitIntervalSec=300
StartLimitBurst=10

[Service]
Type=exec
ExecStart={command}
WorkingDirectory={_plain(service.root)}
{environ}# Values of notify's url_env and the like: NAME=value lines, for nobody else to read.
EnvironmentFile=-{_plain(service.secrets_file)}
Restart=on-failure
RestartSec=5
# A wrong config, or another engine that watches: starting it again changes nothing.
RestartPreventExitStatus=2 4
# The engine ends what it started; lanes are not its to end.
KillMode=process
TimeoutStopSec=10

[Install]
WantedBy=default.target
"""


def launchd_plist(service: EngineService) -> str:
    """A property list for launchd of macOS."""
    import plistlib

    return plistlib.dumps(
        {
            "Label": f"org.loop-orchestrator.{service.name}",
            "ProgramArguments": list(service.argv),
            "WorkingDirectory": service.root,
            "EnvironmentVariables": dict(service.environ),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": 10,
            "AbandonProcessGroup": True,
        }
    ).decode()


def _plain(text: str) -> str:
    """The rest of a line; % begins a specifier."""
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    return '"' + _plain(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _argument(word: str) -> str:
    """One word of a command line; $ begins a variable there."""
    plain = word.replace("$", "$$")
    is_simple = word and all(char.isalnum() or char in "/._-=+:@," for char in word)
    return plain if is_simple else _quoted(plain)
