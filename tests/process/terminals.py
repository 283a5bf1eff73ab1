"""A tmux server of a test's own, and what its panes show."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.support.waiting import eventually

REPOSITORY = Path(__file__).parents[2]


class Tmux:
    """A server on a private socket that reads no configuration; started with its first pane."""

    def __init__(self, folder: Path, home: Path) -> None:
        self._socket = folder / "s"
        self._home = home
        self._started = False

    def command(self, *words: str) -> str:
        """Run one tmux command; its stdout without the last newline."""
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._home),
            "SHELL": "/bin/bash",
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(REPOSITORY),
        }
        argv = ["tmux", "-u", "-f", "/dev/null", "-S", str(self._socket), *words]
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout.rstrip("\n")

    def pane(self, *argv: str, env: dict[str, str] | None = None) -> Pane:
        """A new pane that runs argv, or the shell."""
        extra = [word for name, value in (env or {}).items() for word in ("-e", f"{name}={value}")]
        where = ["new-window"] if self._started else ["new-session", "-x", "120", "-y", "40"]
        made = self.command(*where, "-d", "-P", "-F", "#{pane_id}", *extra, *argv)
        self._started = True
        return Pane(self, made)

    def end(self) -> None:
        if self._started:
            subprocess.run(
                ["tmux", "-S", str(self._socket), "kill-server"], capture_output=True, timeout=60, check=False
            )


class Pane:
    def __init__(self, tmux: Tmux, pane: str) -> None:
        self._tmux = tmux
        self.id = pane

    def get(self, name: str) -> str:
        """One tmux format of the pane, such as ``pane_current_command``."""
        return self._tmux.command("display-message", "-p", "-t", self.id, f"#{{{name}}}")

    def screen(self) -> str:
        return self._tmux.command("capture-pane", "-p", "-J", "-t", self.id).rstrip("\n")

    def shows(self, text: str) -> str:
        """Wait until the screen holds text; the screen then."""
        screens = [""]

        def shown() -> bool:
            screens[0] = self.screen()
            return text in screens[0]

        try:
            eventually(shown)
        except AssertionError:
            raise AssertionError(f"{text!r} is not on the screen:\n{screens[0]}") from None
        return screens[0]

    def runs(self, command: str) -> None:
        """Wait until the foreground program is this one."""
        eventually(lambda: self.get("pane_current_command") == command, what=f"{command} in the foreground")

    def press(self, *keys: str) -> None:
        self._tmux.command("send-keys", "-t", self.id, *keys)

    def type(self, line: str) -> None:
        self._tmux.command("send-keys", "-t", self.id, "-l", line)
        self.press("Enter")

    def kill(self) -> None:
        self._tmux.command("kill-pane", "-t", self.id)


def python(code: str) -> Sequence[str]:
    """argv that runs code with this interpreter and this repository."""
    return (sys.executable, "-c", code)
