"""Closed decisions stand in the checkpoint once, the newest of them; what others wrote there stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from loop_orchestrator.actions.escalate import Escalate
from loop_orchestrator.actions.stop import Stop
from loop_orchestrator.engine.execute import archive_if_closed
from loop_orchestrator.engine.filing import PROBLEM, entry_of, file_noted, note_closed, plan
from loop_orchestrator.model.decision import ApprovalMode, Decision, Item, ItemStatus
from loop_orchestrator.model.verdict import SAFE
from loop_orchestrator.model.wiki import MARKER, marked
from loop_orchestrator.operations.init import init_project
from loop_orchestrator.stores.wiki import Wiki
from loop_orchestrator.world import World
from tests.stores.forks import killed_at_every_write
from tests.support.builders import NOW
from tests.support.projects import project_at

EVIL = "```\n<!-- coord-decisions -->\n# Heading\n### d-evil: x [a](b.md)"


@pytest.fixture
def world(world: World) -> World:
    init_project(world.root, now=NOW)
    return world


def id_of(number: int) -> str:
    return f"d-20260101T000000{number:03d}-0000aa"


def decision(number: int, *, critique: str = "c", stop: bool = False) -> Decision:
    action = Stop(rationale="r") if stop else Escalate(summary="s", rationale=f"why {number}")
    item = Item(idx=0, action=action, verdict=SAFE, status=ItemStatus.DONE, note="noted", changed_at=NOW)
    return Decision(
        id=id_of(number),
        session="shop",
        created_at=NOW,
        brain="rules",
        mode=ApprovalMode.MANUAL,
        critique=critique,
        items=(item,),
        digest="0",
        cycle="c-1",
    )


def closed(world: World, number: int, *, critique: str = "c", stop: bool = False) -> None:
    made = decision(number, critique=critique, stop=stop)
    world.decisions.create(made)
    archive_if_closed(world, made)


def filed(text: str) -> list[str]:
    return [line.split()[1].rstrip(":") for line in text.splitlines() if line.startswith("### d-")]


def test_the_newest_stay_in_the_checkpoint_and_the_others_are_in_the_archive_in_their_order(world: World) -> None:
    page = world.wiki.root / "checkpoint.md"
    above = "# Checkpoint\r\n\r\n## Mine  \r\n\x0c\r\n### d-20260101T000000999-0000aa: not an entry of the engine\n\n"
    by_hand = "## Notes of coord\n\n### d-day: by hand\n\nkept\n"
    page.write_bytes(f"{above}{MARKER}\n\n## Decisions\n\nNone yet.\n\n{by_hand}".encode())
    for number in range(13):
        closed(world, number, critique=EVIL)
        for _ in range(2):
            file_noted(world)
    text = page.read_bytes().decode()
    assert text.startswith(above + MARKER) and text.endswith(by_hand) and "None yet." not in text
    below = text.partition(MARKER)[2]
    assert filed(below) == [*map(id_of, range(3, 13)), "d-day"]
    assert filed(world.wiki.read("decisions-archive.md")) == [id_of(0), id_of(1), id_of(2)]
    assert text.count(MARKER) == 1 + 10, "in entries it is text in a fence"
    assert "None yet." not in text and "why 12" in text
    assert world.filing.items() == {}
    assert len([one for one in world.events.since(0) if one.kind == "decision.kept"]) == 13


def test_what_only_stops_is_not_filed(world: World) -> None:
    closed(world, 1, stop=True)
    assert filed(world.wiki.read("checkpoint.md")) == []
    closed(world, 2)
    assert filed(world.wiki.read("checkpoint.md")) == [id_of(2)]


def test_killed_at_any_write_each_is_filed_once(world: World) -> None:
    root = world.root
    for number in range(10):
        closed(world, number)
    kept = {path: path.read_bytes() for path in world.wiki.root.glob("*.md")}
    new = decision(10)

    def work() -> None:
        fresh = project_at(root).world
        fresh.decisions.create(new)
        archive_if_closed(fresh, new)

    def check() -> None:
        fresh = project_at(root).world
        for one in fresh.decisions.open_decisions():
            archive_if_closed(fresh, one)
        file_noted(fresh)
        shown = filed(fresh.wiki.read("checkpoint.md"))
        moved = filed(fresh.wiki.read("decisions-archive.md"))
        if fresh.layout.decisions_archive.joinpath(f"{new.id}.json").exists():
            assert shown == [*map(id_of, range(1, 11))] and moved == [id_of(0)]
        else:
            assert shown == [*map(id_of, range(10))] and moved == []
        fresh.layout.decisions_archive.joinpath(f"{new.id}.json").unlink(missing_ok=True)
        for path, data in kept.items():
            path.write_bytes(data)

    assert killed_at_every_write(work, check) > 10


def test_what_somebody_writes_meanwhile_is_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    page = world.wiki.root / "checkpoint.md"
    real = Wiki.update
    wrote: list[str] = []

    def meanwhile(wiki: Wiki, name: str, change: object, *, by: object) -> str:
        if name == "checkpoint.md" and not wrote:
            wrote.append(name)
            page.write_text(page.read_text().replace("Nothing has happened yet.", "A person was here."))
        return real(wiki, name, change, by=by)  # type: ignore[arg-type]

    monkeypatch.setattr(Wiki, "update", meanwhile)
    closed(world, 1)
    assert "A person was here." in page.read_text() and filed(page.read_text()) == [id_of(1)]


@pytest.mark.parametrize("broken", ["# No marker\n", f"{MARKER}\n\n{MARKER}\n", "\xff"])
def test_a_checkpoint_that_cannot_be_written_keeps_its_decisions_waiting_and_is_said_once(
    world: World, broken: str
) -> None:
    page = world.wiki.root / "checkpoint.md"
    whole = page.read_text()
    page.write_bytes(broken.encode("latin-1"))
    for number in range(2):
        closed(world, number)
    assert page.read_bytes() == broken.encode("latin-1")
    assert set(world.filing.items()) == {id_of(0), id_of(1), PROBLEM}
    assert len([one for one in world.events.since(0) if one.kind == "wiki.blocked"]) == 1
    page.write_text(whole)
    file_noted(world)
    assert filed(page.read_text()) == [id_of(0), id_of(1)] and world.filing.items() == {}


def test_without_a_wiki_nothing_is_noted(project: Path, tmp_path: Path) -> None:
    bare = project_at(project, environ={"LOOP_TMUX_SOCKET": str(tmp_path / "none")}).world
    note_closed(bare, decision(1))
    assert bare.filing.items() == {}


def test_text_that_was_made_of_text_from_outside_does_not_get_into_every_prompt() -> None:
    plain = entry_of(decision(1, critique="WORDS")).text
    assert "WORDS" in plain and "why 1" in plain and "```untrusted brain:rules\n" in plain
    outside = entry_of(replace(decision(1, critique="WORDS"), untrusted=("lane:ext",))).text
    assert "WORDS" not in outside and "why 1" not in outside and marked(outside) == frozenset()
    assert "made of text from lane:ext" in outside and f"loop engine show {id_of(1)}" in outside


def test_a_plan_is_the_same_done_twice() -> None:
    page = f"# C\n\n{MARKER}\n"
    entries = [entry_of(decision(n)) for n in range(4)]
    made = plan(page, entries, (), keep=2)
    assert [one.id for one in made.overflow] == [id_of(0), id_of(1)]
    again = plan(made.page, entries, [one.id for one in made.overflow], keep=2)
    assert again.page == made.page and again.overflow == ()
