"""What one reading of a lane gives as evidence: the process, the screen, what was said, movement. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import PurePath

from loop_orchestrator.clock import format_age
from loop_orchestrator.model.harness import HarnessKind, HarnessSpec
from loop_orchestrator.model.lane import Detail, LaneRecord, LaneRun, Signal, SignalSource
from loop_orchestrator.model.terminal import SHELLS, PaneFacts, PaneReading
from loop_orchestrator.substrate.screenrules import ScreenReader, one_line, screen_signals

BOOT_S = 30.0
"""Seconds after its start in which a program that shows nothing known counts as booting."""

RUNS = "process:runs"
"""Rule of the signal that some program runs, which says nothing about what it does."""


def signals_of(
    record: LaneRecord,
    reading: PaneReading | None,
    run: LaneRun | None,
    spec: HarnessSpec | None,
    now: datetime,
    *,
    extra: Sequence[Signal] = (),
    read_screen: ScreenReader = screen_signals,
) -> tuple[Signal, ...]:
    """Every piece of evidence about a lane but movement, from one reading of its pane and its launcher's record.

    extra: what the program or its terminal said by itself. What is older than the program's start is about another run
    of it and is left out.
    """
    if reading is None:
        return (process_signal(Detail.MISSING, "pane", f"pane {record.pane} is gone", now),)
    since = run.started_at if run else record.booted_at
    young = (now - since).total_seconds() < BOOT_S
    process = tuple(_process_signals(record, reading.facts, run, spec, now, young))
    said = [signal for signal in extra if run is not None and signal.at >= run.started_at]
    if spec is None or spec.kind is HarnessKind.DASHBOARD:
        return (*process, *said)
    facts = reading.facts
    shown = read_screen(
        reading.screen,
        facts.title,
        spec,
        now,
        booting=young,
        cursor_visible=facts.cursor_visible,
        cursor_row=facts.cursor_row,
    )
    return (*process, *said, *shown)


def process_signal(detail: Detail, rule: str, seen: str, now: datetime) -> Signal:
    return Signal(source=SignalSource.PROCESS, detail=detail, rule=f"process:{rule}", seen=one_line(seen), at=now)


# Movement: whether a screen that looks idle holds still.


def still(since: datetime, now: datetime) -> Signal:
    """The screen is known not to have changed since then."""
    seen = f"the screen has not changed for {format_age((now - since).total_seconds())}"
    return _movement(Detail.READY, "still", seen, since)


def moved(at: datetime) -> Signal:
    """The screen changed then."""
    return _movement(Detail.BUSY, "moved", "the screen changed", at)


def unchecked(now: datetime) -> Signal:
    """Whoever asks has its own way of telling that the screen holds still, or has only one picture of it."""
    return _movement(Detail.READY, "unchecked", "whether the screen holds still is left to whoever asks", now)


def stillness(facts: PaneFacts, spec: HarnessSpec | None, now: datetime) -> Signal | None:
    """That nothing was drawn for the settle time, by tmux's clock of the window; None where that does not show it."""
    since = datetime.fromtimestamp(facts.activity, UTC) + timedelta(seconds=1)  # it counts whole seconds
    settle_s = spec.idle_settle_s if spec else 0.0
    return still(since, now) if facts.activity and (now - since).total_seconds() >= settle_s else None


def _movement(detail: Detail, rule: str, seen: str, at: datetime) -> Signal:
    return Signal(source=SignalSource.MOVEMENT, detail=detail, rule=f"movement:{rule}", seen=seen, at=at)


# The process.


def _process_signals(
    record: LaneRecord, facts: PaneFacts, run: LaneRun | None, spec: HarnessSpec | None, now: datetime, young: bool
) -> Iterator[Signal]:
    name = record.spec.name
    if facts.pid != record.pane_pid or facts.lane != name:
        seen = f"pane {facts.pane} has pid {facts.pid} and lane {facts.lane!r}, not {record.pane_pid} and {name!r}"
        yield process_signal(Detail.CONFLICTING, "identity", seen, now)
    elif facts.dead:
        yield process_signal(Detail.EXITED, "dead", "the pane's program ended", now)
    elif run is None:
        missing = "the launcher has left no record of its program"
        yield process_signal(Detail.BOOTING if young else Detail.CONFLICTING, "launcher", missing, now)
    elif run.ended_at is not None:
        seen = f"ended with status {run.exit_status}; {facts.command} is in front"
        yield process_signal(Detail.EXITED, "ended", seen, now)
    elif run.suspended:
        yield process_signal(Detail.SUSPENDED, "suspended", "stopped from the keyboard", now)
    elif spec is None or spec.kind is HarnessKind.DASHBOARD:
        yield process_signal(Detail.BUSY, RUNS.removeprefix("process:"), f"{facts.command} runs", now)
    elif spec.kind is HarnessKind.SHELL:
        itself = facts.foreground == run.pid if facts.foreground else facts.command in (*SHELLS, *spec.foreground)
        detail = Detail.READY if itself else Detail.TOOL
        yield process_signal(detail, "shell", f"{facts.command} is in front", now)
    elif not _in_front(record, facts, run, spec):
        seen = f"{facts.command} is in front, not {spec.name}"
        yield process_signal(Detail.BOOTING if young else Detail.CONFLICTING, "foreground", seen, now)


def _in_front(record: LaneRecord, facts: PaneFacts, run: LaneRun, spec: HarnessSpec) -> bool:
    """The program that was started has the terminal, not a shell on the way to it or a program it opened."""
    started_as = PurePath(record.argv[0]).name if record.argv else ""
    if facts.command in SHELLS and facts.command not in (started_as, *spec.foreground):
        return False
    if facts.foreground:
        return facts.foreground == run.pid
    return facts.command in (started_as, *spec.foreground)
