"""What a program in a lane says of itself, taken only from a process under that lane's pane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loop_orchestrator.errors import LoopError, UsageError
from loop_orchestrator.model.lane import Detail, LaneWord, Signal, SignalSource
from loop_orchestrator.model.terminal import SHELLS
from loop_orchestrator.process.descent import Link, line_to
from loop_orchestrator.stores.signals import Speaker

if TYPE_CHECKING:
    from datetime import datetime

    from loop_orchestrator.world import World

_DETAIL_OF = {
    LaneWord.WORKING: Detail.BUSY,
    LaneWord.AWAITING_APPROVAL: Detail.APPROVAL,
    LaneWord.IDLE: Detail.READY,
    LaneWord.ERRORED: Detail.API_ERROR,
    LaneWord.UNKNOWN: Detail.STALE,
}
"""What is meant by a word alone."""


def detail_meant(state: str) -> Detail:
    """The detail that a word or a detail stands for. Raises UsageError, naming the nearest."""
    if state in tuple(LaneWord):
        return _DETAIL_OF[LaneWord(state)]
    if state in tuple(Detail):
        return Detail(state)
    from loop_orchestrator.config.problems import did_you_mean

    known = (*LaneWord, *Detail)
    raise UsageError(
        f"{state!r} is no state of a lane{did_you_mean(state, known)}", hint=f"one of {', '.join(map(str, known))}"
    )


def signal_of(detail: Detail, rule: str, seen: str, at: datetime) -> Signal:
    """A signal of a program about itself."""
    return Signal(source=SignalSource.HARNESS, detail=detail, rule=rule, seen=seen, at=at)


def note_signal(world: World, lane: str, signal: Signal, *, pid: int, conversation: str, by: str) -> bool:
    """Write down what the process ``pid`` says about a lane; False if it speaks for a program that the lane's own runs.

    by: who calls, for the event of a refusal. The environment proves nothing: the process must descend from the pane's
    first process. Raises UsageError for an unknown lane, LoopError where it does not descend, and StoreError.
    """
    record = world.lanes.records().get(lane)
    if record is None:
        raise UsageError(f"session {world.session} has no lane {lane}", hint="loop lane list")
    run = world.lanes.run(lane)
    line = line_to(pid, record.pane_pid)
    if not line or run is None:
        reason = f"process {pid} does not run in its pane" if run else "no program of it is on record"
        _report(world, lane, reason, pid, signal.at, by)
        raise LoopError(
            f"nothing was noted for lane {lane}: {reason}", hint="call it from a program that runs in that lane"
        )
    return world.signals.note(lane, signal, _speaker(line, conversation), run)


def _speaker(line: tuple[Link, ...], conversation: str) -> Speaker:
    """The process that called this program, past the shells between the two."""
    at = next((at for at, link in enumerate(line) if at and link.name not in SHELLS), len(line) - 1)
    return Speaker(pid=line[at].pid, depth=len(line) - at, conversation=conversation)


def _report(world: World, lane: str, reason: str, pid: int, at: datetime, by: str) -> None:
    """One event a minute: a hook that is refused comes again at every tool call."""
    once = f"signal-refused-{lane}-{at:%Y%m%dT%H%M}"
    world.events.append("signal.refused", by, {"lane": lane, "reason": reason, "pid": pid}, id=once)
