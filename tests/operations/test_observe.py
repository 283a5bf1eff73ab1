"""Looking at lanes: whether they hold still, and at what price."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import cast

import pytest

from loop_orchestrator.clock import SystemClock
from loop_orchestrator.model.lane import Detail, LaneRecord, LaneRun, Signal, SignalSource
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.model.terminal import PaneFacts, PaneReading
from loop_orchestrator.operations.observe import CloseLook, lanes_of, observe_lanes, read_panes
from loop_orchestrator.stores.atomic import write_json
from loop_orchestrator.stores.signals import Speaker
from loop_orchestrator.substrate.port import Substrate
from loop_orchestrator.substrate.screens import parse_ansi
from loop_orchestrator.wiring import Project
from loop_orchestrator.world import World
from tests.support.builders import a_lane
from tests.support.clocks import SteppedClock

LINE = "─" * 40
IDLE = f"{LINE}\n❯\u00a0\n{LINE}\n  ? for shortcuts"
WORKING = f"✻ Thinking… (4s)\n{IDLE}"
SETTLE_S = 0.6


class Stage(Project):
    """A world in which panes show what a test says, by a clock that a test sets."""

    def __init__(self, real: World, show: Callable[[str, int], str]) -> None:
        assert isinstance(real, Project)
        super().__init__(real.options, real.environ)
        self.stepped = SteppedClock()
        self.clock = cast("SystemClock", self.stepped)
        self.show = show
        self.drawn_ago_s = 0.0
        self.reads: list[tuple[str, ...]] = []

    @property
    def substrate(self) -> Substrate:
        return cast("Substrate", self)

    def read(self, panes: Sequence[str]) -> tuple[PaneReading, ...]:
        self.reads.append(tuple(panes))
        return tuple(self._reading(pane) for pane in panes)

    def _reading(self, pane: str) -> PaneReading:
        record = next(one for one in self.lanes.records().values() if one.pane == pane)
        facts = PaneFacts(
            pane=pane,
            session="shop",
            window="w",
            lane=record.spec.name,
            pid=record.pane_pid,
            tty=record.pane_tty,
            command="claude",
            title="✳ Claude Code",
            dead=False,
            in_mode=False,
            input_off=False,
            cursor_visible=True,
            alternate=False,
            width=80,
            height=24,
            foreground=200,
            activity=int((self.clock.now() - timedelta(seconds=self.drawn_ago_s)).timestamp()),
        )
        return PaneReading(facts=facts, screen=parse_ansi(self.show(record.spec.name, len(self.reads))))


@pytest.fixture
def stage(world: World) -> Iterator[Callable[..., Stage]]:
    def make(show: Callable[[str, int], str], *names: str) -> Stage:
        made = Stage(world, show)
        for number, name in enumerate(names or ("web",), start=1):
            record = a_lane(name).record
            spec = replace(record.spec, harness="claude")
            made.lanes.put(replace(record, spec=spec, pane=f"%{number}", booted_at=made.clock.now()))
            run: dict[str, JsonValue] = {"pid": 200, "started_at": "2026-03-01T12:00:00.000Z", "ended_at": None}
            path = made.lanes.run_path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, {**run, "exit_status": None, "suspended": False})
        made.stepped.advance(100)
        return made

    yield make


@dataclass
class Told:
    """What somebody who listens has heard, by lane."""

    said: Mapping[str, tuple[Signal, ...]] = field(default_factory=dict)
    drew: Mapping[str, datetime] = field(default_factory=dict)

    def signals(self, records: Iterable[LaneRecord]) -> Mapping[str, tuple[Signal, ...]]:
        return self.said

    def drawn(self, records: Iterable[LaneRecord]) -> Mapping[str, datetime]:
        return self.drew


def details(stage: Stage, heard: Told | None = None) -> dict[str, Detail]:
    stage.ears = heard
    return {lane.name: lane.state.detail for lane in observe_lanes(stage)}


def test_a_lane_that_has_long_been_still_is_looked_at_once(stage: Callable[..., Stage]) -> None:
    at = stage(lambda lane, look: IDLE)
    at.drawn_ago_s = 30
    assert details(at) == {"web": Detail.READY}
    assert len(at.reads) == 1


def test_lanes_that_may_have_moved_are_looked_at_again_all_at_once(stage: Callable[..., Stage]) -> None:
    at = stage(lambda lane, look: WORKING if lane == "busy" else IDLE, "a", "b", "busy")
    before = at.clock.now()
    assert details(at) == {"a": Detail.READY, "b": Detail.READY, "busy": Detail.BUSY}
    assert at.reads == [("%1", "%2", "%3"), ("%1", "%2")]
    assert (at.clock.now() - before).total_seconds() == SETTLE_S


def test_a_screen_that_looks_idle_and_goes_on_changing_is_not(stage: Callable[..., Stage]) -> None:
    at = stage(lambda lane, look: f"streamed {look}\n{IDLE}")
    (lane,) = observe_lanes(at)
    assert (lane.state.detail, lane.state.rule) == (Detail.CONFLICTING, "settling")
    assert len(at.reads) == 2


def test_what_begins_between_two_looks_counts(stage: Callable[..., Stage]) -> None:
    at = stage(lambda lane, look: IDLE if look == 1 else WORKING)
    assert details(at) == {"web": Detail.BUSY}


def test_who_is_told_when_lanes_draw_looks_again_only_at_those_that_drew(stage: Callable[..., Stage]) -> None:
    at = stage(lambda lane, look: IDLE)
    now = at.clock.now()
    assert details(at, Told(drew={"web": now - timedelta(seconds=0.7)})) == {"web": Detail.READY}
    assert (len(at.reads), at.clock.now()) == (1, now)
    assert details(at, Told(drew={"web": now - timedelta(seconds=0.2)})) == {"web": Detail.READY}
    assert (len(at.reads), (at.clock.now() - now).total_seconds()) == (3, SETTLE_S)


def test_lanes_that_were_read_are_judged_without_a_wait(stage: Callable[..., Stage]) -> None:
    at = stage(lambda lane, look: IDLE)
    now, readings = at.clock.now(), read_panes(at, ["%1"])
    for ago_s, detail in ((0.2, Detail.CONFLICTING), (0.7, Detail.READY)):
        drawn = {"web": now - timedelta(seconds=ago_s)}
        (lane,) = lanes_of(at, at.lanes.records().values(), readings, now, {}, drawn)
        assert lane.state.detail is detail
    assert (len(at.reads), at.clock.now()) == (1, now)


def signal(at: Stage, detail: Detail, ago_s: float, source: SignalSource = SignalSource.HARNESS) -> Signal:
    when = at.clock.now() - timedelta(seconds=ago_s)
    return Signal(source=source, detail=detail, rule="hook:claude", seen="said", at=when)


def note(at: Stage, detail: Detail, ago_s: float) -> None:
    run = at.lanes.run("web")
    assert run is not None
    at.signals.note("web", signal(at, detail, ago_s), Speaker(pid=200, depth=1), run)


def test_what_was_said_counts_beside_the_screen(stage: Callable[..., Stage]) -> None:
    at = stage(lambda lane, look: "a screen that no rule knows")
    assert details(at) == {"web": Detail.DRIFTED}
    note(at, Detail.APPROVAL, 3)
    assert details(at) == {"web": Detail.APPROVAL}
    osc = signal(at, Detail.BUSY, 1, SignalSource.TERMINAL)
    assert details(at, Told(said={"web": (osc,)})) == {"web": Detail.BUSY}


def test_a_word_just_said_spares_the_second_look(stage: Callable[..., Stage]) -> None:
    at = stage(lambda lane, look: IDLE)
    note(at, Detail.READY, 1)
    assert details(at) == {"web": Detail.READY}
    assert len(at.reads) == 1


def test_a_new_run_of_the_program_is_not_judged_by_what_the_last_one_said(stage: Callable[..., Stage]) -> None:
    at = stage(lambda lane, look: "a screen that no rule knows")
    old = LaneRun(pid=100, started_at=at.clock.now(), ended_at=None, exit_status=None, suspended=False)
    at.signals.note("web", signal(at, Detail.APPROVAL, 500), Speaker(pid=100, depth=1), old)
    assert details(at) == {"web": Detail.DRIFTED}


def test_an_interrupted_turn_ends_though_no_hook_tells(stage: Callable[..., Stage]) -> None:
    at = stage(lambda lane, look: IDLE)
    note(at, Detail.TOOL, 2)
    assert details(at) == {"web": Detail.CONFLICTING}
    assert len(at.reads) == 1
    at.stepped.advance(10)
    assert details(at) == {"web": Detail.READY}
    assert len(at.reads) == 3


def test_a_close_look_never_waits_and_still_sees_an_interrupted_turn_end(stage: Callable[..., Stage]) -> None:
    at = stage(lambda lane, look: IDLE)
    before = at.clock.now()
    assert CloseLook(at, "web").look().state.detail is Detail.READY
    assert at.clock.now() == before
    note(at, Detail.TOOL, 60)
    close = CloseLook(at, "web")
    assert close.look().state.detail is Detail.CONFLICTING
    at.stepped.advance(SETTLE_S)
    assert close.look().state.detail is Detail.READY
    at.drawn_ago_s = 30
    assert CloseLook(at, "web").look().state.detail is Detail.READY
    at.drawn_ago_s = 0
    at.show = lambda lane, look: f"{look}\n{IDLE}"
    assert close.look().state.detail is Detail.CONFLICTING
