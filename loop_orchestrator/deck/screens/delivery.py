"""A delivery of which nobody knows what became of it, and a line that does not go on: with the lane as it is now."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType

from loop_orchestrator.clock import format_time
from loop_orchestrator.deck import lanedeeds
from loop_orchestrator.deck.dialogs.choose import Choose
from loop_orchestrator.deck.dialogs.confirm import Confirm
from loop_orchestrator.deck.dialogs.resolve import MEANINGS, Resolve
from loop_orchestrator.deck.screens.whole import Whole
from loop_orchestrator.deck.words import SIGNS, age, counted
from loop_orchestrator.model.delivery import DeliveryStatus
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.operations.queue import drop_queued
from loop_orchestrator.operations.resolve import resolve

if TYPE_CHECKING:
    from loop_orchestrator.deck.picture import Picture
    from loop_orchestrator.model.delivery import Receipt
    from loop_orchestrator.operations.queue import Line


class _AboutALane(Whole):
    """What it is about is seen in a lane."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "resolve", "Resolve"),
        Binding("g", "jump", "Jump to the lane"),
    ]

    @property
    def receipt(self) -> Receipt | None:
        """The unknown delivery; None: there is none (any more)."""
        return None

    @property
    def lane(self) -> str:
        """Empty: none."""
        return ""

    @work
    async def action_resolve(self) -> None:
        """The answer, then once more whether it is meant: another one cannot be given afterwards."""
        if (receipt := self.receipt) is None:
            self.app.tell("there is nothing to resolve here now", title=f"lane {self.lane}")
            return
        outcome = await self.app.push_screen_wait(Resolve(receipt.op, receipt.lane, receipt.evidence))
        if outcome is None:
            return
        if not await self.app.push_screen_wait(Confirm(f"{receipt.op}: {outcome.value}?", MEANINGS[outcome])):
            return

        def done(now: Receipt) -> None:
            good = now.status is not DeliveryStatus.UNKNOWN
            self.app.tell(
                f"{now.op}: {now.status.value}: {now.evidence}",
                title="resolved" if good else "still not known",
                good=good,
            )
            if good and self.is_current and isinstance(self, DeliveryScreen):
                self.app.pop_screen()

        self.app.perform(
            f"resolving {receipt.op}", lambda desk: resolve(desk.world, receipt.op, outcome, by=desk.caller), done
        )

    def action_jump(self) -> None:
        """Attached terminals show the lane."""
        if lane := self.lane:
            self.app.perform(f"showing {lane}", lambda desk: lanedeeds.jump(desk, lane), changes=False)


class DeliveryScreen(_AboutALane):
    """By its operation."""

    def __init__(self, op: str) -> None:
        super().__init__()
        self._op = op
        self._receipt: Receipt | None = None

    @property
    def receipt(self) -> Receipt | None:
        return self._receipt

    @property
    def lane(self) -> str:
        return self._receipt.lane if self._receipt else ""

    def show(self, picture: Picture) -> None:
        self._receipt = _unknown(picture, op=self._op)
        if self._receipt is None:
            self.put(f"delivery {self._op} is settled; Esc goes back", "")
            return
        stands = self._op in picture.status.standing
        head = f"delivery {self._op} to {self._receipt.lane}: nobody knows what became of it"
        self.put(head, delivery_text(self._receipt, picture, stands=stands))


class LineScreen(_AboutALane):
    """The line of a lane; x takes a text out of it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("x", "drop", "Take one out")]

    def __init__(self, lane: str) -> None:
        super().__init__()
        self._lane = lane
        self._line: Line | None = None
        self._receipt: Receipt | None = None

    @property
    def receipt(self) -> Receipt | None:
        return self._receipt

    @property
    def lane(self) -> str:
        return self._lane

    def show(self, picture: Picture) -> None:
        lines = () if isinstance(picture.status.lines, Unknown) else picture.status.lines
        self._line = next((one for one in lines if one.lane == self._lane), None)
        self._receipt = _unknown(picture, lane=self._lane)
        if self._line is None:
            self.put(f"nothing stands in line for {self._lane} any more; Esc goes back", "")
            return
        head = f"{counted(len(self._line.waiting), 'text')} in line for {self._lane}: {self._line.reason or 'next'}"
        self.put(head, line_text(self._line, self._receipt, picture))

    @work
    async def action_drop(self) -> None:
        """The text is not delivered; it says so in its receipt."""
        ops = [one.receipt.op for one in self._line.waiting] if self._line else []
        if not ops:
            return
        op = ops[0] if len(ops) == 1 else await self.app.push_screen_wait(Choose("Which one?", ops))
        if op is None:
            return
        said = f"It is not delivered to {self._lane}, now or later."
        if await self.app.push_screen_wait(Confirm(f"Take {op} out of the line?", said)):
            self.app.perform(
                f"taking {op} out of the line",
                lambda desk: drop_queued(desk.world, op, by=desk.caller),
                lambda now: self.app.tell(f"{now.status.value}: {now.evidence}", title=now.op),
            )


def _unknown(picture: Picture, *, op: str = "", lane: str = "") -> Receipt | None:
    receipts = picture.status.unknown_deliveries
    if isinstance(receipts, Unknown):
        return None
    return next((one for one in receipts if one.op == op or (lane and one.lane == lane)), None)


def delivery_text(receipt: Receipt, picture: Picture, *, stands: bool) -> str:
    """What to do, what is known, and what the lane shows."""
    lines = [
        "Look at what the lane shows below, or press g for it in tmux; then r says what became of the text.",
        "Its text stands in the composer, not submitted: submit presses Enter, clear takes it out."
        if stands
        else "Until then the text is not sent again, and what waits behind it waits on.",
        "",
        f"why it is not known: {receipt.evidence or 'not said'}",
        f"sent by {receipt.sender}, {receipt.bytes} bytes, step reached: {receipt.step.value}",
        *(f"    {step}: {format_time(at)}" for step, at in receipt.times.items()),
    ]
    return "\n".join([*lines, "", *lane_lines(receipt.lane, picture)])


def line_text(line: Line, receipt: Receipt | None, picture: Picture) -> str:
    """Why it does not go on, what stands in it, and what the lane shows."""
    now = picture.status.generated_at
    step = (
        f"r says what became of {receipt.op}, behind which it waits."
        if receipt is not None
        else "g shows the lane in tmux: send or clear what stands in its composer; without an engine: loop watch."
    )
    lines = [step, "x takes a text out for good.", ""]
    for one in line.waiting:
        state = "under way" if one.under_way else f"waits {age(now, one.since)}"
        lines.append(f"{one.receipt.op}  from {one.receipt.sender}, {one.receipt.bytes} bytes, {state}")
        lines += [f"    put back: {one.returned}"] if one.returned else []
    return "\n".join([*lines, "", *lane_lines(line.lane, picture)])


def lane_lines(name: str, picture: Picture) -> list[str]:
    """What the lane shows now, under a line that names its state."""
    lanes = picture.status.lanes
    if isinstance(lanes, Unknown):
        return [f"What {name} shows cannot be read: {lanes.reason}"]
    for lane in lanes:
        if lane.name == name:
            state = f"{SIGNS[lane.state.word]} {lane.state.word.value} ({lane.state.detail.value})"
            return [f"What {name} shows now, {state}:", "", *"\n".join(lane.screen).rstrip().split("\n")]
    return [f"There is no lane {name} now."]
