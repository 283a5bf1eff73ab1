"""The keys that act on a lane or on the engine; the same on every screen that has a chosen lane."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.screen import Screen

from loop_orchestrator.deck import lanedeeds
from loop_orchestrator.deck.dialogs.add_lane import AddLane
from loop_orchestrator.deck.dialogs.ask_text import AskText
from loop_orchestrator.deck.dialogs.confirm import Confirm
from loop_orchestrator.model.lane import LaneKind
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.operations.control import ask_for_cycle, pause, resume

if TYPE_CHECKING:
    from loop_orchestrator.deck.app import Deck
    from loop_orchestrator.deck.picture import Picture
    from loop_orchestrator.model.delivery import Receipt
    from loop_orchestrator.model.lane import Lane

ROLES = ("coordinator", "implementation", "validation", "ops", "docs")


class Deeds(Screen[None]):
    """A screen with a chosen lane."""

    app: Deck

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "steer", "Steer"),
        Binding("d", "dispatch", "Dispatch"),
        Binding("n", "add_lane", "Add"),
        Binding("x", "drop_lane", "Drop"),
        Binding("g", "jump", "Jump"),
        Binding("R", "restart_lane", "Restart lane", show=False),
        Binding("c", "cycle", "Cycle"),
        Binding("p", "pause", "Pause"),
    ]

    @property
    def lane(self) -> str:
        """The chosen one; empty: there is none."""
        raise NotImplementedError

    @property
    def lane_now(self) -> Lane | None:
        """The chosen lane as it was last seen."""
        picture: Picture | None = self.app.picture
        if picture is None or isinstance(picture.status.lanes, Unknown):
            return None
        return next((one for one in picture.status.lanes if one.name == self.lane), None)

    @work
    async def action_steer(self) -> None:
        """A word to a lane in the middle of its work."""
        if not (lane := self.lane):
            return
        boxes = (
            ("interrupt", "interrupt the turn that is under way"),
            ("queue", "put it in line, for when it is ready"),
        )
        answer = await self.app.push_screen_wait(
            AskText(f"Steer {lane}", "It goes on in the context it has.", boxes=boxes)
        )
        if answer is not None:
            text, ticked = answer
            self._say(lane, text, interrupt="interrupt" in ticked, wait=True, queue="queue" in ticked, fresh=False)

    @work
    async def action_dispatch(self) -> None:
        """New work for a lane."""
        if not (lane := self.lane):
            return
        said = "New work: where the program has a command for it, with a fresh context."
        boxes = (("queue", "put it in line, for when it is ready"),)
        answer = await self.app.push_screen_wait(AskText(f"Dispatch to {lane}", said, boxes=boxes))
        if answer is not None:
            text, ticked = answer
            self._say(lane, text, interrupt=False, wait=True, queue="queue" in ticked, fresh=True)

    def _say(self, lane: str, text: str, *, interrupt: bool, wait: bool, queue: bool, fresh: bool) -> None:
        def done(receipt: Receipt) -> None:
            words, good = lanedeeds.told(receipt)
            self.app.tell(words, title="delivered" if good else "not delivered", good=good)

        self.app.perform(
            f"sending to {lane}",
            lambda desk: lanedeeds.say(desk, lane, text, interrupt=interrupt, wait=wait, queue=queue, fresh=fresh),
            done,
        )

    @work
    async def action_add_lane(self) -> None:
        harnesses = [(name, words) for name, words in self.app.harnesses]
        new = await self.app.push_screen_wait(AddLane(harnesses, ROLES))
        if new is not None:
            self.app.perform(
                f"booting {new.name}",
                lambda desk: lanedeeds.boot(desk, new),
                lambda record: self.app.tell(f"{record.spec.harness} in pane {record.pane}", title=f"lane {new.name}"),
            )

    @work
    async def action_drop_lane(self) -> None:
        """A lane of the config only after its name was typed; uncommitted work is saved in any case."""
        if not (lane := self.lane):
            return
        now = self.lane_now
        of_config = now is None or now.record.spec.kind is LaneKind.STANDING
        state = f"It is {now.state.word.value} ({now.state.detail.value})." if now else "Its state is not known."
        belongs = " It belongs to the config." if of_config else ""
        said = (
            f"{state}{belongs} A hand-off is written, and what is uncommitted is saved first: loop undo brings it back."
        )
        if await self.app.push_screen_wait(Confirm(f"End lane {lane}?", said, typed=lane if of_config else "")):
            self.app.perform(
                f"ending {lane}",
                lambda desk: lanedeeds.drop(desk, lane, even_of_config=of_config),
                lambda report: self.app.tell(f"hand-off: {report.handoff.name}", title=f"lane {lane} ended"),
            )

    @work
    async def action_restart_lane(self) -> None:
        if not (lane := self.lane):
            return
        said = "In its own pane. One that is at work is refused."
        if await self.app.push_screen_wait(Confirm(f"Start the program of {lane} again?", said)):
            self.app.perform(
                f"restarting {lane}",
                lambda desk: lanedeeds.restart(desk, lane),
                lambda record: self.app.tell(f"in pane {record.pane}", title=f"lane {lane} started again"),
            )

    def action_jump(self) -> None:
        """Attached terminals show the lane."""
        if lane := self.lane:
            self.app.perform(f"showing {lane}", lambda desk: lanedeeds.jump(desk, lane))

    def action_cycle(self) -> None:
        """A cycle, as soon as one may start."""
        self.app.perform(
            "asking for a cycle",
            lambda desk: ask_for_cycle(desk.world.events, desk.world.clock, by=desk.caller),
            lambda _: self.app.tell("it comes as soon as one may start", title="a cycle was asked for"),
        )

    def action_pause(self) -> None:
        """Pause the engine, or let it go on."""
        picture = self.app.picture
        if picture is None:
            return
        if picture.status.engine.paused_by:
            self.app.perform("resuming", lambda desk: resume(desk.world.control, desk.world.events, by=desk.caller))
        else:
            self.app.perform("pausing", lambda desk: pause(desk.world.control, desk.world.events, by=desk.caller))
