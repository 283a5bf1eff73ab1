"""The report: one pass over the events of its time, failures first, each line with the number of its event."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from loop_orchestrator.model.event import EVENT_KINDS, Event
from loop_orchestrator.model.report import Gathered, Line, Spend
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.operations.report import (
    NEVER_LOOKED,
    Report,
    money,
    note_look,
    redacted,
    report,
    report_document,
    summary,
    tokens,
)
from loop_orchestrator.operations.reporting import _HANDLERS, _UNUSUAL, gather
from loop_orchestrator.redaction import Redactor
from loop_orchestrator.stores.eventlog import EventLog, check_event
from loop_orchestrator.wiring import Project
from tests.stores.builders import NOON
from tests.support.clocks import SteppedClock
from tests.support.projects import own_tmux, project_at

ITEM: dict[str, JsonValue] = {"decision": "d-1", "idx": 0, "kind": "dispatch", "target": "web"}


class Log:
    """Events in a list, checked as the log checks them."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(self, of: str, /, **payload: JsonValue) -> int:
        check_event(of, payload)
        seq = len(self.events) + 1
        at = NOON + timedelta(seconds=seq)
        self.events.append(Event(id=f"e-{seq}", seq=seq, at=at, kind=of, source="engine", payload=payload))
        return seq

    def gathered(self, *, destructive: bool = False) -> Gathered:
        return gather(iter(self.events), destructive=lambda *_: destructive, named=lambda *_: "")


@pytest.fixture
def log() -> Log:
    return Log()


def told(lines: tuple[Line, ...]) -> list[tuple[int, str, str]]:
    return [(line.seq, line.what, line.why) for line in lines]


def filed(log: Log, *verdicts: str, waiting: tuple[int, ...] = ()) -> int:
    return log.add("decision.filed", decision="d-1", digest="x", verdicts=list(verdicts), waiting=list(waiting))


def closed(log: Log, status: str, note: str = "", **changes: JsonValue) -> int:
    return log.add("item.closed", **{**ITEM, "status": status, "note": note, **changes})


def test_every_kind_that_is_told_of_exists_or_is_one_of_another_release() -> None:
    assert set(_HANDLERS) <= set(EVENT_KINDS)
    assert _UNUSUAL - set(EVENT_KINDS) <= {"watch.stale"}


def test_what_failed_is_told_with_its_reason_and_what_worked_with_its_evidence(log: Log) -> None:
    filed(log, "safe", "safe", "blocked")
    done = closed(log, "done", "started: the lane is working")
    failed = closed(log, "failed", "lane docs is gone", idx=1, target="docs")
    found = log.gathered()
    assert told(found.done) == [(done, "dispatch web", "started: the lane is working")]
    assert told(found.not_done) == [
        (1, "action 2 of d-1", "blocked by the gate"),
        (failed, "dispatch docs: failed", "lane docs is gone"),
    ]
    assert found.events == 3


def test_the_last_word_on_an_action_counts(log: Log) -> None:
    filed(log, "safe")
    unknown = closed(log, "unknown", "killed while it typed")
    assert told(log.gathered().not_done) == [(unknown, "dispatch web: outcome not known", "killed while it typed")]
    done = closed(log, "done", "a person saw it")
    assert told(log.gathered().not_done) == []
    assert told(log.gathered().done) == [(done, "dispatch web", "a person saw it")]


@pytest.mark.parametrize(
    ("kind", "payload", "why"),
    [
        ("decision.rejected", {"reason": "too early", "by": "ann"}, "rejected by ann: too early"),
        ("decision.rejected", {"reason": "", "by": "ann"}, "rejected by ann"),
        ("decision.expired", {}, "nobody answered in time"),
    ],
)
def test_a_no_is_not_done(log: Log, kind: str, payload: dict[str, JsonValue], why: str) -> None:
    filed(log, "safe", "safe", waiting=(0, 1))
    log.add("escalated", decision="d-1", summary="which database?", idx=0)
    seq = log.add(kind, decision="d-1", items=[0, 1], **payload)
    assert told(log.gathered().not_done) == [(seq, "action 0 of d-1", why), (seq, "action 1 of d-1", why)]
    assert log.gathered().unanswered == ()


