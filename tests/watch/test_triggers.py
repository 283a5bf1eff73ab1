"""Which changes call for a cycle, and how long a failure waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from loop_orchestrator.model.ask import RECENT_S, Ask, AskStatus
from loop_orchestrator.model.lane import Detail
from loop_orchestrator.watch.memory import load_pace, save_pace
from loop_orchestrator.watch.triggers import (
    BACKOFF_MOST_S,
    HELD_S,
    Look,
    Pace,
    changes,
    details_of,
    ended_asks,
    lanes_moved,
    look_of,
    overdue,
    settled,
    start_wait_s,
)
from tests.support.builders import NOW, a_lane, a_message, a_snapshot, a_task, an_ask


def whys(before: Look, now: Look) -> list[str]:
    return [f"{one.why}: {one.detail}" for one in changes(before, now)]


def test_new_mail_and_newly_ready_tasks_call_for_a_cycle_and_their_going_away_does_not() -> None:
    assert whys(Look(), Look(mail=frozenset({"b.md", "a.md"}))) == ["mail: a.md", "mail: b.md"]
    assert whys(Look(mail=frozenset({"a.md"})), Look()) == []
    assert whys(Look(), Look(tasks=frozenset({"T0001"}))) == ["task: T0001 is ready"]


def test_a_lane_that_comes_to_rest_or_needs_somebody_calls_for_a_cycle() -> None:
    def lanes(detail: Detail) -> Look:
        return Look(lanes={"web": detail.value})

    assert whys(lanes(Detail.BUSY), lanes(Detail.READY)) == ["lane: web is ready"]
    assert whys(lanes(Detail.BUSY), lanes(Detail.APPROVAL)) == ["lane: web is approval"]
    assert whys(lanes(Detail.BUSY), lanes(Detail.EXITED)) == ["lane: web is exited"]
    assert whys(lanes(Detail.READY), lanes(Detail.BUSY)) == []
    assert whys(lanes(Detail.READY), lanes(Detail.DRAFT)) == []
    assert whys(lanes(Detail.READY), lanes(Detail.READY)) == []


def test_a_lane_that_worked_counts_as_at_rest_when_it_is_seen_so_twice() -> None:
    working, resting = Look(lanes={"web": "busy"}), Look(lanes={"web": "ready"})
    once = settled(working, resting)
    assert (once.lanes, once.settling) == ({"web": "busy"}, frozenset({"web"}))
    assert whys(working, once) == []
    twice = settled(once, resting)
    assert (twice.lanes, twice.settling) == ({"web": "ready"}, frozenset())
    assert whys(once, twice) == ["lane: web is ready"]


def test_a_lane_that_goes_on_working_or_fails_does_not_have_to_settle() -> None:
    once = settled(Look(lanes={"web": "busy"}), Look(lanes={"web": "ready"}))
    assert settled(once, Look(lanes={"web": "tool"})).settling == frozenset()
    failed = settled(Look(lanes={"web": "busy"}), Look(lanes={"web": "exited"}))
    assert failed.lanes == {"web": "exited"}


def test_a_command_lane_that_always_runs_keeps_nobody_awake() -> None:
    log = a_lane("log", Detail.BUSY, agent=False)
    spec = replace(log.record.spec, harness="", cmd="tail -F log")
    log = replace(log, record=replace(log.record, spec=spec))
    assert details_of([a_lane("web"), log]) == {"web": "ready"}


def test_lanes_that_could_not_be_read_are_no_news() -> None:
    assert whys(Look(lanes={"web": "busy"}), Look(lanes=None)) == []


def test_a_finished_decision_frees_its_lanes_and_calls_for_a_cycle() -> None:
    assert whys(Look(decisions=frozenset({"d-1"})), Look()) == ["decision: d-1 is finished"]
    assert whys(Look(), Look(decisions=frozenset({"d-1"}))) == []


def test_a_changed_state_file_calls_for_a_cycle() -> None:
    assert whys(Look(state_version="a"), Look(state_version="b")) == ["state: the state file changed"]
    assert whys(Look(), Look(state_version="b")) == []


def test_what_a_cycle_saw_is_no_news_afterwards() -> None:
    snapshot = a_snapshot(lanes=[a_lane("web")], mail=[a_message()], tasks=[a_task()])
    seen = look_of(snapshot, lanes={"web": "ready"}, decisions=frozenset(), state_version="x")
    assert whys(seen, seen) == []
    assert whys(Look(), seen) == [f"mail: {a_message().file}", "task: T0001 is ready", "lane: web is ready"]


def test_failures_wait_twice_as_long_each_time_and_a_success_ends_that() -> None:
    pace = Pace()
    waits = []
    for _ in range(8):
        pace = pace.failed(NOW)
        assert pace.retry_at is not None
        waits.append((pace.retry_at - NOW).total_seconds())
    assert waits == [60, 120, 240, 480, 960, 1920, BACKOFF_MOST_S, BACKOFF_MOST_S]
    assert pace.succeeded(7).retry_at is None
    assert pace.succeeded(7).failed(NOW).retry_at == NOW + timedelta(seconds=60)


def test_the_next_cycle_waits_for_the_debounce_and_for_the_backoff() -> None:
    assert start_wait_s(Pace(), NOW, min_interval_s=5) == 0
    assert start_wait_s(Pace(last_start=NOW), NOW, min_interval_s=5) == 5
    assert start_wait_s(Pace(last_start=NOW), NOW + timedelta(seconds=9), min_interval_s=5) == 0
    assert start_wait_s(Pace(last_start=NOW).failed(NOW), NOW, min_interval_s=5) == 60
    assert start_wait_s(Pace(failures=2).held(NOW), NOW, min_interval_s=5) == HELD_S
    until = NOW + timedelta(hours=3)
    assert start_wait_s(Pace(last_start=NOW).failed(NOW, until), NOW, min_interval_s=5) == 3 * 3600
    assert start_wait_s(Pace(last_start=NOW).failed(NOW, until).freed(), NOW, min_interval_s=5) == 5
    assert [Pace().failed(NOW, until).for_brain, Pace().failed(NOW, until).held(NOW).for_brain] == [True, False]


def test_a_clock_that_was_put_back_does_not_hold_cycles_up() -> None:
    for pace in (Pace(last_start=NOW), Pace().failed(NOW).failed(NOW), Pace().held(NOW)):
        assert start_wait_s(pace, NOW - timedelta(days=1), min_interval_s=5) == 0
    assert start_wait_s(Pace().failed(NOW), NOW + timedelta(days=1), min_interval_s=5) == 0


def test_what_lasts_too_long_is_told_once_though_nothing_changes() -> None:
    fog, quiet, free = a_lane("fog", Detail.DRIFTED), a_lane("quiet"), a_lane("free", role="docs")
    shell = a_lane("shell", Detail.DRIFTED, agent=False)
    docs, web = a_task("T0001", role="docs"), a_task("T0002")

    def found(age_s: float, **claimed: str) -> frozenset[str]:
        since = {lane.name: NOW - timedelta(seconds=age_s) for lane in (fog, quiet, free, shell)}
        return overdue(
            [fog, quiet, free, shell], since, NOW, awaited={"quiet", "fog"}, claimed=claimed, tasks=[docs, web]
        )

    assert found(60) == frozenset()
    long = {
        "fog has long been drifted",
        "quiet has long been silent",
        "T0001 has long been ready beside an idle lane",
    }
    assert found(150) == long
    assert found(150, free="d-1") == long - {"T0001 has long been ready beside an idle lane"}
    before, now = Look(), Look(overdue=frozenset({"fog has long been drifted"}))
    assert whys(before, now) == ["lane: fog has long been drifted"]
    assert whys(now, now) == []


NAMES = st.frozensets(st.text(max_size=8), max_size=4)


@given(
    look=st.builds(
        Look,
        mail=NAMES,
        tasks=NAMES,
        asks=NAMES,
        lanes=st.none() | st.dictionaries(st.text(max_size=5), st.sampled_from([one.value for one in Detail])),
        decisions=NAMES,
        settling=NAMES,
        overdue=NAMES,
        state_version=st.text(max_size=5),
    ),
    served=st.integers(0, 10**9),
    failures=st.integers(0, 20),
)
def test_the_pace_survives_a_restart(look: Look, served: int, failures: int, tmp_path_factory: object) -> None:
    path = Path(tmp_path_factory.mktemp("pace")) / "pace.json"  # type: ignore[attr-defined]
    pace = Pace(served=served, failures=failures, last_start=NOW, look=look, for_brain=failures > 9)
    save_pace(path, pace)
    assert load_pace(path) == pace


def test_a_broken_pace_file_is_a_fresh_start(tmp_path: Path) -> None:
    path = tmp_path / "pace.json"
    assert load_pace(path) == Pace()
    for broken in ("", "{", "[]", '{"schema": 1}', '{"served": 1, "look": []}'):
        path.write_text(broken)
        assert load_pace(path) == Pace()


def test_a_lane_seen_at_rest_again_too_soon_is_still_coming_to_rest() -> None:
    busy, rest = Look(lanes={"web": "busy"}), Look(lanes={"web": "ready"})
    first = settled(busy, rest)
    again = settled(first, rest, too_soon={"web"})
    assert (again.lanes, again.settling) == ({"web": "busy"}, frozenset({"web"}))
    assert settled(again, rest).lanes == {"web": "ready"}


def test_lanes_say_something_new_unless_they_are_as_known_or_coming_to_rest() -> None:
    look = settled(Look(lanes={"web": "busy", "infra": "ready"}), Look(lanes={"web": "ready", "infra": "ready"}))
    assert not lanes_moved(look, {"web": "ready", "infra": "ready"})
    assert lanes_moved(look, {"web": "approval", "infra": "ready"})
    assert lanes_moved(look, {"web": "ready", "infra": "busy"})
    assert lanes_moved(look, {"infra": "ready"})
    assert lanes_moved(Look(), {"infra": "ready"})


def test_an_ask_that_ended_lately_calls_for_a_cycle_and_again_when_its_answer_comes_late() -> None:
    def look(*asks: Ask) -> Look:
        return Look(asks=ended_asks(asks, NOW))

    timed_out = an_ask(status=AskStatus.TIMED_OUT, ended_at=NOW)
    replied = an_ask(status=AskStatus.REPLIED, ended_at=NOW, late=True)
    long_ago = an_ask("d-0-0", status=AskStatus.REPLIED, ended_at=NOW - timedelta(seconds=RECENT_S))
    assert whys(Look(), look(an_ask(), long_ago)) == []
    assert whys(look(an_ask()), look(timed_out)) == ["ask: web did not answer d-1-0 in time"]
    assert whys(look(timed_out), look(replied)) == ["ask: web answered d-1-0"]
    assert whys(look(replied), look()) == []
    assert look_of(a_snapshot(asks=[replied]), lanes=None, decisions=frozenset(), state_version="") == look(replied)


def test_a_pace_that_knows_no_asks_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pace.json"
    save_pace(path, Pace(served=7))
    path.write_text(path.read_text().replace('"asks"', '"another"'))
    assert load_pace(path) == Pace(served=7)
