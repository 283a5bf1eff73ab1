"""Who asks: a person at a terminal, as approvals need it, or at least nobody inside an agent's lane."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from loop_orchestrator.errors import NotAPersonError
from loop_orchestrator.model.lane import LaneRecord
from loop_orchestrator.model.wiki import PERSON, Writer
from loop_orchestrator.process.ancestry import Ancestor, LaneMark, read_ancestry
from loop_orchestrator.process.person import AgentLane, PersonCheck, person_check

if TYPE_CHECKING:
    from loop_orchestrator.world import World

_OWN_PROGRAMS = (["loop"], ["loop-digest"], ["loop-engine"])

_MORE_THAN_ONE = frozenset(";&|`$()<>\n")
"""Characters with which a shell starts a second program in the same line."""


def check_person(world: World) -> PersonCheck:
    """Whether the calling process is a person at a terminal (security level 1); writes nothing."""
    records = world.lanes.records()
    agents = {
        name: AgentLane(tty=record.pane_tty, pane_pid=record.pane_pid)
        for name, record in records.items()
        if is_agents_place(record)
    }
    return person_check(agent_lanes=agents, lanes=tuple(records), session=world.session, root=world.root)


def refuse_agent(world: World, what: str) -> None:
    """Return unless the calling process was started in a lane where an agent may sit; a script elsewhere is fine.

    what: completes "an agent may not …". Raises NotAPersonError.
    """
    if (found := _agent_process(world)) is not None:
        process, lane = found
        raise NotAPersonError(
            f"an agent may not {what}: {process.name} {process.pid} was started in lane {lane}",
            hint="run it in a terminal of your own, outside the lanes",
        )


def writer_of(world: World) -> Writer:
    """Who the calling process writes into the wiki as: the agent's lane in which it was started, else a person."""
    found = _agent_process(world)
    if found is None:
        return PERSON
    process, lane = found
    elsewhere = isinstance(process.mark, LaneMark) and not _is_here(process.mark, world)
    record = None if elsewhere else world.lanes.records().get(lane)
    return Writer(lane, record.spec.role if record else "")


def channel_of(world: World, claimed: str) -> str:
    """The source of what this process sends: ``lane:<name>`` from within a lane marked ``outside``, else as claimed.

    Its environment is a claim; which lane a process was started in is looked at only where a lane is not trusted.
    """
    outside = {name: record for name, record in world.lanes.records().items() if record.spec.outside}
    for process in read_ancestry(os.getpid()) if outside else ():
        for name, record in outside.items():
            mark = process.mark if isinstance(process.mark, LaneMark) else None
            if process.pid == record.pane_pid or (mark and mark.lane == name and _is_here(mark, world)):
                return f"lane:{name}"
    return claimed


def _agent_process(world: World) -> tuple[Ancestor, str] | None:
    """The nearest process between this one and the first that was started in a lane where an agent may sit, and it."""
    records = world.lanes.records()
    panes = {record.pane_pid: name for name, record in records.items() if is_agents_place(record)}
    for process in read_ancestry(os.getpid()):
        mark = process.mark if isinstance(process.mark, LaneMark) else None
        lane = panes.get(process.pid) or (mark.lane if mark and _is_strange(mark, records, world) else "")
        if lane:
            return process, lane
    return None


def is_agents_place(record: LaneRecord) -> bool:
    """An agent runs there, or a command of the config that may be one; this program's own displays are none."""
    command = record.spec.cmd
    own = command.split()[:1] in _OWN_PROGRAMS and not _MORE_THAN_ONE.intersection(command)
    return record.agent or bool(command and not own)


def _is_strange(mark: LaneMark, records: dict[str, LaneRecord], world: World) -> bool:
    """The mark is of an agent's lane, or of a lane that is not one of this session's."""
    if not _is_here(mark, world):
        return True
    record = records.get(mark.lane)
    return record is None or is_agents_place(record)


def _is_here(mark: LaneMark, world: World) -> bool:
    """The lane of the mark is one of this session of this project, as far as the mark says."""
    return (mark.session or world.session, mark.root or str(world.root)) == (world.session, str(world.root))
