"""Real projects on disk with a tmux server of their own, seen through the program's own wiring."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from loop_orchestrator.clock import Clock
from loop_orchestrator.process.run import Finished, run
from loop_orchestrator.wiring import Options, Project
from tests.support.servers import end_server

PLAIN = """\
lanes:
  coord: {cmd: sleep 1000}
  web: {harness: shell, role: implementation}
  ops-top: {harness: shell}
engine:
  approval: manual
"""
"""A config whose lanes are up at once: no agent has to boot."""


@contextmanager
def own_tmux() -> Iterator[str]:
    """The socket of a tmux server that nobody else uses; server and socket are gone on the way out."""
    with tempfile.TemporaryDirectory(prefix="loop-tmux-") as folder:
        socket = f"{folder}/s"
        try:
            yield socket
        finally:
            end_server(lambda *words: tmux(socket, *words).text)


def tmux(socket: str, *words: str) -> Finished:
    return run(["tmux", "-S", socket, *words], timeout_s=60)


def project_at(
    root: Path,
    *,
    config: str | None = None,
    environ: Mapping[str, str] | None = None,
    clock: Clock | None = None,
) -> Project:
    """The project in this directory, with this config written first."""
    if config is not None:
        (root / "lane-config.yaml").write_text(config, encoding="utf-8")
    project = Project(Options(project_root=str(root), session="shop"), {**os.environ, **(environ or {})})
    if clock is not None:
        project.clock = clock
    return project
