"""What a lane is doing, from evidence. Pure: the same evidence gives the same state, in whatever order it comes.

What no rule knows is unknown, never idle.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from loop_orchestrator.clock import format_age
from loop_orchestrator.model.harness import HarnessKind, HarnessSpec
from loop_orchestrator.model.lane import (
    Detail,
    Lane,
    LaneRecord,
    LaneRun,
    LaneState,
    LaneWord,
    Signal,
    SignalSource,
)
from loop_orchestrator.model.terminal import SHELLS, PaneReading, Screen
from loop_orchestrator.substrate.evidence import RUNS, process_signal, signals_of, unchecked
from loop_orchestrator.substrate.screenrules import DIALOGS, HOME_RULE, NO_RULE, ScreenReader, one_line, screen_signals

STALE_S = 10.0
"""Seconds after which a screen that was read says nothing about now."""

FRESH_S = 2.0
"""Seconds for which a program's own word that it is idle spares the settle time of its screen. At half, a slow hook
comes too late for that; at double, the next prompt may have been submitted since and not be drawn yet."""

CONTRADICTED_S = 5.0
"""Seconds after which a composer that holds still counts for more than what was said before: an interrupted turn says
nothing. At half, a slow redraw after a prompt reads as the end of its turn; at double, an interrupt shows later."""

AHEAD_S = 2.0
"""Seconds by which what was said may lie ahead of now; more, and the clock was put back since."""

SETTLING = "settling"
"""Rule of the state of a lane that looks idle and is not known to hold still."""

CONTRADICTED = "contradicted"
"""Rule of the state of a lane whose program and screen say different things; time tells which of them holds."""

_FAILED_TURN = frozenset({Detail.API_ERROR, Detail.RATE_LIMITED, Detail.AUTH})
_PLAIN_WORK = frozenset({Detail.BUSY})


def lane_of(
    record: LaneRecord,
    reading: PaneReading | None,
    run: LaneRun | None,
    spec: HarnessSpec | None,
    now: datetime,
    *,
    extra: Sequence[Signal] = (),
    movement: Signal | None = None,
    read_screen: ScreenReader = screen_signals,
) -> Lane:
    """The lane and its state; ``spec`` is None for a command lane, ``reading`` for a pane that is gone.

    extra: what the program or its terminal said by itself. movement: whether the screen holds still; None: the caller
    sees to that.
    """
    signals = signals_of(record, reading, run, spec, now, extra=extra, read_screen=read_screen)
    return lane_with(fuse((*signals, movement or unchecked(now)), spec, now), record, reading, run)


def lane_with(state: LaneState, record: LaneRecord, reading: PaneReading | None, run: LaneRun | None) -> Lane:
    """A lane in a state that was found for it."""
    title = one_line(reading.facts.title) if reading else ""
    rows, bright = (reading.screen.rows, reading.screen.bright) if reading else ((), ())
    return Lane(record=record, state=state, title=title, screen=rows, run=run, cursor=_cursor(reading), bright=bright)


def _cursor(reading: PaneReading | None) -> tuple[int, int] | None:
    facts = reading.facts if reading else None
    if facts is None or facts.cursor_column is None or facts.cursor_row is None:
        return None
    return facts.cursor_column, facts.cursor_row


def classify(
    screen: Screen,
    spec: HarnessSpec,
    now: datetime,
    *,
    title: str = "",
    command: str = "",
    cursor_visible: bool | None = None,
    cursor_row: int | None = None,
) -> LaneState:
    """The state that a capture shows.

    command: the foreground program, empty where that is not known. cursor_visible, cursor_row: None where that is not
    known.
    """
    shown = screen_signals(
        screen, title, spec, now, booting=False, cursor_visible=cursor_visible, cursor_row=cursor_row
    )
    signals = (*shown, unchecked(now))
    if spec.kind is HarnessKind.SHELL and command in SHELLS:
        signals = (process_signal(Detail.READY, "shell", f"{command} is in front", now), *signals)
    elif command and (command in SHELLS or (spec.foreground and command not in spec.foreground)):
        seen = f"{command} is in front, not {spec.name}"
        signals = (process_signal(Detail.MISSING, "foreground", seen, now), *signals)
    return fuse(signals, spec, now)


def fuse(signals: Sequence[Signal], spec: HarnessSpec | None, now: datetime) -> LaneState:
    """The state that the evidence speaks for, with all of it and what became of each piece.

    Facts about the process come first; then a dialog and work that can be seen; then the newest word of the program
    itself, as far as the screen does not contradict it; then a failed turn; and last the composer, which has to hold
    still unless the program has just said that it is idle. Idle needs a composer that is seen, a shell in front, or the
    word of a program whose screens no rule knows.
    """
    case = _Evidence.of(signals, spec, now)
    return _state(_judged(case), case)


@dataclass(frozen=True, kw_only=True)
class _Verdict:
    """What the evidence comes to."""

    by: Signal
    """the signal that decided; one of the judge's own where none of the evidence says what it comes to"""
    because: str
    """why it decides"""
    over: str
    """why what says otherwise does not"""
    confidence: float | None = None
    """None: as the source of ``by`` deserves"""


