"""Starting the guard of a session's lanes beside this program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from loop_orchestrator.process.detached import start_detached
from loop_orchestrator.process.module import module_argv

if TYPE_CHECKING:
    from loop_orchestrator.world import World

_OWN_LANE = ("LOOP_LANE", "TMUX", "TMUX_PANE")
"""What a guard does not inherit: it belongs to no lane and no terminal."""


def ensure_guard(world: World, *, socket: str, lane_config: str, environ: Mapping[str, str]) -> tuple[int, bool]:
    """See to it that a guard runs, in a process of its own; its pid, and whether it was started now.

    socket, lane_config: as this program was given them; the config empty for the project's own. Raises ProcessError.
    """
    holder = world.control.guard_lock().holder()
    if holder is not None:
        return holder.pid, False
    named = ["--lane-config", lane_config] if lane_config else []
    where = ["--project-root", str(world.root), "--session", world.session, "--socket", socket]
    argv = module_argv("", "lane", "guard", *where, *named)
    env = {name: value for name, value in environ.items() if name not in _OWN_LANE}
    return start_detached(argv, cwd=world.root, env=env, log=world.layout.guard_log), True
