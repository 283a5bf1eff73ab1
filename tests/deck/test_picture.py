"""Since when a lane is in its state, and what is read again for a picture."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from loop_orchestrator.clock import format_time
from loop_orchestrator.deck.painter import Painter
from loop_orchestrator.model.lane import Detail, Lane, LaneRun, Signal, SignalSource
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.stores.signals import KEPT
from loop_orchestrator.substrate.evidence import RUNS
from tests.deck.desks import a_project
from tests.support.builders import NOW, a_lane

RUN = LaneRun(pid=7, started_at=NOW, ended_at=None, exit_status=None, suspended=False)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def said(detail: Detail, at_s: float) -> Signal:
    return Signal(source=SignalSource.HARNESS, detail=detail, rule="hook:x", seen="said", at=later(at_s))


def seen(detail: Detail, *signals: Signal, run: LaneRun | None = RUN, rule: str = "test") -> Lane:
    lane = a_lane(detail=detail)
    state = replace(lane.state, rule=rule, evidence=(*lane.state.evidence, *signals))
    return replace(lane, state=state, run=run)


@pytest.fixture
def painter(tmp_path: Path) -> Painter:
    return Painter(a_project(tmp_path / "shop").world)


@pytest.mark.parametrize(
    ("lane", "since_s"),
    [
        (seen(Detail.EXITED, run=replace(RUN, ended_at=later(40), exit_status=0)), 40),
        (seen(Detail.BOOTING), 0),
        (seen(Detail.BUSY, rule=RUNS), 0),
        (seen(Detail.READY, said(Detail.BUSY, 10), said(Detail.READY, 20)), 20),
        (seen(Detail.TOOL, said(Detail.READY, 5), said(Detail.TOOL, 10), said(Detail.TOOL, 20)), 10),
        (seen(Detail.TOOL, *(said(Detail.TOOL, at) for at in range(KEPT))), None),
        (seen(Detail.READY, said(Detail.READY, 10), said(Detail.BUSY, 20)), None),
        (seen(Detail.READY), None),
        (seen(Detail.READY, run=None), None),
    ],
    ids=["ended", "boots", "command", "said", "said twice", "said too often", "said else", "nothing", "no launcher"],
)
def test_a_first_picture_says_since_when_where_that_is_on_record(
    painter: Painter, lane: Lane, since_s: float | None
) -> None:
    assert painter.take((lane,)).since == ({} if since_s is None else {"web": later(since_s)})


def test_of_what_was_seen_and_said_the_latest_counts_and_what_an_earlier_run_did_does_not(painter: Painter) -> None:
    filed = painter.world.lanes_seen
    filed.add("web", f"ready {format_time(later(10))}")
    assert painter.take((seen(Detail.READY, run=None),)).since == {"web": later(10)}
    assert painter.take((seen(Detail.READY, said(Detail.BUSY, 15), said(Detail.READY, 30)),)).since == {
        "web": later(30)
    }
    assert painter.take((seen(Detail.READY, run=replace(RUN, started_at=later(11))),)).since == {}
    assert painter.take((seen(Detail.BUSY),)).since.keys() == {"web"}, "it was seen to turn"
    turned = painter.take((seen(Detail.READY),))
    assert turned.since["web"] == turned.status.generated_at, "what the engine saw was before it was busy"


def test_where_no_file_changed_only_lanes_are_made_anew(painter: Painter) -> None:
    world = painter.world
    first = painter.take((seen(Detail.READY),))
    world.mailbox.send("web", "coord", "a subject", "a body")
    second = painter.take_lanes((seen(Detail.EXITED, run=replace(RUN, ended_at=later(40), exit_status=1)),))
    assert (second.status.mail, second.events) == ((), first.events)
    assert second.since == {"web": later(40)}
    assert ["lane web has ended" in need.what for need in second.status.needs] == [True]
    unseen = painter.take_lanes(Unknown("tmux does not answer"))
    assert unseen.status.lanes == Unknown("tmux does not answer") and unseen.status.lines == first.status.lines
    whole = painter.take((), config_note="not accepted")
    assert isinstance(whole.status.mail, tuple) and len(whole.status.mail) == 1
    assert (whole.config_note, len(whole.events)) == ("not accepted", len(first.events) + 1)
