"""Pictures of lanes, and a deck that shows one without a session."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import ClassVar, NoReturn

from textual.pilot import Pilot

from loop_orchestrator.deck.app import Deck
from loop_orchestrator.deck.picture import Picture
from loop_orchestrator.errors import LoopError
from loop_orchestrator.model.budget import Limits, Spent
from loop_orchestrator.model.event import Event
from loop_orchestrator.model.lane import Detail, Lane, LaneKind
from loop_orchestrator.model.message import Message
from loop_orchestrator.model.restart import RestartNote
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.model.state import LoopState
from loop_orchestrator.model.task import Assignment
from loop_orchestrator.operations.engine_view import EngineStatus, EngineWord
from loop_orchestrator.operations.memory_view import LintView
from loop_orchestrator.operations.status import Status
from tests.support.builders import NOW, a_lane

NARROW, WIDE = (80, 24), (160, 40)

HOSTILE = "[bold red]no[/] \x1b[31m\x1b]0;t\x07 \u202edcba 👩‍💻 漢字 \x00"
"""Markup, escape codes, right to left, wide characters, control characters."""


def lane_showing(
    name: str = "web",
    screen: Sequence[str] = ("❯ ",),
    detail: Detail = Detail.READY,
    *,
    kind: LaneKind = LaneKind.STANDING,
) -> Lane:
    return replace(a_lane(name, detail, kind=kind), screen=tuple(screen))


def a_picture_of(
    *lanes: Lane,
    unseen: str = "",
    mail: Sequence[Message] = (),
    assignments: Sequence[Assignment] = (),
    restarts: Mapping[str, RestartNote] | None = None,
    branches: Mapping[str, str] | None = None,
    since: Mapping[str, datetime] | None = None,
    events: Sequence[Event] = (),
    paused_by: str = "",
) -> Picture:
    engine = EngineStatus(
        word=EngineWord.RUNNING,
        paused_by=paused_by,
        pid=None,
        since=None,
        code="",
        decisions=(),
        unreadable=(),
        spent=Spent(limits=Limits(calls_per_hour=12), calls_left=12, usd=0.0, unpriced=0),
        resting=(),
        last_events=(),
    )
    status = Status(
        session="demo",
        root="/project",
        generated_at=NOW,
        needs=(),
        lanes=Unknown(unseen) if unseen else lanes,
        engine=engine,
        has_engine=True,
        mail=tuple(mail),
        mail_failed=0,
        tasks=(),
        task_problems=(),
        unknown_deliveries=(),
        restarts=restarts or {},
        guard=None,
        ingest=Unknown("no wiki"),
        lint=LintView(wiki_at=None, wiki_findings=0, tasks_at=None, task_errors=0, task_warnings=0),
    )
    return Picture(
        status=status,
        state=LoopState(updated_at=None),
        adrs=(),
        routes=(),
        assignments=tuple(assignments),
        since=since or {},
        events=tuple(events),
        branches=branches or {},
    )


class Nowhere:
    """A desk without a session."""

    caller: ClassVar[str] = "ann"
    environ: ClassVar[Mapping[str, str]] = {}
    socket: ClassVar[str] = "none"

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


Steps = Callable[[Deck, Pilot[None]], Awaitable[None]]


def drive(picture: Picture, steps: Steps, *, size: tuple[int, int] = NARROW, only_shows: bool = False) -> None:
    """A deck that shows this picture with the fleet in focus, and what a person does with it."""

    async def run() -> None:
        deck = Deck(Nowhere, only_shows=only_shows)
        async with deck.run_test(size=size, notifications=True) as pilot:
            deck.show(picture)
            deck.main.query_one("#fleet").focus()
            await pilot.pause()
            await steps(deck, pilot)

    asyncio.run(run())


async def until(pilot: Pilot[None], probe: Callable[[], object], *, limit_s: float = 60.0) -> None:
    """Return once it is so. AssertionError with what the screen shows when the limit is over."""
    deadline = time.monotonic() + limit_s
    while not probe():
        assert time.monotonic() < deadline, f"not within {limit_s} s:\n{shown_on(pilot.app)}"  # type: ignore[arg-type]
        await pilot.pause(0.01)


def shown_on(deck: Deck) -> str:
    """What stands on the terminal, a line a row."""
    return "\n".join(strip.text for strip in deck.screen._compositor.render_strips(deck.size))
