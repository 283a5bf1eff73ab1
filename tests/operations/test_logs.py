"""The log for people: which events are shown, and what is tied to what."""

from __future__ import annotations

from pathlib import Path

import pytest

from loop_orchestrator.errors import UsageError
from loop_orchestrator.model.event import Event
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.operations.logs import Wanted, kinds_of, logged_shape, read_trace
from loop_orchestrator.operations.logs import read_logs as read
from loop_orchestrator.redaction import Redactor
from loop_orchestrator.stores.eventlog import EventLog
from loop_orchestrator.world import World
from tests.stores.builders import NOON
from tests.support.clocks import SteppedClock
from tests.support.projects import project_at

CYCLE, DECISION = "c-20260301T120000000-aaaaaa", "d-20260301T120001000-bbbbbb"
OP = f"{DECISION}-0"


@pytest.fixture
def world(project: Path) -> World:
    made = project_at(project, config="lanes: {web: {harness: shell}}\n")
    made.clock = SteppedClock()
    made.__dict__["events"] = EventLog(made.layout.events, made.clock, segment_bytes=1_500)
    return made


def read_logs(world: World, wanted: Wanted) -> tuple[Event, ...]:
    return tuple(read(world, wanted))


def add(world: World, of: str, /, *, trace: str = "", **payload: JsonValue) -> Event:
    event = world.events.append(of, "engine", payload, trace=trace)
    world.clock.sleep(1)
    return event


def a_cycle(world: World) -> list[Event]:
    """One decision with one delivery, approved later, and things of others in between."""
    item: dict[str, JsonValue] = {"decision": DECISION, "idx": 0, "kind": "dispatch", "target": "web"}
    found = [
        add(world, "cycle.started", trace=CYCLE, cycle=CYCLE, why=["mail"]),
        add(world, "decision.filed", trace=CYCLE, decision=DECISION, digest="x", verdicts=["safe"], waiting=[0]),
        add(world, "cycle.ended", trace=CYCLE, cycle=CYCLE, outcome="waiting", decision=DECISION, duration_s=1.0),
    ]
    for _ in range(30):
        add(world, "engine.paused", by="somebody else")
    found += [
        add(world, "decision.approved", trace=CYCLE, decision=DECISION, digest="x", items=[0], by="ann", signed_by=""),
        add(world, "item.started", trace=CYCLE, **item),
        add(world, "task.assigned", task="T0001", lane="web", op=OP, purpose="work"),
        add(world, "delivery.closed", op=OP, lane="web", status="started", step="receipt", sha256="y"),
        add(world, "item.closed", trace=CYCLE, **item, status="done", note="started"),
        add(world, "decision.archived", trace=CYCLE, decision=DECISION),
    ]
    add(world, "delivery.closed", op="other", lane="web", status="started", step="receipt", sha256="y")
    return found


@pytest.mark.parametrize("given", [CYCLE, DECISION, OP, CYCLE[:22], DECISION[:22], "1", f"{DECISION}-7"])
def test_a_trace_holds_everything_that_is_tied_to_it_and_nothing_else(world: World, given: str) -> None:
    expected = a_cycle(world)
    trace, links = read_trace(world, given)
    assert trace in (CYCLE, given)
    assert sorted(link.event.seq for link in links) == [event.seq for event in expected]
    assert read_trace(world, str(expected[-1].seq))[1] == links


def test_a_trace_is_a_tree_of_cycle_decision_items_and_deliveries(world: World) -> None:
    a_cycle(world)
    _, links = read_trace(world, DECISION)
    assert [(link.level, link.event.kind) for link in links] == [
        (0, "cycle.started"),
        (1, "decision.filed"),
        (2, "decision.approved"),
        (2, "item.started"),
        (3, "task.assigned"),
        (3, "delivery.closed"),
        (3, "item.closed"),
        (2, "decision.archived"),
        (1, "cycle.ended"),
    ]
    assert links[1].is_last == (False,)
    assert links[7].is_last == (False, True)
    assert [link.parent for link in links[:3]] == [0, links[0].event.seq, links[1].event.seq]


