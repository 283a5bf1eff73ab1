"""Values with defaults, so that a test shows only what matters to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from loop_orchestrator.model.ask import Ask
from loop_orchestrator.model.budget import Limits as BudgetLimits
from loop_orchestrator.model.budget import Spent
from loop_orchestrator.model.decision import ApprovalMode
from loop_orchestrator.model.harness import HarnessKind, HarnessSpec
from loop_orchestrator.model.lane import (
    Detail,
    Lane,
    LaneKind,
    LaneRecord,
    LaneSpec,
    LaneState,
    Signal,
    SignalSource,
)
from loop_orchestrator.model.message import Message
from loop_orchestrator.model.policy import Policy
from loop_orchestrator.model.restart import RestartNote
from loop_orchestrator.model.snapshot import Candidate, Facts, Limits, Snapshot, Unknown, WikiPages
from loop_orchestrator.model.state import LoopState
from loop_orchestrator.model.task import Assignment, Task, TaskStatus

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)

PATTERNS = (r"git\s+push\b.*\s(--force|-f)\b", r"\brm\s+-rf\b", r"\breset\s+--hard\b")


def a_lane(
    name: str = "web",
    detail: Detail = Detail.READY,
    *,
    role: str = "implementation",
    agent: bool = True,
    kind: LaneKind = LaneKind.STANDING,
    outside: bool = False,
) -> Lane:
    harness = "rehearsal" if agent else "shell"
    spec = LaneSpec(
        name=name, window=name, role=role, harness=harness, kind=kind, cwd=Path("/project"), outside=outside
    )
    record = LaneRecord(
        spec=spec, pane="%1", pane_pid=100, pane_tty="/dev/pts/9", agent=agent, argv=("x",), booted_at=NOW
    )
    signal = Signal(source=SignalSource.SCREEN, detail=detail, rule="test", seen="what it showed", at=NOW)
    state = LaneState(detail=detail, confidence=0.9, rule="test", evidence=(signal,))
    return Lane(record=record, state=state, title="", screen=(), run=None)


def a_message(sender: str = "human", recipient: str = "coord", subject: str = "hello", body: str = "text") -> Message:
    file = f"20260301-115900-{sender}-to-{recipient}.md"
    return Message(
        file=file,
        id=file.removesuffix(".md"),
        sender=sender,
        recipient=recipient,
        subject=subject,
        body=body,
        sent_at=NOW,
    )


def a_task(
    id: str = "T0001",
    status: TaskStatus = TaskStatus.OPEN,
    *,
    depends_on: Sequence[str] = (),
    role: str = "implementation",
) -> Task:
    return Task(
        id=id,
        title=f"title of {id}",
        status=status,
        depends_on=tuple(depends_on),
        role=role,
        file=Path(f"/project/tasks/{id}-slug.md"),
        body="",
    )


def an_ask(id: str = "d-1-0", lane: str = "web", timeout_s: int = 600, **more: object) -> Ask:
    values: dict[str, object] = {"question": "Which port?", "asked_at": NOW, **more}
    return Ask(id=id, lane=lane, timeout_s=timeout_s, **values)  # type: ignore[arg-type]


def an_assignment(task: str = "T0001", lane: str = "web", purpose: str = "work", at: datetime = NOW) -> Assignment:
    return Assignment(task=task, lane=lane, op="d-1-0", at=at, purpose=purpose)


LIMITS = Limits(max_dispatches=4, max_lanes=12, payload_patterns=PATTERNS)

HARNESSES: Mapping[str, HarnessSpec] = {
    "rehearsal": HarnessSpec(name="rehearsal", title="Rehearsal", kind=HarnessKind.AGENT),
    "shell": HarnessSpec(name="shell", title="Shell", kind=HarnessKind.SHELL),
    "llm": HarnessSpec(name="llm", title="llm", kind=HarnessKind.BRAIN),
}

ROSTER = tuple(Candidate(spec=spec, missing="") for spec in HARNESSES.values() if spec.kind is not HarnessKind.BRAIN)
"""All of them that a lane could run, as if they were installed."""


def some_facts(
    *lanes: Lane,
    unknown: str = "",
    limits: Limits = LIMITS,
    claims: Mapping[str, str] | None = None,
    untrusted: Sequence[str] = (),
    policy: Policy | None = None,
    missing_programs: Mapping[str, str] | None = None,
    backlog: Sequence[str] = (),
    in_line: Mapping[str, int] | Unknown | None = None,
) -> Facts:
    """Facts about these lanes; with ``unknown`` the lanes could not be read for that reason."""
    return Facts(
        lanes=Unknown(unknown) if unknown else {lane.name: lane for lane in lanes},
        harnesses=HARNESSES,
        limits=limits,
        claims=claims or {},
        in_line={} if in_line is None else in_line,
        untrusted=tuple(untrusted),
        policy=policy or Policy(),
        missing_programs=missing_programs or {},
        backlog=frozenset(backlog),
    )


def a_snapshot(
    *,
    lanes: Sequence[Lane] | Unknown = (),
    mail: Sequence[Message] | Unknown = (),
    tasks: Sequence[Task] | Unknown = (),
    assignments: Sequence[Assignment] | Unknown = (),
    proofs: Mapping[str, str] | None = None,
    since: Mapping[str, datetime] | None = None,
    claims: Mapping[str, str] | None = None,
    proposed: Mapping[str, str] | None = None,
    escalated: Sequence[str] = (),
    handed_mail: Sequence[str] = (),
    in_line: Mapping[str, int] | Unknown | None = None,
    asks: Sequence[Ask] | Unknown = (),
    at: datetime = NOW,
    policy: Policy | None = None,
    idle_cycles: Mapping[str, int] | None = None,
    state: LoopState | Unknown | None = None,
    pages: WikiPages | None = None,
    spent: Spent | None = None,
    restarts: Sequence[RestartNote] | Unknown = (),
    branches: Mapping[str, str] | None = None,
    roster: Sequence[Candidate] | None = None,
    trust: Sequence[str] = (),
    why: Sequence[str] = ("mailbox: x",),
) -> Snapshot:
    def whole(part: Sequence[object] | Unknown) -> object:
        return part if isinstance(part, Unknown) else tuple(part)

    return Snapshot(
        at=at,
        root=Path("/project"),
        session="demo",
        cycle="c-1",
        why=tuple(why),
        mode=ApprovalMode.MANUAL,
        limits=LIMITS,
        lanes=whole(lanes),  # type: ignore[arg-type]
        mail=whole(mail),  # type: ignore[arg-type]
        tasks=whole(tasks),  # type: ignore[arg-type]
        assignments=whole(assignments),  # type: ignore[arg-type]
        proofs=proofs or {},
        since=since or {},
        state=state or LoopState(updated_at=None),
        claims=claims or {},
        proposed=proposed or {},
        escalated=frozenset(escalated),
        handed_mail=frozenset(handed_mail),
        spent=spent or Spent(limits=BudgetLimits(calls_per_hour=12), calls_left=12, usd=0.0, unpriced=0),
        asks=whole(asks),  # type: ignore[arg-type]
        policy=policy or Policy(),
        idle_cycles=idle_cycles or {},
        in_line={} if in_line is None else in_line,
        pages=pages or WikiPages(),
        restarts=whole(restarts),  # type: ignore[arg-type]
        branches=branches or {},
        roster=ROSTER if roster is None else tuple(roster),
        trust=frozenset(trust),
    )
