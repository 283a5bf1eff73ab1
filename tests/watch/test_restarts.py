"""Which lanes are started again, when, and when that is given up."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loop_orchestrator.config.schema import RestartConfig
from loop_orchestrator.model.restart import RestartEvent, RestartNote, RestartPolicy
from loop_orchestrator.watch.restarts import HELD_S, LOOK_S, SLOW_S, LaneFacts, Move, decide
from tests.support.builders import NOW

LIMITS = RestartConfig()
FIRST_S, SECOND_S, THIRD_S = LIMITS.waits_s


def ended(exit_status: int | None = 3, last: RestartNote | None = None, **changes: object) -> LaneFacts:
    facts = LaneFacts(
        name="web",
        agent=True,
        policy=RestartPolicy.ON_FAILURE,
        ended=True,
        exit_status=exit_status,
        suspended=False,
        up_s=None,
        started_s=0.0,
        asks="",
        last=last,
    )
    return replace(facts, **changes)  # type: ignore[arg-type]


def running(last: RestartNote | None = None, **changes: object) -> LaneFacts:
    return ended(None, last, **{"ended": False, **changes})


def noted(event: RestartEvent, *, attempt: int = 0, next_s: float | None = None, reason: str = "") -> RestartNote:
    next_at = None if next_s is None else NOW + timedelta(seconds=next_s)
    return RestartNote(
        event=event,
        lane="web",
        at=NOW,
        attempt=attempt,
        reason=reason,
        exit_status=3,
        next_at=next_at,
        booted_at=NOW,
    )


def move(facts: LaneFacts, after_s: float = 0.0) -> Move:
    return decide(facts, NOW + timedelta(seconds=after_s), LIMITS).move


def test_an_end_is_noted_with_its_status_and_tried_again_after_the_first_wait() -> None:
    step = decide(ended(3), NOW, LIMITS)
    assert (step.move, step.attempt, step.reason) == (Move.FAIL, 0, "its program ended with status 3")
    assert step.next_at == NOW + timedelta(seconds=FIRST_S)
    assert step.look_s == FIRST_S
    waiting = ended(3, noted(RestartEvent.FAILED, next_s=FIRST_S))
    early = decide(waiting, NOW + timedelta(seconds=2), LIMITS)
    assert (early.move, early.look_s) == (Move.NOTHING, FIRST_S - 2)
    due = decide(waiting, NOW + timedelta(seconds=FIRST_S), LIMITS)
    assert (due.move, due.attempt) == (Move.RESTART, 1)


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        (ended(-9), Move.FAIL),
        (ended(None), Move.FAIL),
        (ended(143), Move.FAIL),
        (ended(0), Move.NOTHING),
        (ended(130), Move.NOTHING),
        (ended(-2), Move.NOTHING),
        (ended(0, policy=RestartPolicy.ALWAYS), Move.FAIL),
        (ended(130, policy=RestartPolicy.ALWAYS), Move.FAIL),
        (ended(3, policy=RestartPolicy.NEVER), Move.NOTHING),
        (ended(3, agent=False), Move.NOTHING),
        (ended(3, suspended=True), Move.NOTHING),
        (ended(126), Move.GIVE_UP),
        (ended(127), Move.GIVE_UP),
        (ended(127, policy=RestartPolicy.ALWAYS), Move.GIVE_UP),
        (running(), Move.NOTHING),
        (running(suspended=True), Move.NOTHING),
        (ended(3, noted(RestartEvent.GIVING_UP, attempt=3)), Move.NOTHING),
        (ended(3, noted(RestartEvent.RESTARTING, attempt=1)), Move.NOTHING),
        (ended(3, noted(RestartEvent.RESTARTED, attempt=2)), Move.FAIL),
        (ended(3, noted(RestartEvent.RESTARTED, attempt=3)), Move.GIVE_UP),
        (ended(127, noted(RestartEvent.RESTARTED, attempt=1)), Move.GIVE_UP),
        (ended(0, noted(RestartEvent.RESTARTED, attempt=1)), Move.NOTHING),
        (ended(3, noted(RestartEvent.READY, attempt=3)), Move.FAIL),
    ],
)
def test_what_is_done_about_an_end(facts: LaneFacts, wanted: Move) -> None:
    assert move(facts) is wanted


def test_a_good_restart_makes_the_next_one_a_first_one() -> None:
    again = decide(ended(3, noted(RestartEvent.READY, attempt=3)), NOW, LIMITS)
    assert (again.attempt, again.look_s) == (0, FIRST_S)


def test_the_reason_of_giving_up_says_how_often_and_how() -> None:
    assert decide(ended(3, noted(RestartEvent.RESTARTED, attempt=3)), NOW, LIMITS).reason == (
        "3 restarts in a row did not help: its program ended with status 3"
    )
    assert decide(ended(127), NOW, LIMITS).reason == "it cannot be started: its program ended with status 127"


@pytest.mark.parametrize(("event", "most_s"), [(RestartEvent.FAILED, FIRST_S), (RestartEvent.POSTPONED, HELD_S)])
def test_a_time_further_ahead_than_was_ever_set_is_over(event: RestartEvent, most_s: float) -> None:
    assert move(ended(3, noted(event, next_s=most_s))) is Move.NOTHING
    assert move(ended(3, noted(event, next_s=3600))) is Move.RESTART
    assert move(ended(3, noted(event, next_s=-3600))) is Move.RESTART


def test_a_lane_that_somebody_has_in_hand_waits_and_says_so_once() -> None:
    due = ended(3, noted(RestartEvent.FAILED, next_s=0), held="vim runs in its shell")
    step = decide(due, NOW, LIMITS)
    assert (step.move, step.reason, step.look_s) == (Move.POSTPONE, "vim runs in its shell", HELD_S)
    said = replace(due, last=noted(RestartEvent.POSTPONED, next_s=HELD_S, reason="vim runs in its shell"))
    assert move(said, HELD_S + 1) is Move.NOTHING
    assert move(replace(said, held="text stands at the prompt of its shell"), HELD_S + 1) is Move.POSTPONE
    assert move(replace(said, held=""), HELD_S + 1) is Move.RESTART


def test_a_restart_is_good_when_the_lane_stayed_ready_for_the_settle_time() -> None:
    restarted = noted(RestartEvent.RESTARTED, attempt=2)
    assert decide(running(restarted), NOW, LIMITS).look_s == LOOK_S
    short = decide(running(restarted, up_s=LIMITS.settle_s - 1), NOW, LIMITS)
    assert (short.move, short.look_s) == (Move.NOTHING, 1)
    assert move(running(restarted, up_s=LIMITS.settle_s)) is Move.SETTLE
    assert move(running(noted(RestartEvent.READY), up_s=LIMITS.settle_s)) is Move.NOTHING


def test_a_restarted_lane_that_asks_or_hangs_is_not_good_and_is_told_once() -> None:
    restarted = noted(RestartEvent.RESTARTED, attempt=1)
    asking = running(restarted, asks="it waits for a person: Trust this folder?")
    step = decide(asking, NOW, LIMITS)
    assert (step.move, step.attempt, step.next_at) == (Move.POSTPONE, 1, None)
    assert move(running(restarted, started_s=SLOW_S)) is Move.POSTPONE
    told = replace(asking, last=noted(RestartEvent.POSTPONED, attempt=1))
    assert move(told) is Move.NOTHING
    assert move(replace(told, asks="", up_s=LIMITS.settle_s)) is Move.SETTLE
    died = decide(ended(3, told.last), NOW, LIMITS)
    assert (died.move, died.attempt, died.look_s) == (Move.FAIL, 1, SECOND_S)


def test_limits_that_make_no_sense_are_refused() -> None:
    for waits in ((), (5.0, 1.0), (1.0,) * 21):
        with pytest.raises(ValueError, match="waits_s"):
            RestartConfig(waits_s=waits)


_NOTE_OF = {
    Move.FAIL: RestartEvent.FAILED,
    Move.POSTPONE: RestartEvent.POSTPONED,
    Move.RESTART: RestartEvent.RESTARTED,
    Move.SETTLE: RestartEvent.READY,
    Move.GIVE_UP: RestartEvent.GIVING_UP,
}


@dataclass
class Life:
    """A lane under a watchdog, in time that only passes."""

    limits: RestartConfig
    now: datetime = NOW
    ended: bool = False
    status: int | None = None
    up_since: datetime | None = None
    held: str = ""
    last: RestartNote | None = None
    steps: list[tuple[Move, datetime, bool]] = field(default_factory=list)

    def look(self) -> None:
        facts = ended(
            self.status,
            self.last,
            ended=self.ended,
            held=self.held,
            up_s=None if self.up_since is None else (self.now - self.up_since).total_seconds(),
        )
        step = decide(facts, self.now, self.limits)
        if step.move is Move.NOTHING:
            return
        self.steps.append((step.move, self.now, self.ended))
        self.last = replace(
            noted(_NOTE_OF[step.move], attempt=step.attempt, reason=step.reason), at=self.now, next_at=step.next_at
        )
        if step.move is Move.RESTART:
            self.ended, self.status, self.up_since = False, None, None


happenings = st.lists(
    st.one_of(
        st.tuples(st.just("pass"), st.floats(0, 400)),
        st.tuples(st.just("die"), st.sampled_from([None, -9, -15, 0, 1, 3, 126, 130])),
        st.tuples(st.just("ready"), st.none()),
        st.tuples(st.just("worse"), st.none()),
        st.tuples(st.just("hold"), st.sampled_from(["", "vim runs in its shell"])),
    ),
    max_size=60,
)
limits = st.builds(
    lambda waits, settle: RestartConfig(waits_s=tuple(sorted(waits)), settle_s=settle),
    st.lists(st.floats(0, 200), min_size=1, max_size=5),
    st.floats(0, 300),
)


@example(limits=RestartConfig(waits_s=(1.07421875,), settle_s=0.0), happened=[("die", None), ("ready", None)])
@given(limits=limits, happened=happenings)
def test_no_lane_flaps_and_none_is_started_that_did_not_end(
    limits: RestartConfig, happened: list[tuple[str, object]]
) -> None:
    life = Life(limits)
    for what, value in happened:
        if what == "pass":
            life.now += timedelta(seconds=float(str(value)))
        elif what == "die" and not life.ended:
            life.ended, life.status, life.up_since = True, value, None  # type: ignore[assignment]
        elif what == "ready" and not life.ended:
            life.up_since = life.up_since or life.now
        elif what == "worse":
            life.up_since = None
        elif what == "hold":
            life.held = str(value)
        life.look()
    in_a_row, failed_at, given_up = 0, NOW, False
    for done, at, was_ended in life.steps:
        assert not given_up
        if done is Move.RESTART:
            assert was_ended
            assert (at - failed_at).total_seconds() >= limits.waits_s[in_a_row] - 1e-3
            in_a_row += 1
            assert in_a_row <= len(limits.waits_s)
        elif done is Move.FAIL:
            failed_at = at
        elif done is Move.SETTLE:
            in_a_row = 0
        elif done is Move.GIVE_UP:
            given_up = True
