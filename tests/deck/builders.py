"""Pictures with defaults, and a deck that shows them without a session."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NoReturn

from textual.pilot import Pilot

from loop_orchestrator.actions.base import ActionKind
from loop_orchestrator.actions.dispatch import Dispatch
from loop_orchestrator.deck.app import Deck
from loop_orchestrator.deck.picture import Picture
from loop_orchestrator.engine.approval import digest_now
from loop_orchestrator.errors import LoopError
from loop_orchestrator.model.budget import Limits, Spent
from loop_orchestrator.model.decision import ApprovalMode, Decision, DecisionStatus, Item, ItemStatus
from loop_orchestrator.model.delivery import Receipt
from loop_orchestrator.model.event import Event
from loop_orchestrator.model.lane import Lane
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.model.state import LoopState
from loop_orchestrator.model.verdict import SAFE, Verdict
from loop_orchestrator.operations.engine_view import EngineStatus, EngineWord
from loop_orchestrator.operations.memory_view import LintView
from loop_orchestrator.operations.need import Need, NeedKind
from loop_orchestrator.operations.status import Status
from tests.support.builders import NOW

if TYPE_CHECKING:
    from loop_orchestrator.deck.desk import Desk

NARROW = (80, 24)


def an_item(
    idx: int = 0,
    payload: str = "Read the style guide.",
    *,
    lane: str = "web",
    verdict: Verdict = SAFE,
    status: ItemStatus = ItemStatus.WAITING,
    note: str = "",
    action: ActionKind | None = None,
    changed_at: datetime = NOW,
) -> Item:
    action = action or Dispatch(lane=lane, payload=payload, rationale="web is idle")
    return Item(idx=idx, action=action, verdict=verdict, status=status, note=note, changed_at=changed_at)


def a_decision(
    id: str = "d-1", *items: Item, critique: str = "All is well.", created_at: datetime = NOW, **more: object
) -> Decision:
    """With its digest; without items it has one that waits."""
    made = Decision(
        id=id,
        session="demo",
        created_at=created_at,
        brain="rules",
        mode=ApprovalMode.MANUAL,
        critique=critique,
        items=items or (an_item(),),
        digest="",
        cycle="c-1",
    )
    made = replace(made, **more)  # type: ignore[arg-type]
    return replace(made, digest=digest_now(made))


def a_need(decision: Decision) -> Need:
    """As `loop status` has it of a decision that waits."""
    return Need(
        what=f"decision {decision.id}: it waits for a yes or a no",
        since=decision.created_at,
        next_step=f"loop approve {decision.id}",
        kind=NeedKind.DECISION,
        key=decision.id,
    )


def a_picture(
    *decisions: Decision,
    lanes: Sequence[Lane] | Unknown = (),
    needs: Sequence[Need] | None = None,
    events: Sequence[Event] = (),
    unknown_deliveries: Sequence[Receipt] = (),
    standing: Sequence[str] = (),
    since: Mapping[str, datetime] | None = None,
    after_s: float = 0.0,
    expires_s: float | None = None,
    signed: bool = False,
    word: EngineWord = EngineWord.RUNNING,
) -> Picture:
    """What a session shows, ``after_s`` seconds after NOW; every waiting decision is a need where none are given."""
    engine = EngineStatus(
        word=word,
        paused_by="",
        pid=None,
        since=None,
        code="",
        decisions=decisions,
        unreadable=(),
        spent=Spent(limits=Limits(calls_per_hour=12), calls_left=12, usd=0.0, unpriced=0),
        resting=(),
        last_events=(),
    )
    waiting = [a_need(one) for one in decisions if one.status is DecisionStatus.WAITING]
    status = Status(
        session="demo",
        root="/project",
        generated_at=NOW + timedelta(seconds=after_s),
        needs=tuple(waiting if needs is None else needs),
        lanes=lanes if isinstance(lanes, Unknown) else tuple(lanes),
        engine=engine,
        has_engine=True,
        mail=(),
        mail_failed=0,
        tasks=(),
        task_problems=(),
        unknown_deliveries=tuple(unknown_deliveries),
        restarts={},
        guard=None,
        standing=frozenset(standing),
        ingest=Unknown("no wiki"),
        lint=LintView(wiki_at=None, wiki_findings=0, tasks_at=None, task_errors=0, task_warnings=0),
    )
    return Picture(
        status=status,
        state=LoopState(updated_at=None),
        adrs=(),
        routes=(),
        assignments=(),
        since=since or {},
        events=tuple(events),
        expires_s=expires_s,
        signed=signed,
    )


class NoDesk:
    """A desk without a session: what a test does not stand in for itself is refused."""

    caller: ClassVar[str] = "ann"
    socket: ClassVar[str] = "loop"
    environ: ClassVar[Mapping[str, str]] = {}

    @property
    def world(self) -> NoReturn:
        raise LoopError("there is no session")

    @property
    def surroundings(self) -> NoReturn:
        raise LoopError("there is no session")

    @property
    def config_places(self) -> tuple[Path, ...]:
        return ()

    def require_accepted(self) -> None:
        pass

    def signing_key(self) -> Path | None:
        return None


def a_desk() -> Desk:
    return NoDesk()


class Shown(Deck):
    """Shows the pictures that a test gives it, and takes none itself."""

    async def _watch(self) -> None:
        pass


def drive(
    picture: Picture,
    steps: Callable[[Deck, Pilot[None]], Awaitable[None]],
    *,
    size: tuple[int, int] = NARROW,
    only_shows: bool = False,
) -> None:
    """A deck that shows this picture, and what a person does with it."""

    async def run() -> None:
        deck = Shown(a_desk, only_shows=only_shows)
        async with deck.run_test(size=size) as pilot:
            deck.show(picture)
            await pilot.pause()
            await steps(deck, pilot)

    asyncio.run(run())


async def until(pilot: Pilot[None], probe: Callable[[], object], *, limit_s: float = 60.0) -> None:
    """Return once it is so. AssertionError with what the screen shows when the limit is over."""
    deadline = time.monotonic() + limit_s
    while not probe():
        assert time.monotonic() < deadline, f"not within {limit_s} s:\n{screen_text(pilot.app)}"  # type: ignore[arg-type]
        await pilot.pause(0.01)


def screen_text(deck: Deck) -> str:
    """What stands on the terminal, a line a row."""
    size = deck.size
    strips = deck.screen._compositor.render_strips(size)
    return "\n".join(strip.text for strip in strips)
