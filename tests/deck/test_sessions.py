"""The table of sessions: who needs a person stands first; Enter opens one, Esc comes back."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from textual.pilot import Pilot

from docs.deckscene import NOON, picture, sessions
from loop_orchestrator.deck.desk import Desk
from loop_orchestrator.deck.rows import Rows
from loop_orchestrator.deck.screens.sessions import row_of
from loop_orchestrator.deck.sessionsapp import SessionsDeck
from loop_orchestrator.errors import UsageError
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.operations.sessions import SessionView, glance_at, session_shape, session_view

LIMIT_S = 20.0


def on(app: SessionsDeck) -> str:
    """Which screen is shown."""
    return type(app.screen).__name__


def no_desk() -> Desk:
    raise UsageError("nothing is there")


class Opened(SessionsDeck):
    """Notes which sessions were opened; their projects are gone."""

    def __init__(self, views: Sequence[SessionView], *, only_shows: bool = False) -> None:
        self.opened: list[str] = []

        def desk_of(view: SessionView):  # type: ignore[no-untyped-def]
            self.opened.append(view.name)
            return no_desk

        super().__init__(lambda: views, desk_of, only_shows=only_shows)


async def table_of(app: SessionsDeck, pilot: Pilot[None]) -> list[str]:
    """Its lines, once it has rows."""
    async with asyncio.timeout(LIMIT_S):
        while not app.table.query_one(Rows).key:
            await pilot.pause()
    rows = app.table.query_one(Rows)
    return [rows.render_line(y).text.rstrip() for y in range(rows.size.height)]


def test_those_that_need_a_person_stand_first_the_longest_wait_above() -> None:
    longest = picture(decisions=3).status
    first, *others = sessions()
    waits = dataclasses.replace(first, session="waits", glance=glance_at(longest))
    gone = SessionView(root=Path("/x/gone"), session="gone", glance=Unknown("lane-config.yaml:1: lanes: no"))

    async def main() -> None:
        app = Opened([gone, *others, first, waits])
        async with app.run_test(size=(160, 20)) as pilot:
            lines = await table_of(app, pilot)
            names = [line.split()[0] for line in lines[1:] if line]
            assert names == ["shop/waits", "shop/shop", "gone/gone", "infra/infra", "site/relaunch"]
            assert "cannot be read: lane-config.yaml:1: lanes: no" in lines[3]
            assert "5 sessions · 2 need you" in str(app.table.query_one("#sessions-head").render())

    asyncio.run(main())


def test_enter_opens_one_and_escape_comes_back() -> None:
    async def main() -> None:
        app = Opened(sessions())
        async with app.run_test(size=(120, 30)) as pilot:
            await table_of(app, pilot)
            await pilot.press("down", "enter")
            await pilot.pause()
            assert app.opened == ["infra/infra"] and on(app) == "MainScreen"
            await pilot.press("escape")
            await pilot.pause()
            assert on(app) == "SessionsScreen" and app.table.query_one(Rows).key == "/home/you/infra\0infra"
            await pilot.press("up", "enter")
            await pilot.pause()
            assert app.opened == ["infra/infra", "shop/shop"] and on(app) == "MainScreen"

    asyncio.run(main())


def test_escape_waits_for_what_is_under_way() -> None:
    async def main() -> None:
        app = Opened(sessions())
        async with app.run_test(size=(120, 30)) as pilot:
            await table_of(app, pilot)
            await pilot.press("enter")
            await pilot.pause()
            app.under_way.append("approving d-1")
            await pilot.press("escape")
            await pilot.pause()
            assert on(app) == "MainScreen"
            app.under_way.clear()
            await pilot.press("escape")
            await pilot.pause()
            assert on(app) == "SessionsScreen"

    asyncio.run(main())


def test_a_deck_that_only_shows_says_so() -> None:
    async def main() -> None:
        app = Opened(sessions(), only_shows=True)
        async with app.run_test(size=(80, 24)) as pilot:
            await table_of(app, pilot)
            assert str(app.table.query_one("#sessions-head").render()).startswith("read-only")

    asyncio.run(main())


def test_a_row_has_engine_decisions_lanes_spend_and_the_oldest_need() -> None:
    cells = row_of(sessions()[0]).cells
    assert cells[:5] == (
        "shop/shop",
        "running",
        "1",
        "1 awaiting-approval, 1 errored, 2 idle, 2 working",
        "1.84 of 5 USD, 31 calls",
    )
    assert cells[5].startswith("7m decision d-")


def test_the_document_has_the_same_and_null_for_what_could_not_be_read() -> None:
    whole = session_shape(sessions()[0])
    assert (whole["engine"], whole["decisions"], whole["needs"]) == ("running", 1, 2)
    oldest = whole["oldest_need"]
    assert isinstance(oldest, dict) and oldest["since"] == (NOON - timedelta(minutes=7)).strftime(
        "%Y-%m-%dT%H:%M:%S.000Z"
    )
    gone = session_view(Path("/x"), "s", lambda: no_desk().world)
    shape = session_shape(gone)
    assert shape["unseen"] == "nothing is there" and shape["engine"] is None
    assert set(shape) == set(whole)