def test_a_task_is_done_with_its_report_and_its_proof(log: Log) -> None:
    log.add("mail.sent", file="m1.md", **{"from": "web", "to": "coord", "subject": "T0001 review"})
    review = log.add("task.moved", task="T0001", was="in-progress", now="review", by="web")
    assert told(log.gathered().done) == [(review, "task T0001 is review, by web", "report: m1.md")]
    assert log.gathered().about["T0001"] == review
    log.add("task.proved", task="T0001", by="validate", answer="proved", file="m2.md")
    done = log.add("task.moved", task="T0001", was="review", now="done", by="person")
    assert told(log.gathered().done) == [
        (done, "task T0001 is done, by person", "report: m1.md; proved, says validate: m2.md")
    ]
    log.add("task.moved", task="T0001", was="done", now="open", by="person")
    assert log.gathered().done == ()


def test_the_evidence_for_a_task_is_what_its_lane_said_of_this_work(log: Log) -> None:
    for sender, file in (("web", "m1.md"), ("api", "other.md")):
        log.add("mail.sent", file=file, **{"from": sender, "to": "coord", "subject": "T0001 review"})
    log.add("task.moved", task="T0001", was="in-progress", now="review", by="web")
    log.add("task.proved", task="T0001", by="validate", answer="not-proved", file="m2.md")
    log.add("task.moved", task="T0001", was="review", now="open", by="person")
    review = log.add("task.moved", task="T0001", was="open", now="review", by="api")
    assert told(log.gathered().done) == [(review, "task T0001 is review, by api", "report: other.md")]


def test_a_text_that_wants_an_answer_is_told_until_it_is_there_and_says_that_its_time_is_over(log: Log) -> None:
    made = log.add("ask.made", ask="d-1-0", lane="web", timeout_s=1200)
    log.add("ask.made", ask="d-1-1", lane="api", timeout_s=60)
    log.add("ask.withdrawn", ask="d-1-1", lane="api")
    assert told(log.gathered().unanswered) == [(made, "lane web was asked (d-1-0)", "it has 20m to answer")]
    over = log.add("ask.timed-out", ask="d-1-0", lane="web", timeout_s=1200)
    assert told(log.gathered().unanswered) == [(over, "lane web was asked (d-1-0)", "it did not answer within 20m")]
    log.add("ask.replied", ask="d-1-0", lane="web", file="m.md", late=True)
    assert log.gathered().unanswered == ()


def test_each_thing_that_one_decision_asks_is_told_until_it_is_answered(log: Log) -> None:
    first = log.add("escalated", decision="d-1", summary="which database?", idx=0)
    second = log.add("escalated", decision="d-1", summary="which port?", idx=1)
    assert [line.seq for line in log.gathered().unanswered] == [first, second]
    log.add("decision.approved", decision="d-1", digest="x", items=[0], by="ann", signed_by="")
    assert [line.seq for line in log.gathered().unanswered] == [second]
    log.add("decision.archived", decision="d-1")
    assert log.gathered().unanswered == ()


def test_a_lane_that_stood_still_is_told_also_where_it_did_not_end(log: Log) -> None:
    for now in ("busy", "rate-limited", "ready", "rate-limited", "exited"):
        last = log.add("lane.changed", lane="web", was="", now=now)
    log.add("lane.changed", lane="api", was="", now="busy")
    assert told(log.gathered().lanes) == [(last - 1, "web: rate-limited 2 times", "")]


def test_a_task_that_was_not_proved_or_given_up_is_not_done(log: Log) -> None:
    proof = log.add("task.proved", task="T0001", by="validate", answer="not-proved", file="m2.md")
    dropped = log.add("task.moved", task="T0002", was="open", now="dropped", by="person")
    assert told(log.gathered().not_done) == [
        (proof, "task T0001 was not proved", "not-proved, says validate: m2.md"),
        (dropped, "task T0002 is dropped, by person", "given up"),
    ]


def test_failures_of_the_same_kind_are_one_line_with_their_number(log: Log) -> None:
    for reason in ("wait until 3pm", "wait until 4pm"):
        last = log.add(
            "brain.failed", cycle="c", brain="claude", failure="quota", reason=reason, until=None, usage=None
        )
    (line,) = log.gathered().not_done
    assert (line.seq, line.times, line.why) == (last, 2, "wait until 4pm")
    assert line.what == "brain claude gave no reply (quota)"


