"""The chosen lane, read-only: its screen, why it is believed to be in its state, its mail, its changes, its history."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from loop_orchestrator.deck.pager import Pager, of_diff
from loop_orchestrator.deck.panels.sides import evidence_of, facts_of, history_of, mail_of, state_of
from loop_orchestrator.deck.text import harmless
from loop_orchestrator.errors import LoopError
from loop_orchestrator.model.lane import Detail
from loop_orchestrator.model.snapshot import Unknown

if TYPE_CHECKING:
    from loop_orchestrator.deck.app import Deck
    from loop_orchestrator.deck.desk import Desk
    from loop_orchestrator.deck.live import Follower, LiveScreen
    from loop_orchestrator.deck.picture import Picture
    from loop_orchestrator.model.lane import Lane

SIDES = ("screen", "evidence", "mail", "diff", "history")


class LanePanel(Vertical):
    """One side of the chosen lane at a time, and above it what the lane is and which key turns to which side."""

    app: Deck

    DEFAULT_CSS = """
    LanePanel > Static { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    LanePanel > .state { text-style: bold; }
    LanePanel > .facts, LanePanel > .sides { color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(number), f"turn('{side}')", side, show=False) for number, side in enumerate(SIDES, start=1)),
        Binding("r", "read_diff", "Read the diff again", show=False),
    ]

    class Drawn(Message):
        """The terminal of the followed lane shows something else."""

        def __init__(self, screen: LiveScreen) -> None:
            super().__init__()
            self.screen = screen

    def __init__(self) -> None:
        super().__init__(id="lane")
        self._picture: Picture | None = None
        self._lane = ""
        self._side = 0
        self._live: LiveScreen | None = None
        self._diff = ""
        """of the chosen lane; empty: it was not read yet"""
        self._reads = False
        """the diff of the chosen lane is being read"""
        self._said: dict[str, str] = {}
        self._followed = ""
        """the lane whose terminal is to be followed; empty: none"""
        self._follower: Follower | None = None
        self._is_gone = False

    @property
    def side(self) -> str:
        return SIDES[self._side]

    def compose(self) -> ComposeResult:
        yield Static("", classes="state", markup=False)
        yield Static("", classes="facts", markup=False)
        yield Static("", classes="sides", markup=False)
        yield Pager()

    def on_mount(self) -> None:
        self.run_worker(self._follow, name="live", thread=True, exit_on_error=True)

    def on_unmount(self) -> None:
        self._is_gone = True
        if self._follower is not None:
            self._follower.end()

    def show(self, picture: Picture, lane: str) -> None:
        """This lane, as it is in this picture."""
        turned = lane != self._lane
        self._picture, self._lane = picture, lane
        if turned:
            self._live, self._diff, self._reads = None, "", False
        self._paint(turned=turned)

    def turn_to(self, side: str) -> None:
        self._side = SIDES.index(side)
        self._paint(turned=True)

    def action_turn(self, side: str) -> None:
        self.turn_to(side)

    def action_side(self, by: int) -> None:
        self.turn_to(SIDES[(self._side + by) % len(SIDES)])

    def action_read_diff(self) -> None:
        """Have the diff read anew, and turn to it."""
        self._diff = ""
        self.turn_to("diff")

    def _follow(self) -> None:
        """In a thread of its own, which also imports what the first frame needs nothing of."""
        from loop_orchestrator.deck.live import Follower

        follower = self._follower = Follower(self.app.make_desk, self._drawn)
        follower.turn_to(self._followed)
        if self._is_gone:  # before there was anything to end
            follower.end()
        follower.run()

    def _drawn(self, screen: LiveScreen) -> None:
        self.post_message(self.Drawn(screen))

    def on_lane_panel_drawn(self, message: Drawn) -> None:
        message.stop()
        if message.screen.lane == self._lane:
            self._live = message.screen
            if self.side == "screen":
                self._paint_body(turned=False)

    def _paint(self, *, turned: bool) -> None:
        picture, lane = self._picture, self._seen()
        there = lane is not None and lane.state.detail is not Detail.MISSING
        follows = there and self.side == "screen" and self.display and self.screen.is_current
        self._followed = self._lane if follows else ""
        if self._follower is not None:
            self._follower.turn_to(self._followed)
        if not follows:
            self._live = None
        if self.side == "diff" and not self._diff and not self._reads and self._lane and self.display:
            self._read_diff()
        if picture is None or not self._lane:
            head, facts = "no lane is chosen", ""
        elif lane is None:
            head, facts = f"{self._lane}: not seen", ""
        else:
            head, facts = state_of(lane, picture), facts_of(lane, picture)
        sides = " ".join(f"{'▸' if side == self.side else number} {side}" for number, side in enumerate(SIDES, 1))
        for name, text in (("state", head), ("facts", facts), ("sides", sides)):
            if self._said.get(name) != text:
                self._said[name] = text
                self.query_one(f".{name}", Static).update(harmless(text), layout=False)
        self._paint_body(turned=turned)

    def _seen(self) -> Lane | None:
        lanes = self._picture.status.lanes if self._picture is not None else ()
        return None if isinstance(lanes, Unknown) else next((one for one in lanes if one.name == self._lane), None)

    def _paint_body(self, *, turned: bool) -> None:
        pager, picture, lane = self.query_one(Pager), self._picture, self._seen()
        if picture is None or lane is None:
            why = picture.status.lanes if picture is not None else None
            pager.show(f"The lanes cannot be seen: {why.reason}" if isinstance(why, Unknown) else "")
        elif self.side == "screen":
            pager.show("\n".join(self._rows(lane)), wraps=False, at_end=True)
        elif self.side == "evidence":
            pager.show(evidence_of(lane, picture))
        elif self.side == "mail":
            pager.show(mail_of(lane.name, picture))
        elif self.side == "diff":
            pager.show(f"r reads it again. {self._diff}" if self._diff else "It is being read.", style_of=of_diff)
        else:
            pager.show(history_of(lane.name, picture))
        if turned and self.side != "screen":
            pager.to_top()

    def _rows(self, lane: Lane) -> tuple[str, ...]:
        """The screen without the empty rows below it; while it is followed, no picture has a newer one."""
        rows = lane.screen if self._live is None else self._live.rows
        last = next((number for number in range(len(rows), 0, -1) if rows[number - 1].strip()), 0)
        return rows[:last]

    def _read_diff(self) -> None:
        lane, self._reads = self._lane, True

        def done(text: str) -> None:
            if lane == self._lane:
                self._diff, self._reads = text, False
                self._paint_body(turned=False)

        self.app.perform(f"reading the diff of {lane}", lambda desk: diff_of(desk, lane), done, changes=False)


def diff_of(desk: Desk, lane: str) -> str:
    """What is uncommitted where a lane works, or why that cannot be read."""
    try:
        from loop_orchestrator.operations.changes import lane_changes

        return lane_changes(desk.world, lane)
    except LoopError as error:
        return f"It cannot be read: {error.message}" + (f" ({error.hint})" if error.hint else "")
