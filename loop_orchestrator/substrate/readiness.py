"""What a lane is doing, from evidence. Pure: the same evidence gives the same state.

What no rule knows is unknown, never idle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import PurePath

from loop_orchestrator.clock import format_age
from loop_orchestrator.model.harness import HarnessKind, HarnessSpec
from loop_orchestrator.model.lane import (
    WORD_OF,
    Detail,
    Lane,
    LaneRecord,
    LaneRun,
    LaneState,
    LaneWord,
    Signal,
    SignalSource,
)
from loop_orchestrator.model.terminal import PaneFacts, PaneReading, Screen
from loop_orchestrator.substrate.screenrules import DIALOGS, NO_RULE, one_line, screen_signals

BOOT_S = 30.0
"""Seconds after its start in which a program that shows nothing known counts as booting."""
STALE_S = 10.0
"""Seconds after which a screen that was read says nothing about now."""

SHELLS = frozenset({"sh", "bash", "zsh", "fish", "dash", "ash", "ksh", "mksh", "csh", "tcsh", "nu", "xonsh", "login"})
"""Names of shells: in front in place of an agent, the agent is not there."""

_WORKING = frozenset(detail for detail, word in WORD_OF.items() if word is LaneWord.WORKING)
_FAILED_TURN = frozenset({Detail.API_ERROR, Detail.RATE_LIMITED, Detail.AUTH})


def lane_of(
    record: LaneRecord,
    reading: PaneReading | None,
    run: LaneRun | None,
    spec: HarnessSpec | None,
    now: datetime,
    *,
    extra: Sequence[Signal] = (),
) -> Lane:
    """The lane and its state; ``spec`` is None for a command lane, ``reading`` for a pane that is gone.

    extra: what was heard of the lane in other ways.
    """
    state = fuse((*signals_of(record, reading, run, spec, now), *extra), spec, now)
    title = one_line(reading.facts.title) if reading else ""
    return Lane(record=record, state=state, title=title, screen=reading.screen.rows if reading else (), run=run)


def classify(screen: Screen, spec: HarnessSpec, now: datetime, *, title: str = "", command: str = "") -> LaneState:
    """The state that a capture shows; ``command`` is the foreground program, empty where that is not known."""
    signals = screen_signals(screen, title, spec, now, booting=False)
    if spec.kind is HarnessKind.SHELL and command in SHELLS:
        signals = (_process(Detail.READY, "shell", f"{command} is in front", now), *signals)
    elif command and (command in SHELLS or (spec.foreground and command not in spec.foreground)):
        signals = (_process(Detail.MISSING, "foreground", f"{command} is in front, not {spec.name}", now), *signals)
    return fuse(signals, spec, now)


def fuse(signals: Sequence[Signal], spec: HarnessSpec | None, now: datetime) -> LaneState:
    """The state that the strongest piece of evidence speaks for, with all of it.

    Facts about the process come first, then a dialog, work under way, a failed turn, and last the composer.
    """
    if not signals:
        nothing = Signal(source=SignalSource.SCREEN, detail=Detail.DRIFTED, rule="nothing", seen="no evidence", at=now)
        return LaneState(detail=Detail.DRIFTED, confidence=0.0, rule=nothing.rule, evidence=(nothing,))
    ranked = tuple(sorted(signals, key=_rank))
    decider = ranked[0]
    age_s = (now - decider.at).total_seconds()
    if decider.source is not SignalSource.PROCESS and age_s > STALE_S:
        seen = f"the screen was read {format_age(age_s)} ago"
        stale = Signal(source=decider.source, detail=Detail.STALE, rule="stale", seen=seen, at=now)
        return LaneState(detail=Detail.STALE, confidence=0.0, rule="stale", evidence=(stale, *ranked))
    return LaneState(detail=decider.detail, confidence=_confidence(decider, spec), rule=decider.rule, evidence=ranked)


def _rank(signal: Signal) -> int:
    if signal.source is SignalSource.PROCESS and signal.word in (LaneWord.ERRORED, LaneWord.UNKNOWN):
        return 0
    for rank, details in enumerate((DIALOGS, _WORKING, _FAILED_TURN), start=1):
        if signal.detail in details:
            return rank
    if signal.detail in (Detail.DRAFT, Detail.READY):
        return 5 if signal.detail is Detail.DRAFT else 6
    return 7 if signal.rule == NO_RULE else 4


def _confidence(decider: Signal, spec: HarnessSpec | None) -> float:
    if decider.source is SignalSource.PROCESS:
        return 0.7 if decider.detail is Detail.READY else 1.0
    if decider.word is LaneWord.UNKNOWN:
        return 0.5
    return 0.9 if spec is not None and spec.verified else 0.6


def signals_of(
    record: LaneRecord, reading: PaneReading | None, run: LaneRun | None, spec: HarnessSpec | None, now: datetime
) -> tuple[Signal, ...]:
    """Every piece of evidence about a lane from one reading of its pane and its launcher's record."""
    if reading is None:
        return (_process(Detail.MISSING, "pane", f"pane {record.pane} is gone", now),)
    since = run.started_at if run else record.booted_at
    young = (now - since).total_seconds() < BOOT_S
    process = tuple(_process_signals(record, reading.facts, run, spec, now, young))
    if spec is None or spec.kind is HarnessKind.DASHBOARD:
        return process
    return (*process, *screen_signals(reading.screen, reading.facts.title, spec, now, booting=young))