def test_texts_that_did_not_arrive_are_told_unless_their_action_says_so(log: Log) -> None:
    filed(log, "safe")
    log.add("delivery.closed", op="d-1-0", lane="web", status="unknown", step="pasted", sha256="x")
    own = log.add("delivery.closed", op="op-1", lane="web", status="unknown", step="pasted", sha256="x")
    lost = log.add("delivery.closed", op="op-2", lane="web", status="not-delivered", step="checked", sha256="x")
    log.add("delivery.closed", op="op-3", lane="web", status="started", step="receipt", sha256="x")
    assert [line.seq for line in log.gathered().not_done] == [own, lost]
    resolved = log.add("delivery.resolved", op="op-1", outcome="submitted", by="ann")
    assert [line.seq for line in log.gathered().not_done] == [lost]
    assert told(log.gathered().done) == [(resolved, "text to web (op-1)", "ann said: submitted")]


def test_what_was_asked_stays_until_it_is_answered(log: Log) -> None:
    filed(log, "destructive", waiting=(0,))
    asked = log.add("escalated", decision="d-1", summary="which database?", idx=0)
    mail = log.add("mail.sent", file="m.md", **{"from": "web", "to": "person", "subject": "Question"})
    log.add("mail.sent", file="n.md", **{"from": "web", "to": "coord", "subject": "T0001 in-progress"})
    assert told(log.gathered().unanswered) == [
        (asked, "a person is asked: which database?", "d-1"),
        (mail, "mail web to person: Question", "m.md"),
    ]
    log.add("mail.acked", file="m.md", by="person")
    log.add("decision.approved", decision="d-1", digest="x", items=[0], by="ann", signed_by="")
    assert log.gathered().unanswered == ()


def test_destructive_actions_that_ran_are_unusual_and_say_who_let_them(log: Log) -> None:
    filed(log, "safe", "destructive", waiting=(1,))
    log.add("decision.approved", decision="d-1", digest="x", items=[1], by="ann", signed_by="")
    closed(log, "done")
    ran = closed(log, "done", idx=1, kind="drop_lane", target="docs")
    assert told(log.gathered().unusual) == [(ran, "ran, destructive: drop_lane docs", "approved by ann")]


@pytest.mark.parametrize("was", [True, False])
def test_of_an_action_that_was_filed_before_the_decision_itself_is_asked(log: Log, was: bool) -> None:
    closed(log, "done", decision="d-0")
    assert bool(log.gathered(destructive=was).unusual) is was


def test_refusals_takeovers_and_edits_are_unusual(log: Log) -> None:
    log.add("approval.refused", decision="d-1", reason="no terminal", who="lane web")
    log.add("watch.started", pid=1, took_over="pid 7, started yesterday")
    log.add("watch.started", pid=1, took_over="")
    log.add("log.removing", segments=["a"], first=1, last=9)
    assert [line.what.split(":")[0] for line in log.gathered().unusual] == [
        "approval.refused",
        "the daemon took over from one that was killed",
        "log.removing",
    ]


def test_lanes_that_ended_are_counted_and_one_that_was_only_booted_is_not_told(log: Log) -> None:
    for name in ("web", "docs"):
        log.add("lane.added", lane=name, pane="%1", harness="pi", role="docs")
    for attempt in (1, 2):
        log.add("lane.exited", lane="web", exit_status=139)
        log.add("lane.restarted", lane="web", attempt=attempt, pane="%1")
    gone = log.add("lane.gave-up", lane="web", attempt=2, reason="it dies at its start", exit_status=1)
    found = log.gathered()
    what = "web: booted, ended 2 times, started again 2 times, given up"
    assert told(found.lanes) == [(gone, what, "it dies at its start")]
    assert told(found.not_done) == [(gone, "lane web was given up", "it dies at its start")]
    log.add("lane.recovered", lane="web", attempt=3)
    assert log.gathered().not_done == ()


def replied(log: Log, brain: str, **usage: JsonValue) -> None:
    log.add("brain.called", cycle="c", brain=brain)
    log.add("brain.replied", cycle="c", brain=brain, duration_s=1.0, usage=dict(usage))