def test_what_an_event_says_it_was_caused_by_stands_above_it(world: World) -> None:
    first = world.events.append("engine.paused", "person", {"by": "x"}, trace="t-1")
    second = world.events.append("engine.resumed", "person", {"by": "x"}, trace="t-1", caused_by=first.id, depth=1)
    world.events.append("engine.paused", "person", {"by": "y"}, caused_by=second.id, depth=2)
    _, links = read_trace(world, "t-1")
    assert [(link.event.seq, link.level) for link in links] == [(1, 0), (2, 1), (3, 2)]


def test_an_event_that_nothing_is_tied_to_stands_alone(world: World) -> None:
    a_cycle(world)
    _, links = read_trace(world, "10")
    assert [link.event.kind for link in links] == ["engine.paused"]


@pytest.mark.parametrize("given", ["", "x", "0", "999", 'a"b', "d-\n"])
def test_a_trace_that_is_none_is_refused(world: World, given: str) -> None:
    a_cycle(world)
    with pytest.raises(UsageError, match="no event has anything to do"):
        read_trace(world, given)


def test_kinds_are_named_whole_or_by_their_family() -> None:
    assert kinds_of(["lane.added", "crash"]) == {"lane.added", "crash"}
    assert {"lane.added", "lane.gave-up"} < kinds_of(["lane"])
    assert kinds_of(["lane.*"]) == kinds_of(["lane"]) == kinds_of(["lane."])
    assert kinds_of(["crash,escalated"]) == {"crash", "escalated"}
    with pytest.raises(UsageError, match=r"'decison.filed' is no kind of event; did you mean decision.filed\?"):
        kinds_of(["decison.filed"])
    with pytest.raises(UsageError, match="is no kind"):
        kinds_of([""])


def test_the_last_events_and_those_since_a_time_cross_files(world: World) -> None:
    a_cycle(world)
    everything = tuple(world.events.since(0))
    assert len(list(world.layout.event_segments.iterdir())) > 3
    assert read_logs(world, Wanted()) == everything[-20:]
    assert read_logs(world, Wanted(n=3)) == everything[-3:]
    assert read_logs(world, Wanted(n=0)) == ()
    assert read_logs(world, Wanted(since=NOON)) == everything
    assert read_logs(world, Wanted(since=NOON, n=2)) == everything[-2:]
    assert read_logs(world, Wanted(since=everything[30].at)) == everything[30:]
    assert read_logs(world, Wanted(since=everything[-2].at, n=9)) == everything[-2:]
    kinds = frozenset({"cycle.started", "item.closed"})
    assert [event.kind for event in read_logs(world, Wanted(kinds=kinds))] == ["cycle.started", "item.closed"]
    assert [event.kind for event in read_logs(world, Wanted(kinds=kinds, n=1))] == ["item.closed"]
    assert [event.kind for event in read_logs(world, Wanted(kinds=kinds, since=NOON))] == sorted(kinds)


def test_a_kind_inside_a_payload_is_no_event_of_that_kind(world: World) -> None:
    add(world, "engine.paused", by={"kind": "crash"})
    assert read_logs(world, Wanted(kinds=frozenset({"crash"}))) == ()
    assert read_logs(world, Wanted(kinds=frozenset({"crash"}), since=NOON)) == ()


def test_secrets_are_taken_out_of_the_payload_and_of_the_sentence(world: World) -> None:
    event = add(world, "mail.failed", file="x.md", reason="my secret value stands here")
    shape = logged_shape(event, Redactor({"NAME": "my secret value"}))
    assert shape["sentence"] == "x.md is no message: [redacted: NAME] stands here"
    assert shape["payload"] == {"file": "x.md", "reason": "[redacted: NAME] stands here"}
