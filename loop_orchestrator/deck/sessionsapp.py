"""The deck over several sessions: their table, and the deck of the one that is open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from loop_orchestrator.deck.app import Deck
from loop_orchestrator.deck.screens.main import MainScreen
from loop_orchestrator.deck.screens.sessions import SessionsScreen
from loop_orchestrator.errors import UsageError
from loop_orchestrator.operations.sessions import SessionView

if TYPE_CHECKING:
    from loop_orchestrator.deck.desk import Desk, MakeDesk

EVERY_S = 3.0
"""From the end of one look at all sessions to the next. Each look asks tmux once a session: at half, twenty sessions
cost a tenth of a core; at double, a new need is seen six seconds late."""

Look = Callable[[], Sequence[SessionView]]
"""Reads every session; blocks."""


class SessionsDeck(Deck):
    """Begins with the table. While a session is open, the others are not looked at."""

    def __init__(self, look: Look, desk_of: Callable[[SessionView], MakeDesk], *, only_shows: bool = False) -> None:
        super().__init__(_no_desk, only_shows=only_shows)
        self._look = look
        self._desk_of = desk_of
        self.table = SessionsScreen()

    async def begin(self) -> None:
        """The table first; no session is open."""
        await self.push_screen(self.table)
        self._begin_to_look()

    def open_session(self, view: SessionView) -> None:
        """Show the deck of one session over the table."""
        self.make_desk = self._desk_of(view)
        self.picture = None
        self.main = MainScreen()
        self.run_worker(super().begin(), name="open")

    def go_back(self) -> None:
        """From the deck of a session to the table, once nothing is being done in it."""
        if self.under_way:
            self.tell(", ".join(self.under_way), title="not done yet", good=False)
        elif self.screen is self.main:
            self.workers.cancel_group(self, "watch")
            self.pop_screen()
            self._begin_to_look()

    def _begin_to_look(self) -> None:
        self.run_worker(self._look_on(), name="sessions", group="sessions", exclusive=True, exit_on_error=True)

    async def _look_on(self) -> None:
        while True:
            if self.screen is self.table:
                views = await asyncio.to_thread(self._look)
                if self.table.is_mounted:
                    self.table.show(views)
            await asyncio.sleep(EVERY_S)


def _no_desk() -> Desk:
    raise UsageError("no session is open", hint="Enter opens the chosen one")
