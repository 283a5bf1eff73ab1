"""The keys that act on a lane or on the engine; the same on every screen that has a chosen lane."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import SuspendNotSupported
from textual.binding import Binding, BindingType

from loop_orchestrator.deck.panels.lane import LanePanel
from loop_orchestrator.deck.screens.pictured import Pictured
from loop_orchestrator.errors import LoopError
from loop_orchestrator.model.lane import LaneKind
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.operations.engine_view import EngineWord
from loop_orchestrator.process.terminal import run_here

if TYPE_CHECKING:
    from loop_orchestrator.deck import lanedeeds
    from loop_orchestrator.deck.picture import Picture
    from loop_orchestrator.model.lane import Lane

ROLES = ("coordinator", "implementation", "validation", "ops", "docs")


class Deeds(Pictured):
    """A screen with a chosen lane."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "steer", "Steer"),
        Binding("d", "dispatch", "Dispatch"),
        Binding("n", "add_lane", "Add"),
        Binding("x", "drop_lane", "Drop"),
        Binding("g", "jump", "Jump"),
        Binding("R", "restart_lane", "Restart lane", show=False),
        Binding("c", "cycle", "Cycle"),
        Binding("p", "pause", "Pause"),
        Binding("left_square_bracket", "side(-1)", "Side of the lane before", show=False),
        Binding("right_square_bracket", "side(1)", "Next side of the lane", show=False),
    ]

    @property
    def lane(self) -> str:
        """The chosen one; empty: there is none."""
        return ""

    @property
    def lane_now(self) -> Lane | None:
        """The chosen lane as it was last seen."""
        picture: Picture | None = self.app.picture
        if picture is None or isinstance(picture.status.lanes, Unknown):
            return None
        return next((one for one in picture.status.lanes if one.name == self.lane), None)

    def action_side(self, by: int) -> None:
        """What the lane panel shows, where there is one on the screen."""
        for panel in self.query(LanePanel):
            if panel.display:
                panel.action_side(by)

    @work
    async def action_steer(self) -> None:
        """A word to a lane in the middle of its work."""
        from loop_orchestrator.deck.dialogs.ask_text import AskText

        if not (lane := self._chosen()):
            return
        boxes = (
            ("interrupt", "interrupt the turn that is under way"),
            ("queue", "put it in line, for when it is ready"),
        )
        said = f"It goes on in the context it has. {self._state_in_words()}"
        answer = await self.app.push_screen_wait(AskText(f"Steer {lane}", said, boxes=boxes))
        if answer is not None:
            text, ticked = answer
            self._say(lane, text, interrupt="interrupt" in ticked, queue="queue" in ticked, fresh=False)

    @work
    async def action_dispatch(self) -> None:
        """New work for a lane."""
        from loop_orchestrator.deck.dialogs.ask_text import AskText

        if not (lane := self._chosen()):
            return
        said = (
            f"New work: where the program has a command for it, its context is emptied first. {self._state_in_words()}"
        )
        boxes = (("queue", "put it in line, for when it is ready"),)
        answer = await self.app.push_screen_wait(AskText(f"Dispatch to {lane}", said, boxes=boxes))
        if answer is not None:
            text, ticked = answer
            self._say(lane, text, interrupt=False, queue="queue" in ticked, fresh=True)

    def _say(self, lane: str, text: str, *, interrupt: bool, queue: bool, fresh: bool) -> None:
        from loop_orchestrator.deck import lanedeeds

        self.app.perform(
            f"sending to {lane}",
            lambda desk: lanedeeds.say(desk, lane, text, interrupt=interrupt, queue=queue, fresh=fresh),
            self._tell,
        )

    @work
    async def action_add_lane(self) -> None:
        """One lane more; one without permission prompts only after a second yes."""
        from loop_orchestrator.deck import lanedeeds
        from loop_orchestrator.deck.dialogs.add_lane import AddLane
        from loop_orchestrator.deck.dialogs.confirm import Confirm

        try:
            harnesses = self.app.harnesses or await self.app.read_harnesses()
        except LoopError as error:
            hint = f"\n{error.hint}" if error.hint else ""
            self.app.tell(f"{error.message}{hint}", title="no lane can be added now", good=False)
            return
        new = await self.app.push_screen_wait(AddLane(harnesses, ROLES))
        if new is None:
            return
        if new.auto_approve:
            said = (
                f"{new.harness} will run commands, write files and use the network without asking anybody. "
                "What it reads, mail and pages included, may make it do so."
            )
            if not await self.app.push_screen_wait(Confirm(f"Boot {new.name} without permission prompts?", said)):
                self.app.tell("nothing was booted", title=f"lane {new.name}")
                return
        self.app.perform(f"booting {new.name}", lambda desk: lanedeeds.boot(desk, new), self._tell)

    @work
    async def action_drop_lane(self) -> None:
        """A lane of the config only after its name was typed; uncommitted work is saved in any case."""
        from loop_orchestrator.deck import lanedeeds
        from loop_orchestrator.deck.dialogs.confirm import Confirm

        if not (lane := self._chosen()):
            return
        now = self.lane_now
        of_config = now is None or now.record.spec.kind is LaneKind.STANDING
        belongs = " It belongs to the config." if of_config else ""
        said = (
            f"{self._state_in_words()}{belongs} A hand-off is written, and what is uncommitted is saved first: "
            "loop undo brings it back."
        )
        if await self.app.push_screen_wait(Confirm(f"End lane {lane}?", said, typed=lane if of_config else "")):
            self.app.perform(
                f"ending {lane}", lambda desk: lanedeeds.drop(desk, lane, even_of_config=of_config), self._tell
            )

    @work
    async def action_restart_lane(self) -> None:
        from loop_orchestrator.deck import lanedeeds
        from loop_orchestrator.deck.dialogs.confirm import Confirm

        if not (lane := self._chosen()):
            return
        said = f"{self._state_in_words()} It starts in its own pane; one that is at work is refused."
        if await self.app.push_screen_wait(Confirm(f"Start the program of {lane} again?", said)):
            self.app.perform(
                f"restarting {lane}",
                lambda desk: lanedeeds.restart(desk, lane),
                lambda record: self.app.tell(f"in pane {record.pane}", title=f"lane {lane} started again"),
            )

    def action_jump(self) -> None:
        """The terminal shows the lane itself; outside tmux the deck stands aside until it is left again."""
        from loop_orchestrator.deck import lanedeeds

        if lane := self._chosen():
            self.app.perform(f"showing {lane}", lambda desk: lanedeeds.jump(desk, lane), self._stand_aside)

    def _stand_aside(self, argv: tuple[str, ...]) -> None:
        if not argv:
            return
        try:
            with self.app.suspend():
                code = run_here(argv)
        except SuspendNotSupported:
            self.app.tell(f"in a terminal: {shlex.join(argv)}", title="the deck cannot stand aside here", good=False)
        except LoopError as error:
            self.app.tell(error.message, title="the lane is not shown", good=False)
        else:
            if code != 0:
                self.app.tell(f"tmux ended with exit status {code}", title="the lane is not shown", good=False)

    def _chosen(self) -> str:
        """The chosen lane; where there is none, a person is told so."""
        if not self.lane:
            self.app.tell("n adds one", title="no lane is chosen", good=False)
        return self.lane

    def _state_in_words(self) -> str:
        now = self.lane_now
        return f"It is {now.state.word.value} ({now.state.detail.value})." if now else "Its state is not known."

    def _tell(self, told: lanedeeds.Told) -> None:
        self.app.tell(told.text, title=told.title, good=told.good)

    def action_cycle(self) -> None:
        """A cycle, as soon as one may start."""
        from loop_orchestrator.operations.control import ask_for_cycle

        self.app.perform(
            "asking for a cycle",
            lambda desk: ask_for_cycle(desk.world.events, desk.world.clock, by=desk.caller),
            lambda _: self.app.tell(self._when(), title="a cycle was asked for"),
        )

    def _when(self) -> str:
        """When a cycle that was asked for comes."""
        picture = self.app.picture
        if picture is not None and picture.status.engine.paused_by:
            return "it comes once p lets the engine go on"
        if picture is not None and picture.status.engine.word is EngineWord.STOPPED:
            return "no engine runs; it comes once one does: loop watch"
        return "it comes as soon as one may start"

    def action_pause(self) -> None:
        """Pause the engine, or let it go on."""
        from loop_orchestrator.operations.control import pause, resume

        picture = self.app.picture
        if picture is None:
            return
        if picture.status.engine.paused_by:
            self.app.perform(
                "resuming",
                lambda desk: resume(desk.world.control, desk.world.events, by=desk.caller),
                lambda _: self.app.tell("cycles start again", title="the engine goes on"),
            )
        else:
            self.app.perform(
                "pausing",
                lambda desk: pause(desk.world.control, desk.world.events, by=desk.caller),
                lambda _: self.app.tell("no cycle starts until p is pressed again", title="the engine is paused"),
            )
