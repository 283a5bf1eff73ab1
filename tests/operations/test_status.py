"""The whole picture: what needs a person comes first, and what cannot be read says why."""

from __future__ import annotations

import pytest

from loop_orchestrator.engine.cycle import run_cycle
from loop_orchestrator.model.delivery import DeliveryRequest, DeliveryStatus, DeliveryStep
from loop_orchestrator.model.lane import Detail, Lane
from loop_orchestrator.operations.engine_view import EngineWord, engine_document, engine_status
from loop_orchestrator.operations.status import Status, status, status_document
from loop_orchestrator.wiring import Project
from loop_orchestrator.world import World
from tests.support.builders import a_lane


def needs(found: Status) -> list[tuple[str, str]]:
    return [(need.what, need.next_step) for need in found.needs]


def test_a_quiet_project_needs_nobody(world: World) -> None:
    found = status(world)
    assert found.needs == ()
    assert found.lanes == ()
    assert found.engine.word is EngineWord.STOPPED


def test_looking_writes_nothing(world: World) -> None:
    before = sorted(path for path in world.root.rglob("*"))
    status(world)
    assert sorted(path for path in world.root.rglob("*")) == before


def test_a_waiting_decision_comes_first_with_the_command_that_answers_it(world: World) -> None:
    world.mailbox.send("ann", "coord", "a question", "text")
    decision = run_cycle(world, ("test",)).decision
    assert decision is not None
    assert needs(status(world))[0] == (
        f"decision {decision.id}: escalate waits for a yes or a no",
        f"loop approve {decision.id}",
    )


def test_a_delivery_with_an_unknown_outcome_needs_a_person(world: World) -> None:
    request = DeliveryRequest(op="op-1", lane="web", text="x", sender="engine")
    receipt, _ = world.deliveries.accept(request, "0" * 64, 1)
    world.deliveries.step("op-1", DeliveryStep.PASTE)
    from dataclasses import replace

    world.deliveries.close(replace(receipt, status=DeliveryStatus.UNKNOWN))
    found = status(world)
    assert [one.op for one in found.unknown_deliveries or ()] == ["op-1"]  # type: ignore[union-attr]
    assert "loop resolve op-1 happened|did-not|drop" in needs(found)[0][1]


def test_a_task_in_review_asks_for_the_word_done(world: World) -> None:
    world.layout.tasks_dir.mkdir()
    (world.layout.tasks_dir / "T0001-x.md").write_text("---\ntitle: Header\nstatus: review\n---\nbody\n")
    assert needs(status(world)) == [("task T0001 is in review: Header", "loop task done T0001")]


def test_mail_that_nobody_will_read_is_said(world: World) -> None:
    world.mailbox.send("ann", "web", "hello", "text")
    assert needs(status(world)) == [("1 message waits and no engine watches", "loop watch")]


@pytest.mark.parametrize(
    ("detail", "says", "step"),
    [
        (Detail.DIALOG, "lane web waits at a dialog: what it showed", "loop attach web"),
        (Detail.EXITED, "lane web has ended: what it showed", "loop lane restart web"),
        (Detail.MISSING, "lane web is gone: what it showed", "loop up"),
        (Detail.DRIFTED, "lane web shows a screen that no rule knows: what it showed", "loop why web"),
    ],
)
def test_a_lane_that_cannot_help_itself_says_what_to_do(world: World, detail: Detail, says: str, step: str) -> None:
    assert (says, step) in needs(status(with_lanes(world, a_lane(detail=detail))))


@pytest.mark.parametrize("detail", [Detail.READY, Detail.DRAFT, Detail.BUSY, Detail.TOOL, Detail.BOOTING])
def test_a_lane_that_goes_on_by_itself_needs_nobody(world: World, detail: Detail) -> None:
    assert needs(status(with_lanes(world, a_lane(detail=detail)))) == []


def test_a_shell_needs_a_person_only_where_it_is_gone(world: World) -> None:
    def of_shell(detail: Detail) -> list[tuple[str, str]]:
        return needs(status(with_lanes(world, a_lane("ops-top", detail, agent=False))))

    assert of_shell(Detail.DRIFTED) == []
    assert len(of_shell(Detail.EXITED)) == 1


def with_lanes(world: World, *lanes: Lane) -> World:
    """The same world, in which these lanes are seen."""
    assert isinstance(world, Project)

    class Seen(Project):
        def observe_lanes(self) -> tuple[Lane, ...]:
            return lanes

    return Seen(world.options, world.environ)


def test_a_part_that_cannot_be_read_says_why_and_hides_no_other(world: World) -> None:
    world.layout.lanes_file.parent.mkdir(parents=True)
    world.layout.lanes_file.write_text("{")
    world.mailbox.send("ann", "web", "hello", "text")
    document = status_document(status(world))
    assert document["lanes"] is None
    assert "lanes.json:1:2" in str(document["unseen"])
    assert isinstance(document["mail"], dict)
    assert len(document["mail"]["pending"]) == 1  # type: ignore[arg-type]


def test_the_document_has_the_keys_that_others_rely_on(world: World) -> None:
    document = status_document(status(world))
    assert set(document) >= {"session", "generated_at", "needs", "lanes", "engine", "budget", "mail", "tasks"}
    engine = engine_document(
        "shop", engine_status(world.control, world.decisions, world.events, world.budget, world.brain_rests)
    )
    assert set(engine) >= {"session", "engine", "decisions", "budget", "last_events"}
    assert set(engine["engine"]) >= {"state", "pid", "since", "code"}  # type: ignore[arg-type]
