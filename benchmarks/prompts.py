"""A session with much in it, for measuring how long its prompt takes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from loop_orchestrator.clock import SystemClock
from loop_orchestrator.harnesses.registry import load_harnesses
from loop_orchestrator.model.budget import Limits as BudgetLimits
from loop_orchestrator.model.budget import Spent
from loop_orchestrator.model.decision import ApprovalMode
from loop_orchestrator.model.harness import HarnessKind
from loop_orchestrator.model.lane import Detail, Lane, LaneRecord, LaneSpec, LaneState, Signal, SignalSource
from loop_orchestrator.model.message import Message, message_file_name
from loop_orchestrator.model.snapshot import Candidate, Limits, Snapshot, WikiPages
from loop_orchestrator.model.state import LoopRecord, LoopState
from loop_orchestrator.model.task import Task, TaskStatus
from loop_orchestrator.model.wiki import MARKER

ROOT = Path("/project")
AT = SystemClock().now()
WORDS = "The change keeps the header, adds a test and says so. " * 40
"""About 2 kB, as long as a usual report."""

_DETAILS = (Detail.READY, Detail.BUSY, Detail.TOOL, Detail.APPROVAL, Detail.API_ERROR)


def busy_session(*, lanes: int, mail: int, tasks: int) -> Snapshot:
    """So many lanes, a fifth of which need somebody, messages of 2 kB and open tasks, and a wiki of 30 kB."""
    decisions = "".join(f"### Decision {number}\n\n{WORDS[:500]}\n\n" for number in range(20))
    loops = tuple(LoopRecord(id=f"loop{number}", status="implement", branch=f"loop/{number}") for number in range(20))
    specs = load_harnesses(None).values()
    return Snapshot(
        at=AT,
        root=ROOT,
        session="bench",
        cycle="c-1",
        why=("a message came",),
        mode=ApprovalMode.MANUAL,
        limits=Limits(max_dispatches=4, max_lanes=100, payload_patterns=()),
        lanes=tuple(_lane(number) for number in range(lanes)),
        mail=tuple(_message(number) for number in range(mail)),
        tasks=tuple(_task(number) for number in range(tasks)),
        assignments=(),
        proofs={},
        since={},
        state=LoopState(updated_at=AT, objective=WORDS[:200], loops=loops),
        claims={},
        escalated=frozenset(),
        handed_mail=frozenset(),
        spent=Spent(limits=BudgetLimits(calls_per_hour=12), calls_left=12, usd=0.0, unpriced=0),
        pages=WikiPages(
            checkpoint=f"# Checkpoint\n\n## Watch out\n\n{WORDS}\n\n{MARKER}\n\n## Decisions\n\n{decisions}",
            index="# Index\n\n" + "".join(f"- [page{n}.md](page{n}.md): {WORDS[:50]}\n" for n in range(150)),
        ),
        roster=tuple(Candidate(spec=spec, missing="") for spec in specs if spec.kind is not HarnessKind.BRAIN),
    )


def _lane(number: int) -> Lane:
    name, detail = f"lane{number}", _DETAILS[number % len(_DETAILS)]
    spec = LaneSpec(name=name, window=name, role="implementation", harness="claude", cwd=ROOT)
    record = LaneRecord(
        spec=spec, pane=f"%{number}", pane_pid=1, pane_tty="/dev/null", agent=True, argv=("claude",), booted_at=AT
    )
    signal = Signal(source=SignalSource.SCREEN, detail=detail, rule="claude:rule", seen=WORDS[:100], at=AT)
    state = LaneState(detail=detail, confidence=0.9, rule="claude:rule", evidence=(signal,))
    return Lane(record=record, state=state, title="", screen=tuple([WORDS[:180]] * 50), run=None)


def _message(number: int) -> Message:
    sent_at, sender = AT.replace(microsecond=0) - timedelta(seconds=number), f"lane{number % 50}"
    file = message_file_name(sent_at, sender, "coord")
    return Message(
        file=file,
        id=file,
        sender=sender,
        recipient="coord",
        subject=f"T{number:04} review",
        body=WORDS,
        sent_at=sent_at,
    )


def _task(number: int) -> Task:
    id = f"T{number:04}"
    return Task(
        id=id,
        title=WORDS[:80],
        status=TaskStatus.OPEN,
        depends_on=(f"T{number - 1:04}",) if number % 2 else (),
        role="implementation",
        file=ROOT / "tasks" / f"{id}-change.md",
        body=WORDS,
    )
