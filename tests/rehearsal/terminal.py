"""The rehearsal agent in a pane of a private tmux server, driven as a lane is: paste, keys, screen."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil

from tests.support.waiting import eventually

REPOSITORY = Path(__file__).parents[2]
IDLE = "❯ Type a prompt"


class AgentTerminal:
    """One pane with one agent; the server lives in ``folder`` and ends with ``close``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._socket = folder / "tmux"

    def tmux(self, *words: str, stdin: str = "") -> str:
        argv = ["tmux", "-u", "-S", str(self._socket), "-f", "/dev/null", *words]
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, encoding="utf-8", check=True)
        return done.stdout

    def start(
        self,
        *options: str,
        script: str = "",
        width: int = 80,
        height: int = 24,
        env: Mapping[str, str] | None = None,
        wait: bool = True,
    ) -> None:
        """Start the agent; with ``wait`` until its composer is there."""
        if script:
            (self.folder / "script.yaml").write_text(script, encoding="utf-8")
            options = (*options, "--script", str(self.folder / "script.yaml"))
        values = {"LC_ALL": "C", "PYTHONPATH": str(REPOSITORY), "LOOP_LANE": "web", **(env or {})}
        self.tmux(
            *("new-session", "-d", "-s", "agent", "-x", str(width), "-y", str(height), "-c", str(self.folder)),
            *(word for name, value in values.items() for word in ("-e", f"{name}={value}")),
            *("sh", "-c", '"$@"; echo $? >status', "sh"),
            *(sys.executable, "-m", "loop_orchestrator.rehearsal", *options),
            *(";", "set-option", "-g", "remain-on-exit", "on"),
        )
        if wait:
            self.shows(IDLE)

    def rows(self, *options: str) -> list[str]:
        """The visible screen, blanks at the ends of rows cut."""
        return [row.rstrip(" ") for row in self.tmux("capture-pane", "-p", *options, "-t", "=agent:").split("\n")[:-1]]

    def shows(self, *texts: str) -> list[str]:
        """Wait until one screen holds all of the texts; the rows of that screen.

        Whatever else a test looks at in these rows must have been drawn before one of the texts, or be one of them.
        """
        found: list[str] = []

        def look() -> bool:
            found[:] = self.rows()
            return all(any(text in row for row in found) for text in texts)

        eventually(look, what=f"the screen shows {texts!r}")
        return found

    def hides(self, text: str) -> list[str]:
        """Wait until no row of the screen holds the text; the rows there are then."""
        found: list[str] = []

        def look() -> bool:
            found[:] = self.rows()
            return not any(text in row for row in found)

        eventually(look, what=f"the screen no longer shows {text!r}")
        return found

    def keys(self, *names: str) -> None:
        """Press tmux keys; what is no key's name is typed."""
        self.tmux("send-keys", "-t", "=agent:", *names)

    def paste(self, text: str) -> None:
        """Paste in brackets, as a delivery does."""
        self.tmux("load-buffer", "-b", "text", "-", stdin=text)
        self.tmux("paste-buffer", "-p", "-r", "-d", "-b", "text", "-t", "=agent:")

    def submit(self, text: str) -> None:
        """Type a line and press Enter."""
        self.tmux("send-keys", "-t", "=agent:", "-l", text)
        self.keys("Enter")

    def resize(self, width: int, height: int) -> None:
        self.tmux("resize-window", "-t", "=agent:", "-x", str(width), "-y", str(height))

    def pid(self) -> int:
        """The agent's own process."""
        shell = int(self.tmux("display-message", "-p", "-t", "=agent:", "#{pane_pid}"))
        return psutil.Process(shell).children()[0].pid

    def exit_status(self) -> int:
        """Wait until the program ended; its exit status."""
        file = self.folder / "status"
        return int(eventually(lambda: file.exists() and file.read_text().strip(), what="the program ends"))

    def close(self) -> None:
        if self._socket.exists():
            subprocess.run(["tmux", "-S", str(self._socket), "kill-server"], capture_output=True, check=False)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
