"""Looks for proof that a text that was submitted arrived: something that was not there before the paste."""

from __future__ import annotations

from loop_orchestrator.model.delivery import DeliveryProof, DeliveryStatus
from loop_orchestrator.model.harness import HarnessKind
from loop_orchestrator.model.lane import Detail, Lane, LaneWord, SignalSource
from loop_orchestrator.substrate.trace import Standing
from loop_orchestrator.substrate.typist import SOON_S, Ended, Typist, is_hopeless

LOOK_S = 0.05
"""Between two looks when what is looked for did not come at once."""
ENTER_AGAIN_S = 0.3
"""Between two presses of Enter while the text still stands in the composer."""
PROOF_S = 10.0
"""How long proof is looked for after the first Enter."""
HELD_S = 30.0
"""How long it is looked for while the text still stands in the composer: a program that has just started on a busy
machine may take no Enter for more than ten seconds."""
BRISK_S, RARELY_S = 3.0, 2.0
"""Until when Enter is pressed again soon, and how far apart after that: a program that hangs takes all of them later,
and the last may answer what it asks by then."""
CUT_OFF_S = 0.5
"""How long proof is looked for where this program is told to stop: it has 1.5 s in all."""
EMPTY_S = 1.0
"""How long more than an emptied composer is looked for, at least."""
DRAWN_PER_S = 25_000
"""Bytes of a text that a program draws in a second, at least: a long one is out of sight for some seconds."""

FAILED_TURN = frozenset({Detail.API_ERROR, Detail.RATE_LIMITED})


def await_proof(typist: Typist, trace: Standing, before: Lane, *, size_bytes: int) -> Ended:
    """How it ended, once Enter was pressed; Enter again only while the text still stands alone in the composer.

    before: the lane before the paste. size_bytes: of the text as sent.
    A shell gets one Enter: a command of its own that waits for input looks like one not yet submitted.
    """
    clock = typist.clock
    began = pressed_at = clock.monotonic()
    emptied_at: float | None = None
    empty_s = EMPTY_S + size_bytes / DRAWN_PER_S
    while True:
        lane = typist.look(DeliveryStatus.UNKNOWN)
        now = clock.monotonic()
        held = trace.stands_in_composer(lane)
        proof = proof_of(typist, trace, before, lane, held=held)
        if proof is not None:
            return Ended(DeliveryStatus.STARTED, *proof)
        empty = trace.composer_is_empty(lane)
        emptied_at = (emptied_at or now) if empty else None
        if emptied_at is not None and (now - emptied_at >= empty_s or typist.cancel.is_set()):
            return Ended(DeliveryStatus.SUBMITTED, "the composer is empty again", DeliveryProof.COMPOSER)
        cut_off = typist.cancel.is_set() and now - began >= CUT_OFF_S
        if now - began >= (HELD_S if held else PROOF_S) or cut_off or is_hopeless(lane):
            what = "the text still stands in the composer" if held else f"the lane is {lane.state.detail.value}"
            return Ended(DeliveryStatus.UNKNOWN, f"after Enter ({typist.enters} times), {what}")
        refused = (
            held
            and trace.stands_alone(lane)
            and typist.spec.is_agent
            and lane.state.word in (LaneWord.IDLE, LaneWord.ERRORED)
        )
        if refused and now - pressed_at >= (ENTER_AGAIN_S if now - began < BRISK_S else RARELY_S):
            typist.submit(trace, lane)
            pressed_at = clock.monotonic()
        typist.pause(SOON_S if now - began < EMPTY_S else LOOK_S)


def proof_of(
    typist: Typist, trace: Standing, before: Lane, lane: Lane, *, held: bool
) -> tuple[str, DeliveryProof] | None:
    """Why the turn, or the command, has started; None where that is not shown.

    held: the text stands in the composer.
    """
    state = lane.state
    shell = typist.spec.kind is HarnessKind.SHELL
    if held and not (shell and state.word is LaneWord.WORKING):
        return None
    if state.word in (LaneWord.WORKING, LaneWord.AWAITING_APPROVAL):
        return f"the lane is {state.word.value}: {state.evidence[0].seen}", DeliveryProof.STATE
    said = next((one for one in state.evidence if one.source is SignalSource.HARNESS), None)
    if said and said.word is LaneWord.WORKING and said not in before.state.evidence:
        return f"the program says that it is {said.detail.value}: {said.seen}", DeliveryProof.SAID
    if state.detail is Detail.EXITED and shell:
        return f"the shell ended: {state.evidence[0].seen}", DeliveryProof.STATE
    if state.detail in FAILED_TURN and before.state.detail is not state.detail:
        return f"the turn ended at once: {state.evidence[0].seen}", DeliveryProof.STATE
    if trace.composer_is_empty(lane) and trace.mentions(lane) > trace.mentions(before):
        return "the text left the composer and stands in the conversation", DeliveryProof.CONVERSATION
    return None
