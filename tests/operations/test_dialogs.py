"""Start-up dialogs in a real tmux: named with what to do, and answered only where that is allowed."""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

import pytest

from loop_orchestrator.config.schema import LaneConfig
from loop_orchestrator.errors import UsageError
from loop_orchestrator.model.lane import Detail, Lane
from loop_orchestrator.operations.boot import add_lane, start_lane
from loop_orchestrator.operations.bootcheck import await_lane, is_up
from loop_orchestrator.operations.dialogs import Answer, Attendant, waiting_of
from loop_orchestrator.wiring import Project
from tests.support.projects import project_at

AGENT = Path(__file__).parents[1] / "support" / "dialog_agent.py"


@pytest.fixture
def shop(project: Path, socket: str) -> Project:
    return project_at(project, config="lanes: {}\n")


def asker(shop: Project, *dialogs: str, name: str = "asker") -> str:
    """A harness of the project with the packaged data of Claude Code, and a program that asks this."""
    packaged = files("loop_orchestrator.harnesses").joinpath("data/claude.yaml").read_text(encoding="utf-8")
    argv = ", ".join(f"{word!r}" for word in (sys.executable, str(AGENT), *dialogs))
    changed = {"name": f"name: {name}", "launch": f"launch: [{argv}]", "foreground": "foreground: [python, python3]"}
    lines = (changed.get(line.partition(":")[0], line) for line in packaged.splitlines())
    folder = shop.layout.harness_dir
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return name


def booted(shop: Project, harness: str, *answer: str) -> tuple[Lane, list[Answer]]:
    """The lane when its boot is over, and what was answered."""
    spec = LaneConfig(name="web", harness=harness, answer_dialogs=answer).to_spec(shop.root)
    start_lane(shop.world, spec, shop.surroundings)
    attendant = Attendant(shop.world, {"web": spec.answer_dialogs})
    return await_lane(shop.world, "web", limit_s=30, attendant=attendant), attendant.answers


def keys(shop: Project) -> list[str]:
    file = shop.root / "keys.txt"
    return file.read_text().split() if file.exists() else []


def test_what_is_allowed_is_answered_and_each_answer_is_on_record(shop: Project) -> None:
    lane, answers = booted(shop, asker(shop, "trust", "api-key"), "trust", "api-key")
    assert is_up(lane), lane.screen
    assert [(answer.dialog, answer.outcome) for answer in answers] == [("trust", "yes"), ("api-key", "yes")]
    assert keys(shop) == ["Down", "Enter", "Up", "Enter"]
    told = [event for event in shop.events.tail(20) if event.kind.startswith("dialog.")]
    assert [(event.kind, event.payload["dialog"]) for event in told] == [
        ("dialog.answering", "trust"),
        ("dialog.answered", "trust"),
        ("dialog.answering", "api-key"),
        ("dialog.answered", "api-key"),
    ]
    assert told[1].payload["keys"] == ["Down", "Enter"]


def test_what_is_not_allowed_gets_no_key_and_a_person_is_told_what_to_do(shop: Project) -> None:
    lane, answers = booted(shop, asker(shop, "trust", "api-key"), "api-key")
    assert lane.state.detail is Detail.DIALOG
    assert answers == [] and keys(shop) == []
    waiting = waiting_of(shop.world, lane, allowed=("api-key",))
    assert waiting is not None
    assert waiting.dialog == "trust"
    assert waiting.sentence == (
        "lane web waits: it asks whether Claude Code may read, edit and execute files in this folder; "
        "answer it: loop attach web (or allow it: lanes.web.answer_dialogs: [api-key, trust])"
    )


def test_where_yes_cannot_be_chosen_nothing_is_confirmed(shop: Project) -> None:
    lane, answers = booted(shop, asker(shop, "trust", "stubborn"), "trust")
    assert [answer.outcome for answer in answers] == ["yes could not be chosen"]
    assert keys(shop) == ["Down"]
    assert lane.state.detail is Detail.DIALOG


def test_somebody_who_types_into_the_lane_is_not_disturbed(shop: Project) -> None:
    harness = asker(shop, "trust")
    with shop.world.deliveries.lease("web"):
        _, answers = booted(shop, harness, "trust")
    assert "lane web" in answers[0].outcome
    assert keys(shop) == []


def test_a_lane_that_is_added_may_answer_only_what_its_program_asks(shop: Project) -> None:
    harness = asker(shop, "trust")
    wrong = LaneConfig(name="web", harness=harness, answer_dialogs=("login",)).to_spec(shop.root)
    with pytest.raises(UsageError, match="has no start-up dialog login"):
        add_lane(shop.world, wrong, shop.surroundings)
    assert shop.world.lanes.records() == {}


def test_a_lane_that_is_not_logged_in_or_asks_something_else_is_named(shop: Project) -> None:
    from tests.support.builders import a_lane

    auth = waiting_of(shop.world, a_lane(detail=Detail.AUTH), allowed=())
    asks = waiting_of(shop.world, a_lane(detail=Detail.APPROVAL), allowed=())
    assert auth is not None and auth.sentence.startswith("lane web is not logged in: what it showed; log in there:")
    assert asks is not None and asks.sentence.startswith("lane web waits for an answer: what it showed; answer it:")
    assert waiting_of(shop.world, a_lane(detail=Detail.READY), allowed=()) is None