@dataclass(frozen=True, kw_only=True)
class _Evidence:
    """The evidence, by what it can say about now; of each sort the strongest."""

    spec: HarnessSpec | None
    now: datetime
    fact: Signal | None
    """the program is not there, not yet there, or not the one on record"""
    dialog: Signal | None
    work: Signal | None
    failed: Signal | None
    starting: Signal | None
    """a rule says that the program shows something that is neither of these, such as its start"""
    composer: Signal | None
    """a composer, empty or not, or a shell that has its terminal"""
    nothing: Signal | None
    """no rule knows the screen"""
    runs: Signal | None
    """some program runs"""
    told: Signal | None
    """the newest thing that the program or its terminal said by itself"""
    moved: Signal | None
    """the screen changed within the settle time"""
    still: Signal | None
    """since when the screen is known to hold still"""
    ranked: tuple[Signal, ...]
    """all of it, strongest first"""
    dropped: Mapping[Signal, str]
    """evidence that does not count -> why"""

    @staticmethod
    def of(signals: Iterable[Signal], spec: HarnessSpec | None, now: datetime) -> _Evidence:
        dropped: dict[Signal, str] = {}
        ranked = sorted(set(signals), key=_strength)
        movement = [one for one in ranked if one.source is SignalSource.MOVEMENT]
        events = _newest_first(one for one in ranked if _is_event(one, spec))
        seen = [one for one in ranked if one not in movement and one not in events]
        for one in events:
            if _age_s(one, now) < -AHEAD_S:
                dropped[one] = "it lies ahead of now: the clock was put back"
        said = [one for one in events if one not in dropped]
        for one in said[1:]:
            dropped[one] = f"{said[0].rule} is newer"
        for one in seen:
            if one.source is not SignalSource.PROCESS and _age_s(one, now) > STALE_S:
                dropped[one] = f"it was read {format_age(_age_s(one, now))} ago"
        current = [one for one in seen if one not in dropped]

        def first(of: Iterable[Signal]) -> Signal | None:
            return next(iter(of), None)

        process = [one for one in current if one.source is SignalSource.PROCESS]
        rest = [one for one in current if not _is_fact(one) and one.rule not in (NO_RULE, RUNS)]
        settle_s = spec.idle_settle_s if spec else 0.0
        return _Evidence(
            spec=spec,
            now=now,
            fact=first(one for one in process if _is_fact(one)),
            dialog=first(one for one in rest if one.detail in DIALOGS),
            work=first(one for one in rest if one.word is LaneWord.WORKING),
            failed=first(one for one in rest if one.word is LaneWord.ERRORED),
            starting=first(one for one in rest if one.word is LaneWord.UNKNOWN),
            composer=first(
                one for one in rest if one.word is LaneWord.IDLE and one.source is not SignalSource.TERMINAL
            ),
            nothing=first(one for one in current if one.rule == NO_RULE),
            runs=first(one for one in process if one.rule == RUNS),
            told=first(said),
            moved=first(one for one in movement if one.detail is not Detail.READY and _age_s(one, now) < settle_s),
            still=min((one for one in movement if one.detail is Detail.READY), key=lambda one: one.at, default=None),
            ranked=tuple(ranked),
            dropped=dropped,
        )

    @property
    def knows_screens(self) -> bool:
        """There are rules for the screens of this program."""
        return self.spec is not None and (bool(self.spec.rules) or self.spec.composer is not None)

    @property
    def settle_s(self) -> float:
        return self.spec.idle_settle_s if self.spec else 0.0

    def age_s(self, signal: Signal) -> float:
        return _age_s(signal, self.now)


def _judged(case: _Evidence) -> _Verdict:
    """The first of these that can say something."""
    told = case.told
    if case.fact is not None:
        return _Verdict(by=case.fact, because="a fact about the process", over="facts about the process come first")
    if case.dialog is not None:
        return _Verdict(by=case.dialog, because="a dialog is open", over="a dialog stands on the screen")
    if case.work is not None:
        return _working(case, case.work)
    if told is not None and told.word is not LaneWord.IDLE:
        return _against_the_screen(case, told)
    if case.failed is not None:
        return _Verdict(by=case.failed, because="the last turn failed", over="the screen shows a failed turn")
    if case.starting is not None:
        return _Verdict(by=case.starting, because="a rule knows this screen", over="the screen shows something else")
    if case.composer is not None:
        return _at_rest(case, case.composer)
    return _without_composer(case)


