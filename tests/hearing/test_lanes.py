"""What the daemon reads again, and what a sweep finds that was not pushed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from loop_orchestrator.hearing.heard import Heard
from loop_orchestrator.hearing.lanes import LaneWatch, Missed
from loop_orchestrator.model.harness import ComposerRule, HarnessKind
from loop_orchestrator.model.lane import Detail, LaneRun
from loop_orchestrator.model.terminal import PaneFacts, PaneReading, TerminalSignal, TerminalSignalKind
from loop_orchestrator.substrate.screens import parse_ansi
from loop_orchestrator.world import World
from tests.support.builders import HARNESSES, NOW, a_lane
from tests.support.clocks import SteppedClock

COMPOSER = ComposerRule(line=re.compile(r"^> ?(?P<text>.*)"))
RUN = LaneRun(pid=101, started_at=NOW - timedelta(hours=1), ended_at=None, exit_status=None, suspended=False)


class Terminal:
    """Panes %1 and %2, of the shell lanes web and infra; which of them were read."""

    def __init__(self) -> None:
        self.records = {
            name: replace(a_lane(name, agent=False).record, pane=pane)
            for name, pane in (("web", "%1"), ("infra", "%2"))
        }
        self.foreground = {"%1": RUN.pid, "%2": RUN.pid}
        self.asked: list[list[str]] = []
        self.runs: list[LaneRun] = [RUN]
        self.screen, self.command = "$ ", "bash"
        self.harness = HARNESSES["shell"]

    def read(self, panes: Sequence[str]) -> tuple[PaneReading, ...]:
        self.asked.append(list(panes))
        return tuple(self.reading(pane) for pane in panes if pane in self.foreground)

    def reading(self, pane: str) -> PaneReading:
        record = next(record for record in self.records.values() if record.pane == pane)
        facts = PaneFacts(
            pane=pane,
            session="demo",
            window="x",
            lane=record.spec.name,
            pid=record.pane_pid,
            tty=record.pane_tty,
            command=self.command,
            title="",
            dead=False,
            in_mode=False,
            input_off=False,
            cursor_visible=True,
            alternate=False,
            width=80,
            height=24,
            foreground=self.foreground[pane],
        )
        return PaneReading(facts=facts, screen=parse_ansi(self.screen))

    def run(self, name: str) -> LaneRun:
        return self.runs.pop(0) if len(self.runs) > 1 else self.runs[0]


def watch_of(terminal: Terminal, heard: Heard | None = None) -> LaneWatch:
    signals = SimpleNamespace(path=lambda name: Path("/nowhere"), of=lambda name: ())
    lanes = SimpleNamespace(records=lambda: terminal.records, run=terminal.run)
    harnesses = SimpleNamespace(get=lambda name: terminal.harness)
    world = SimpleNamespace(substrate=terminal, lanes=lanes, signals=signals, clock=SteppedClock(), harnesses=harnesses)
    return LaneWatch(cast(World, world), heard or Heard())


def test_only_what_is_named_or_new_is_read_again() -> None:
    terminal = Terminal()
    watch = watch_of(terminal)
    assert [lane.state.detail for lane in watch.look(["%1"])] == [Detail.READY, Detail.READY]
    watch.look(["%1"])
    watch.look([])
    watch.look(None)
    assert terminal.asked == [["%1", "%2"], ["%1"], ["%1", "%2"]]


def test_a_pane_that_is_gone_is_missing_and_asked_for_again() -> None:
    terminal = Terminal()
    watch = watch_of(terminal)
    watch.look([])
    del terminal.foreground["%2"]
    assert [lane.state.detail for lane in watch.look(["%2"])] == [Detail.READY, Detail.MISSING]
    watch.look([])
    assert terminal.asked[-1] == ["%2"]


def test_a_sweep_tells_what_had_changed_since_it_was_last_read() -> None:
    terminal = Terminal()
    watch = watch_of(terminal)
    watch.look(None, compare=True)
    assert not watch.missed, "nothing was known before"
    terminal.foreground["%2"] = 999
    watch.look(None, compare=True)
    assert watch.missed == (Missed("infra", "%2", "ready", "tool"),)
    watch.look(None, compare=True)
    assert not watch.missed


def test_what_a_program_said_takes_part_in_the_state() -> None:
    terminal, heard = Terminal(), Heard()
    heard.note([TerminalSignal(pane="%1", kind=TerminalSignalKind.STATUS, text="state=error", at=NOW)])
    web, infra = watch_of(terminal, heard).look(None)
    assert (web.state.detail, infra.state.detail) == (Detail.API_ERROR, Detail.READY)


def test_a_lane_that_only_looks_idle_stays_what_it_was_until_its_screen_holds_still() -> None:
    terminal, heard = Terminal(), Heard()
    watch = watch_of(terminal, heard)
    terminal.command = "agent"
    terminal.harness = replace(HARNESSES["shell"], name="shell", kind=HarnessKind.AGENT, composer=COMPOSER)
    terminal.screen = "Working…"
    heard.begin(NOW - timedelta(hours=1))
    before = watch.look(None)[0].state
    terminal.screen = "> "
    heard.note([], ["%1", "%2"], NOW)
    lanes = watch.look(None)
    assert [lane.state for lane in lanes] == [before, before]
    assert set(watch.open) == {"%1", "%2"}
    heard.note([], ["%1", "%2"], NOW - timedelta(seconds=2))
    assert {lane.state.detail for lane in watch.look(None)} == {Detail.READY}
    assert not watch.open


def test_the_record_of_a_program_that_ended_is_waited_for() -> None:
    terminal = Terminal()
    ended = replace(RUN, ended_at=NOW, exit_status=3)
    terminal.runs = [RUN, RUN, RUN, RUN, ended]
    web, _ = watch_of(terminal).look(None, ended=[RUN.pid])
    assert web.state.detail is Detail.EXITED
    terminal.runs = [RUN]
    watch_of(terminal).look(None, ended=[RUN.pid])


def test_the_processes_whose_ends_matter_are_the_panes_and_the_programs_that_run() -> None:
    terminal = Terminal()
    record = terminal.records["web"]
    terminal.records = {"web": record}
    watch = watch_of(terminal)
    watch.look(None)
    assert watch.programs() == {record.pane_pid: "%1", RUN.pid: "%1"}
    terminal.runs = [replace(RUN, ended_at=NOW, exit_status=0)]
    watch.look(())
    assert watch.programs() == {record.pane_pid: "%1"}
