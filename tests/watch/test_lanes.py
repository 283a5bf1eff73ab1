"""What the daemon reads again, and what a sweep finds that was not pushed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import cast

from loop_orchestrator.model.lane import Detail, LaneRun
from loop_orchestrator.model.terminal import PaneFacts, PaneReading, TerminalSignal, TerminalSignalKind
from loop_orchestrator.substrate.screens import parse_ansi
from loop_orchestrator.watch.heard import Heard
from loop_orchestrator.watch.lanes import LaneWatch, Missed
from loop_orchestrator.world import World
from tests.support.builders import HARNESSES, NOW, a_lane
from tests.support.clocks import SteppedClock

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
            command="bash",
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
        return PaneReading(facts=facts, screen=parse_ansi("$ "))

    def run(self, name: str) -> LaneRun:
        return self.runs.pop(0) if len(self.runs) > 1 else self.runs[0]


def watch_of(terminal: Terminal, heard: Heard | None = None) -> LaneWatch:
    lanes = SimpleNamespace(records=lambda: terminal.records, run=terminal.run)
    world = SimpleNamespace(substrate=terminal, lanes=lanes, clock=SteppedClock(), harnesses=HARNESSES)
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
    heard.note([TerminalSignal(pane="%1", kind=TerminalSignalKind.STATUS, text="state=blocked:kind=question", at=NOW)])
    web, infra = watch_of(terminal, heard).look(None)
    assert (web.state.detail, infra.state.detail) == (Detail.QUESTION, Detail.READY)


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
    assert watch_of(terminal).programs() == {record.pane_pid: "%1", RUN.pid: "%1"}
    terminal.runs = [replace(RUN, ended_at=NOW, exit_status=0)]
    assert watch_of(terminal).programs() == {record.pane_pid: "%1"}
