"""Gives a program a fresh context before new work: its own command, typed, submitted, and seen to have been taken."""

from __future__ import annotations

from loop_orchestrator.crash import crash_point
from loop_orchestrator.errors import LoopError
from loop_orchestrator.model.delivery import DeliveryStatus
from loop_orchestrator.model.lane import Detail, Lane
from loop_orchestrator.substrate.port import PasteResult
from loop_orchestrator.substrate.proof import ENTER_AGAIN_S
from loop_orchestrator.substrate.trace import Trace
from loop_orchestrator.substrate.typist import SOON_S, Ended, Typist, is_hopeless

PERSON_S = 600.0
"""A person whose terminal shows the lane and who pressed a key since is in the middle of something there."""


def why_not(typist: Typist) -> str:
    """Why the lane's context is left as it is though a fresh one was asked for; empty: nothing stands against it."""
    try:
        age_s = typist.substrate.key_age_s(typist.record.pane)
    except LoopError as error:
        return f"whether a person is at the lane's terminal cannot be seen: {error.message}"
    if age_s is not None and age_s < PERSON_S:
        return "a person is at the lane's terminal, whose context stays"
    return ""


def reset(typist: Typist, lane: Lane, timeout_s: float) -> Lane:
    """The lane, ready again with a fresh context.

    lane: ready, with an empty composer. Ends as not-delivered where the fresh context is not confirmed in time: no byte
    of the text was sent, but the command may stand in the composer.
    """
    rule = typist.spec.composer
    assert rule is not None
    try:
        return _reset(typist, lane, rule.reset, typist.clock.monotonic() + timeout_s, timeout_s)
    except Ended as ended:
        left = f"; {rule.reset} may stand in the composer" if typist.enters == 0 else ""
        reason = f"a fresh context was not confirmed: {ended.evidence}; no more was sent{left}"
        raise Ended(DeliveryStatus.NOT_DELIVERED, reason) from ended


def _reset(typist: Typist, lane: Lane, command: str, deadline: float, timeout_s: float) -> Lane:
    clock, trace = typist.clock, Trace(command, typist.spec)
    pasted = typist.paste(command, lane.cursor)
    if pasted is not PasteResult.PASTED:
        raise Ended(DeliveryStatus.NOT_DELIVERED, typist.refusal(pasted))
    crash_point("delivery.reset-typed")
    over = f"not within {timeout_s:g} s"
    while not trace.is_exactly(lane := typist.look(DeliveryStatus.NOT_DELIVERED)):
        if trace.stands_in_composer(lane):
            lane = typist.alone(trace, lane)
        elif clock.monotonic() > deadline or is_hopeless(lane) or typist.cancel.is_set():
            raise Ended(DeliveryStatus.NOT_DELIVERED, f"{command} was not seen in the composer, {over}")
        typist.pause(SOON_S)
    left_s = typist.settle_s
    if left_s > 0:
        clock.sleep(left_s)
        lane = typist.look(DeliveryStatus.NOT_DELIVERED)
    if not trace.is_exactly(lane):
        raise Ended(DeliveryStatus.NOT_DELIVERED, f"something stands beside {command} in the composer")
    typist.submit(trace, lane)
    pressed_at = clock.monotonic()
    steady: tuple[str, ...] | None = None
    since = pressed_at
    while True:
        lane = typist.look(DeliveryStatus.NOT_DELIVERED)
        now = clock.monotonic()
        ready = lane.state.detail is Detail.READY and trace.composer_is_empty(lane)
        if not ready or lane.screen != steady:
            steady, since = lane.screen if ready else None, now
        elif now - since >= typist.spec.idle_settle_s:
            return lane
        if now > deadline or is_hopeless(lane) or typist.cancel.is_set():
            state = f"{lane.state.word.value} ({lane.state.detail.value})"
            raise Ended(DeliveryStatus.NOT_DELIVERED, f"after {command} the lane is {state}, {over}")
        if trace.is_exactly(lane) and now - pressed_at >= ENTER_AGAIN_S:
            typist.submit(trace, lane)
            pressed_at = clock.monotonic()
        typist.pause(max(SOON_S, typist.spec.idle_settle_s / 4) if ready else SOON_S)
