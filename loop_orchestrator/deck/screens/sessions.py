"""Every session of some projects in one table; Enter opens the deck of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Static

from loop_orchestrator.deck.footer import Keys
from loop_orchestrator.deck.rows import Column, Row, Rows
from loop_orchestrator.deck.words import counted
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.operations.sessions import TITLES, SessionView, cells_of

if TYPE_CHECKING:
    from loop_orchestrator.deck.sessionsapp import SessionsDeck

COLUMNS = tuple(Column(title, width) for title, width in zip(TITLES, (16, 8, 6, 20, 16, 30), strict=True))
NONE = "These projects have no session. loop up begins one."


class SessionsScreen(Screen[None]):
    """Rows by need: those that wait for a person stand first, the longest wait above."""

    app: SessionsDeck

    DEFAULT_CSS = """
    SessionsScreen > #sessions-head { height: 1; background: $panel; padding: 0 1; text-wrap: nowrap; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open"),
        Binding("o", "sort", "Sort"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._views: dict[str, SessionView] = {}
        self._reading = True

    def compose(self) -> ComposeResult:
        yield Static("reading the sessions", id="sessions-head", markup=False)
        yield Rows(COLUMNS, empty="reading …", id="sessions")
        yield Keys()

    def show(self, views: Sequence[SessionView]) -> None:
        """Put these in the place of what is shown."""
        self._views = {view.key: view for view in views}
        waiting = sum(1 for view in views if not isinstance(view.glance, Unknown) and view.glance.needs)
        says = "needs you" if waiting == 1 else "need you"
        only = "read-only · " if self.app.only_shows else ""
        self.query_one("#sessions-head", Static).update(
            f"{only}{counted(len(views), 'session')} · {f'{waiting} {says}' if waiting else 'none needs you'}",
            layout=False,
        )
        self.query_one(Rows).show([row_of(view) for view in sorted(views, key=_urgency)], empty=NONE)

    @on(Rows.Chosen, "#sessions")
    def _opened(self, event: Rows.Chosen) -> None:
        if (view := self._views.get(event.key)) is not None:
            self.app.open_session(view)

    def action_open(self) -> None:
        self.query_one(Rows).action_choose()

    def action_sort(self) -> None:
        self.query_one(Rows).action_sort()


def row_of(view: SessionView) -> Row:
    """One session in the columns of the table."""
    cells, glance = cells_of(view), view.glance
    if isinstance(glance, Unknown):
        return Row(key=view.key, cells=cells, style="rows--failure")
    return Row(key=view.key, cells=cells, style="rows--person" if glance.needs else "")


def _urgency(view: SessionView) -> tuple[int, float, str]:
    glance = view.glance
    if isinstance(glance, Unknown):
        return 1, 0.0, view.key
    if glance.oldest is None:
        return 2, 0.0, view.key
    since = glance.oldest.since
    return 0, since.timestamp() if since else glance.at.timestamp(), view.key
