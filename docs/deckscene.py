"""A session that never was, as the deck is given one: the same at every call, as large as it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from loop_orchestrator.actions.dispatch import Dispatch
from loop_orchestrator.deck.picture import Picture
from loop_orchestrator.engine.approval import digest_of
from loop_orchestrator.model.budget import Limits, Spent
from loop_orchestrator.model.decision import ApprovalMode, Decision, Item, ItemStatus
from loop_orchestrator.model.event import Event
from loop_orchestrator.model.ingest import IngestMode
from loop_orchestrator.model.lane import Detail, Lane, LaneKind, LaneRecord, LaneSpec, LaneState, Signal, SignalSource
from loop_orchestrator.model.message import Message
from loop_orchestrator.model.state import JsonValue, LoopRecord, LoopState
from loop_orchestrator.model.task import Assignment, Task, TaskStatus
from loop_orchestrator.model.verdict import destructive
from loop_orchestrator.operations.engine_view import EngineStatus, EngineWord
from loop_orchestrator.operations.ingest import IngestView
from loop_orchestrator.operations.memory_view import LintView
from loop_orchestrator.operations.need import Need, NeedKind
from loop_orchestrator.operations.sessions import SessionView, glance_at
from loop_orchestrator.operations.status import Status

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ROOT = Path("/home/you/shop")
NAMES = ("coord", "web", "api", "validate", "docs", "ops")
DETAILS = (Detail.READY, Detail.BUSY, Detail.TOOL, Detail.APPROVAL, Detail.READY, Detail.RATE_LIMITED)
ROLES = ("coordinator", "implementation", "implementation", "validation", "docs", "ops")
SEEN = ("an empty composer", "a spinner", "a running tool", "Allow this command?", "an empty composer", "limit reached")
SCREEN = (
    "> Read tasks/T0002-checkout.md and do what it says.",
    "",
    "● I read the task. The cart is emptied before the payment is booked.",
    "",
    "● Edit(src/checkout.py)",
    "    - cart.clear()",
    "    - payment.book(order)",
    "    + payment.book(order)",
    "    + cart.clear()",
    "",
    "✻ Running the tests … (41s)",
)
BIRTH = timedelta(hours=3)


def picture(*, lanes: int = 6, events: int = 40, decisions: int = 1, at: datetime = NOON) -> Picture:
    """The session with so many of each."""
    found = tuple(_lane(number) for number in range(lanes))
    waiting = tuple(_decision(number) for number in range(decisions))
    return Picture(
        status=_status(found, waiting, at),
        state=LoopState(
            updated_at=NOON,
            loops=(LoopRecord(id="checkout", name="Pay, then empty the cart", status="verify", branch="checkout"),),
        ),
        adrs=(),
        routes=(),
        assignments=tuple(
            Assignment(task=f"T{number + 1:04}", lane=lane.name, op="d-1-0", at=NOON, purpose="work")
            for number, lane in enumerate(found)
            if lane.state.detail in (Detail.BUSY, Detail.TOOL, Detail.APPROVAL)
        ),
        since={lane.name: NOON - timedelta(seconds=40 * (number + 1)) for number, lane in enumerate(found)},
        events=tuple(event(number, of=events) for number in range(1, events + 1)),
    )


def event(number: int, *, of: int) -> Event:
    """The event of this number; the last of so many happened at noon."""
    at = NOON - timedelta(seconds=20 * (of - number))
    lane = NAMES[number % len(NAMES)]
    subject = f"T{number % 9:04} review"
    kinds: tuple[tuple[str, str, dict[str, JsonValue]], ...] = (
        ("mail.sent", f"lane:{lane}", {"file": f"m{number}.md", "from": lane, "to": "coord", "subject": subject}),
        ("cycle.started", "engine", {"cycle": f"c-{number}", "why": [f"mailbox: a message from {lane}"]}),
        ("lane.changed", "watch", {"lane": lane, "from": "busy", "to": "ready"}),
    )
    kind, source, payload = kinds[number % len(kinds)]
    return Event(id=f"e-{number}", seq=number, at=at, kind=kind, source=source, payload=payload)


def _lane(number: int) -> Lane:
    kind = number % len(NAMES)
    name = NAMES[kind] if number < len(NAMES) else f"{NAMES[kind]}{number}"
    spec = LaneSpec(
        name=name, window=name, role=ROLES[kind], harness="claude-code", kind=LaneKind.STANDING, cwd=ROOT, outside=False
    )
    record = LaneRecord(
        spec=spec, pane=f"%{number}", pane_pid=1000 + number, pane_tty="", agent=True, argv=("claude",),
        booted_at=NOON - BIRTH,
    )  # fmt: skip
    signal = Signal(source=SignalSource.SCREEN, detail=DETAILS[kind], rule="composer", seen=SEEN[kind], at=NOON)
    state = LaneState(detail=DETAILS[kind], confidence=0.9, rule="composer", evidence=(signal,))
    return Lane(record=record, state=state, title="", screen=SCREEN if name == "web" else ("> ",), run=None)


def _decision(number: int) -> Decision:
    texts = ("Read tasks/T0003-refunds.md and do what it says.", "git push --force origin checkout")
    actions = [
        Dispatch(lane=lane, payload=text, rationale="T0002 is proved; api is idle.")
        for lane, text in zip(("api", "ops"), texts, strict=True)
    ]
    reasons = ("the mode is manual: every action waits for a person", "the text has a forced push")
    id = f"d-20260301-11{number:04}"
    return Decision(
        id=id,
        session="shop",
        created_at=NOON - timedelta(minutes=7 + number),
        brain="claude-code",
        mode=ApprovalMode.MANUAL,
        critique="T0002 is proved and merged. Refunds come next; the branch of the checkout was rebased.",
        items=tuple(
            Item(idx=idx, action=one, verdict=destructive(reason), status=ItemStatus.WAITING, changed_at=NOON)
            for idx, (one, reason) in enumerate(zip(actions, reasons, strict=True))
        ),
        digest=digest_of(id, "shop", actions),
        cycle=f"c-{number}",
    )


def _status(lanes: tuple[Lane, ...], decisions: tuple[Decision, ...], at: datetime) -> Status:
    return Status(
        session="shop",
        root=str(ROOT),
        generated_at=at,
        needs=_needs(lanes, decisions),
        lanes=lanes,
        engine=EngineStatus(
            word=EngineWord.RUNNING,
            paused_by="",
            pid=4711,
            since=NOON - BIRTH,
            code="current",
            decisions=decisions,
            unreadable=(),
            spent=Spent(
                limits=Limits(calls_per_hour=12, usd_per_day=5.0),
                calls_left=9,
                calls_last_hour=3,
                calls_last_day=31,
                usd=1.84,
                unpriced=0,
            ),
            resting=(),
            last_events=(),
        ),
        has_engine=True,
        mail=(_mail(),),
        mail_failed=0,
        tasks=tuple(_tasks()),
        task_problems=(),
        unknown_deliveries=(),
        restarts={},
        guard=None,
        ingest=IngestView(
            mode=IngestMode.OFF,
            waiting=0,
            batch=None,
            last=None,
            counts={},
            problem="",
            unfiled=0,
            filing_problem="",
        ),
        lint=LintView(wiki_at=None, wiki_findings=0, tasks_at=None, task_errors=0, task_warnings=0),
    )


def _needs(lanes: Sequence[Lane], decisions: Sequence[Decision]) -> tuple[Need, ...]:
    for_decisions = [
        Need(
            what=f"decision {one.id}: dispatch api, dispatch ops wait for a yes or a no",
            since=one.created_at,
            next_step=f"loop approve {one.id}",
            kind=NeedKind.DECISION,
            key=one.id,
        )
        for one in decisions
    ]
    for_lanes = [
        Need(
            what=f"lane {one.name} asks for permission: {one.state.evidence[0].seen}",
            since=NOON - timedelta(minutes=2),
            next_step=f"loop attach {one.name}",
            kind=NeedKind.LANE,
            key=one.name,
        )
        for one in lanes
        if one.state.detail is Detail.APPROVAL
    ]
    return (*for_decisions, *for_lanes)


def _mail() -> Message:
    return Message(
        file="20260301-115600-web-to-coord.md",
        id="20260301-115600-web-to-coord",
        sender="web",
        recipient="coord",
        subject="T0002 review",
        body="The cart is emptied after the payment.",
        sent_at=NOON - timedelta(minutes=4),
    )


def _tasks() -> list[Task]:
    titles = ("Login form", "Pay, then empty the cart", "Refunds", "Say so in the manual")
    statuses = (TaskStatus.DONE, TaskStatus.REVIEW, TaskStatus.OPEN, TaskStatus.OPEN)
    return [
        Task(
            id=f"T{number:04}",
            title=title,
            status=status,
            depends_on=(),
            role="implementation",
            file=ROOT / "tasks" / f"T{number:04}.md",
            body="",
        )
        for number, (title, status) in enumerate(zip(titles, statuses, strict=True), start=1)
    ]


def sessions() -> list[SessionView]:
    """The session beside two others, one of which needs nobody."""
    whole, quiet = picture(), picture(lanes=2, decisions=0)
    return [
        SessionView(root=ROOT, session="shop", glance=glance_at(whole.status)),
        SessionView(root=Path("/home/you/infra"), session="infra", glance=glance_at(quiet.status)),
        SessionView(root=Path("/home/you/site"), session="relaunch", glance=glance_at(quiet.status)),
    ]