def test_spend_is_what_the_calls_told_and_never_zero_for_what_they_did_not(log: Log) -> None:
    replied(log, "rules", input_tokens=0, output_tokens=0, cost_usd=0.0)
    assert log.gathered().spend == Spend()
    assert money(log.gathered().spend) == "no brain was paid"
    replied(log, "claude", input_tokens=1_000, output_tokens=20, cost_usd=0.25)
    spend = log.gathered().spend
    assert (money(spend), tokens(spend)) == ("1 brain call, 0.25 USD", "1,000 tokens in, 20 out")
    replied(log, "pi", input_tokens=10, output_tokens=None, cost_usd=None)
    spend = log.gathered().spend
    assert (money(spend), tokens(spend)) == (
        "2 brain calls, cost n/a (at least 0.25 USD)",
        "tokens n/a (at least 1,030)",
    )
    assert (spend.usd, spend.input_tokens, spend.output_tokens, spend.unpriced) == (None, 1_010, None, 1)


def test_a_call_that_failed_told_nothing(log: Log) -> None:
    log.add("brain.called", cycle="c", brain="claude")
    log.add("brain.failed", cycle="c", brain="claude", failure="timeout", reason="no reply", until=None, usage=None)
    assert money(log.gathered().spend) == "1 brain call, cost n/a"


@pytest.fixture
def project_world(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    with own_tmux() as socket:
        monkeypatch.setenv("LOOP_TMUX_SOCKET", socket)
        made = project_at(project, config="lanes: {web: {harness: shell}}\n")
        made.clock = SteppedClock()
        yield made


def made_report(world: Project) -> Report:
    return report(world, None)


def test_the_first_report_is_of_a_day_and_the_next_begins_where_it_ended(project_world: Project) -> None:
    world, clock = project_world, project_world.clock
    world.events.append("engine.paused", "person", {"by": "ann"})
    clock.sleep(60)
    first = made_report(world)
    assert (first.why_since, first.until - first.since) == ("nobody looked before", NEVER_LOOKED)
    assert first.found.events == 1
    assert made_report(world).since == first.since, "a look writes nothing by itself"
    note_look(world, first)
    clock.sleep(60)
    world.events.append("engine.resumed", "person", {"by": "ann"})
    second = made_report(world)
    assert (second.since, second.why_since, second.found.events) == (first.until, "then you last looked", 1)
    assert report(world, NOON).found.events == 2


def test_a_broken_note_of_the_last_look_means_that_nobody_looked(project_world: Project) -> None:
    project_world.layout.session_dir.mkdir(parents=True)
    project_world.layout.last_look.write_text("{")
    assert made_report(project_world).why_since == "nobody looked before"


def test_what_waits_now_is_tied_to_its_event(project_world: Project) -> None:
    world = project_world
    (world.layout.tasks_dir).mkdir()
    (world.layout.tasks_dir / "T0001-thing.md").write_text(
        "---\nid: T0001\ntitle: Thing\nstatus: review\n---\n\n# Thing\n"
    )
    moved = world.events.append("task.moved", "cli", {"task": "T0001", "was": "open", "now": "review", "by": "web"})
    shown = made_report(world)
    assert not isinstance(shown.waiting, Unknown)
    wait = next(one for one in shown.waiting if "T0001" in one.what)
    assert (wait.seq, wait.next_step) == (moved.seq, "loop task done T0001")
    assert "1 done" in summary(shown)


def test_what_was_removed_is_said(project_world: Project) -> None:
    world = project_world
    log = EventLog(world.layout.events, world.clock, segment_bytes=500)
    for _ in range(20):
        log.append("engine.paused", "person", {"by": "ann"})
        world.clock.sleep(1)
    assert made_report(world).first_kept is None
    first, *_ = sorted(world.layout.event_segments.glob("*.jsonl"))
    first.unlink()
    assert made_report(world).first_kept is not None


def test_secrets_are_taken_out_of_every_part(project_world: Project) -> None:
    project_world.events.append("crash", "watch", {"what": "a look", "reason": "key my secret value"})
    shown = redacted(made_report(project_world), Redactor({"KEY": "my secret value"}))
    assert "my secret value" not in str(report_document(shown))
    assert shown.found.not_done[0].why == "key [redacted: KEY]"
