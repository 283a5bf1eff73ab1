"""Figures of a week: what counts, what does not, and what is n/a."""

from __future__ import annotations

from pathlib import Path

import pytest

from loop_orchestrator.errors import StoreError
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.model.task import Assignment
from loop_orchestrator.operations.metrics import (
    FIGURES,
    Metrics,
    Value,
    fleet,
    log_metrics,
    metrics,
    metrics_document,
    shown,
)
from loop_orchestrator.wiring import Project
from tests.stores.builders import lane
from tests.support.clocks import SteppedClock
from tests.support.projects import project_at

DAY = 86_400


@pytest.fixture
def world(project: Path) -> Project:
    made = project_at(project, config="lanes: {web: {harness: shell}}\n")
    made.clock = SteppedClock()
    return made


def add(world: Project, of: str, /, source: str = "engine", **payload: JsonValue) -> None:
    world.events.append(of, source, payload)


def decide(world: Project, name: str, *kinds: str, waiting: tuple[int, ...] = ()) -> None:
    add(world, "decision.filed", decision=name, digest="x", verdicts=["safe"] * len(kinds), waiting=list(waiting))
    for idx, kind in enumerate(kinds):
        if idx not in waiting:
            close(world, name, idx, kind)


def close(world: Project, name: str, idx: int, kind: str, status: str = "done") -> None:
    add(world, "item.closed", decision=name, idx=idx, kind=kind, target="web", status=status, note="")


def approve(world: Project, name: str) -> None:
    add(world, "decision.approved", source="person", decision=name, digest="x", items=[0], by="ann", signed_by="")


def figures(world: Project) -> dict[str, Value]:
    return dict(metrics(world).figures)


def test_a_session_without_events_has_zeros_and_no_ratio(world: Project) -> None:
    found = metrics(world)
    assert list(found.figures) == list(FIGURES)
    assert (found.figures["decisions_7d"], found.figures["autonomy_ratio"]) == (0, None)
    assert f"session {world.session} has no events" in found.notes
    assert found.figures["dispatches"] is None


def test_decisions_that_only_stop_are_no_autonomy(world: Project) -> None:
    decide(world, "d-1", "dispatch")
    for number in range(5):
        decide(world, f"d-stop{number}", "stop")
    decide(world, "d-2", "dispatch", waiting=(0,))
    approve(world, "d-2")
    close(world, "d-2", 0, "dispatch")
    decide(world, "d-3", "dispatch", waiting=(0,))
    add(world, "decision.rejected", source="person", decision="d-3", items=[0], reason="", by="ann")
    found = figures(world)
    assert (found["decisions_7d"], found["decisions_alone_7d"], found["decisions_by_person_7d"]) == (8, 1, 2)
    assert found["autonomy_ratio"] == pytest.approx(1 / 3, abs=1e-4)
    assert found["useful_decision_rate"] == 0.25
    assert (found["stops_7d"], found["rejects_7d"]) == (5, 1)


def test_only_dispatches_that_were_done_count_for_a_lane(world: Project) -> None:
    decide(world, "d-1", "dispatch", "steer", "escalate")
    close(world, "d-2", 0, "dispatch", status="failed")
    found = figures(world)
    assert (found["dispatches_per_lane_7d"], found["distinct_lanes_used_7d"]) == ({"web": 1}, 1)


def test_a_week_and_a_day_end_where_they_end(world: Project) -> None:
    add(world, "lane.restarted", lane="web", attempt=1, pane="%1")
    world.clock.sleep(2 * DAY)
    add(world, "lane.restarted", lane="web", attempt=1, pane="%1")
    add(world, "lane.gave-up", lane="web", attempt=1, reason="x", exit_status=1)
    world.clock.sleep(0.5 * DAY)
    found = figures(world)
    assert (found["restarts_24h"], found["giveups_24h"], found["lane_restarts_7d"]) == (1, 1, 2)
    world.clock.sleep(5 * DAY)
    found = figures(world)
    assert (found["restarts_24h"], found["giveups_24h"], found["lane_restarts_7d"]) == (0, 0, 1)


def test_mail_of_lanes_and_answers_steer_nothing(world: Project) -> None:
    def mail(source: str, sender: str, to: str, subject: str) -> None:
        add(world, "mail.sent", source=source, file="x.md", **{"from": sender, "to": to, "subject": subject})

    mail("cli", "human", "coord", "Do the other thing first")
    mail("cli", "human", "coord", "RE: your question")
    mail("cli", "human", "web", "hello")
    mail("lane:web", "web", "coord", "T0001 review")
    mail("lane:coord", "coord", "coord", "note to self")
    found = figures(world)
    assert found["unsolicited_steers_7d"] == 1
    assert found["interventions_per_shipped_unit"] is None
    add(world, "task.moved", task="T0001", was="review", now="done", by="person")
    add(world, "task.moved", task="T0002", was="open", now="in-progress", by="web")
    add(world, "escalated", decision="d-1", summary="x", idx=0)
    found = figures(world)
    assert (found["tasks_done_7d"], found["interventions_per_shipped_unit"]) == (1, 2.0)


def replied(world: Project, **usage: JsonValue) -> None:
    add(world, "brain.called", cycle="c", brain="claude")
    add(world, "brain.replied", cycle="c", brain="claude", duration_s=1.0, usage=dict(usage))