def _process_signals(
    record: LaneRecord, facts: PaneFacts, run: LaneRun | None, spec: HarnessSpec | None, now: datetime, young: bool
) -> Iterator[Signal]:
    name = record.spec.name
    if facts.pid != record.pane_pid or facts.lane != name:
        seen = f"pane {facts.pane} has pid {facts.pid} and lane {facts.lane!r}, not {record.pane_pid} and {name!r}"
        yield _process(Detail.CONFLICTING, "identity", seen, now)
    elif facts.dead:
        yield _process(Detail.EXITED, "dead", "the pane's program ended", now)
    elif run is None:
        missing = "the launcher has left no record of its program"
        yield _process(Detail.BOOTING if young else Detail.CONFLICTING, "launcher", missing, now)
    elif run.ended_at is not None:
        seen = f"ended with status {run.exit_status}; {facts.command} is in front"
        yield _process(Detail.EXITED, "ended", seen, now)
    elif run.suspended:
        yield _process(Detail.SUSPENDED, "suspended", "stopped from the keyboard", now)
    elif spec is None or spec.kind is HarnessKind.DASHBOARD:
        yield _process(Detail.BUSY, "runs", f"{facts.command} runs", now)
    elif spec.kind is HarnessKind.SHELL:
        itself = facts.foreground == run.pid if facts.foreground else facts.command in (*SHELLS, *spec.foreground)
        detail = Detail.READY if itself else Detail.TOOL
        yield _process(detail, "shell", f"{facts.command} is in front", now)
    elif not _in_front(record, facts, run, spec):
        seen = f"{facts.command} is in front, not {spec.name}"
        yield _process(Detail.BOOTING if young else Detail.CONFLICTING, "foreground", seen, now)


def _in_front(record: LaneRecord, facts: PaneFacts, run: LaneRun, spec: HarnessSpec) -> bool:
    """The program that was started has the terminal, not a shell on the way to it or a program it opened."""
    started_as = PurePath(record.argv[0]).name if record.argv else ""
    if facts.command in SHELLS and facts.command not in (started_as, *spec.foreground):
        return False
    if facts.foreground:
        return facts.foreground == run.pid
    return facts.command in (started_as, *spec.foreground)


def _process(detail: Detail, rule: str, seen: str, now: datetime) -> Signal:
    return Signal(source=SignalSource.PROCESS, detail=detail, rule=f"process:{rule}", seen=one_line(seen), at=now)
