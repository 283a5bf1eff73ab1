"""tmux asked with nothing around it: the limits that this program is measured against."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

SESSION = "bench"

FACTS = (
    *("pane_id", "session_name", "window_name", "@loop_lane", "pane_pid", "pane_tty", "pane_current_command"),
    *("pane_title", "pane_dead", "pane_in_mode", "pane_input_off", "cursor_flag", "alternate_on"),
    *("pane_width", "pane_height"),
)
"""What the program asks of every pane."""

_FORMAT = " ".join(f"#{{{name}}}" for name in FACTS)
_END = re.compile(rb"^%(?:end|error) \d+ \d+ 1\n", re.MULTILINE)


def run(argv: Sequence[str], *, stdin: str = "", env: Mapping[str, str] | None = None) -> None:
    """A program whose output nobody reads. Raises CalledProcessError."""
    subprocess.run(argv, input=stdin, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, env=env)


def said(argv: Sequence[str]) -> str:
    """What a program printed. Raises CalledProcessError."""
    return subprocess.run(argv, text=True, stdout=subprocess.PIPE, check=True).stdout.strip()


def bare_batch(socket: str, panes: Sequence[str]) -> None:
    """One tmux that prints the facts of every pane and its screen."""
    script = "".join(f"display-message -p -t '{pane}' '{_FORMAT}'\ncapture-pane -p -e -t '{pane}'\n" for pane in panes)
    run(["tmux", "-u", "-S", socket, "source-file", "-"], stdin=script)


class BareControl:
    """A control-mode client that counts replies and reads nothing in them.

    It asks in the way that is cheapest, which leaks every screen in the server up to tmux 3.5a and can be misled by
    what a pane prints: a limit, not something to use.
    """

    def __init__(self, socket: str, session: str) -> None:
        argv = ["tmux", "-u", "-S", socket, "-C", "attach-session", "-t", f"={session}", "-f", "no-output,ignore-size"]
        self._client = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)

    def snapshot(self, panes: Sequence[str]) -> None:
        """The facts of all panes and the screen of each, asked for at once."""
        assert self._client.stdin is not None and self._client.stdout is not None
        lines = [f"list-panes -s -F '{_FORMAT}'", *(f"capture-pane -p -e -t '{pane}'" for pane in panes)]
        self._client.stdin.write(("\n".join(lines) + "\n").encode())
        fd, replies, rest = self._client.stdout.fileno(), 0, b""
        while replies < len(lines):
            rest += os.read(fd, 1 << 20)
            replies += len(_END.findall(rest))
            rest = rest[rest.rfind(b"\n") + 1 :]

    def __enter__(self) -> BareControl:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._client.stdin is not None and self._client.stdout is not None
        self._client.kill()
        self._client.wait()
        self._client.stdin.close()
        self._client.stdout.close()


@contextmanager
def plain_panes(count: int) -> Iterator[tuple[str, tuple[str, ...], int]]:
    """Panes of 200x50 full of text and colours, each a window: the socket, their ids, the pid of the server."""
    with tempfile.TemporaryDirectory(prefix="loop-bench-") as place:
        socket, text, script = f"{place}/s", Path(place) / "text", Path(place) / "more"
        rows = [f"\x1b[2m{row:03}\x1b[0m \x1b[32m+\x1b[0m the change keeps it and adds a test" for row in range(45)]
        text.write_text("\n".join([*rows, "─" * 100, "❯ ", "─" * 100, ""]), encoding="utf-8")
        program = f"cat {text}; exec sleep 100000"
        tmux = ["tmux", "-u", "-S", socket]
        run([*tmux, "-f", os.devnull, "new-session", "-d", "-s", SESSION, "-x", "200", "-y", "50", program])
        try:
            script.write_text(f"new-window -d -t ={SESSION}: '{program}'\n" * (count - 1))
            run([*tmux, "source-file", str(script)])
            drawn = [*tmux, "list-panes", "-s", "-F", "#{pane_current_command}"]
            while said(drawn).split() != ["sleep"] * count:
                time.sleep(0.05)
            ids = tuple(said([*tmux, "list-panes", "-s", "-F", "#{pane_id}"]).split())
            yield socket, ids, int(said([*tmux, "display-message", "-p", "#{pid}"]))
        finally:
            subprocess.run([*tmux, "kill-server"], stderr=subprocess.DEVNULL, check=False)
