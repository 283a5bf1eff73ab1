"""What dead writers left behind, removed from every folder of a project and a session."""

from __future__ import annotations

from loop_orchestrator.stores.atomic import sweep_temps
from loop_orchestrator.stores.layout import Layout


def sweep(layout: Layout) -> int:
    """Remove the temporary files of dead writers; returns how many there were. Those of living writers stay."""
    folders = (
        layout.loop_dir,
        layout.state_file.parent,
        layout.messages,
        layout.failed,
        layout.session_dir,
        layout.event_segments,
        layout.signals,
        layout.deliveries,
        layout.lines,
        layout.engine_dir,
        layout.decisions,
        layout.brain,
        layout.tasks_dir,
        layout.tasks_archive,
    )
    return sum(map(sweep_temps, dict.fromkeys(folders)))
