"""What brains say, as it comes; and a brain that refuses to answer."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from loop_orchestrator.clock import format_time
from loop_orchestrator.deck.dialogs.confirm import Confirm
from loop_orchestrator.deck.screens.whole import Whole
from loop_orchestrator.errors import LoopError
from loop_orchestrator.operations.cycle import once
from loop_orchestrator.operations.transcripts import failure_of, following, state_of, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loop_orchestrator.deck.desk import Desk
    from loop_orchestrator.deck.picture import Picture
    from loop_orchestrator.engine.cycle import CycleResult
    from loop_orchestrator.operations.transcripts import Said
    from loop_orchestrator.stores.transcripts import Transcript

MOST_CHARS = 60_000
"""Of what a brain says, the end. At half, a long thought loses its beginning; at double, a screen that is painted five
times a second costs twice as much."""

PAINT_S = 0.2
"""Between two paintings of a brain that talks. At half, twice the work for the same words; at double, it stutters."""

AGAIN_S = 2.0
"""Until brains are looked for again that could not be."""


@dataclass
class Call:
    """A call of a brain, and what it said so far."""

    transcript: Transcript
    text: str = ""
    state: str = "open"
    """``open``, ``replied`` or ``failed``"""
    failed: str = ""
    """why it gave no reply"""
    read: bool = False
    """the text is here; an earlier call is read when somebody wants to see it"""

    @property
    def name(self) -> str:
        return self.transcript.stream.name


class BrainScreen(Whole):
    """Follows the newest call; the ones before it stay where they are."""

    DEFAULT_CSS = "BrainScreen #text { min-height: 100%; }"  # else the end of a short text would stand at the bottom
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "earlier", "Earlier", key_display="←"),
        Binding("right,l", "later", "Later", key_display="→"),
        Binding("f", "newest", "Follow newest"),
        Binding("t", "asked", "What was asked"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        """oldest first"""
        self.place = -1
        """of the one that is shown"""
        self.follows = True
        """the newest call is shown, whichever that is"""
        self.shows_prompt = False
        self._prompt = ""

    def on_mount(self) -> None:
        super().on_mount()
        self.put("brains", "No brain was called yet. c on the main screen asks for a cycle.")
        self.query_one("#scroll", VerticalScroll).anchor()  # the end is followed until somebody scrolls back
        self.run_worker(self._follow(), name="brains")

    @property
    def call(self) -> Call | None:
        """The one that is shown."""
        return self.calls[self.place] if 0 <= self.place < len(self.calls) else None

    async def _follow(self) -> None:
        while True:
            try:
                desk = await asyncio.to_thread(self.app.make_desk)
                self._know(await asyncio.to_thread(_kept, desk))
                world = desk.world
                news = following(world.transcripts, world.layout, world.decisions, world.events, cycle="")
                async with aclosing(news) as found:
                    async for said in found:
                        self._hear(said)
                        await asyncio.sleep(PAINT_S)
            except LoopError as error:
                self.put(f"what brains say cannot be read: {error.message}", "")
                await asyncio.sleep(AGAIN_S)

    def _know(self, calls: Sequence[Call]) -> None:
        self.calls = list(calls)
        self.place = len(self.calls) - 1
        self._paint()

    def _hear(self, said: Sequence[Said]) -> None:
        by_name = {one.name: one for one in self.calls}
        for one in said:
            call = by_name.get(one.call.stream.name)
            if call is None:
                call = by_name[one.call.stream.name] = Call(one.call)
                self.calls.append(call)
            if one.begins:
                call.text, call.read = "", True
            call.text = (call.text + one.text)[-2 * MOST_CHARS :]
            call.failed = one.failed or call.failed
            call.state = state_of(one.call)
        if self.follows and self.place != len(self.calls) - 1:
            self.place = len(self.calls) - 1
            self.shows_prompt = False
        self._paint()

    def _paint(self) -> None:
        call = self.call
        if call is None:
            return
        follow = "followed" if self.follows else "f follows the newest"
        state = {"open": "talks, or was cut off"}.get(call.state, call.state)
        said = call.transcript
        head = f"{said.cycle}, call {said.call}: {state}\n{self.place + 1} of {len(self.calls)}, {follow}"
        self.put(head, self._prompt if self.shows_prompt else text_of_call(call))

    def action_earlier(self) -> None:
        self._go(self.place - 1)

    def action_later(self) -> None:
        self._go(self.place + 1)

    def action_newest(self) -> None:
        self._go(len(self.calls) - 1)

    def _go(self, place: int) -> None:
        if not 0 <= place < len(self.calls):
            return
        self.place, self.shows_prompt = place, False
        self.follows = place == len(self.calls) - 1
        if self.follows:
            self.query_one("#scroll", VerticalScroll).anchor()
        call = self.calls[place]
        if not call.read:
            self.app.perform("reading a call", lambda _: _read(call), lambda _: self._paint(), changes=False)
        self._paint()

    def action_asked(self) -> None:
        """What the brain was asked, in place of what it said."""
        call = self.call
        if call is None:
            return
        if self.shows_prompt:
            self._go(self.place)
            return
        self.app.perform("reading what was asked", lambda _: _prompt_of(call), self._asked, changes=False)

    def _asked(self, prompt: str) -> None:
        self._prompt, self.shows_prompt, self.follows = prompt, True, False
        self.query_one("#scroll", VerticalScroll).release_anchor()
        self._paint()
        self.query_one("#scroll", VerticalScroll).scroll_home(animate=False)


def text_of_call(call: Call) -> str:
    """What it said, the end of it if it is long, and how it ended."""
    if not call.read:
        return "being read …"
    left_out = len(call.text) - MOST_CHARS
    text = call.text if left_out <= 0 else f"[what is before is not shown here]\n{call.text[-MOST_CHARS:]}"
    end = f"\n\nno reply: {call.failed}" if call.failed else ""
    return (text or ("nothing yet" if call.state == "open" else "")) + end


def _kept(desk: Desk) -> list[Call]:
    store = desk.world.transcripts
    return [
        Call(one, state=state_of(one), failed=failure_of(one)) for cycle in store.cycles() for one in store.calls(cycle)
    ]


def _read(call: Call) -> None:
    call.text, call.failed = text_of(call.transcript), failure_of(call.transcript)
    call.state, call.read = state_of(call.transcript), True


def _prompt_of(call: Call) -> str:
    try:
        return call.transcript.prompt.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise LoopError(f"what was asked cannot be read: {error.strerror}") from error


class RestScreen(Whole):
    """A brain that is left out; once it is mended, t asks it again at once."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "again", "Ask it again"),
        Binding("b", "app.brain", "What it said"),
    ]

    def __init__(self, brain: str) -> None:
        super().__init__()
        self._brain = brain

    def show(self, picture: Picture) -> None:
        rest = next((one for one in picture.status.engine.resting if one.brain == self._brain), None)
        if rest is None:
            self.put(f"brain {self._brain} is asked again; Esc goes back", "")
            return
        lines = [
            f"why: {rest.reason}",
            f"since {format_time(rest.since)}, {rest.failures} times in a row",
            f"asked again by itself from {format_time(rest.until)} on",
            "",
            "1. Mend it in a terminal: log in to it, or choose a model that it has.",
            "2. Then press t: one cycle runs, and asks it although it rests.",
            "",
            "b shows what it said.",
        ]
        self.put(f"brain {self._brain} refuses to answer ({rest.failure.value})", "\n".join(lines))

    @work
    async def action_again(self) -> None:
        """A call may cost money, so it is asked for."""
        said = "One cycle runs now, and asks every brain that rests, too. What it proposes is judged as always."
        if await self.app.push_screen_wait(Confirm(f"Ask {self._brain} again?", said)):
            self.app.perform(f"asking {self._brain} again", _once, self._asked)

    def _asked(self, result: CycleResult) -> None:
        decision = result.decision
        self.app.tell(
            f"decision {decision.id} by {decision.brain}" if decision else result.problem or result.outcome,
            title=f"cycle {result.cycle}",
            good=decision is not None,
        )


def _once(desk: Desk) -> CycleResult:
    desk.require_accepted()
    return once(desk.world, mode=None, retry=True)