def _working(case: _Evidence, work: Signal) -> _Verdict:
    """Work is seen; what the program said may name it more closely."""
    over = "work under way is seen"
    told = case.told
    if told is not None and work.source is SignalSource.PROCESS and told.word is not LaneWord.IDLE:
        because = "the program in front of the shell said so itself"
        return _Verdict(by=told, because=because, over="that a program runs says nothing about what it does")
    if told is not None and told.word is LaneWord.WORKING and work.detail in _PLAIN_WORK:
        return _Verdict(by=told, because="the program says so, and work is seen", over=over)
    return _Verdict(by=work, because="work is seen", over=over)


def _against_the_screen(case: _Evidence, told: Signal) -> _Verdict:
    """The program said last that it is not idle, and no work is seen."""
    if told.detail in _FAILED_TURN or case.failed is not None:
        by = told if told.detail in _FAILED_TURN else case.failed
        assert by is not None
        return _Verdict(by=by, because="the last turn failed", over="nothing has begun since the turn failed")
    said = f"{told.rule} said {told.detail.value} {format_age(case.age_s(told))} ago"
    if case.composer is None or case.starting is not None:
        return _Verdict(by=told, because="the program said so last", over=f"{said}, which is newer than its silence")
    if case.moved is not None:
        return _Verdict(
            by=told, because="the program said so last, and the screen changes", over=f"{said}, and the screen changes"
        )
    held = _holds_still(case, case.composer)
    if held and case.age_s(told) >= CONTRADICTED_S:
        return _Verdict(
            by=case.composer,
            because=f"{said}, and since then the composer came back and holds still: the turn was cut off",
            over="the composer has been back for long enough since, and holds still",
            confidence=0.7 if case.spec is not None and case.spec.verified else 0.5,
        )
    seen = f"{said}, and a composer is on the screen"
    own = Signal(source=told.source, detail=Detail.CONFLICTING, rule=CONTRADICTED, seen=seen, at=case.now)
    because = f"which of the two holds is known {CONTRADICTED_S:g} s after the former, if the screen then holds still"
    return _Verdict(by=own, because=because, over="it is contradicted", confidence=0.3)


def _holds_still(case: _Evidence, composer: Signal) -> bool:
    """It is shown, not assumed, that nothing was drawn for the settle time."""
    if composer.source is SignalSource.PROCESS:
        return True
    return case.still is not None and case.age_s(case.still) >= case.settle_s


def _at_rest(case: _Evidence, composer: Signal) -> _Verdict:
    """A composer is seen and nothing says otherwise but, perhaps, movement."""
    told = case.told
    confirmed = told is not None and case.age_s(told) <= FRESH_S
    if confirmed:
        because = "the program has just said that it is idle, and its composer is there"
        return _Verdict(by=composer, because=because, over="program and screen say idle", confidence=0.95)
    if composer.source is SignalSource.PROCESS or case.settle_s == 0:
        return _Verdict(by=composer, because="nothing says otherwise", over="")
    if (by_its_word := _by_its_word_alone(case)) is not None:
        return by_its_word
    if case.moved is None and case.still is not None:
        return _Verdict(by=composer, because="nothing says otherwise, and the screen holds still", over="")
    when = f"changed {format_age(case.age_s(case.moved))} ago" if case.moved else "was not watched"
    seen = f"a composer is on the screen, and the screen {when}"
    own = Signal(source=SignalSource.MOVEMENT, detail=Detail.CONFLICTING, rule=SETTLING, seen=seen, at=case.now)
    because = f"a composer counts when the screen has held still for {case.settle_s:g} s"
    return _Verdict(by=own, because=because, over="it has not held still", confidence=0.3)


