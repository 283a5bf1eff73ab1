"""What a cycle knows: of lanes that are about to be started again, of the wiki, of programs and worktrees."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from loop_orchestrator.engine.observe import facts_of, observe
from loop_orchestrator.engine.prompt import render
from loop_orchestrator.engine.rules import decide
from loop_orchestrator.model.brain import FailureKind
from loop_orchestrator.model.decision import ApprovalMode
from loop_orchestrator.model.lane import Detail, LaneRun
from loop_orchestrator.model.restart import LATE_S, RestartEvent, RestartNote
from loop_orchestrator.model.snapshot import Snapshot, Unknown
from loop_orchestrator.process.worktree import branch_on_file
from loop_orchestrator.prompts import load_prompts
from loop_orchestrator.world import World
from tests.support.builders import NOW, a_lane
from tests.support.repositories import a_repository, git


def seen(world: World, monkeypatch: pytest.MonkeyPatch, detail: Detail = Detail.EXITED) -> Snapshot:
    run = LaneRun(pid=1, started_at=NOW, ended_at=None, exit_status=None, suspended=False)
    monkeypatch.setattr(world, "observe_lanes", lambda: (replace(a_lane("web", detail), run=run),))
    return observe(world, cycle="c-1", why=(), mode=ApprovalMode.MANUAL, record=False)


def test_an_end_is_under_way_while_its_restart_is_due_and_not_long_overdue(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = world.clock.now()
    note = RestartNote(
        event=RestartEvent.FAILED,
        lane="web",
        at=now,
        attempt=0,
        reason="its program ended with status 3",
        exit_status=3,
        next_at=now + timedelta(seconds=100),
        booted_at=a_lane("web").record.booted_at,
    )
    assert seen(world, monkeypatch).restarting == frozenset()
    world.restarts.append(note)
    snapshot = seen(world, monkeypatch)
    assert snapshot.restarting == {"web"}
    assert "not to be typed into, about to be started again" in render(snapshot, load_prompts()).text
    assert seen(world, monkeypatch, Detail.READY).restarting == frozenset()
    for other in (
        replace(note, next_at=now - timedelta(seconds=LATE_S + 1)),
        replace(note, event=RestartEvent.GIVING_UP, next_at=None),
        replace(note, event=RestartEvent.POSTPONED),
        replace(note, booted_at=now),
    ):
        world.restarts.append(other)
        assert seen(world, monkeypatch).restarting == frozenset()


def look(world: World) -> Snapshot:
    return observe(world, cycle="c-1", why=(), mode=ApprovalMode.MANUAL, record=False)


def test_pages_of_the_wiki_are_read_missing_or_unknown_with_the_reason(world: World) -> None:
    missing = look(world)
    assert (missing.pages.checkpoint, missing.pages.index) == ("", "")
    assert "checkpoint" not in dict(missing.unseen)
    wiki = world.root / "ops-wiki"
    wiki.mkdir()
    (wiki / "checkpoint.md").write_text("# C\n")
    (wiki / "index.md").write_bytes(b"\xff\xfe no UTF-8")
    found = look(world)
    assert found.pages.checkpoint == "# C\n"
    assert "no UTF-8" in dict(found.unseen)["index"]
    assert found.pages.checkpoint_file == "ops-wiki/checkpoint.md"
    assert found.pages.ledger_file == ".loop/orchestrator-state.json"


def test_an_unreadable_page_is_put_before_a_person_once_while_it_is_so(world: World) -> None:
    page = world.root / "ops-wiki" / "checkpoint.md"
    page.parent.mkdir()
    page.write_bytes(b"\xff")
    _, actions = decide(replace(look(world), lanes=()), load_prompts())
    assert [action.to_fields().get("about") for action in actions] == ["unseen:checkpoint"]
    world.escalations.add("unseen:checkpoint", "d-1")
    _, again = decide(replace(look(world), lanes=()), load_prompts())
    assert [action.kind for action in again] == ["stop"]
    page.write_text("# C\n")
    observe(world, cycle="c-2", why=(), mode=ApprovalMode.MANUAL, record=True)
    assert world.escalations.get("unseen:checkpoint") is None


def test_restarts_of_the_last_day_are_seen_and_older_ones_are_not(world: World) -> None:
    now = world.clock.now()
    for hours in (30, 25, 20, 1):
        world.restarts.append(
            RestartNote(
                event=RestartEvent.RESTARTED,
                lane="web",
                at=now - timedelta(hours=hours),
                attempt=1,
                reason="r",
                exit_status=3,
                next_at=None,
                booted_at=NOW,
            )
        )
    restarts = look(world).restarts
    assert not isinstance(restarts, Unknown)
    assert [round((now - note.at).total_seconds() / 3600) for note in restarts] == [20, 1]


def test_programs_are_looked_for_without_starting_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("a program was started"))
    monkeypatch.setattr(world, "observe_lanes", lambda: ())
    monkeypatch.setenv("PATH", "/nowhere")
    roster = {one.spec.name: one for one in look(world).roster}
    assert roster["rehearsal"].missing == "" and "is not on PATH" in roster["claude"].missing
    assert "llm" not in roster  # no lane runs it
    assert list(roster)[-1] == "shell" or not roster[list(roster)[-1]].spec.is_agent


def test_what_is_on_record_against_a_harness_stands_in_the_roster(world: World) -> None:
    world.drifts.add("claude 99.0", "web")
    world.brain_rests.failed("claude:opus", FailureKind.RATE_LIMITED, "r", None)
    (claude,) = [one for one in look(world).roster if one.spec.name == "claude"]
    assert "screens of its version 99.0 were unknown" in claude.trouble
    assert any("failed (rate-limited)" in one for one in claude.trouble)


def test_the_branch_of_a_worktree_is_read_without_git(tmp_path: Path) -> None:
    repository, worktree = a_repository(tmp_path / "repository"), tmp_path / "lane"
    git(repository, "worktree", "add", "-q", "-b", "loop/demo/web", str(worktree))
    assert branch_on_file(worktree) == "loop/demo/web"
    git(worktree, "switch", "-q", "--detach")
    assert branch_on_file(worktree) == ""
    assert branch_on_file(tmp_path / "nowhere") == ""
    assert branch_on_file(repository) == git(repository, "branch", "--show-current").strip() != ""


@pytest.mark.parametrize("page", ["checkpoint.md", "index.md"])
def test_a_page_of_the_prompt_that_is_marked_makes_its_source_count(
    world: World, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    world.wiki.root.mkdir()
    (world.wiki.root / page).write_text("# P\n\n```untrusted lane:web\nx\n```\n")
    assert facts_of(seen(world, monkeypatch), world, ()).untrusted == ()
    (world.wiki.root / page).write_text("# P\n\n```untrusted outside lane:ext,lane:far\nx\n```\n")
    assert facts_of(seen(world, monkeypatch), world, ()).untrusted == ("lane:ext", "lane:far")