def test_cost_is_na_where_a_reply_told_none(world: Project) -> None:
    add(world, "brain.called", cycle="c", brain="rules")
    replied(world, input_tokens=100, output_tokens=10, cost_usd=0.5)
    add(world, "brain.called", cycle="c", brain="claude")
    add(world, "brain.failed", cycle="c", brain="claude", failure="timeout", reason="x", until=None, usage=None)
    decide(world, "d-1", "dispatch")
    found = figures(world)
    assert (found["brain_calls_7d"], found["brain_tokens_7d"], found["cost_usd_7d"]) == (2, 110, 0.5)
    assert (found["cost_per_decision"], found["cost_per_shipped_unit"]) == (0.5, None)
    replied(world, input_tokens=5, output_tokens=None, cost_usd=None)
    found, notes = figures(world), metrics(world).notes
    assert (found["brain_tokens_7d"], found["cost_usd_7d"], found["cost_per_decision"]) == (None, None, None)
    assert "cost_usd_7d is n/a: 1 of 2 replies told no price" in notes


def test_the_wiki_log_is_counted_and_its_lack_is_na(world: Project) -> None:
    assert figures(world)["experiments"] is None
    world.layout.wiki.mkdir()
    world.layout.wiki.joinpath("log.md").write_text(
        "# Log\n\n## [2026-02-28] checkpoint | now\n\n## [2026-01-01] checkpoint | old\n\n"
        "## [2026-01-01] experiment | old\n\n## [2026-02-28] ingest | x\n\n## not an entry\n"
    )
    found = figures(world)
    names = ("checkpoints_7d", "ingests_7d", "lints_7d", "experiments")
    assert [found[name] for name in names] == [1, 1, 0, 1]


def test_an_idle_lane_with_work_is_counted_by_what_was_last_seen(world: Project) -> None:
    world.lanes.put(lane("web"))
    world.lanes_seen.add("web", "ready 2026-03-01T12:00:00.000Z")
    assert figures(world)["lanes_idle_with_backlog"] == 0
    world.layout.tasks_dir.mkdir()
    task = world.layout.tasks_dir / "T0001-thing.md"
    task.write_text("---\nid: T0001\ntitle: Thing\nstatus: in-progress\nrole: docs\n---\n\n# Thing\n")
    world.tasks.assign(Assignment(task="T0001", lane="web", op="op-1", at=world.clock.now()))
    assert figures(world)["lanes_idle_with_backlog"] == 1
    world.lanes_seen.add("web", "busy 2026-03-01T12:00:00.000Z")
    assert figures(world)["lanes_idle_with_backlog"] == 0


def test_the_log_gets_one_entry_with_every_figure(world: Project) -> None:
    with pytest.raises(StoreError, match="no wiki"):
        log_metrics(world, metrics(world))
    world.layout.wiki.mkdir()
    with pytest.raises(StoreError, match="no page"):
        log_metrics(world, metrics(world))
    page = world.layout.wiki / "log.md"
    page.write_text("# Log\n")
    decide(world, "d-1", "dispatch")
    log_metrics(world, metrics(world))
    (line,) = [line for line in page.read_text().splitlines() if line.startswith("## ")]
    assert line.startswith("## [2026-03-01] metrics | autonomy_ratio=1.00 ")
    assert line.endswith(" source=session-events-v2")
    assert 'dispatches_per_lane_7d={"web":1}' in line
    assert [word.partition("=")[0] for word in line.partition(" | ")[2].split()] == [*FIGURES, "source"]


def row(session: str, root: str, **changes: Value) -> Metrics:
    known: dict[str, Value] = {**dict.fromkeys(FIGURES, 0), "dispatches_per_lane_7d": {}, **changes}
    return Metrics(session=session, root=root, figures=known, notes=())


def test_a_fleet_sums_skips_na_and_counts_what_a_root_shares_once() -> None:
    rows = [
        row("a", "/x", decisions_alone_7d=1, experiments=3, cost_usd_7d=0.5, dispatches_per_lane_7d={"web": 1}),
        row("b", "/x", decisions_by_person_7d=3, experiments=3, cost_usd_7d=None, dispatches_per_lane_7d={"web": 2}),
        row("c", "/y", experiments=1, cost_usd_7d=0.25),
    ]
    total, partial = fleet(rows)
    assert (total.figures["experiments"], total.figures["cost_usd_7d"]) == (4, 0.75)
    assert total.figures["autonomy_ratio"] == 0.25
    assert total.figures["dispatches_per_lane_7d"] == {"web": 3}
    assert partial == ("cost_usd_7d",)
    assert "partial" in total.notes[0]
    assert fleet([])[0].figures["decisions_7d"] is None


def test_figures_in_one_word() -> None:
    assert [shown(value) for value in (None, 0, 1.0, {"a b": 1})] == ["n/a", "0", "1.00", '{"a_b":1}']


def test_the_document_says_null_for_na(world: Project) -> None:
    document = metrics_document(metrics(world), world.clock.now())
    figures = document["figures"]
    assert isinstance(figures, dict)
    assert figures["dispatches"] is None and set(figures) == set(FIGURES)
