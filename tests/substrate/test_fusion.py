"""What evidence of several kinds comes to: tables for what is known, properties for all the rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loop_orchestrator.model.harness import HarnessKind, HarnessSpec
from loop_orchestrator.model.lane import WORD_OF, Detail, LaneState, LaneWord, Signal, SignalSource
from loop_orchestrator.substrate.evidence import moved, still, unchecked
from loop_orchestrator.substrate.readiness import fuse
from loop_orchestrator.substrate.screenrules import NO_RULE
from tests.support.builders import NOW
from tests.support.packaged import packaged_harnesses

CLAUDE = packaged_harnesses()["claude"]
BARE = HarnessSpec(name="bare", title="Bare", kind=HarnessKind.AGENT, launch=("bare",))


def ago(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def hook(detail: Detail, age_s: float = 1.0) -> Signal:
    return Signal(source=SignalSource.HARNESS, detail=detail, rule="hook:claude", seen="said", at=NOW - ago(age_s))


def osc(detail: Detail, age_s: float = 1.0) -> Signal:
    at = NOW - ago(age_s)
    return Signal(source=SignalSource.TERMINAL, detail=detail, rule="terminal:osc-7501", seen="state", at=at)


def title(detail: Detail) -> Signal:
    return Signal(source=SignalSource.TERMINAL, detail=detail, rule="claude:title", seen="title", at=NOW)


def shows(detail: Detail, rule: str = "") -> Signal:
    return Signal(source=SignalSource.SCREEN, detail=detail, rule=rule or f"claude:{detail}", seen="seen", at=NOW)


def process(detail: Detail, rule: str = "process:x") -> Signal:
    return Signal(source=SignalSource.PROCESS, detail=detail, rule=rule, seen="fact", at=NOW)


READY = shows(Detail.READY, "composer")
UNKNOWN_SCREEN = shows(Detail.DRIFTED, NO_RULE)
STILL = still(NOW - ago(30), NOW)
MOVED = moved(NOW - ago(0.1))


def fused(*signals: Signal, spec: HarnessSpec | None = CLAUDE) -> LaneState:
    return fuse(signals, spec, NOW)


@pytest.mark.parametrize(
    ("signals", "detail", "rule"),
    [
        # A fact about the process comes before everything.
        ((process(Detail.EXITED), hook(Detail.BUSY), shows(Detail.APPROVAL)), Detail.EXITED, "process:x"),
        ((process(Detail.CONFLICTING), hook(Detail.READY), READY, STILL), Detail.CONFLICTING, "process:x"),
        # A dialog and a spinner that are seen now come before what was said.
        ((hook(Detail.READY), shows(Detail.APPROVAL)), Detail.APPROVAL, "claude:approval"),
        ((hook(Detail.TOOL), shows(Detail.APPROVAL)), Detail.APPROVAL, "claude:approval"),
        ((hook(Detail.READY), shows(Detail.BUSY), READY), Detail.BUSY, "claude:busy"),
        ((hook(Detail.APPROVAL), shows(Detail.BUSY)), Detail.BUSY, "claude:busy"),
        ((osc(Detail.READY), title(Detail.BUSY), READY, STILL), Detail.BUSY, "claude:title"),
        # A title knows less of a dialog than the screen.
        ((title(Detail.APPROVAL), shows(Detail.QUESTION)), Detail.QUESTION, "claude:question"),
        # What was said names the work more closely, and the screen knows of retries, of which no hook tells.
        ((hook(Detail.TOOL), shows(Detail.BUSY)), Detail.TOOL, "hook:claude"),
        ((hook(Detail.TOOL), shows(Detail.RETRYING)), Detail.RETRYING, "claude:retrying"),
        ((hook(Detail.BUSY), shows(Detail.THINKING)), Detail.THINKING, "claude:thinking"),
        # Where the screen says nothing, the newest word counts.
        ((hook(Detail.BUSY, 900), UNKNOWN_SCREEN), Detail.BUSY, "hook:claude"),
        ((hook(Detail.APPROVAL), UNKNOWN_SCREEN), Detail.APPROVAL, "hook:claude"),
        ((hook(Detail.BUSY, 9), hook(Detail.APPROVAL, 3), UNKNOWN_SCREEN), Detail.APPROVAL, "hook:claude"),
        ((hook(Detail.BUSY, 9), osc(Detail.APPROVAL, 3), UNKNOWN_SCREEN), Detail.APPROVAL, "terminal:osc-7501"),
        # Idle needs more than a word where the screens are known.
        ((hook(Detail.READY), UNKNOWN_SCREEN), Detail.DRIFTED, NO_RULE),
        ((hook(Detail.READY),), Detail.DRIFTED, "nothing"),
        ((title(Detail.READY), STILL), Detail.DRIFTED, "nothing"),
        ((hook(Detail.READY), shows(Detail.BOOTING, "claude:starting"), READY), Detail.BOOTING, "claude:starting"),
        # A failed turn stands until something begins.
        ((hook(Detail.RATE_LIMITED, 900), READY, STILL), Detail.RATE_LIMITED, "hook:claude"),
        ((hook(Detail.BUSY), shows(Detail.API_ERROR), READY), Detail.API_ERROR, "claude:api-error"),
        ((hook(Detail.RATE_LIMITED, 9), hook(Detail.READY), READY, STILL), Detail.READY, "composer"),
        # A composer alone has to hold still, unless the program has just said that it is idle.
        ((READY, STILL), Detail.READY, "composer"),
        ((READY, unchecked(NOW)), Detail.READY, "composer"),
        ((READY,), Detail.CONFLICTING, "settling"),
        ((READY, MOVED), Detail.CONFLICTING, "settling"),
        ((READY, MOVED, STILL), Detail.CONFLICTING, "settling"),
        ((hook(Detail.READY), READY, MOVED), Detail.READY, "composer"),
        ((osc(Detail.READY), READY, MOVED), Detail.READY, "composer"),
        ((hook(Detail.READY, 2.1), READY, MOVED), Detail.CONFLICTING, "settling"),
        ((shows(Detail.DRAFT, "composer"), STILL), Detail.DRAFT, "composer"),
        # An interrupt says nothing: the composer wins, but only after a while, and only if it holds still.
        ((hook(Detail.BUSY, 1), READY, STILL), Detail.CONFLICTING, "contradicted"),
        ((hook(Detail.BUSY, 60), READY, STILL), Detail.READY, "composer"),
        ((hook(Detail.APPROVAL, 60), READY, STILL), Detail.READY, "composer"),
        ((osc(Detail.BUSY, 60), READY, STILL), Detail.READY, "composer"),
        ((hook(Detail.BUSY, 60), READY, MOVED), Detail.BUSY, "hook:claude"),
        ((hook(Detail.BUSY, 60), READY, unchecked(NOW)), Detail.CONFLICTING, "contradicted"),
        ((hook(Detail.BUSY, 60), osc(Detail.READY), READY, MOVED), Detail.READY, "composer"),
        # A clock that was put back leaves words that lie ahead of now.
        ((hook(Detail.BUSY, -3600), READY, STILL), Detail.READY, "composer"),
    ],
)
def test_what_evidence_comes_to(signals: tuple[Signal, ...], detail: Detail, rule: str) -> None:
    state = fused(*signals)
    assert (state.detail, state.rule) == (detail, rule)
    assert set(signals) <= set(state.evidence)
    assert len(state.why) == len(state.evidence)
    assert state.why[0].startswith("decided: ")


@pytest.mark.parametrize(
    ("signals", "detail"),
    [
        ((hook(Detail.READY, 900), UNKNOWN_SCREEN), Detail.READY),
        ((hook(Detail.READY), shows(Detail.BOOTING, NO_RULE)), Detail.BOOTING),
        ((UNKNOWN_SCREEN,), Detail.DRIFTED),
        ((hook(Detail.READY), hook(Detail.TOOL, 0.5), UNKNOWN_SCREEN), Detail.TOOL),
    ],
)
def test_a_program_whose_screens_no_rule_knows_is_taken_at_its_word(
    signals: tuple[Signal, ...], detail: Detail
) -> None:
    assert fused(*signals, spec=BARE).detail is detail


def test_a_command_lane_may_say_what_it_does() -> None:
    runs = process(Detail.BUSY, "process:runs")
    assert fused(runs, spec=None).detail is Detail.BUSY
    assert fused(runs, hook(Detail.READY), spec=None).detail is Detail.READY
    assert fused(runs, hook(Detail.APPROVAL), spec=None).detail is Detail.APPROVAL


def test_what_runs_before_a_shell_may_say_what_it_does() -> None:
    shell = packaged_harnesses()["shell"]
    in_front, back = process(Detail.TOOL, "process:shell"), process(Detail.READY, "process:shell")
    assert fused(in_front, hook(Detail.APPROVAL, 60), spec=shell).detail is Detail.APPROVAL
    assert fused(in_front, hook(Detail.READY), spec=shell).detail is Detail.TOOL
    assert fused(back, hook(Detail.APPROVAL, 60), spec=shell).detail is Detail.READY


def test_each_piece_of_evidence_says_what_became_of_it() -> None:
    state = fused(hook(Detail.BUSY, 60), hook(Detail.TOOL, 90), READY, STILL)
    said = {signal.detail: why for signal, why in state.weighed()}
    assert said[Detail.READY] == "agrees" or said[Detail.READY].startswith("decided: ")
    assert said[Detail.BUSY].startswith("overruled: ")
    assert said[Detail.TOOL] == "not counted: hook:claude is newer"
    assert "the turn was cut off" in state.why[0]


def test_confidence_follows_the_source() -> None:
    assert fused(process(Detail.EXITED)).confidence == 1.0
    assert fused(hook(Detail.BUSY), UNKNOWN_SCREEN).confidence == 0.95
    assert fused(READY, STILL).confidence == 0.9
    assert fused(READY, STILL, hook(Detail.READY)).confidence == 0.95
    assert fused(READY, STILL, hook(Detail.BUSY, 60)).confidence == 0.7
    assert fused(READY, STILL, spec=replace(CLAUDE, verified=())).confidence == 0.6
    assert fused(UNKNOWN_SCREEN).confidence == 0.5
    assert fused(READY, MOVED).confidence == 0.3


# Properties.

NOT_IDLE = tuple(detail for detail in Detail if WORD_OF[detail] is not LaneWord.IDLE)
AGES = st.sampled_from((0.0, 0.2, 1.0, 4.9, 5.0, 9.0, 60.0, 4000.0, -60.0))


@st.composite
def signals(draw: st.DrawFn, details: tuple[Detail, ...] = tuple(Detail), *, fresh: bool = False) -> Signal:
    source = draw(st.sampled_from(SignalSource))
    detail = draw(st.sampled_from(details))
    age_s = 0.0 if fresh else draw(AGES)
    rule = draw(st.sampled_from(("claude:title", "terminal:osc-7501", "composer", NO_RULE, "process:runs")))
    if source is SignalSource.MOVEMENT:
        detail = Detail.BUSY if fresh or detail in NOT_IDLE else Detail.READY
    return Signal(source=source, detail=detail, rule=rule, seen="x", at=NOW - ago(age_s))


EVIDENCE = st.lists(signals(), max_size=6)
SPECS = st.sampled_from((CLAUDE, BARE, None))


@given(EVIDENCE, signals(NOT_IDLE, fresh=True), SPECS)
def test_more_evidence_against_it_never_makes_a_lane_idle(
    before: list[Signal], more: Signal, spec: HarnessSpec | None
) -> None:
    if fuse(before, spec, NOW).word is not LaneWord.IDLE:
        assert fuse([*before, more], spec, NOW).word is not LaneWord.IDLE


@given(EVIDENCE, SPECS)
@example([hook(Detail.READY, 4.9), READY], BARE)
def test_less_evidence_for_it_never_makes_a_lane_idle(before: list[Signal], spec: HarnessSpec | None) -> None:
    if fuse(before, spec, NOW).word is LaneWord.IDLE:
        return
    for one in before:
        if one.word is LaneWord.IDLE:
            left = [other for other in before if other != one]
            assert fuse(left, spec, NOW).word is not LaneWord.IDLE


@given(EVIDENCE, SPECS)
def test_idle_is_seen_or_said_by_a_program_whose_screens_are_unknown(
    evidence: list[Signal], spec: HarnessSpec | None
) -> None:
    state = fuse(evidence, spec, NOW)
    if state.word is not LaneWord.IDLE:
        return
    seen = [one for one in evidence if one.word is LaneWord.IDLE]
    places = {one.source for one in seen}
    if spec is CLAUDE:
        assert places & {SignalSource.SCREEN, SignalSource.PROCESS}
    assert places & {SignalSource.SCREEN, SignalSource.PROCESS, SignalSource.HARNESS, SignalSource.TERMINAL}


@given(EVIDENCE, st.randoms(use_true_random=False), SPECS)
def test_the_order_of_evidence_does_not_matter(
    evidence: list[Signal], random: object, spec: HarnessSpec | None
) -> None:
    mixed = list(evidence)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert fuse(mixed, spec, NOW) == fuse(evidence, spec, NOW)


@given(EVIDENCE, SPECS)
def test_nothing_is_left_out_of_the_evidence(evidence: list[Signal], spec: HarnessSpec | None) -> None:
    state = fuse(evidence, spec, NOW)
    assert set(evidence) <= set(state.evidence)
    assert len(state.weighed()) == len(state.evidence)
    assert state.evidence[0].detail is state.detail
