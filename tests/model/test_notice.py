"""What needs a person, worked out from events: opened, settled, and told in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loop_orchestrator.model import needs
from loop_orchestrator.model.event import EVENT_KINDS, Event
from loop_orchestrator.model.needs import concerns, fold
from loop_orchestrator.model.notice import MOST_OPEN, Ledger, Notice, NoticeKind, lasting, next_overdue, overdue, quoted
from loop_orchestrator.model.outbox import (
    MOST_SHOWN,
    RETRY_WAITS_S,
    Outbox,
    Pace,
    Place,
    Quiet,
    due,
    letter,
    pruned,
    untold,
)
from loop_orchestrator.model.state import JsonValue
from tests.support.builders import NOW

PLACE = Place(root="/home/me/shop", session="shop", host="box")


def ledger_of(*events: tuple[str, dict[str, JsonValue]], ledger: Ledger | None = None) -> Ledger:
    """After these events, a second apart. Fields that are left out are null."""
    ledger = ledger or Ledger()
    for kind, given_fields in events:
        seq = ledger.seq + 1
        payload: dict[str, JsonValue] = {**dict.fromkeys(EVENT_KINDS[kind].fields), **given_fields}
        assert set(payload) == set(EVENT_KINDS[kind].fields)
        at = NOW + timedelta(seconds=seq)
        ledger = fold(ledger, Event(id=f"e{seq}", seq=seq, at=at, kind=kind, source="engine", payload=payload))
    return ledger


FILED: tuple[str, dict[str, JsonValue]] = ("decision.filed", {"decision": "d-1", "waiting": [0]})
ASKED: tuple[str, dict[str, JsonValue]] = ("escalated", {"decision": "d-1", "summary": "which database?", "idx": 0})
LOST: tuple[str, dict[str, JsonValue]] = ("delivery.closed", {"op": "o1", "lane": "web", "status": "unknown"})
GAVE_UP: tuple[str, dict[str, JsonValue]] = ("lane.gave-up", {"lane": "web", "reason": "exit status 1"})
NO_LOGIN: tuple[str, dict[str, JsonValue]] = ("brain.failed", {"brain": "claude", "failure": "auth"})
NO_MODEL: tuple[str, dict[str, JsonValue]] = ("brain.failed", {"brain": "claude", "failure": "model-unavailable"})
USED_UP: tuple[str, dict[str, JsonValue]] = ("brain.failed", {"brain": "claude", "failure": "budget"})
IN_DOUBT: tuple[str, dict[str, JsonValue]] = ("item.closed", {"decision": "d-1", "idx": 0, "status": "unknown"})
STALE: tuple[str, dict[str, JsonValue]] = ("watch.stale", {})
MAIL: tuple[str, dict[str, JsonValue]] = ("mail.sent", {"file": "f.md", "from": "web", "to": "person", "subject": "?"})
REVIEW: tuple[str, dict[str, JsonValue]] = ("task.moved", {"task": "T0001", "now": "review"})
TOOK_OVER: tuple[str, dict[str, JsonValue]] = ("watch.started", {"pid": 7, "took_over": "pid 6, started then"})


@pytest.mark.parametrize(
    ("opens", "kind", "settles"),
    [
        (FILED, NoticeKind.DECISION, ("decision.approved", {"decision": "d-1"})),
        (FILED, NoticeKind.DECISION, ("decision.rejected", {"decision": "d-1"})),
        (FILED, NoticeKind.DECISION, ("decision.expired", {"decision": "d-1"})),
        (ASKED, NoticeKind.ESCALATION, ("decision.archived", {"decision": "d-1"})),
        (LOST, NoticeKind.UNKNOWN, ("delivery.resolved", {"op": "o1"})),
        (IN_DOUBT, NoticeKind.UNKNOWN, ("item.closed", {"decision": "d-1", "idx": 0, "status": "done"})),
        (GAVE_UP, NoticeKind.LANE_GAVE_UP, ("lane.restarting", {"lane": "web"})),
        (GAVE_UP, NoticeKind.LANE_GAVE_UP, ("session.down", {})),
        (NO_LOGIN, NoticeKind.BRAIN, ("brain.replied", {"brain": "claude"})),
        (NO_MODEL, NoticeKind.BRAIN, ("brain.replied", {"brain": "claude"})),
        (USED_UP, NoticeKind.BUDGET, ("brain.called", {"brain": "claude"})),
        (STALE, NoticeKind.CODE, ("watch.started", {"took_over": ""})),
        (MAIL, NoticeKind.MAIL, ("mail.acked", {"file": "f.md"})),
        (REVIEW, NoticeKind.REVIEW, ("task.moved", {"task": "T0001", "now": "done"})),
    ],
)
def test_what_needs_a_person_is_open_until_it_is_settled(
    opens: tuple[str, dict[str, JsonValue]], kind: NoticeKind, settles: tuple[str, dict[str, JsonValue]]
) -> None:
    opened = ledger_of(opens)
    (notice,) = opened.open.values()
    assert (notice.kind, notice.seq) == (kind, 1)
    assert notice.answer.startswith("loop ")
    assert lasting(opened).open
    assert not ledger_of(settles, ledger=opened).open
    assert concerns(opens[0]) and concerns(settles[0])


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("decision.filed", {"decision": "d-1", "waiting": []}),
        ("delivery.closed", {"op": "o1", "status": "started"}),
        ("brain.failed", {"brain": "claude", "failure": "timeout"}),
        ("mail.sent", {"to": "web"}),
        ("watch.started", {"took_over": ""}),
        ("task.moved", {"task": "T0001", "now": "in-progress"}),
        ("cycle.ended", {}),
    ],
)
def test_what_needs_nobody_opens_nothing(kind: str, payload: dict[str, JsonValue]) -> None:
    assert not ledger_of((kind, payload)).open


def test_the_built_in_brain_at_work_is_no_new_budget_and_no_login() -> None:
    still = ledger_of(USED_UP, NO_LOGIN, ("brain.called", {"brain": "rules"}), ("brain.replied", {"brain": "rules"}))
    assert set(still.open) == {"budget", "brain:claude"}


def test_a_takeover_is_told_once_and_is_nothing_of_the_past() -> None:
    ledger = ledger_of(TOOK_OVER)
    (notice,) = ledger.open.values()
    assert "pid 6" in notice.what
    assert not lasting(ledger).open
    box = Outbox().sent([notice], NOW)
    assert not pruned(ledger, {"a": (box, ())}).open
    assert pruned(ledger, {"a": (box, ()), "b": (Outbox(), ())}).open
    assert not pruned(ledger, {"a": (box, ()), "b": (Outbox(), (NoticeKind.MAIL,))}).open


def test_a_decision_that_asks_two_things_is_told_as_both() -> None:
    second = ("escalated", {**ASKED[1], "summary": "which port?", "idx": 1})
    (notice,) = ledger_of(FILED, ASKED, second).open.values()
    assert notice.what == "the engine asks for you: which database?; and: which port?"


def test_a_decision_that_asks_a_question_is_one_thing_and_says_the_question() -> None:
    (notice,) = ledger_of(FILED, ASKED).open.values()
    assert (notice.kind, notice.seq, notice.at) == (NoticeKind.ESCALATION, 1, NOW + timedelta(seconds=1))
    assert "which database?" in notice.what


def test_a_thing_that_needs_a_person_again_is_told_again_and_not_while_it_goes_on() -> None:
    first = ledger_of(NO_LOGIN)
    box = Outbox().sent(first.open.values(), NOW)
    assert not untold(ledger_of(NO_LOGIN, ledger=first), box, ())
    again = ledger_of(("brain.replied", {"brain": "claude"}), NO_LOGIN, ledger=first)
    assert len(untold(again, box, ())) == 1


def test_a_lane_that_asks_is_told_only_when_it_has_asked_for_long() -> None:
    ledger = ledger_of(("lane.changed", {"lane": "web", "was": "busy", "now": "approval"}))
    asked = NOW + timedelta(seconds=1)
    assert next_overdue(ledger, 300) == asked + timedelta(seconds=300)
    assert not overdue(ledger, asked + timedelta(seconds=299), 300).open
    late = overdue(ledger, asked + timedelta(seconds=300), 300)
    (notice,) = late.open.values()
    assert (notice.kind, notice.answer) == (NoticeKind.LANE_WAITS, "loop attach web")
    assert "asked for permission" in notice.what
    assert next_overdue(late, 300) is None
    assert not ledger_of(("lane.changed", {"lane": "web", "now": "busy"}), ledger=late).open
    assert not ledger_of(("lane.changed", {"lane": "web", "now": "busy"}), ledger=ledger).waits


@given(st.text(max_size=400))
def test_what_an_agent_wrote_is_one_short_line_that_acts_on_nothing(text: str) -> None:
    said = quoted(text)
    assert len(said) <= 160 and said.isprintable()
    assert not set("@<>`*[]\n\x1b") & set(said)


def test_a_burst_is_one_message_and_the_next_comes_no_sooner_than_the_pace_allows() -> None:
    ledger, pace = ledger_of(FILED, GAVE_UP, LOST), Pace(every_s=300)
    first = next(iter(ledger.open.values())).at
    assert due(ledger, Outbox(), (), pace, first).at == first + timedelta(seconds=2)
    now = first + timedelta(seconds=5)
    step = due(ledger, Outbox(), (), pace, now)
    assert [one.kind for one in step.notices] == [NoticeKind.DECISION, NoticeKind.LANE_GAVE_UP, NoticeKind.UNKNOWN]
    box = Outbox().sent(step.notices, now)
    assert due(ledger, box, (), pace, now) == due(Ledger(), box, (), pace, now)
    more = ledger
    for number in range(500):
        more = ledger_of(("lane.gave-up", {"lane": f"w{number}", "reason": "x"}), ledger=more)
    assert due(more, box, (), pace, now + timedelta(seconds=299)).at == now + timedelta(seconds=300)
    later = due(more, box, (), pace, now + timedelta(seconds=600))
    assert len(later.notices) == 500
    text = letter(later.notices, PLACE, now)
    assert f"and {500 - MOST_SHOWN} more ({500 - MOST_SHOWN} lane-gave-up)" in text.body
    assert text.title == "shop: 500 things need you"
    assert len(text.body) < 2_000 and text.document["count"] == 500


def test_what_nobody_answers_does_not_grow_for_ever() -> None:
    ledger = Ledger()
    for number in range(MOST_OPEN + 5):
        notice = Notice(kind=NoticeKind.MAIL, key=f"mail:{number}", what="w", answer="a", at=NOW, seq=number)
        ledger = ledger.noted(notice)
    assert len(ledger.open) == MOST_OPEN
    assert (next(iter(ledger.open)), next(reversed(list(ledger.open)))) == ("mail:5", f"mail:{MOST_OPEN + 4}")


def test_a_clock_that_was_put_back_holds_nothing_up() -> None:
    ledger = ledger_of(FILED)
    box = Outbox(sent_at=NOW + timedelta(days=2))
    assert due(ledger, box, (), Pace(every_s=300), NOW + timedelta(seconds=5)).notices


def test_a_service_is_told_what_it_wants_and_an_escalation_is_a_decision() -> None:
    ledger = ledger_of(FILED, ASKED, GAVE_UP)
    assert [one.kind for one in untold(ledger, Outbox(), (NoticeKind.DECISION,))] == [NoticeKind.ESCALATION]
    assert [one.kind for one in untold(ledger, Outbox(), (NoticeKind.LANE_GAVE_UP,))] == [NoticeKind.LANE_GAVE_UP]
    assert not untold(ledger, Outbox(), (NoticeKind.MAIL,))


NIGHT = Quiet(
    begin=time(22, 0), end=time(7, 0), zone=ZoneInfo("Europe/Paris"), but_for=frozenset({NoticeKind.LANE_GAVE_UP})
)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-03-01T20:59:00+00:00", None),
        ("2026-03-01T21:00:00+00:00", "2026-03-02T06:00:00+00:00"),
        ("2026-03-02T05:59:59+00:00", "2026-03-02T06:00:00+00:00"),
        ("2026-03-02T06:00:00+00:00", None),
        ("2026-03-28T22:00:00+00:00", "2026-03-29T05:00:00+00:00"),  # the clocks go forward in this night
        ("2026-10-24T21:00:00+00:00", "2026-10-25T06:00:00+00:00"),  # and back in this one
    ],
)
def test_quiet_hours_are_those_of_their_zone_on_that_day(now: str, until: str | None) -> None:
    expected = datetime.fromisoformat(until) if until else None
    assert NIGHT.until(datetime.fromisoformat(now)) == expected


def test_quiet_hours_within_a_day_end_on_it() -> None:
    noon = Quiet(begin=time(12, 0), end=time(13, 30), zone=ZoneInfo("UTC"))
    assert noon.until(NOW) == datetime(2026, 3, 1, 13, 30, tzinfo=UTC)
    assert noon.until(NOW - timedelta(seconds=1)) is None
    local = replace(noon, zone=None, begin=time(0, 0), end=time(23, 59, 59))
    ends = local.until(NOW)
    assert ends is not None and ends.astimezone().time() == time(23, 59, 59)


def test_at_night_only_what_is_urgent_is_told_and_the_rest_in_the_morning() -> None:
    ledger, pace = ledger_of(FILED, GAVE_UP), Pace(every_s=300, quiet=NIGHT)
    night = datetime(2026, 3, 1, 23, 0, tzinfo=UTC)
    step = due(ledger, Outbox(), (), pace, night)
    assert [one.kind for one in step.notices] == [NoticeKind.LANE_GAVE_UP]
    box = Outbox().sent(step.notices, night)
    assert due(ledger, box, (), pace, night).at == datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
    morning = due(ledger, box, (), pace, datetime(2026, 3, 2, 6, 0, tzinfo=UTC))
    assert [one.kind for one in morning.notices] == [NoticeKind.DECISION]


def test_a_service_that_fails_is_tried_again_later_and_given_up_at_last() -> None:
    ledger, pace, box, now = ledger_of(FILED), Pace(every_s=300), Outbox(), NOW + timedelta(seconds=60)
    notices = tuple(ledger.open.values())
    for wait_s in RETRY_WAITS_S:
        box, given_up = box.failed(notices, now, "it is down")
        assert not given_up
        assert due(ledger, box, (), pace, now).at == now + timedelta(seconds=wait_s)
        now += timedelta(seconds=wait_s)
        assert due(ledger, box, (), pace, now).notices == notices
    box, given_up = box.failed(notices, now, "it is down")
    assert given_up and box.failures == 0 and box.reason == "it is down"
    assert not due(ledger, box, (), pace, now + timedelta(days=1)).notices


def test_a_message_says_what_where_and_the_command_that_answers_it() -> None:
    (notice,) = ledger_of(FILED).open.values()
    text = letter((notice,), PLACE, NOW)
    assert text.title == "shop: decision d-1: 1 action waits for a yes or a no"
    assert "  loop approve d-1\n" in text.body
    assert "in /home/me/shop on box, session shop" in text.body
    odd = letter((notice,), Place(root="/home/me/a\x1b]0;x\ab", session="shop", host="box"), NOW)
    assert odd.title.isprintable() and odd.title.startswith("a ]0;x b: ")
    assert odd.body.replace("\n", "").isprintable() and odd.document["root"] == "/home/me/a\x1b]0;x\ab"
    assert text.document["notices"] == [
        {
            "kind": "decision",
            "key": "decision:d-1",
            "what": "decision d-1: 1 action waits for a yes or a no",
            "answer": "loop approve d-1",
            "at": "2026-03-01T12:00:01.000Z",
        }
    ]


def test_every_kind_of_event_that_is_looked_at_is_registered() -> None:
    assert set(needs._STEPS) <= set(EVENT_KINDS)
