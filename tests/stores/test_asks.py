"""Asks on disk: never lost, never two, whoever dies in between."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from loop_orchestrator.errors import StoreError
from loop_orchestrator.model.ask import ANSWER_LIMIT, AskStatus
from loop_orchestrator.stores import asks as asks_module
from loop_orchestrator.stores.asks import AskStore
from loop_orchestrator.stores.eventlog import EventLog
from loop_orchestrator.stores.layout import Layout
from tests.stores.forks import in_processes, killed_at_every_write
from tests.support.builders import NOW, a_message, an_ask
from tests.support.clocks import SteppedClock

REPLY = a_message("web", "coord", "re:d-1-0", "on port 8080")


@pytest.fixture
def log(tmp_path: Path, clock: SteppedClock) -> EventLog:
    return EventLog(Layout(tmp_path, "shop").events, clock)


@pytest.fixture
def asks(tmp_path: Path, clock: SteppedClock, log: EventLog) -> AskStore:
    return AskStore(Layout(tmp_path, "shop"), clock, log)


def test_an_ask_is_kept_as_it_was_made(asks: AskStore, log: EventLog) -> None:
    assert asks.all() == ()
    asks.record(an_ask())
    asks.record(an_ask())
    assert asks.all() == (an_ask(),)
    assert (asks.get("d-1-0"), asks.get("d-2-0")) == (an_ask(), None)
    assert [(e.kind, e.payload) for e in log.tail(5)] == [
        ("ask.made", {"ask": "d-1-0", "lane": "web", "timeout_s": 600})
    ]


def test_its_time_runs_from_the_arrival_of_its_text(asks: AskStore) -> None:
    asks.record(an_ask())
    asks.arrived("d-1-0", NOW + timedelta(seconds=90))
    assert asks.all()[0].deadline == NOW + timedelta(seconds=690)


def test_an_answer_ends_it_once_and_late_if_it_was_sent_late(
    asks: AskStore, log: EventLog, clock: SteppedClock
) -> None:
    for idx, sent_s in enumerate((600, 601)):
        asks.record(an_ask(f"d-{idx}-0"))
        asks.reply(asks.all()[idx], replace(REPLY, sent_at=NOW + timedelta(seconds=sent_s), body="x" * 5_000))
    in_time, late = asks.all()
    assert (in_time.status, in_time.late, in_time.file, in_time.answer) == (
        AskStatus.REPLIED,
        False,
        REPLY.file,
        "x" * ANSWER_LIMIT,
    )
    assert (late.status, late.late) == (AskStatus.REPLIED, True)
    asks.time_out(an_ask("d-0-0"))
    asks.reply(an_ask("d-0-0"), replace(REPLY, file="other.md"))
    assert asks.all()[0] == in_time
    assert [e.payload["late"] for e in log.tail(9) if e.kind == "ask.replied"] == [False, True]


def test_a_late_answer_follows_a_timeout_and_nothing_follows_an_answer(asks: AskStore, clock: SteppedClock) -> None:
    asks.record(an_ask())
    asks.time_out(an_ask())
    clock.advance(60)
    (timed_out,) = asks.all()
    assert (timed_out.status, timed_out.ended_at, timed_out.late) == (AskStatus.TIMED_OUT, NOW, False)
    asks.reply(timed_out, REPLY)
    (replied,) = asks.all()
    assert (replied.status, replied.ended_at, replied.late) == (AskStatus.REPLIED, clock.now(), True)


def test_what_never_arrived_is_taken_back(asks: AskStore, log: EventLog) -> None:
    asks.record(an_ask())
    asks.withdraw("d-1-0")
    asks.withdraw("d-1-0")
    assert asks.all() == ()
    assert [e.kind for e in log.tail(5)] == ["ask.made", "ask.withdrawn"]


def test_somebody_elses_answer_is_noted_once(asks: AskStore, log: EventLog) -> None:
    asks.record(an_ask())
    stranger = a_message("infra", "coord", "re:d-1-0")
    for _ in range(2):
        asks.not_answered(an_ask(), stranger)
    assert asks.all() == (an_ask(others=(stranger.file,)),)
    assert [e.payload["from"] for e in log.tail(5) if e.kind == "ask.not-answered"] == ["infra"]


def test_the_asks_that_ended_longest_ago_go_and_outstanding_ones_never(
    asks: AskStore, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asks_module, "KEPT", 2)
    for idx in range(8):
        clock.advance(1)
        asks.record(an_ask(f"d-{idx}-0"))
        if idx % 2:
            asks.time_out(an_ask(f"d-{idx}-0"))
    assert [ask.id for ask in asks.all()] == ["d-0-0", "d-2-0", "d-4-0", "d-5-0", "d-6-0", "d-7-0"]


def test_two_processes_lose_none_of_each_others_asks(asks: AskStore) -> None:
    def ask(number: int) -> None:
        for idx in range(10):
            asks.record(an_ask(f"d-{number}-{idx}"))

    in_processes(3, ask)
    assert len(asks.all()) == 30


def test_whoever_dies_while_an_ask_ends_leaves_it_as_it_was_or_ended(asks: AskStore, log: EventLog) -> None:
    asks.record(an_ask())

    def whole() -> None:
        (ask,) = asks.all()
        assert ask.status in (AskStatus.OUTSTANDING, AskStatus.REPLIED)
        assert len([e for e in log.tail(50) if e.kind == "ask.replied"]) <= 1

    assert killed_at_every_write(lambda: asks.reply(asks.all()[0], REPLY), whole) >= 2
    assert asks.all()[0].status is AskStatus.REPLIED


def test_a_broken_file_is_named_and_left_alone(asks: AskStore, tmp_path: Path) -> None:
    path = Layout(tmp_path, "shop").asks
    asks.record(an_ask())
    broken = path.read_text().replace('"timeout_s": 600', '"timeout_s": "long"')
    path.write_text(broken)
    with pytest.raises(StoreError, match=r"asks.json: asks\[0\]: timeout_s: a whole number was expected"):
        asks.withdraw("d-1-0")
    assert path.read_text() == broken
