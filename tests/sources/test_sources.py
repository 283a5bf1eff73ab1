"""What the sources find to be new between two looks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from loop_orchestrator.model.ask import RECENT_S, Ask, AskStatus
from loop_orchestrator.model.lane import Detail, Signal, SignalSource
from loop_orchestrator.sources.asks import ASKS_UNREAD, ended_asks
from loop_orchestrator.sources.clock import overdue
from loop_orchestrator.sources.lanes import details_of, lanes_moved, settled, told_at_rest
from loop_orchestrator.sources.look import Look
from loop_orchestrator.sources.registry import SOURCES, emissions
from loop_orchestrator.watch.looking import look_of
from tests.support.builders import NOW, a_lane, a_message, a_snapshot, a_task, an_ask


def whys(before: Look, now: Look) -> list[str]:
    """What is new, as ``source event: detail``."""
    return [f"{one.source} {one.event}: {one.detail}" for one in emissions(before, now)]


def test_new_mail_and_newly_ready_tasks_call_for_a_cycle_and_their_going_away_does_not() -> None:
    assert whys(Look(), Look(mail=frozenset({"b.md", "a.md"}))) == ["mailbox arrived: a.md", "mailbox arrived: b.md"]
    assert whys(Look(mail=frozenset({"a.md"})), Look()) == []
    assert whys(Look(), Look(tasks=frozenset({"T0001"}))) == ["tasks ready: T0001 is ready"]


def test_a_lane_that_comes_to_rest_or_needs_somebody_calls_for_a_cycle() -> None:
    def lanes(detail: Detail) -> Look:
        return Look(lanes={"web": detail.value})

    assert whys(lanes(Detail.BUSY), lanes(Detail.READY)) == ["lanes finished: web is ready"]
    assert whys(lanes(Detail.BUSY), lanes(Detail.APPROVAL)) == ["lanes waiting: web is approval"]
    assert whys(lanes(Detail.BUSY), lanes(Detail.EXITED)) == ["lanes exited: web is exited"]
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
    assert whys(once, twice) == ["lanes finished: web is ready"]


def test_a_lane_whose_program_says_that_its_turn_is_over_does_not_have_to_settle() -> None:
    working, resting = Look(lanes={"web": "busy"}), Look(lanes={"web": "ready"}, told=frozenset({"web"}))
    once = settled(working, resting)
    assert (once.lanes, once.settling) == ({"web": "ready"}, frozenset())
    assert whys(working, once) == ["lanes finished: web is ready"]
    half = settled(working, Look(lanes={"web": "ready"}))
    assert settled(half, resting, too_soon={"web"}).lanes == {"web": "ready"}


def test_the_word_of_a_program_is_its_newest_just_said_and_that_of_a_lane_at_rest() -> None:
    def told(detail: Detail, *said: tuple[Detail, float], source: SignalSource = SignalSource.HARNESS) -> bool:
        lane = a_lane(detail=detail)
        signals = tuple(
            Signal(source=source, detail=word, rule="hook", seen="said", at=NOW - timedelta(seconds=ago_s))
            for word, ago_s in said
        )
        evidence = (*lane.state.evidence, *signals)
        return bool(told_at_rest([replace(lane, state=replace(lane.state, evidence=evidence))], NOW))

    assert told(Detail.READY, (Detail.BUSY, 1), (Detail.READY, 0))
    assert not told(Detail.READY, (Detail.READY, 1), (Detail.BUSY, 0))
    assert not told(Detail.READY, (Detail.READY, 3))
    assert not told(Detail.READY)
    assert not told(Detail.READY, (Detail.READY, 0), source=SignalSource.TERMINAL)
    assert not told(Detail.APPROVAL, (Detail.READY, 0))


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
    assert whys(Look(decisions=frozenset({"d-1"})), Look()) == ["decisions finished: d-1 is finished"]
    assert whys(Look(), Look(decisions=frozenset({"d-1"}))) == []


def test_a_changed_state_file_calls_for_a_cycle() -> None:
    assert whys(Look(state_version="a"), Look(state_version="b")) == ["state changed: the state file changed"]
    assert whys(Look(), Look(state_version="b")) == []


def test_what_a_cycle_saw_is_no_news_afterwards() -> None:
    snapshot = a_snapshot(lanes=[a_lane("web")], mail=[a_message()], tasks=[a_task()])
    seen = look_of(snapshot, lanes={"web": "ready"}, decisions=frozenset(), state_version="x")
    assert whys(seen, seen) == []
    assert whys(Look(), seen) == [
        f"mailbox arrived: {a_message().file}",
        "tasks ready: T0001 is ready",
        "lanes ready: web is ready",
    ]


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
    assert whys(before, now) == ["clock overdue: fog has long been drifted"]
    assert whys(now, now) == []


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
    assert whys(look(an_ask()), look(timed_out)) == ["asks timed-out: web did not answer d-1-0 in time"]
    assert whys(look(timed_out), look(replied)) == ["asks replied: web answered d-1-0"]
    assert whys(look(replied), look()) == []
    assert look_of(a_snapshot(asks=[replied]), lanes=None, decisions=frozenset(), state_version="") == look(replied)


def test_every_emission_is_an_event_that_its_source_knows_and_the_same_news_has_the_same_key() -> None:
    known = {source.name: source.events for source in SOURCES}
    before = Look(decisions=frozenset({"d-1", "d-1 web"}), lanes={"web": "busy"}, state_version="a")
    for detail in Detail:
        now = Look(
            number=1,
            mail=frozenset({"a.md"}),
            tasks=frozenset({"T0001"}),
            asks=frozenset({"replied web d-1-0", "timed-out web d-2-0", *ASKS_UNREAD}),
            lanes={"web": detail.value},
            overdue=frozenset({"web has long been silent"}),
            state_version="b",
        )
        found = emissions(before, now)
        assert found == emissions(before, now)
        assert all(one.event in known[one.source] for one in found)
        assert len({(one.source, one.event, one.key) for one in found}) == len(found)


def test_what_happens_again_has_another_key_and_a_message_the_same() -> None:
    def keys(number: int) -> dict[str, str]:
        now = Look(number=number, mail=frozenset({"a.md"}), tasks=frozenset({"T0001"}))
        return {one.source: one.key for one in emissions(Look(), now)}

    assert keys(1)["mailbox"] == keys(2)["mailbox"]
    assert keys(1)["tasks"] != keys(2)["tasks"]
