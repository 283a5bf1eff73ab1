"""Showing a lane to a person: which pane it is, and whether the asker sits in a terminal of the same tmux server."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.errors import SubstrateError
from loop_orchestrator.operations.observe import record_of

if TYPE_CHECKING:
    from loop_orchestrator.world import World


def select_lane(world: World, name: str) -> None:
    """Make a lane the one that attached terminals show; a pane that something else has by now is left alone.

    Raises UsageError for an unknown lane, SubstrateError for one without a pane.
    """
    record = record_of(world, name)
    if not any(pane.pane == record.pane and pane.pid == record.pane_pid for pane in world.substrate.panes()):
        raise SubstrateError(f"lane {name} has no pane any more", hint="loop up")
    world.substrate.select(record.pane)


def is_inside(environ: Mapping[str, str], socket: str) -> bool:
    """The caller runs in a pane of the tmux server behind this socket."""
    here = environ.get("TMUX", "").split(",")[0]
    return bool(here) and os.path.realpath(here) == os.path.realpath(_socket_file(environ, socket))


def _socket_file(environ: Mapping[str, str], socket: str) -> str:
    """Where tmux puts the socket of this name: in the first of its folders that is there."""
    if "/" in socket:
        return socket
    folders = (environ.get("TMUX_TMPDIR", ""), "/tmp")
    folder = next(folder for folder in folders if folder == "/tmp" or (folder and Path(folder).is_dir()))
    return f"{folder}/tmux-{os.getuid()}/{socket}"
