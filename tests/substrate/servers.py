"""A private tmux server, and what its lanes run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from loop_orchestrator.model.lane import LaneSpec, Split
from loop_orchestrator.model.terminal import PaneFacts
from loop_orchestrator.substrate.port import PaneStart
from loop_orchestrator.substrate.tmux import TmuxSubstrate
from tests.support.waiting import eventually

RECORDER = Path(__file__).with_name("recorder.py")


class Server:
    """A private server, and substrates of sessions on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "tmux"

    def substrate(self, session: str = "short", width: int = 120, height: int = 30) -> TmuxSubstrate:
        return TmuxSubstrate(str(self.socket), session, width, height)

    def tmux(self, *words: str) -> str:
        argv = ["tmux", "-u", "-S", str(self.socket), *words]
        return subprocess.run(argv, capture_output=True, text=True, encoding="utf-8", check=True).stdout.rstrip("\n")

    @property
    def pid(self) -> int:
        return int(self.tmux("display-message", "-p", "#{pid}"))

    def received(self, name: str) -> bytes:
        file = self.folder / f"{name}.bytes"
        return file.read_bytes() if file.exists() else b""

    def recorder(self, name: str, *options: str, window: str = "") -> PaneStart:
        argv = (sys.executable, str(RECORDER), str(self.folder / f"{name}.bytes"), *options)
        return start(name, *argv, window=window)

    def recording(self, substrate: TmuxSubstrate, *panes: PaneFacts) -> None:
        """Wait until the recorders have the terminal."""
        ids = [pane.pane for pane in panes]
        eventually(lambda: all("recording" in read.screen.text for read in substrate.read(ids)))


def start(
    name: str, *argv: str, window: str = "", split: Split = Split.FIRST, env: tuple[tuple[str, str], ...] = ()
) -> PaneStart:
    spec = LaneSpec(name=name, window=window or name, split=split, role="ops", cmd="x", cwd=Path("/"))
    return PaneStart(spec=spec, argv=argv or ("cat", "-u"), env=(("LOOP_LANE", name), *env))