def _without_composer(case: _Evidence) -> _Verdict:
    """Nothing on the screen says anything."""
    if (by_its_word := _by_its_word_alone(case)) is not None:
        return by_its_word
    if case.nothing is not None:
        return _Verdict(by=case.nothing, because="no rule knows the screen", over="without a composer nothing is idle")
    if case.runs is not None:
        return _Verdict(by=case.runs, because="nothing else is known of it", over="")
    stale = next((one for one in case.dropped if one.source in (SignalSource.SCREEN, SignalSource.TERMINAL)), None)
    if stale is not None:
        seen = f"the screen was read {format_age(case.age_s(stale))} ago"
        own = Signal(source=stale.source, detail=Detail.STALE, rule="stale", seen=seen, at=case.now)
        return _Verdict(by=own, because="older evidence says nothing about now", over="it is too old", confidence=0.0)
    own = Signal(
        source=SignalSource.SCREEN,
        detail=Detail.DRIFTED,
        rule="nothing",
        seen="nothing that was looked at shows a composer",
        at=case.now,
    )
    return _Verdict(by=own, because="nothing speaks for anything", over="that alone shows no composer", confidence=0.0)


def _by_its_word_alone(case: _Evidence) -> _Verdict | None:
    """Of a program whose screens no rule knows, its own word counts whatever it shows; None: it said nothing."""
    booting = case.nothing is not None and case.nothing.detail is Detail.BOOTING
    if case.told is None or case.knows_screens or booting:
        return None
    because, over = "the program said so, and no rule knows its screens", "the program said that it is idle"
    return _Verdict(by=case.told, because=because, over=over, confidence=0.8)


def _state(verdict: _Verdict, case: _Evidence) -> LaneState:
    by = verdict.by
    others = [one for one in case.ranked if one != by]

    def became(one: Signal) -> str:
        if one in case.dropped:
            return f"not counted: {case.dropped[one]}"
        if one.word is by.word:
            return "agrees"
        return f"overruled: {verdict.over or verdict.because}"

    return LaneState(
        detail=by.detail,
        confidence=_confidence(by, case.spec) if verdict.confidence is None else verdict.confidence,
        rule=by.rule,
        evidence=(by, *others),
        why=(f"decided: {verdict.because}", *map(became, others)),
    )


def _confidence(by: Signal, spec: HarnessSpec | None) -> float:
    if by.source is SignalSource.PROCESS:
        return 0.7 if by.detail is Detail.READY else 1.0
    if by.word is LaneWord.UNKNOWN:
        return 0.5
    if by.source is SignalSource.HARNESS:
        return 0.95
    if by.rule == HOME_RULE:
        return 0.3
    return 0.9 if spec is not None and spec.verified else 0.6


def _is_fact(signal: Signal) -> bool:
    return signal.source is SignalSource.PROCESS and signal.word in (LaneWord.ERRORED, LaneWord.UNKNOWN)


def _is_event(signal: Signal, spec: HarnessSpec | None) -> bool:
    """It says what happened at its time; all else says what is now. A harness's own rules over the title do that."""
    if signal.source is SignalSource.TERMINAL:
        return spec is None or not signal.rule.startswith(f"{spec.name}:")
    return signal.source is SignalSource.HARNESS


def _newest_first(events: Iterable[Signal]) -> list[Signal]:
    """Of two at the same time the one that is not idle comes first, then the stronger source."""
    return sorted(events, key=lambda one: (-one.at.timestamp(), one.word is LaneWord.IDLE))


def _age_s(signal: Signal, now: datetime) -> float:
    return (now - signal.at).total_seconds()


_SOURCES = tuple(SignalSource)


_CLOSER_FIRST = (
    *(Detail.APPROVAL, Detail.QUESTION, Detail.DIALOG),
    *(Detail.RETRYING, Detail.COMPACTING, Detail.THINKING, Detail.TOOL, Detail.BUSY),
    *(Detail.AUTH, Detail.RATE_LIMITED, Detail.API_ERROR),
)
"""Details of one word, the one that says more before the one that says less."""


def _strength(signal: Signal) -> tuple[int, bool, int, int, float, str, str]:
    """The order in which evidence is shown, strongest first; nothing is left to the order in which it came.

    Of one word, a screen says more than a title.
    """
    terminal = signal.source is SignalSource.TERMINAL
    close = _CLOSER_FIRST.index(signal.detail) if signal.detail in _CLOSER_FIRST else len(_CLOSER_FIRST)
    source = _SOURCES.index(signal.source)
    text = f"{signal.rule}\0{signal.seen}"
    return (_rank(signal), terminal, close, source, -signal.at.timestamp(), signal.detail.value, text)


def _rank(signal: Signal) -> int:
    if _is_fact(signal):
        return 0
    if signal.source is SignalSource.MOVEMENT:
        return 9
    for rank, words in enumerate((LaneWord.AWAITING_APPROVAL, LaneWord.WORKING, LaneWord.ERRORED), start=1):
        if signal.word is words:
            return rank
    if signal.word is LaneWord.IDLE:
        return 5 if signal.detail is Detail.DRAFT else 6
    return 7 if signal.rule == NO_RULE else 4
