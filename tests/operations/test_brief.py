"""The brief of a lane says who is who and what may be done, in less than a screen and a half."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from loop_orchestrator.errors import UsageError
from loop_orchestrator.model.task import Assignment
from loop_orchestrator.model.wiki import PARTITIONS, Area, Right, Writer
from loop_orchestrator.operations.brief import MOST_OTHERS, brief, brief_document
from loop_orchestrator.world import World
from tests.support.builders import a_lane, an_ask


def boot(world: World, name: str, role: str, *, agent: bool = True) -> None:
    record = a_lane(name, role=role, agent=agent).record
    world.lanes.put(replace(record, spec=replace(record.spec, cwd=world.root)))


def hand(world: World, task: str, lane: str, *, purpose: str = "work") -> None:
    world.layout.tasks_dir.mkdir(exist_ok=True)
    (world.layout.tasks_dir / f"{task}-x.md").write_text("---\ntitle: x\n---\nbody\n")
    world.tasks.assign(Assignment(task=task, lane=lane, op=f"op-{task}", at=world.clock.now(), purpose=purpose))


def test_it_says_who_the_lane_is_who_the_others_are_and_what_is_there_for_it(world: World) -> None:
    boot(world, "web", "implementation")
    boot(world, "validate-left", "validation")
    boot(world, "ops-top", "ops", agent=False)
    hand(world, "T0007", "web")
    hand(world, "T0008", "validate-left")
    oldest = world.mailbox.send("coord", "web", "first", "text").file
    world.mailbox.send("coord", "web", "second", "text")
    world.mailbox.send("coord", "validate-left", "third", "text")
    found = brief(world, "web")
    text = found.text
    assert "You are lane web of session shop, in the role implementation." in text
    assert f"Project: {world.root}\n" in text
    assert f"You have task T0007: {world.root}/tasks/T0007-x.md\n2 messages wait for you" in text
    assert re.findall(r"(?m)^- (validate-left: \S+|ops-top: \S+|person:|web)", text) == [
        "validate-left: validation,",
        "ops-top: ops,",
        "person:",
    ]
    assert f"loop mail show {oldest}\n" in text
    assert '--subject "T0007 review"' in text
    assert "proved" not in text
    assert "T0008" not in text
    document = brief_document(found)
    assert (document["lane"], document["tasks"], document["text"]) == (
        "web",
        [{"task": "T0007", "purpose": "work"}],
        text,
    )
    assert str(document["mail"]).startswith(f"['{oldest}'")


@pytest.mark.parametrize("role", ["implementation", "validation", "docs", "coordinator", "ops", "poet"])
@pytest.mark.parametrize("others", [0, 60])
def test_it_has_less_than_sixty_lines_for_every_role_and_any_number_of_lanes(
    world: World, role: str, others: int
) -> None:
    boot(world, "mine", role)
    for number in range(others):
        boot(world, f"other{number}", "implementation")
    for number in range(3):
        hand(world, f"T000{number}", "mine", purpose="prove" if number else "work")
    text = brief(world, "mine").text
    lines = text.splitlines()
    assert len(lines) < 60
    assert max(map(len, lines)) < 200
    assert text.replace('"$LOOP_BIN"', "").count("$") == 0
    assert text.count("other") >= min(others, MOST_OTHERS)
    assert (f"and {others - MOST_OTHERS} more: loop lane list" in text) is (others > MOST_OTHERS)
    assert "to prove task T0001" in text
    assert '"T0000 review"' in text
    assert '"T0001 not-proved"' in text


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("validation", "nothing of what you check"),
        ("docs", "at the end of log.md"),
        ("coordinator", "no code"),
        ("ops", "no other page"),
    ],
)
def test_what_it_may_write_depends_on_the_role(world: World, role: str, may: str) -> None:
    boot(world, "mine", role)
    assert may in " ".join(brief(world, "mine").text.split())
    assert "lanes/mine.md" in brief(world, "mine").text


def test_without_a_task_or_mail_the_commands_show_what_stands_there(world: World) -> None:
    boot(world, "web", "implementation")
    text = brief(world, "web").text
    assert "Nothing was handed to you yet." in text
    assert "loop mail show FILE\n" in text
    assert '--subject "T0001 in-progress"' in text


def test_an_unknown_lane_is_named_with_what_is_near(world: World) -> None:
    with pytest.raises(UsageError, match="which lane\\? LOOP_LANE is not set; its lanes: none"):
        brief(world, "")
    boot(world, "web", "implementation")
    with pytest.raises(UsageError, match="session shop has no lane wbe; did you mean web\\? All of its lanes: web"):
        brief(world, "wbe")


@pytest.mark.parametrize("role", [*PARTITIONS, "poet"])
def test_it_names_every_part_of_the_wiki_that_the_role_may_write_and_no_other(world: World, role: str) -> None:
    boot(world, "mine", role)
    text = brief(world, "mine").text
    entry = " ".join(text[text.index("- of ops-wiki/: ") :].split())
    entry = entry.split("; no other page")[0]
    files = {
        Area.OWN_LANE: "lanes/mine.md",
        Area.INDEX: "index.md",
        Area.LOG: "log.md",
        Area.ABOVE: "above its line",
        Area.BELOW: "from its line",
        Area.ARCHIVE: "decisions-archive.md",
        Area.LOOP: "loops/",
        Area.DECISION: "decisions/",
        Area.SCRATCHPAD: ".lint-scratchpad.md",
        Area.OTHER: "pages beside these",
        Area.OTHER_LANE: "the other pages of lanes/",
    }
    writer = Writer("mine", role)
    for area, name in files.items():
        assert (writer.right(area) is not Right.NONE) == (f" {name}" in entry), area
        assert (writer.right(area) is Right.APPEND) == (f"at the end of {name}" in entry), area


def test_it_says_which_answer_the_lane_owes(world: World) -> None:
    boot(world, "web", "implementation")
    for idx, lane in enumerate(("web", "web", "infra")):
        world.asks.record(an_ask(f"d-{idx}-0", lane))
    world.asks.time_out(an_ask("d-1-0"))
    text = brief(world, "web").text
    assert 'You owe an answer: loop mail reply d-0-0 --from web --body "your answer"\n' in text
    assert text.count("You owe an answer") == 1
