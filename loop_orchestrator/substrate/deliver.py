"""The one way text gets into a lane: at most once, each step on disk before it is taken, and a receipt at the end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypedDict, Unpack

from loop_orchestrator.crash import crash_point
from loop_orchestrator.errors import LockedError, LoopError
from loop_orchestrator.ids import sha256_text
from loop_orchestrator.model.delivery import DeliveryMode, DeliveryRequest, DeliveryStatus, DeliveryStep, Receipt
from loop_orchestrator.model.harness import HarnessKind, HarnessSpec
from loop_orchestrator.model.lane import Detail, Lane, LaneRecord, LaneWord, SignalSource
from loop_orchestrator.substrate.cleaning import clean
from loop_orchestrator.substrate.port import PasteResult, Substrate
from loop_orchestrator.substrate.trace import Trace

if TYPE_CHECKING:
    from loop_orchestrator.clock import Clock
    from loop_orchestrator.process.cancel import Cancel

LOOK_S = 0.05
"""Between two looks at a lane that is not ready yet."""
SOON_S = 0.01
"""Between two looks for something that a key press causes at once."""
STEADY_S = 0.5
"""How much longer than asked for a ready lane is waited for to hold still."""
SHOWN_S = 5.0
"""How long a pasted text may take to be seen in the composer."""
ENTER_AGAIN_S = 0.3
"""Between two presses of Enter while the text still stands in the composer."""
PROOF_S = 10.0
"""How long proof is looked for after the first Enter."""
CUT_OFF_S = 0.5
"""How long proof is looked for where this program is told to stop: it has 1.5 s in all."""
EMPTY_S = 1.0
"""How long more than an emptied composer is looked for."""
INTERRUPT_S = 5.0
"""How long an interrupted turn may take to end."""

PERSON = "person"
"""The sender who may do what no program may."""

_HOPELESS = frozenset({Detail.MISSING, Detail.EXITED, Detail.SUSPENDED, Detail.AUTH})
"""Waiting does not make such a lane ready; nor one of which the process itself is in doubt."""
_FAILED_TURN = frozenset({Detail.API_ERROR, Detail.RATE_LIMITED})
_REFUSED = {
    PasteResult.DEAD: "its program ended",
    PasteResult.IN_MODE: "its pane is in a mode of tmux that could not be left",
    PasteResult.INPUT_OFF: "input to its pane is switched off",
    PasteResult.GONE: "its pane is gone",
    PasteResult.REPLACED: "another process runs in its pane",
}


class StepChanges(TypedDict, total=False):
    """What a step may add to the record of a delivery."""

    pane: str
    removed: dict[str, int]
    evidence: str


class Journal(Protocol):
    """The record of deliveries on disk; every call is durable on return."""

    def accept(self, request: DeliveryRequest, text_sha: str, nbytes: int) -> tuple[Receipt, bool]: ...

    def step(self, op: str, step: DeliveryStep, **changes: Unpack[StepChanges]) -> Receipt: ...

    def close(self, receipt: Receipt) -> Receipt: ...

    def lease(self, lane: str, timeout_s: float | None = 0.0) -> AbstractContextManager[object]: ...


class _Ended(Exception):
    """The delivery ends here, with this status and reason."""

    def __init__(self, status: DeliveryStatus, evidence: str) -> None:
        super().__init__(evidence)
        self.status = status
        self.evidence = evidence


def deliver(
    request: DeliveryRequest,
    *,
    substrate: Substrate,
    record: LaneRecord,
    spec: HarnessSpec,
    journal: Journal,
    state_of: Callable[[], Lane],
    clock: Clock,
    cancel: Cancel,
) -> Receipt:
    """Carry out one delivery and return its receipt, also where nothing was delivered.

    An operation that is on record already is not carried out again: its receipt comes back as it stands.
    state_of: a fresh look at the lane. Blocks for up to ready_timeout_s and some seconds more.
    Raises what the journal raises: then nothing more is done, and the record tells how far it went.
    """
    text, removed = text_to_send(request.text, spec)
    receipt, fresh = journal.accept(request, sha256_text(request.text), len(text.encode("utf-8")))
    if not fresh:
        return receipt
    crash_point("delivery.accepted")
    delivery = _Delivery(
        request, text, removed, receipt, substrate, record, spec, journal, state_of, clock, cancel, Trace(text, spec)
    )
    try:
        with journal.lease(request.lane, request.ready_timeout_s):
            status, evidence = delivery.carry_out()
    except LockedError as error:
        status, evidence = DeliveryStatus.NOT_DELIVERED, error.message
    except _Ended as ended:
        status, evidence = ended.status, ended.evidence
    closed = journal.close(delivery.outcome(status, evidence))
    crash_point("delivery.closed")
    return closed


def unsuitable(request: DeliveryRequest, text: str, record: LaneRecord, spec: HarnessSpec) -> str:
    """Why no waiting would make this text right for this lane; empty where it is. text: as it would be sent."""
    shell, lane, name = spec.kind is HarnessKind.SHELL, request.lane, spec.name
    command = request.mode is DeliveryMode.COMMAND
    if not text.strip():
        return "nothing is left of the text to send"
    if record.spec.cmd or spec.kind not in (HarnessKind.AGENT, HarnessKind.SHELL):
        return f"lane {lane} runs {record.spec.cmd or name}, which takes no text"
    if shell and not command:
        return f"lane {lane} is a shell: a prompt would run there as commands"
    if shell and "\n" in text:
        return f"lane {lane} is a shell: it takes one command line, not {text.count(chr(10)) + 1} lines"
    if command and not shell:
        return f"lane {lane} runs {name}: a command line is for a shell"
    if not shell and text.lstrip().startswith("!") and request.sender != PERSON:
        return f"the text begins with '!', which {name} would run as a shell command"
    return ""


def text_to_send(text: str, spec: HarnessSpec) -> tuple[str, dict[str, int]]:
    """The text as it is sent to a lane of this harness, and what was taken out of it: name -> how many."""
    cleaned, removed = clean(text)
    return (cleaned.rstrip("\n") if spec.kind is HarnessKind.SHELL else cleaned), removed


@dataclass
class _Delivery:
    """One delivery on its way. Every step raises _Ended where the way ends."""

    request: DeliveryRequest
    text: str
    removed: dict[str, int]
    receipt: Receipt
    substrate: Substrate
    record: LaneRecord
    spec: HarnessSpec
    journal: Journal
    state_of: Callable[[], Lane]
    clock: Clock
    cancel: Cancel
    trace: Trace

    def carry_out(self) -> tuple[DeliveryStatus, str]:
        """The steps under the lease: how it ended, and why that is believed."""
        self._step(DeliveryStep.LEASE, pane=self.record.pane)
        crash_point("delivery.leased")
        self._step(DeliveryStep.CHECK)
        self._refuse_unsuitable()
        before = self._ready_lane()
        self._step(DeliveryStep.CLEAN, removed=self.removed)
        self._step(DeliveryStep.RESET, evidence="a fresh context was not asked for")
        self._paste()
        self._await_shown()
        if not self.request.press_enter:
            raise _Ended(DeliveryStatus.SUBMITTED, "the text stands in the composer; Enter was not asked for")
        self._step(DeliveryStep.SUBMIT)
        crash_point("delivery.submitting")
        self._press_enter()
        crash_point("delivery.submitted")
        return self._proved(before)

    def outcome(self, status: DeliveryStatus, evidence: str) -> Receipt:
        """The receipt as it is to be written; the step is the one reached."""
        delivered = status in (DeliveryStatus.SUBMITTED, DeliveryStatus.STARTED)
        step = DeliveryStep.RECEIPT if delivered else self.receipt.step
        return replace(self.receipt, status=status, step=step, evidence=evidence)

    def _step(self, step: DeliveryStep, **changes: Unpack[StepChanges]) -> None:
        self.receipt = self.journal.step(self.request.op, step, **changes)

    # Check.

    def _refuse_unsuitable(self) -> None:
        """What no waiting would make right."""
        if reason := unsuitable(self.request, self.text, self.record, self.spec):
            raise _Ended(DeliveryStatus.NOT_DELIVERED, reason)

    def _ready_lane(self) -> Lane:
        """The lane, ready and holding still over two looks; an interrupt that was asked for comes first."""
        started = self.clock.monotonic()
        deadline = started + self.request.ready_timeout_s
        settle_s = self._settle_s()
        steady: tuple[str, ...] | None = None
        interrupted = False
        while True:
            lane = self._look(DeliveryStatus.NOT_DELIVERED)
            ready = self._may_be_typed_into(lane)
            if ready and lane.screen == steady:
                return lane
            steady = lane.screen if ready else None
            if not ready and self.request.interrupt and not interrupted and lane.state.word is LaneWord.WORKING:
                self._interrupt()
                interrupted, deadline = True, max(deadline, self.clock.monotonic() + INTERRUPT_S)
            over = self.clock.monotonic() >= deadline + (settle_s + STEADY_S if ready else 0)
            if self.cancel.is_set() or over or _is_hopeless(lane):
                raise _Ended(DeliveryStatus.NOT_DELIVERED, self._why_not_ready(lane, ready))
            self.clock.sleep(max(settle_s, SOON_S) if ready else LOOK_S)

    def _may_be_typed_into(self, lane: Lane) -> bool:
        """Ready; or the last turn failed, the composer is empty, and it is a person who sends."""
        if lane.state.ready:
            return True
        failed = lane.state.detail in _FAILED_TURN and self.request.sender == PERSON
        return failed and self.trace.composer_is_empty(lane)

    def _why_not_ready(self, lane: Lane, ready: bool) -> str:
        if self.cancel.is_set():
            return "this program was told to stop"
        if ready:
            return f"the screen of lane {lane.name} does not hold still"
        state = lane.state
        return f"lane {lane.name} is {state.word.value} ({state.detail.value}): {state.evidence[0].seen}"

    def _interrupt(self) -> None:
        keys = self.spec.composer.interrupt if self.spec.composer else ()
        try:
            pressed = self.substrate.press(self.record.pane, keys, pane_pid=self.record.pane_pid)
        except LoopError as error:
            raise _Ended(DeliveryStatus.NOT_DELIVERED, error.message) from error
        if pressed is not PasteResult.PASTED:
            raise _Ended(DeliveryStatus.NOT_DELIVERED, self._refusal(pressed))

    # Paste.

    def _paste(self) -> None:
        self._step(DeliveryStep.PASTE)
        crash_point("delivery.pasting")
        pane, pid = self.record.pane, self.record.pane_pid
        result = self._guarded(lambda: self.substrate.paste(pane, self.text, pane_pid=pid))
        if result is not PasteResult.PASTED:
            raise _Ended(DeliveryStatus.NOT_DELIVERED, self._refusal(result))
        crash_point("delivery.pasted")

    def _await_shown(self) -> None:
        """Until the composer shows the text, and the program had its time to take Enter as Enter."""
        pasted_at = self.clock.monotonic()
        while not self.trace.stands_in_composer(lane := self._look(DeliveryStatus.UNKNOWN)):
            if self.clock.monotonic() - pasted_at > SHOWN_S or _is_hopeless(lane):
                state = f"{lane.state.word.value} ({lane.state.detail.value})"
                reason = f"the text was pasted, but the composer did not show it; the lane is {state}"
                raise _Ended(DeliveryStatus.UNKNOWN, reason)
            self.clock.sleep(SOON_S)
        left_s = pasted_at + self._settle_s() - self.clock.monotonic()
        if left_s > 0:
            self.clock.sleep(left_s)
            lane = self._look(DeliveryStatus.UNKNOWN)
        if not self.trace.stands_alone(lane):
            reason = "somebody typed beside the text in the composer; it was not submitted"
            raise _Ended(DeliveryStatus.UNKNOWN, reason)

    # Submit.

    def _press_enter(self) -> None:
        pane, pid = self.record.pane, self.record.pane_pid
        keys = self.spec.composer.submit if self.spec.composer else ("Enter",)
        result = self._guarded(lambda: self.substrate.press(pane, keys, pane_pid=pid))
        if result is not PasteResult.PASTED:
            raise _Ended(DeliveryStatus.UNKNOWN, f"the text was pasted, but not submitted: {self._refusal(result)}")

    def _proved(self, before: Lane) -> tuple[DeliveryStatus, str]:
        """Look for something that was not there before the paste; Enter again only while the text still stands there.

        A shell gets one Enter: a command of its own that waits for input looks like one not yet submitted.
        """
        began = pressed_at = self.clock.monotonic()
        emptied_at: float | None = None
        presses = 1
        while True:
            lane = self._look(DeliveryStatus.UNKNOWN)
            now = self.clock.monotonic()
            held = self.trace.stands_in_composer(lane)
            proof = self._proof(before, lane, held)
            if proof:
                return DeliveryStatus.STARTED, proof
            empty = self.trace.composer_is_empty(lane)
            emptied_at = (emptied_at or now) if empty else None
            if emptied_at is not None and (now - emptied_at >= EMPTY_S or self.cancel.is_set()):
                return DeliveryStatus.SUBMITTED, "the composer is empty again"
            cut_off = self.cancel.is_set() and now - began >= CUT_OFF_S
            if now - began >= PROOF_S or cut_off or _is_hopeless(lane):
                what = "the text still stands in the composer" if held else f"the lane is {lane.state.detail.value}"
                return DeliveryStatus.UNKNOWN, f"after Enter ({presses} times), {what}"
            refused = (
                held
                and self.trace.stands_alone(lane)
                and self.spec.is_agent
                and lane.state.word in (LaneWord.IDLE, LaneWord.ERRORED)
            )
            if refused and now - pressed_at >= ENTER_AGAIN_S:
                self._press_enter()
                presses, pressed_at = presses + 1, self.clock.monotonic()
            self.clock.sleep(SOON_S if now - began < EMPTY_S else LOOK_S)

    def _proof(self, before: Lane, lane: Lane, held: bool) -> str:
        """Why the turn, or the command, has started; empty where that is not shown."""
        state = lane.state
        shell = self.spec.kind is HarnessKind.SHELL
        if held and not (shell and state.word is LaneWord.WORKING):
            return ""
        if state.word in (LaneWord.WORKING, LaneWord.AWAITING_APPROVAL):
            return f"the lane is {state.word.value}: {state.evidence[0].seen}"
        said = next((one for one in state.evidence if one.source is SignalSource.HARNESS), None)
        if said and said.word is LaneWord.WORKING and said not in before.state.evidence:
            return f"the program says that it is {said.detail.value}: {said.seen}"
        if state.detail is Detail.EXITED and shell:
            return f"the shell ended: {state.evidence[0].seen}"
        if state.detail in _FAILED_TURN and before.state.detail is not state.detail:
            return f"the turn ended at once: {state.evidence[0].seen}"
        if self.trace.composer_is_empty(lane) and self.trace.mentions(lane) > self.trace.mentions(before):
            return "the text left the composer and stands in the conversation"
        return ""

    # What several steps need.

    def _look(self, failed: DeliveryStatus) -> Lane:
        """The lane now; where it cannot be seen, the delivery ends as ``failed``."""
        try:
            return self.state_of()
        except LoopError as error:
            raise _Ended(failed, f"lane {self.request.lane} cannot be seen: {error.message}") from error

    def _guarded(self, act: Callable[[], PasteResult]) -> PasteResult:
        """The outcome of a guarded act, once more after leaving copy mode; without an outcome nobody knows it."""
        try:
            result = act()
            if result is PasteResult.IN_MODE:
                self.substrate.leave_mode(self.record.pane)
                result = act()
        except LoopError as error:
            raise _Ended(DeliveryStatus.UNKNOWN, error.message) from error
        return result

    def _refusal(self, result: PasteResult) -> str:
        return f"lane {self.request.lane} took nothing: {_REFUSED[result]}"

    def _settle_s(self) -> float:
        return self.spec.composer.settle_s if self.spec.composer else 0.0


def _is_hopeless(lane: Lane) -> bool:
    state = lane.state
    doubted = state.detail is Detail.CONFLICTING and state.evidence[0].source is SignalSource.PROCESS
    return doubted or state.detail in _HOPELESS
