"""The chosen lane, read-only: its screen, why it is believed to be in its state, its mail, its changes, its history."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from loop_orchestrator.deck.text import Plain
from loop_orchestrator.deck.words import SIGNS, age
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.operations.telling import row_text

if TYPE_CHECKING:
    from loop_orchestrator.deck.picture import Picture
    from loop_orchestrator.model.lane import Lane

SIDES = ("screen", "evidence", "mail", "diff", "history")
MOST_EVENTS = 200


class LanePanel(Vertical):
    """One side of the chosen lane at a time; [ and ] go on to the next."""

    DEFAULT_CSS = """
    LanePanel > .head { height: 1; color: $text-muted; text-style: bold; text-wrap: nowrap; text-overflow: ellipsis; }
    LanePanel > VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; }
    LanePanel > VerticalScroll > Plain { width: 100%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left_square_bracket", "side(-1)", "Side before", show=False),
        Binding("right_square_bracket", "side(1)", "Next side", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="lane")
        self._picture: Picture | None = None
        self._lane = ""
        self._side = 0
        self.diff = ""
        """of the chosen lane, as far as it was asked for"""

    @property
    def side(self) -> str:
        return SIDES[self._side]

    def compose(self) -> ComposeResult:
        yield Static("", classes="head", markup=False)
        with VerticalScroll():
            yield Plain()

    def show(self, picture: Picture, lane: str) -> None:
        """This lane, as it is in this picture."""
        if lane != self._lane:
            self.diff = ""
        self._picture, self._lane = picture, lane
        self._paint()

    def turn_to(self, side: str) -> None:
        self._side = SIDES.index(side)
        self._paint()

    def action_side(self, by: int) -> None:
        self._side = (self._side + by) % len(SIDES)
        self._paint()

    def _paint(self) -> None:
        head, body = self._texts()
        self.query_one(".head", Static).update(head, layout=False)
        self.query_one(Plain).show(body)

    def _texts(self) -> tuple[str, str]:
        if self._picture is None or not self._lane:
            return "no lane is chosen", ""
        sides = " ".join(f"[{one}]" if one == self.side else one for one in SIDES)
        lanes = self._picture.status.lanes
        found = None if isinstance(lanes, Unknown) else next((one for one in lanes if one.name == self._lane), None)
        if found is None:
            return f"{self._lane}: not seen  {sides}", ""
        state = f"{SIGNS[found.state.word]} {found.state.detail.value}"
        return f"{self._lane} {state}  {sides}", self._body(found)

    def _body(self, lane: Lane) -> str:
        assert self._picture is not None
        match self.side:
            case "screen":
                return "\n".join(lane.screen).rstrip()
            case "evidence":
                return evidence_of(lane, self._picture)
            case "mail":
                return mail_of(lane.name, self._picture)
            case "diff":
                return self.diff or "Nothing is uncommitted, or it was not read yet."
            case _:
                return history_of(lane.name, self._picture)


def evidence_of(lane: Lane, picture: Picture) -> str:
    """Why the lane is believed to be in its state, a sentence a line."""
    state, now = lane.state, picture.status.generated_at
    since = age(now, picture.since.get(lane.name))
    lines = [
        f"{state.word.value} ({state.detail.value}), {state.confidence:.0%} sure" + (f", for {since}" if since else "")
    ]
    for number, signal in enumerate(state.evidence):
        why = state.why[number] if number < len(state.why) else ""
        lines.append(
            f"{signal.source.value} {age(now, signal.at)}: {signal.detail.value}, by {signal.rule}: {signal.seen}"
        )
        if why:
            lines.append(f"    {why}")
    return "\n".join(lines)


def mail_of(lane: str, picture: Picture) -> str:
    """Pending messages from and to the lane."""
    mail = picture.status.mail
    if isinstance(mail, Unknown):
        return f"The mail cannot be read: {mail.reason}"
    now = picture.status.generated_at
    lines = [
        f"{age(now, one.sent_at)} {one.sender} -> {one.recipient}: {one.subject}\n{one.body}\n"
        for one in mail
        if lane in (one.sender, one.recipient)
    ]
    return "\n".join(lines) or "No mail from or to it waits."


def history_of(lane: str, picture: Picture) -> str:
    """The newest events that name the lane, newest first."""
    found = [event for event in picture.events if event.payload.get("lane") == lane or event.source == f"lane:{lane}"]
    lines = [f"{one.at.astimezone():%H:%M:%S} {one.kind} {row_text(one)}" for one in reversed(found[-MOST_EVENTS:])]
    return "\n".join(lines) or "Nothing happened to it lately."
