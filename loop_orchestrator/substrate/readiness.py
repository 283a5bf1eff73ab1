"""What a lane is doing, from evidence. Pure: the same evidence gives the same state.

What no rule knows is unknown, never idle.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import PurePath

from loop_orchestrator.clock import format_age
from loop_orchestrator.model.harness import HarnessKind, HarnessSpec, Region, ScreenRule
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
from loop_orchestrator.substrate.composer import Composer, find_composer

BOOT_S = 30.0
"""Seconds after its start in which a program that shows nothing known counts as booting."""
STALE_S = 10.0
"""Seconds after which a screen that was read says nothing about now."""
BOTTOM_ROWS = 14

NO_RULE = "no-rule"
"""Rule of the signal that no rule of the harness knows the screen."""

COMPOSER_RULE = "composer"
"""Rule of the signal that says how the composer looks, whatever else the screen shows."""

SHELLS = frozenset({"sh", "bash", "zsh", "fish", "dash", "ash", "ksh", "mksh", "csh", "tcsh", "nu", "xonsh", "login"})
"""Names of shells: in front in place of an agent, the agent is not there."""

_DIALOGS = frozenset(detail for detail, word in WORD_OF.items() if word is LaneWord.AWAITING_APPROVAL)
_WORKING = frozenset(detail for detail, word in WORD_OF.items() if word is LaneWord.WORKING)
_FAILED_TURN = frozenset({Detail.API_ERROR, Detail.RATE_LIMITED, Detail.AUTH})


def lane_of(
    record: LaneRecord, reading: PaneReading | None, run: LaneRun | None, spec: HarnessSpec | None, now: datetime
) -> Lane:
    """The lane and its state; ``spec`` is None for a command lane, ``reading`` for a pane that is gone."""
    state = fuse(signals_of(record, reading, run, spec, now), spec, now)
    title = _one_line(reading.facts.title) if reading else ""
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
    for rank, details in enumerate((_DIALOGS, _WORKING, _FAILED_TURN), start=1):
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


def screen_signals(
    screen: Screen, title: str, spec: HarnessSpec, now: datetime, *, booting: bool
) -> tuple[Signal, ...]:
    """What the rules of a harness read on a screen; one signal that says so where none of them knows it.

    ``booting``: the program was started a moment ago.
    """
    composer = find_composer(screen, spec)
    signals = [
        Signal(source=_source(rule), detail=rule.detail, rule=f"{spec.name}:{rule.name}", seen=seen, at=now)
        for rule in spec.rules
        if (seen := _holds(rule, screen, title, composer)) is not None
    ]
    if composer is not None:
        detail = Detail.DRAFT if composer.text else Detail.READY
        seen = _one_line(composer.text) or "the composer is empty"
        signals.append(Signal(source=SignalSource.SCREEN, detail=detail, rule=COMPOSER_RULE, seen=seen, at=now))
    if not signals and spec.kind is not HarnessKind.SHELL:
        detail = Detail.BOOTING if booting else Detail.DRIFTED
        last = next((row for row in reversed(screen.rows) if row.strip()), "")
        seen = f"no rule of {spec.name} knows this screen; its last row is {_one_line(last)!r}"
        signals.append(Signal(source=SignalSource.SCREEN, detail=detail, rule=NO_RULE, seen=seen, at=now))
    return tuple(signals)


def _holds(rule: ScreenRule, screen: Screen, title: str, composer: Composer | None) -> str | None:
    """What the rule found, in one line; None where it does not hold.

    A dialog stands below the composer or in its place: above it, it is a picture of one in the conversation. A
    starting program has no composer.
    """
    if composer is not None and rule.detail is Detail.BOOTING:
        return None
    below = composer.end if composer is not None and rule.detail in _DIALOGS else 0
    text = _region(rule.region, screen, title, composer, below)
    if any(pattern.search(text) for pattern in rule.none):
        return None
    found = [pattern.search(text) for pattern in rule.all]
    if rule.any:
        found.append(next((match for pattern in rule.any if (match := pattern.search(text))), None))
    hits = [match for match in found if match]
    return _row_of(hits[0]) if hits and len(hits) == len(found) else None


def _row_of(hit: re.Match[str]) -> str:
    """The row in which what was found begins."""
    start = hit.string.rfind("\n", 0, hit.start()) + 1
    return _one_line(hit.string[start:].partition("\n")[0])


def _region(region: Region, screen: Screen, title: str, composer: Composer | None, below: int) -> str:
    match region:
        case Region.TITLE:
            return title.strip()
        case Region.COMPOSER:
            return "\n".join(screen.rows[composer.first : composer.end]) if composer else ""
        case Region.SCREEN:
            return "\n".join(screen.rows[below:])
        case Region.BOTTOM:
            return "\n".join([row for row in screen.rows[below:] if row.strip()][-BOTTOM_ROWS:])


def _source(rule: ScreenRule) -> SignalSource:
    return SignalSource.TERMINAL if rule.region is Region.TITLE else SignalSource.SCREEN


def _process(detail: Detail, rule: str, seen: str, now: datetime) -> Signal:
    return Signal(source=SignalSource.PROCESS, detail=detail, rule=f"process:{rule}", seen=_one_line(seen), at=now)


def _one_line(text: str) -> str:
    """Text for people: one line of at most 200 printable characters."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= 200 else line[:199] + "…"
