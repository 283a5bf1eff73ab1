"""The main screen: what needs a person, the fleet and the ledgers, and the chosen lane, from left to right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static, TabbedContent, TabPane

from loop_orchestrator.deck.footer import Keys
from loop_orchestrator.deck.panels.fleet import Fleet
from loop_orchestrator.deck.panels.lane import LanePanel
from loop_orchestrator.deck.panels.ledgers import LEDGERS
from loop_orchestrator.deck.panels.needs import Needs
from loop_orchestrator.deck.panels.topline import TopLine
from loop_orchestrator.deck.rows import Rows
from loop_orchestrator.deck.screens.deeds import Deeds
from loop_orchestrator.deck.screens.lane import LaneScreen
from loop_orchestrator.deck.words import BEING_READ
from loop_orchestrator.model.snapshot import Unknown

if TYPE_CHECKING:
    from loop_orchestrator.deck.picture import Picture

WIDE = 120
"""Columns from which on the chosen lane stands beside the fleet; in a narrower terminal Enter opens it."""


class MainScreen(Deeds):
    """Shows one picture; asks the app for everything that a person wants done."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", show=False),
        *(
            Binding(str(number), f"ledger('{ledger.name}')", f"Table of {ledger.name}", show=False)
            for number, ledger in enumerate(LEDGERS, 1)
        ),
        Binding("tab", "app.focus_next", "Next", show=False),
        Binding("shift+tab", "app.focus_previous", "Previous", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.picture: Picture | None = None

    def compose(self) -> ComposeResult:
        yield TopLine()
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield Needs()
            with Vertical(id="middle"):
                yield Fleet()
                with TabbedContent(id="ledgers"):
                    for ledger in LEDGERS:
                        with TabPane(ledger.name, id=f"tab-{ledger.name}"):
                            yield Rows(ledger.columns, empty=BEING_READ, id=ledger.name)
            yield LanePanel()
        yield Input(placeholder="show only rows with these words; Enter keeps them, Esc shows all", id="filter")
        yield Static("", id="under-way", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        self.query_one("#filter").display = False
        self.query_one("#under-way").display = False
        self.query_one(Needs).focus()
        if self.app.picture is not None:
            self.show(self.app.picture)

    def on_resize(self) -> None:
        self.set_class(self.size.width < WIDE, "narrow")

    def show(self, picture: Picture) -> None:
        """Paint what this picture has that the last one had not."""
        self.picture = picture
        self.query_one(TopLine).show(picture, only_shows=self.app.only_shows)
        self.query_one(Needs).paint(picture)
        self.query_one(Fleet).paint(picture)
        for ledger in LEDGERS:
            rows = ledger.rows(picture)
            table = self.query_one(f"#{ledger.name}", Rows)
            if isinstance(rows, Unknown):
                table.show([], empty=f"cannot be read: {rows.reason}")
            else:
                table.show(rows, empty=ledger.empty)
        self.query_one(LanePanel).show(picture, self.lane)

    def blind(self, reason: str) -> None:
        """Say why nothing is known; what was seen last stays."""
        self.query_one(TopLine).say(f"not seen: {reason}")
        if self.picture is None:
            for table in self.query(Rows):
                table.show([], empty="cannot be seen now; the first line says why")

    def tell_under_way(self, whats: Sequence[str]) -> None:
        """Say what is being done, as long as it lasts."""
        line = self.query_one("#under-way", Static)
        line.update(f"… {', '.join(whats)}" if whats else "", layout=False)
        line.display = bool(whats)

    @property
    def lane(self) -> str:
        """The chosen one; empty: there is none."""
        return self.query_one(Fleet).key

    @on(Rows.Moved, "#fleet")
    def _lane_chosen(self) -> None:
        if self.picture is not None:
            self.query_one(LanePanel).show(self.picture, self.lane)

    @on(Rows.Chosen, "#fleet")
    def _lane_opened(self) -> None:
        self.app.push_screen(LaneScreen(self.lane))

    @on(Rows.Chosen, "#needs")
    def _need_opened(self, event: Rows.Chosen) -> None:
        if (need := self.query_one(Needs).need(event.key)) is not None:
            self.app.open_need(need)

    @on(Rows.Chosen)
    def _record_opened(self, event: Rows.Chosen) -> None:
        if event.rows.id in {ledger.name for ledger in LEDGERS}:
            self.app.open_record(event.rows.id or "", event.key)

    def action_ledger(self, name: str) -> None:
        """Turn to one of the tables below the fleet."""
        self.query_one("#ledgers", TabbedContent).active = f"tab-{name}"
        self.set_focus(self.query_one(f"#{name}", Rows))  # at once: the next key may be typed already

    def action_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.display = True
        field.focus()

    @on(Input.Changed, "#filter")
    def _filtered(self, event: Input.Changed) -> None:
        for table in self.query(Rows):
            table.filter_by(event.value)

    @on(Input.Submitted, "#filter")
    def _kept(self) -> None:
        self.query_one(Fleet).focus()

    def key_escape(self) -> None:
        field = self.query_one("#filter", Input)
        if field.display:
            field.value = ""
            field.display = False
            self.query_one(Fleet).focus()
        else:
            self.app.go_back()
