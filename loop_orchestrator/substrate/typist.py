"""The hands and eyes of whoever puts something into a lane: looks, and guarded acts on its pane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loop_orchestrator.errors import LoopError
from loop_orchestrator.model.delivery import DeliveryProof, DeliveryStatus
from loop_orchestrator.model.harness import HarnessSpec
from loop_orchestrator.model.lane import Detail, Lane, LaneRecord, SignalSource
from loop_orchestrator.substrate.port import PasteResult, Substrate

if TYPE_CHECKING:
    from loop_orchestrator.clock import Clock
    from loop_orchestrator.process.cancel import Cancel
    from loop_orchestrator.substrate.trace import Standing

SOON_S = 0.005
"""Between two looks for something that a key press causes at once, where nothing tells that the pane printed. A look
over a held connection takes 0.3 ms. At half, it is a tenth of a core; at double, every wait is longer by 5 ms."""
BESIDE_S = 0.5
"""How long something beside a text in the composer may be a picture that is still being drawn."""

_HOPELESS = frozenset({Detail.MISSING, Detail.EXITED, Detail.SUSPENDED, Detail.AUTH})
"""Waiting does not make such a lane ready; nor one of which the process itself is in doubt."""
_REFUSED = {
    PasteResult.DEAD: "its program ended",
    PasteResult.IN_MODE: "its pane is in a mode of tmux that could not be left",
    PasteResult.INPUT_OFF: "input to its pane is switched off",
    PasteResult.GONE: "its pane is gone",
    PasteResult.REPLACED: "another process runs in its pane",
    PasteResult.MOVED: "its screen does not hold still",
}


class Ended(Exception):
    """It ends here, with this status and reason."""

    def __init__(self, status: DeliveryStatus, evidence: str, proof: DeliveryProof | None = None) -> None:
        super().__init__(evidence)
        self.status = status
        self.evidence = evidence
        self.proof = proof


@dataclass(kw_only=True)
class Typist:
    """What one lane is looked at with and typed into with."""

    substrate: Substrate
    record: LaneRecord
    spec: HarnessSpec
    state_of: Callable[[], Lane]
    """a fresh look at the lane"""
    clock: Clock
    cancel: Cancel
    pause: Callable[[float], None]
    """waits so many seconds, or until the pane printed something where that is told"""
    enters: int = 0
    """how often the keys that submit were pressed"""

    @property
    def settle_s(self) -> float:
        return self.spec.composer.settle_s if self.spec.composer else 0.0

    def look(self, failed: DeliveryStatus) -> Lane:
        """The lane now; where it cannot be seen, it ends as ``failed``."""
        try:
            return self.state_of()
        except LoopError as error:
            name = self.record.spec.name
            raise Ended(failed, f"lane {name} cannot be seen: {error.message}") from error

    def paste(self, text: str, cursor: tuple[int, int] | None) -> PasteResult:
        """Paste, once copy mode is left. Ends as unknown where nobody knows whether it was pasted."""
        pane, pid = self.record.pane, self.record.pane_pid
        return self._guarded(lambda: self.substrate.paste(pane, text, pane_pid=pid, cursor=cursor))

    def press(self, keys: Sequence[str], cursor: tuple[int, int] | None = None) -> PasteResult:
        """Press keys, once copy mode is left. Ends as unknown where nobody knows whether they were pressed."""
        pane, pid = self.record.pane, self.record.pane_pid
        return self._guarded(lambda: self.substrate.press(pane, keys, pane_pid=pid, cursor=cursor))

    def submit(self, trace: Standing, lane: Lane) -> None:
        """Press the keys that submit, if the lane still looks as it did: somebody may type at any moment.

        lane: as last seen, the text standing alone in the composer. Ends as unknown where the text does not.
        """
        keys = self.spec.composer.submit if self.spec.composer else ("Enter",)
        deadline = self.clock.monotonic() + BESIDE_S
        while (result := self.press(keys, lane.cursor)) is PasteResult.MOVED:
            lane = self.look(DeliveryStatus.UNKNOWN)
            if not trace.stands_in_composer(lane) or not trace.stands_alone(lane):
                raise Ended(DeliveryStatus.UNKNOWN, BESIDE)
            if self.clock.monotonic() > deadline:
                break
        if result is not PasteResult.PASTED:
            raise Ended(DeliveryStatus.UNKNOWN, f"the text was pasted, but not submitted: {self.refusal(result)}")
        self.enters += 1

    def alone(self, trace: Standing, lane: Lane) -> Lane:
        """The lane with the text alone in the composer; a picture that is being drawn has its time. Ends as unknown."""
        deadline = self.clock.monotonic() + BESIDE_S
        while not trace.stands_alone(lane):
            if self.clock.monotonic() > deadline:
                raise Ended(DeliveryStatus.UNKNOWN, BESIDE)
            self.pause(SOON_S)
            lane = self.look(DeliveryStatus.UNKNOWN)
        return lane

    def refusal(self, result: PasteResult) -> str:
        return f"lane {self.record.spec.name} took nothing: {_REFUSED[result]}"

    def _guarded(self, act: Callable[[], PasteResult]) -> PasteResult:
        try:
            result = act()
        except LoopError as error:
            raise Ended(DeliveryStatus.UNKNOWN, error.message) from error
        if result is not PasteResult.IN_MODE:
            return result
        try:
            self.substrate.leave_mode(self.record.pane)
        except LoopError:
            return result
        try:
            return act()
        except LoopError as error:
            raise Ended(DeliveryStatus.UNKNOWN, error.message) from error


BESIDE = "somebody typed beside the text in the composer; it was not submitted"


def is_hopeless(lane: Lane) -> bool:
    """Waiting changes nothing."""
    state = lane.state
    doubted = state.detail is Detail.CONFLICTING and state.evidence[0].source is SignalSource.PROCESS
    return doubted or state.detail in _HOPELESS
