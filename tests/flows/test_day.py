"""A recorded day of 500 things that happen, played against the real daemon: every trigger leads to its cycle, nothing
happens twice, and the report tells what happened.

``make day`` plays all of it (LOOP_WHOLE_DAY=1). Otherwise it is a few hours, or those that LOOP_DAY_HOURS names, such
as ``3,5``.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from loop_orchestrator.clock import format_time
from tests.support.day import history
from tests.support.day.brain import TOKENS_IN, TOKENS_OUT
from tests.support.day.implied import PARTS, Implied, implied, told
from tests.support.day.replay import (
    CALLS_PER_HOUR,
    ENGINE,
    INTERVAL_S,
    LANE_CONFIG,
    MIDNIGHT,
    RATE,
    SCRIPT,
    USD_PER_MILLION,
    Day,
    end,
)
from tests.support.directing import Director
from tests.support.scratch import scratch_project

SLICE = (3, 10, 11, 16)
"""The hours that are played where nobody asks for the whole day: an approval, a clock that jumps, and a daemon that
is killed while a lane works and while a cycle begins."""

JITTER_S = 0.5 * RATE
"""How much later than the start that is on record an event of it may be, on a machine that is busy."""
IN_A_ROW = 5
"""Cycles over which their distance is looked at: one by one, that jitter would say more than the distance."""

ALL = tuple(range(24)) if os.environ.get("LOOP_WHOLE_DAY") == "1" else ()
NAMED = os.environ.get("LOOP_DAY_HOURS", "")
HOURS = ALL or (tuple(map(int, NAMED.split(","))) if NAMED else SLICE)


@pytest.fixture
def day(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    director = Director(tmp_path / "clock.json", shows=MIDNIGHT, rate=RATE)
    sockets = tmp_path_factory.mktemp("t")
    with scratch_project(
        tmp_path / "project", sockets, lanes=LANE_CONFIG, engine=ENGINE, script=SCRIPT, env=director.env
    ) as scratch:
        made = Day(scratch, director)
        try:
            yield made
        finally:
            end(made)


def test_the_recorded_day_is_the_one_that_is_made() -> None:
    assert history.FILE.read_text(encoding="utf-8") == history.written()
    assert len(history.read(range(24))) == history.LINES


def test_a_recorded_day(day: Day) -> None:
    lines = history.read(HOURS)
    day.play(lines)
    assert day.stop_daemon() == 0
    since = ("report", "--since", format_time(MIDNIGHT))
    text, document = day.scratch.ok(*since), day.scratch.json(*since)
    expected = implied(lines)
    every_trigger_is_served_once(day)
    nothing_happens_twice(day)
    budgets_hold(day)
    every_decision_ends_as_it_was_recorded(day, expected)
    the_report_tells_it(document, expected)
    the_text_tells_the_same(text, document)
    the_spend_is_what_the_brain_counted(day, document, expected)


def every_trigger_is_served_once(day: Day) -> None:
    """By a cycle that names it and that a brain answered; and nothing that calls for a cycle is missed."""
    assert day.ledger.pending == {}
    assert day.ledger.doubled == []
    assert day.ledger.unnamed == []
    assert day.ledger.outcomes.keys() == {"done", *(["interrupted"] if day.crashes else [])}
    named = Counter(trigger.words for trigger in day.ledger.triggers.values())
    assert {words: count for words, count in named.items() if words.startswith("mailbox: ") and count > 1} == {}
    assert day.of("route.dead") == []
    assert [words for words, seq in day.called_for if not day.ledger.knows(words, seq)] == []


def nothing_happens_twice(day: Day) -> None:
    once = {
        "delivery.closed": ("op",),
        "item.started": ("decision", "idx"),
        "item.closed": ("decision", "idx"),
        "decision.filed": ("decision",),
        "decision.archived": ("decision",),
        "mail.acked": ("file",),
        "task.assigned": ("task", "purpose"),
        "task.moved": ("task", "now"),
        "task.proved": ("task",),
        "escalated": ("decision", "idx"),
        "decision.expired": ("decision",),
        "ask.made": ("ask",),
        "ask.timed-out": ("ask",),
        "ask.replied": ("ask",),
    }
    for kind, fields in once.items():
        seen = Counter(tuple(event.payload[name] for name in fields) for event in day.of(kind))
        assert {key: count for key, count in seen.items() if count > 1} == {}, kind
    said = Counter((event.payload["from"], event.payload["subject"]) for event in day.of("mail.sent"))
    assert {key: count for key, count in said.items() if count > 1} == {}
    assert {event.payload["status"] for event in day.of("item.closed")} == {"done"}


def budgets_hold(day: Day) -> None:
    """By the time that really passed: neither a jump of the clock nor a kill makes a burst."""
    calls = [day.passed_at(event) for event in day.of("brain.called") if event.payload["brain"] != "rules"]
    assert max(sum(at <= other < at + 3600 for other in calls) for at in calls) <= CALLS_PER_HOUR
    starts = [day.passed_at(event) for event in day.of("cycle.started")]
    spans = [after - before for before, after in zip(starts, starts[IN_A_ROW:], strict=False)]
    assert min(spans) > IN_A_ROW * INTERVAL_S - JITTER_S


def every_decision_ends_as_it_was_recorded(day: Day, expected: Implied) -> None:
    assert day.asked.keys() == expected.ends.keys()
    ends = {id: expected.ends[of] for of, id in day.asked.items()}
    said = day.of("decision.approved", "decision.rejected", "decision.expired")
    assert sorted((str(event.payload["decision"]), event.kind) for event in said) == sorted(
        (id, end) for id, end in ends.items() if end
    )
    assert {decision.id for decision in day.project.decisions.open_decisions()} == {id for id in ends if not ends[id]}


def the_report_tells_it(document: dict[str, object], expected: Implied) -> None:
    """Every line that the history implies, as often as it implies it, and no other."""
    said = told(document)
    more = {part: said[part] - expected.parts[part] for part in PARTS}
    less = {part: expected.parts[part] - said[part] for part in PARTS}
    assert (more, less) == ({part: Counter() for part in PARTS}, {part: Counter() for part in PARTS})


def the_text_tells_the_same(text: str, document: dict[str, object]) -> None:
    """Every line of the document, with the number of its event, in the order of its part."""
    flat, at = " ".join(text.split()), 0
    for part in ("not_done", "unanswered", "unusual", "lanes", "done"):
        lines = document[part]
        assert isinstance(lines, list)
        for line in lines:
            at = flat.find(f"#{line['seq']} ", at)
            assert at >= 0, line
            assert line["what"][:100] in flat[at : at + 200], line


def the_spend_is_what_the_brain_counted(day: Day, document: dict[str, object], expected: Implied) -> None:
    answered = len((day.scratch.root / "brain-calls").read_text(encoding="utf-8").splitlines())
    spend = document["spend"]
    assert isinstance(spend, dict)
    assert spend["calls_by_brain"] == {"command": answered + expected.failed_calls}
    assert spend["unpriced_calls"] == expected.failed_calls
    usd = answered * (TOKENS_IN * USD_PER_MILLION[0] + TOKENS_OUT * USD_PER_MILLION[1]) / 1_000_000
    assert spend["known_usd"] == pytest.approx(usd)
    assert spend["usd"] == (None if expected.failed_calls else pytest.approx(usd))
    assert spend["input_tokens"] == (None if expected.failed_calls else answered * TOKENS_IN)
    assert spend["output_tokens"] == (None if expected.failed_calls else answered * TOKENS_OUT)
