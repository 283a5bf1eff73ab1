"""The one way text gets into a lane: at most once, each step on disk before it is taken, and a receipt at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypedDict, Unpack

from loop_orchestrator.crash import crash_point
from loop_orchestrator.errors import LockedError, StoreError
from loop_orchestrator.ids import sha256_text
from loop_orchestrator.model.delivery import (
    PLAIN,
    DeliveryMode,
    DeliveryProof,
    DeliveryRequest,
    DeliverySettings,
    DeliveryStatus,
    DeliveryStep,
    Receipt,
)
from loop_orchestrator.model.harness import HarnessKind, HarnessSpec
from loop_orchestrator.model.lane import Detail, Lane, LaneRecord, LaneWord, SignalSource
from loop_orchestrator.substrate import reset
from loop_orchestrator.substrate.cleaning import clean
from loop_orchestrator.substrate.port import PasteResult, Substrate
from loop_orchestrator.substrate.proof import CUT_OFF_S, FAILED_TURN, LOOK_S, await_proof
from loop_orchestrator.substrate.trace import Trace, composer_digest, composer_shows
from loop_orchestrator.substrate.typist import SOON_S, Ended, Typist, is_hopeless

if TYPE_CHECKING:
    from datetime import datetime

    from loop_orchestrator.clock import Clock
    from loop_orchestrator.process.cancel import Cancel

STEADY_S = 0.5
"""How much longer than asked for a ready lane is waited for to hold still."""
SHOWN_S = 15.0
"""How long a pasted text may take to be seen in the composer."""
INTERRUPT_S = 5.0
"""How long an interrupted turn may take to end."""
KEY_GAP_S = 0.3
"""Between two keys that interrupt a turn: closer together a program takes two Escapes for one key."""
INTERRUPT_AGAIN_S = 1.5
"""After which a turn that is still seen at work is interrupted once more: a program that draws much may miss a key."""

PERSON = "person"
"""The sender who may do what no program may."""

_STILL = "movement:still"
"""Rule of the signal that nothing was drawn for the settle time."""


class StepChanges(TypedDict, total=False):
    """What a step may add to the record of a delivery."""

    pane: str
    removed: dict[str, int]
    evidence: str
    reset: str
    composer: str


class Journal(Protocol):
    """The record of deliveries on disk; every call is durable on return."""

    def accept(
        self, request: DeliveryRequest, text_sha: str, nbytes: int, sent_sha: str = ""
    ) -> tuple[Receipt, bool]: ...

    def step(
        self, op: str, step: DeliveryStep, *, passed: Mapping[str, datetime] = ..., **changes: Unpack[StepChanges]
    ) -> Receipt: ...

    def close(self, receipt: Receipt) -> Receipt: ...

    def abandon(self, op: str) -> None: ...

    def lease(self, lane: str, timeout_s: float | None = 0.0) -> AbstractContextManager[object]: ...


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
    settings: DeliverySettings = PLAIN,
    pause: Callable[[float], None] | None = None,
) -> Receipt:
    """Carry out one delivery and return its receipt, also where nothing was delivered.

    An operation that is on record already is not carried out again: its receipt comes back as it stands.
    state_of: a fresh look at the lane. pause: see Typist. Blocks for up to ready_timeout_s and some seconds more.
    Raises StoreError where it could not be accepted, or its end could not be recorded: then nothing more is done, and
    the record tells how far it went.
    """
    text, removed = text_to_send(request.text, spec)
    sent = text.encode("utf-8")
    receipt, fresh = journal.accept(request, sha256_text(request.text), len(sent), sha256_text(text))
    if not fresh:
        return receipt
    crash_point("delivery.accepted")
    typist = Typist(
        substrate=substrate,
        record=record,
        spec=spec,
        state_of=state_of,
        clock=clock,
        cancel=cancel,
        pause=pause or clock.sleep,
    )
    delivery = _Delivery(request, text, removed, receipt, typist, journal, Trace(text, spec), settings)
    try:
        with journal.lease(request.lane, request.ready_timeout_s):
            ended = delivery.carry_out()
    except LockedError as error:
        ended = Ended(DeliveryStatus.NOT_DELIVERED, error.message)
    except StoreError as error:
        touched = delivery.receipt.step.touches_pane
        status = DeliveryStatus.UNKNOWN if touched else DeliveryStatus.NOT_DELIVERED
        ended = Ended(status, f"a step could not be recorded, and was not taken: {error.message}")
    except Ended as how:
        ended = how
    try:
        closed = journal.close(delivery.outcome(ended))
    except StoreError as error:
        journal.abandon(request.op)
        at = f"at the step {delivery.receipt.step.value}, {ended.status.value}: {ended.evidence}"
        raise StoreError(f"{error.message}; delivery {request.op} ended {at}", hint=error.hint) from error
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
    """One delivery on its way. Every step raises Ended where the way ends."""

    request: DeliveryRequest
    text: str
    removed: dict[str, int]
    receipt: Receipt
    typist: Typist
    journal: Journal
    trace: Trace
    settings: DeliverySettings
    deadline: float = 0.0
    """until then the lane may take to be ready, on the monotonic clock"""

    def carry_out(self) -> Ended:
        """The steps under the lease: how it ended."""
        self.deadline = self.clock.monotonic() + self.request.ready_timeout_s
        self._pass(DeliveryStep.LEASE, pane=self.typist.record.pane)
        crash_point("delivery.leased")
        self._pass(DeliveryStep.CHECK)
        self._refuse_unsuitable()
        before = self._ready_lane()
        crash_point("delivery.checked")
        before = self._fresh_context(before)
        before = self._paste(before)
        shown = self._await_shown()
        if not self.request.press_enter:
            asked = "the text stands in the composer; Enter was not asked for"
            return Ended(DeliveryStatus.SUBMITTED, asked, DeliveryProof.DRAFT)
        self._step(DeliveryStep.SUBMIT, composer=composer_digest(shown, self.spec))
        crash_point("delivery.submitting")
        self.typist.enters = 0
        self.typist.submit(self.trace, shown)
        crash_point("delivery.submitted")
        return await_proof(self.typist, self.trace, before, size_bytes=self.receipt.bytes)

    def outcome(self, ended: Ended) -> Receipt:
        """The receipt as it is to be written; the step is the one reached."""
        delivered = ended.status in (DeliveryStatus.SUBMITTED, DeliveryStatus.STARTED)
        step = DeliveryStep.RECEIPT if delivered else self.receipt.step
        enters = self.typist.enters if self.receipt.step is DeliveryStep.SUBMIT else 0
        return replace(
            self.receipt, status=ended.status, step=step, evidence=ended.evidence, proof=ended.proof, enters=enters
        )

    @property
    def clock(self) -> Clock:
        return self.typist.clock

    @property
    def spec(self) -> HarnessSpec:
        return self.typist.spec

    def _pass(self, step: DeliveryStep, **changes: Unpack[StepChanges]) -> None:
        """Take a step that leaves all outside of this process as it is: the next one that does not records it."""
        times = {**self.receipt.times, step.value: self.clock.now()}
        self.receipt = replace(self.receipt, step=step, times=times, **changes)

    def _step(self, step: DeliveryStep, **changes: Unpack[StepChanges]) -> None:
        """Record a step, and those that were passed, before it is taken."""
        now = self.receipt
        known: StepChanges = {"pane": now.pane, "removed": dict(now.removed), "reset": now.reset}
        known.update(changes)
        self.receipt = self.journal.step(self.request.op, step, passed=now.times, **known)

    # Check.

    def _refuse_unsuitable(self) -> None:
        """What no waiting would make right."""
        if reason := unsuitable(self.request, self.text, self.typist.record, self.spec):
            raise Ended(DeliveryStatus.NOT_DELIVERED, reason)

    def _ready_lane(self) -> Lane:
        """The lane, ready and holding still; an interrupt that was asked for comes first.

        It holds still where nothing was drawn for the settle time, or two looks show the same.
        """
        settle_s = self.typist.settle_s
        steady: tuple[str, ...] | None = None
        waited = False
        working: Lane | None = None
        again_at: float | None = None
        clear_at = 0.0
        while True:
            lane = self.typist.look(DeliveryStatus.NOT_DELIVERED)
            ready = self._may_be_typed_into(lane)
            if ready and (lane.screen == steady or _was_still(lane)):
                return lane
            steady = lane.screen if ready else None
            if not ready and not waited and self.receipt.step is DeliveryStep.CHECK:
                self._step(DeliveryStep.CHECK)  # it may take long
            waited = True
            now = self.clock.monotonic()
            if not ready and self._is_to_be_interrupted(lane, again_at):
                self.deadline = max(self.deadline, now + INTERRUPT_S) if again_at is None else self.deadline
                working, again_at = lane, now + INTERRUPT_AGAIN_S
                self._interrupt()
            elif working and now >= clear_at and self.trace.was_put_back(lane, working):
                # A program that is still busy with the interrupt may miss the key.
                self.deadline = self.deadline if clear_at else max(self.deadline, now + INTERRUPT_S)
                clear_at = now + KEY_GAP_S
                self._press_before(self.spec.composer.clear if self.spec.composer else ())
            over = self.clock.monotonic() >= self.deadline + (settle_s + STEADY_S if ready else 0)
            if self.typist.cancel.is_set() or over or is_hopeless(lane):
                raise Ended(DeliveryStatus.NOT_DELIVERED, self._why_not_ready(lane, ready))
            self.clock.sleep(max(settle_s, 2 * SOON_S)) if ready else self.typist.pause(LOOK_S)

    def _may_be_typed_into(self, lane: Lane) -> bool:
        """Ready; or the last turn failed, the composer is empty, and it is a person who sends."""
        if lane.state.ready:
            return True
        failed = lane.state.detail in FAILED_TURN and self.request.sender == PERSON
        return failed and self.trace.composer_is_empty(lane)

    def _why_not_ready(self, lane: Lane, ready: bool) -> str:
        if self.typist.cancel.is_set():
            return "this program was told to stop"
        if ready:
            return f"the screen of lane {lane.name} does not hold still"
        state = lane.state
        reason = f"lane {lane.name} is {state.word.value} ({state.detail.value}): {state.evidence[0].seen}"
        rule = self.spec.composer
        if state.detail is Detail.DRAFT and rule is not None and composer_shows(lane, self.spec) == rule.reset != "":
            reason += "; a delivery that ended early may have left this command for a fresh context: submit or clear it"
        return reason

    def _is_to_be_interrupted(self, lane: Lane, again_at: float | None) -> bool:
        """It is at work; after an interrupt only if that is seen, and not just said by the program some time ago."""
        if not self.request.interrupt or lane.state.word is not LaneWord.WORKING:
            return False
        seen = lane.state.evidence[0].source in (SignalSource.SCREEN, SignalSource.TERMINAL)
        return again_at is None or (seen and self.clock.monotonic() >= again_at)

    def _interrupt(self) -> None:
        keys = self.spec.composer.interrupt if self.spec.composer else ()
        for number, key in enumerate(keys):
            if number:
                self.clock.sleep(KEY_GAP_S)
            self._press_before((key,))

    def _press_before(self, keys: tuple[str, ...]) -> None:
        """Keys that make the lane ready, before anything of the text reaches it."""
        try:
            pressed = self.typist.press(keys)
        except Ended as ended:
            raise Ended(DeliveryStatus.NOT_DELIVERED, ended.evidence) from ended
        if pressed is not PasteResult.PASTED:
            raise Ended(DeliveryStatus.NOT_DELIVERED, self.typist.refusal(pressed))

    # Clean and reset.

    def _fresh_context(self, lane: Lane) -> Lane:
        """The lane as it is ready for the text; with a fresh context where program and request want one."""
        self._pass(DeliveryStep.CLEAN, removed=self.removed)
        crash_point("delivery.cleaned")
        rule = self.spec.composer
        wanted = self.request.fresh and not self.request.interrupt and rule is not None and rule.reset_first
        against = reset.why_not(self.typist) if wanted and self.settings.resets else "it is switched off"
        command = rule.reset if rule is not None and wanted else ""
        if not wanted or against:
            self._pass(DeliveryStep.RESET, reset=f"not done: {against}" if wanted else "")
            return lane
        self._step(DeliveryStep.RESET, reset=f"begun: {command}")
        crash_point("delivery.resetting")
        fresh = reset.reset(self.typist, lane, self.settings.reset_timeout_s)
        self.receipt = replace(self.receipt, reset=f"done: {command}")
        crash_point("delivery.reset")
        return fresh

    # Paste.

    def _paste(self, ready: Lane) -> Lane:
        """Paste into the lane as it was seen; where it has changed meanwhile, once it is ready again.

        Returns the lane as it was before the paste.
        """
        self._step(DeliveryStep.PASTE, composer=self.trace.digest)
        crash_point("delivery.pasting")
        while True:
            lane = self.typist.look(DeliveryStatus.NOT_DELIVERED)
            if lane.screen == ready.screen and self._may_be_typed_into(lane):
                result = self.typist.paste(self.text, lane.cursor)
                if result is PasteResult.PASTED:
                    crash_point("delivery.pasted")
                    return lane
                if result is not PasteResult.MOVED:
                    raise Ended(DeliveryStatus.NOT_DELIVERED, self.typist.refusal(result))
            ready = self._ready_lane()

    def _await_shown(self) -> Lane:
        """The lane once its composer shows the text alone, and the program had its time to take Enter as Enter."""
        pasted_at = self.clock.monotonic()
        while not self.trace.stands_in_composer(lane := self.typist.look(DeliveryStatus.UNKNOWN)):
            limit_s = CUT_OFF_S if self.typist.cancel.is_set() else SHOWN_S
            if self.clock.monotonic() - pasted_at > limit_s or is_hopeless(lane):
                state = f"{lane.state.word.value} ({lane.state.detail.value})"
                reason = f"the text was pasted, but the composer did not show it; the lane is {state}"
                raise Ended(DeliveryStatus.UNKNOWN, reason)
            self.typist.pause(SOON_S)
        wait_s = max(self.typist.settle_s, self.settings.paste_delay_s)
        left_s = pasted_at + wait_s - self.clock.monotonic()
        if left_s > 0:
            self.clock.sleep(left_s)
            lane = self.typist.look(DeliveryStatus.UNKNOWN)
        return self.typist.alone(self.trace, lane)


def _was_still(lane: Lane) -> bool:
    """It is shown, not assumed, that nothing was drawn for the settle time."""
    return any(one.source is SignalSource.MOVEMENT and one.rule == _STILL for one in lane.state.evidence)
