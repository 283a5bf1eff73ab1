"""Whether the lanes of a session outlive the login they were booted from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from loop_orchestrator.process.survival import Survival, cgroup_of, read_facts, start_prefix, survival_of

if TYPE_CHECKING:
    from loop_orchestrator.world import World


def survival(world: World, environ: Mapping[str, str]) -> Survival:
    """For the tmux server that holds the session; where there is none, for one that would be started now."""
    facts = read_facts(environ)
    pid = world.substrate.server_pid()
    if pid is None and start_prefix(facts):
        return survival_of(facts, "/user@0.service/")
    return survival_of(facts, cgroup_of(os.getpid() if pid is None else pid))
