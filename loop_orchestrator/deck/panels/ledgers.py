"""The other tables of the main screen: events, mail, tasks, loops, routes, ADRs, asks. A family: one entry each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

from loop_orchestrator.deck.picture import MOST_EVENTS
from loop_orchestrator.deck.rows import Column, Row
from loop_orchestrator.deck.words import age
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.operations.telling import Weight, row_text, weight_of

if TYPE_CHECKING:
    from loop_orchestrator.deck.picture import Picture
    from loop_orchestrator.model.event import Event


@dataclass(frozen=True)
class Ledger:
    """One table: what its columns are, and what a picture says there."""

    name: str
    """also the id of its tab"""
    columns: tuple[Column, ...]
    rows: Callable[[Picture], Sequence[Row] | Unknown]
    empty: str


_WEIGHTS: Mapping[Weight, str] = {
    Weight.QUIET: "rows--quiet",
    Weight.PERSON: "rows--person",
    Weight.FAILURE: "rows--failure",
}


class _EventRows(Sequence[Row]):
    """Rows of events, newest first. A row is made when it is looked at, once for all pictures that have its event."""

    def __init__(self, events: Sequence[Event] = (), made: dict[int, tuple[Event, Row]] | None = None) -> None:
        self.events = events
        self._made = {} if made is None else made

    def of(self, events: Sequence[Event]) -> _EventRows:
        """These events, with the rows that are made already."""
        if events is self.events:
            return self
        if len(self._made) > 2 * MOST_EVENTS:
            self._made.clear()
        return _EventRows(events, self._made)

    def __len__(self) -> int:
        return len(self.events)

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | Sequence[Row]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        event = self.events[-1 - place]
        found = self._made.get(event.seq)
        if found is None or found[0] is not event:
            found = self._made[event.seq] = (event, _event_row(event))
        return found[1]


class _Events:
    """The rows of the newest picture, for those of the next."""

    def __init__(self) -> None:
        self._rows = _EventRows()

    def __call__(self, picture: Picture) -> Sequence[Row]:
        self._rows = self._rows.of(picture.events)
        return self._rows


def _event_row(event: Event) -> Row:
    return Row(
        key=str(event.seq),
        cells=(f"{event.at.astimezone():%H:%M:%S}", event.kind, row_text(event)),
        style=_WEIGHTS.get(weight_of(event), ""),
    )


def _mail(picture: Picture) -> Sequence[Row] | Unknown:
    mail = picture.status.mail
    if isinstance(mail, Unknown):
        return mail
    now = picture.status.generated_at
    return [Row(key=one.file, cells=(age(now, one.sent_at), one.sender, one.recipient, one.subject)) for one in mail]


def _asks(picture: Picture) -> Sequence[Row] | Unknown:
    asks = picture.status.asks
    if isinstance(asks, Unknown):
        return asks
    now = picture.status.generated_at
    return [
        Row(
            key=one.id,
            cells=(age(now, one.asked_at), one.lane, f"{one.deadline.astimezone():%H:%M}", one.question),
            style="rows--failure" if one.is_due(now) else "",
        )
        for one in asks
    ]


def _tasks(picture: Picture) -> Sequence[Row] | Unknown:
    tasks = picture.status.tasks
    if isinstance(tasks, Unknown):
        return tasks
    lanes = {} if isinstance(picture.assignments, Unknown) else {one.task: one.lane for one in picture.assignments}
    return [
        Row(key=one.id, cells=(one.id, one.status.value, one.role, lanes.get(one.id, ""), one.title)) for one in tasks
    ]


def _loops(picture: Picture) -> Sequence[Row] | Unknown:
    state = picture.state
    if isinstance(state, Unknown):
        return state
    return [Row(key=one.id, cells=(one.id, one.status, one.branch, one.name)) for one in state.loops]


def _routes(picture: Picture) -> Sequence[Row] | Unknown:
    if isinstance(picture.routes, Unknown):
        return picture.routes
    now = picture.status.generated_at
    rows = []
    for view in picture.routes:
        sources = ", ".join(view.route.when.sources)
        rows.append(
            Row(
                key=view.route.name,
                cells=(view.route.name, f"{len(view.waiting)} wait", f"{sources} -> {view.route.actor}"),
            )
        )
        for entry in view.waiting:
            what = str(entry.event.payload.get("detail", ""))
            state = "at work" if entry.claimed else age(now, entry.event.at)
            rows.append(Row(key=f"{view.route.name} {entry.event.seq}", cells=("", state, what), style="rows--quiet"))
    for letter in picture.status.dead_letters:
        what = f"{letter.event.payload.get('detail', '')}: {letter.reason}"
        rows.append(Row(key=letter.id, cells=(letter.id, "given up", what), style="rows--failure"))
    return rows


def _adrs(picture: Picture) -> Sequence[Row] | Unknown:
    if isinstance(picture.adrs, Unknown):
        return picture.adrs
    return [
        Row(
            key=one.id,
            cells=(one.id, one.status.value, one.title),
            style="rows--person" if one.status.value.casefold() == "proposed" else "",
        )
        for one in reversed(picture.adrs)
    ]


LEDGERS: tuple[Ledger, ...] = (
    Ledger("events", (Column("AT", 8), Column("EVENT", 18), Column("WHAT", 30)), _Events(), "Nothing happened yet."),
    Ledger(
        "mail", (Column("AGE", 4), Column("FROM", 10), Column("TO", 10), Column("SUBJECT", 30)), _mail, "No mail waits."
    ),
    Ledger(
        "tasks",
        (Column("TASK", 6), Column("STATUS", 11), Column("ROLE", 14), Column("LANE", 10), Column("TITLE", 30)),
        _tasks,
        "No tasks; tasks/README.md says how to write one.",
    ),
    Ledger(
        "loops",
        (Column("LOOP", 12), Column("STATUS", 10), Column("BRANCH", 20), Column("NAME", 30)),
        _loops,
        "The ledger has no loops.",
    ),
    Ledger("routes", (Column("ROUTE", 14), Column("STATE", 9), Column("WHAT", 30)), _routes, "There is no route."),
    Ledger(
        "adrs",
        (Column("ADR", 6), Column("STATUS", 10), Column("TITLE", 30)),
        _adrs,
        "No architecture decision was proposed.",
    ),
    Ledger(
        "asks",
        (Column("AGE", 4), Column("LANE", 10), Column("UNTIL", 5), Column("QUESTION", 30)),
        _asks,
        "No lane owes an answer.",
    ),
)
"""In the order of their tabs."""
