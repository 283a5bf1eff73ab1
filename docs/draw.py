"""Makes the pictures of the README from a real run of ``loop demo`` in a terminal of 100 columns.

``python -m docs.draw`` writes docs/pictures/*.svg: the demo with an action held at the gate, and two lanes at work;
after them the screens of the deck, which need no run (docs.deckpictures).
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.text import Text

from docs import deckpictures
from loop_orchestrator.operations.demo import SOCKET

PICTURES = Path(__file__).parent / "pictures"
COLUMNS, ROWS = 100, 34
LIMIT_S = 60.0


class Terminal:
    """A tmux server of this program's own, with one terminal in which a person would type."""

    def __init__(self, folder: Path) -> None:
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("LOOP_", "TMUX"))}
        self.env |= {"TMUX_TMPDIR": str(folder), "HOME": str(folder), "PS1": "$ ", "SHELL": "/bin/sh"}
        argv = [sys.executable, "-m", "loop_orchestrator", "demo", "--keep", "--dir", str(folder / "try")]
        self.tmux("-L", "person", "-f", os.devnull, "new-session", "-d", "-x", str(COLUMNS), "-y", str(ROWS), *argv)
        self.tmux("-L", "person", "set-option", "-g", "remain-on-exit", "on")

    def tmux(self, *words: str) -> str:
        done = subprocess.run(["tmux", "-u", *words], env=self.env, capture_output=True, text=True, check=False)
        return done.stdout

    def screen(self) -> str:
        return self.tmux("-L", "person", "capture-pane", "-p", "-e")

    def wait_for(self, condition: Callable[[str], bool]) -> str:
        deadline = time.monotonic() + LIMIT_S
        while not condition(screen := self.screen()):
            if time.monotonic() > deadline:
                raise SystemExit(f"the demo did not get there:\n{screen}")
            time.sleep(0.1)
        return screen

    def end(self) -> None:
        for socket in ("person", SOCKET):
            self.tmux("-L", socket, "kill-server")


def draw(name: str, title: str, capture: str) -> None:
    """Write one captured screen, with its colours, as ``<name>.svg``."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(capture.rstrip()), soft_wrap=True, highlight=False)
    PICTURES.mkdir(exist_ok=True)
    svg = re.sub(r"@font-face \{.*?\}", "", console.export_svg(title=title, unique_id=name), flags=re.DOTALL)
    (PICTURES / f"{name}.svg").write_text(
        "\n".join(line.rstrip() for line in svg.splitlines()) + "\n", encoding="utf-8"
    )


def main() -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        terminal = Terminal(Path(folder))
        try:
            held = terminal.wait_for(lambda screen: "Let it run? [y/N]" in screen)
            draw("demo", "loop demo", held.replace(folder, "/tmp"))
            panes = terminal.tmux("-L", SOCKET, "list-panes", "-a", "-F", "#{window_name} #{pane_id}")
            web = dict(row.split() for row in panes.splitlines())["web"]
            lane = terminal.tmux("-L", SOCKET, "capture-pane", "-p", "-e", "-t", web)
            draw("lane", "the lane web, a rehearsal agent", "\n".join(row[:COLUMNS] for row in lane.splitlines()[-14:]))
        finally:
            terminal.end()
    deckpictures.main()


if __name__ == "__main__":
    main()
