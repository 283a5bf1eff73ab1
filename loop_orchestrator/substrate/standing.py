"""A text of a delivery whose outcome is unknown, still standing in its composer: recognised, submitted or cleared."""

from __future__ import annotations

from loop_orchestrator.crash import crash_point
from loop_orchestrator.model.delivery import DeliveryStatus, DeliveryStep, Receipt
from loop_orchestrator.model.harness import HarnessSpec
from loop_orchestrator.model.lane import Detail, Lane, LaneWord
from loop_orchestrator.substrate.port import PasteResult
from loop_orchestrator.substrate.proof import await_proof
from loop_orchestrator.substrate.trace import DigestTrace, composer_digest, composer_shows
from loop_orchestrator.substrate.typist import SOON_S, Ended, Typist

CLEARED_S = 2.0
"""How long a composer may take to show that a key took something out."""
MOST_PRESSES = 500
"""Of the keys that clear: some programs take out one line at a time."""

_TYPED_INTO = frozenset({LaneWord.IDLE, LaneWord.ERRORED})


def why_not_recognised(receipt: Receipt, lane: Lane, spec: HarnessSpec) -> str:
    """Why the text of this delivery is not seen to stand, alone, in the composer of its lane; empty: it is."""
    state = lane.state
    pasted_at = receipt.times.get(DeliveryStep.PASTE.value)
    if not receipt.composer or pasted_at is None:
        return "the record does not say what its composer would show"
    if lane.record.pane != receipt.pane:
        return f"lane {lane.name} is in pane {lane.record.pane} now, the text was pasted into {receipt.pane}"
    if lane.run is None or lane.run.started_at > pasted_at:
        return f"the program of lane {lane.name} was started anew since the paste"
    if state.word not in _TYPED_INTO:
        return f"lane {lane.name} is {state.word.value} ({state.detail.value}): {state.evidence[0].seen}"
    if composer_digest(lane, spec) == receipt.composer:
        return ""
    shown = composer_shows(lane, spec)
    if not shown:
        return f"the composer of lane {lane.name} shows nothing"
    return f"the composer of lane {lane.name} shows something else, or something beside it: {_shortened(shown)}"


def submit(typist: Typist, receipt: Receipt) -> Ended:
    """Press Enter on the text that stands there, and look for proof. The caller holds the lease.

    Ends as unknown, with no key pressed, where it is not recognised.
    """
    trace = DigestTrace(receipt.composer, typist.spec)
    before = _recognised(typist, receipt)
    try:
        typist.submit(trace, before)
    except Ended as ended:
        return ended
    crash_point("resolve.pressed")
    try:
        return await_proof(typist, trace, before, size_bytes=receipt.bytes)
    except Ended as ended:
        return ended


def clear(typist: Typist, receipt: Receipt) -> Ended:
    """Take the text out of the composer again, and see that it is empty. The caller holds the lease.

    Ends as unknown where it is not recognised or something is left. After the first press only what was left of it is
    pressed on: once something new appears, nothing more is pressed.
    """
    rule = typist.spec.composer
    if rule is None or not rule.clear:
        return Ended(DeliveryStatus.UNKNOWN, f"no key is known that empties the composer of {typist.spec.name}")
    lane = _recognised(typist, receipt)
    for _ in range(MOST_PRESSES):
        shown = composer_shows(lane, typist.spec)
        pressed = typist.press(rule.clear, lane.cursor)
        if pressed is PasteResult.MOVED:
            lane = _recognised(typist, receipt)
            continue
        if pressed is not PasteResult.PASTED:
            return Ended(DeliveryStatus.UNKNOWN, typist.refusal(pressed))
        crash_point("resolve.pressed")
        lane = _after(typist, lane, shown)
        left = composer_shows(lane, typist.spec)
        if lane.state.detail is Detail.READY or (not left and lane.state.word is LaneWord.ERRORED):
            return Ended(DeliveryStatus.NOT_DELIVERED, "it was taken out of the composer again, which is empty")
        if not left or left == shown or left not in shown:
            break
    what = composer_shows(lane, typist.spec) or f"lane {lane.name} is {lane.state.detail.value}"
    return Ended(DeliveryStatus.UNKNOWN, f"after {' '.join(rule.clear)} the composer is not empty: {_shortened(what)}")


def _recognised(typist: Typist, receipt: Receipt) -> Lane:
    lane = typist.look(DeliveryStatus.UNKNOWN)
    why = why_not_recognised(receipt, lane, typist.spec)
    if why:
        raise Ended(DeliveryStatus.UNKNOWN, why)
    return lane


def _after(typist: Typist, lane: Lane, shown: str) -> Lane:
    """The lane once its composer shows something else than it did, or its time for that is over."""
    deadline = typist.clock.monotonic() + CLEARED_S
    while composer_shows(lane, typist.spec) == shown and typist.clock.monotonic() < deadline:
        typist.pause(SOON_S)
        lane = typist.look(DeliveryStatus.UNKNOWN)
    return lane


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else f"{line[:79]}…"
