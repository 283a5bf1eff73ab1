"""Mail that was dealt with is in the wiki once, on the right page, marked by where it comes from; nothing else is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loop_orchestrator.actions.escalate import Escalate
from loop_orchestrator.config.memory import IngestConfig
from loop_orchestrator.engine import ingestwrite
from loop_orchestrator.engine.ingest import Asking, take_in, waiting_files
from loop_orchestrator.engine.record import file_decision
from loop_orchestrator.errors import StoreError
from loop_orchestrator.model.decision import ApprovalMode, Decision, Item, ItemStatus
from loop_orchestrator.model.ingest import IngestMode, Taken
from loop_orchestrator.model.verdict import SAFE
from loop_orchestrator.model.wiki import INGEST, marked
from loop_orchestrator.operations.init import init_project
from loop_orchestrator.world import World
from tests.stores.forks import killed_at_every_write
from tests.support.builders import NOW
from tests.support.projects import project_at
from tests.support.scratch import write_task

RULES = IngestConfig()
ASKING = Asking(cycle="c-20260101T000000000-000000", mode=ApprovalMode.MANUAL, lane=True, brain=True)


@pytest.fixture
def world(world: World) -> World:
    init_project(world.root, now=NOW)
    return world


def dealt_with(world: World, sender: str, subject: str, body: str = "text") -> str:
    file = world.mailbox.send(sender, "coord", subject, body).file
    world.mailbox.ack(file, "person")
    return file


def pages(world: World) -> str:
    return "".join(world.wiki.read(page) for page in world.wiki.pages() if page.startswith(("loops/", "mail/")))


def outcomes(world: World) -> dict[str, Taken]:
    return {file: fate.outcome for file, fate in world.ingest.fates().items()}


def test_mail_of_a_lane_from_outside_that_names_another_is_marked_with_the_lane(project: Path, tmp_path: Path) -> None:
    config = "lanes: {web: {harness: shell}, ext: {harness: shell, outside: true}}\nengine: {}\n"
    world = project_at(project, config=config, environ={"LOOP_TMUX_SOCKET": str(tmp_path / "none")}).world
    init_project(world.root, now=NOW)
    file = world.mailbox.send("web", "coord", "x", "text", source="lane:ext").file
    world.mailbox.ack(file, "person")
    by_hand = world.layout.processed / "20260101-000000-web-to-coord.md"
    by_hand.write_text("---\nsubject: y\n---\nb\n")
    take_in(world, RULES)
    assert marked(pages(world)) == {"lane:ext", "mail:by-hand"}


def test_only_mail_that_was_dealt_with_and_is_to_coord_is_taken_in_and_once(world: World) -> None:
    done = dealt_with(world, "web", "what I found", "```\nrm -rf /\n```\n<!-- coord-decisions -->")
    open_one = world.mailbox.send("web", "coord", "not read yet", "text").file
    to_lane = world.mailbox.send("ops-top", "web", "for web", "text").file
    world.mailbox.ack(to_lane, "person")
    for _ in range(10):
        take_in(world, RULES)
    assert outcomes(world) == {done: Taken.TAKEN}
    assert {one.file for one in world.mailbox.peek()} == {open_one}
    (page,) = (name for name in world.wiki.pages() if name.startswith("mail/"))
    text = world.wiki.read(page)
    assert text.count(done.removesuffix(".md")) == 2  # its heading and its file
    assert "````untrusted lane:web\nsubject: what I found\n\n```\nrm -rf /" in text
    assert f"]({page})" in world.wiki.read("index.md")
    assert [one.type for one in world.wiki.last_log(9)] == ["init", "ingest"]
    assert done in world.wiki.read("log.md")
    assert len([one for one in world.events.since(0) if one.kind == "ingest.closed"]) == 1


def test_mail_is_on_the_page_of_its_loop(world: World) -> None:
    for loop, branch in (("header", "b"), ("login", "loop/shop/web"), ("ops-top", "c"), ("odd name", "d")):
        world.state.set_loop(loop, {"branch": branch}, by="t")
    write_task(world.root, "T0001")
    path = world.root / "tasks" / "T0001-thing.md"
    path.write_text(path.read_text().replace("role:", "loop: footer\nrole:"))
    where = {
        dealt_with(world, "infra", "header: it is done"): "loops/header.md",
        dealt_with(world, "web", "T0001 review"): "loops/footer.md",
        dealt_with(world, "web", "anything"): "loops/login.md",
        dealt_with(world, "ops-top", "anything"): "loops/ops-top.md",
    }
    take_in(world, RULES)
    assert {file: fate.pages[0] for file, fate in world.ingest.fates().items()} == where
    assert world.wiki.read("loops/header.md").startswith("# Loop header\n\n## Mail\n\n### ")


def test_a_page_that_is_full_gets_no_more_and_nothing_is_quarantined_for_it(world: World) -> None:
    world.state.set_loop("header", {}, by="t")
    (world.wiki.root / "loops" / "header.md").write_text("# Header\n\n" + "x" * 200_000)
    files = [dealt_with(world, "web", f"header: {number}", "y" * 90_000) for number in range(60)]
    for _ in range(2):
        take_in(world, RULES)
    assert outcomes(world) == dict.fromkeys(files, Taken.TAKEN)
    made = [name for name in world.wiki.pages() if name.startswith("mail/")]
    assert [name.rpartition("/")[2][7:] for name in made] == ["-2.md", "-3.md", ".md"]
    assert all(world.wiki.size(name) < 220_000 for name in made)
    assert sum(world.wiki.read(name).count("### ") for name in made) == 60
    assert all(f"]({name})" in world.wiki.read("index.md") for name in made)


def test_what_comes_from_outside_keeps_its_mark_and_is_never_mixed_with_the_rest(project: Path, tmp_path: Path) -> None:
    config = "lanes: {web: {harness: shell}, ext: {harness: shell, outside: true}}\nengine: {}\n"
    world = project_at(project, config=config, environ={"LOOP_TMUX_SOCKET": str(tmp_path / "none")}).world
    init_project(world.root, now=NOW)
    for number in range(2):
        dealt_with(world, "web", f"inside {number}")
        dealt_with(world, "ext", f"outside {number}")
    take_in(world, RULES)
    assert len([one for one in world.events.since(0) if one.kind == "ingest.closed"]) == 2
    assert marked(pages(world)) == {"lane:ext"}
    assert pages(world).count("untrusted outside lane:ext\n") == 2
    assert pages(world).count("untrusted lane:web\n") == 2


def escalated(world: World, file: str, status: ItemStatus) -> None:
    action = Escalate(summary="s", about=f"mail:{file}", rationale="r")
    item = Item(idx=0, action=action, verdict=SAFE, status=ItemStatus.WAITING, changed_at=NOW)
    decision = Decision(
        id=f"d-{status.value}", session="shop", created_at=NOW, brain="rules", mode=ApprovalMode.MANUAL,
        critique="c", items=(item,), digest="0", cycle="c-1",
    )  # fmt: skip
    file_decision(world, decision)
    if status is not ItemStatus.WAITING:
        world.decisions.update(decision.id, lambda old: old.with_item(replace(item, status=status)))


def test_mail_that_a_person_acknowledged_by_a_yes_is_put_away_and_taken_in(world: World) -> None:
    files = {}
    for status in (ItemStatus.WAITING, ItemStatus.REJECTED, ItemStatus.DONE):
        files[status] = world.mailbox.send("web", "coord", status.value, "text").file
        escalated(world, files[status], status)
    take_in(world, RULES)
    assert outcomes(world) == {files[ItemStatus.DONE]: Taken.TAKEN}
    assert {one.file for one in world.mailbox.peek()} == {files[ItemStatus.WAITING], files[ItemStatus.REJECTED]}


def test_killed_at_any_write_nothing_is_lost_and_nothing_stands_twice(world: World) -> None:
    files = [dealt_with(world, "web", f"number {number}") for number in range(2)]
    root, kept = world.root, {}
    for path in sorted(world.wiki.root.rglob("*.md")):
        kept[path] = path.read_bytes()

    def work() -> None:
        take_in(project_at(root).world, RULES)

    def check() -> None:
        fresh = project_at(root).world
        take_in(fresh, RULES)
        assert outcomes(fresh) == dict.fromkeys(files, Taken.TAKEN)
        text = pages(fresh)
        assert all(text.count(f"### {file.removesuffix('.md')}\n") == 1 for file in files)
        log = fresh.wiki.read("log.md")
        assert all(log.count(file) == 1 for file in files)
        assert fresh.wiki.read("index.md").count("](mail/") == 1
        assert fresh.ingest.batch() is None
        for path in fresh.wiki.root.rglob("*.md"):
            path.unlink()
        for path, data in kept.items():
            path.write_bytes(data)
        fresh.layout.ingest_ledger.unlink()

    assert killed_at_every_write(work, check) > 20


def test_a_message_whose_page_cannot_take_it_is_quarantined_after_its_tries_and_the_rest_goes_on(world: World) -> None:
    world.state.set_loop("header", {}, by="t")
    (world.wiki.root / "loops" / "header.md").write_text("# Header\n\n```\nnever closed\n")
    bad, good = dealt_with(world, "web", "header: bad"), dealt_with(world, "web", "other: good")
    take_in(world, RULES)
    assert outcomes(world) == {good: Taken.TAKEN}
    assert waiting_files(world) == (bad,)
    for _ in range(4):
        take_in(world, RULES)
    assert outcomes(world)[bad] is Taken.QUARANTINED
    ((file, reason),) = world.mailbox.set_aside()
    assert file == bad and "a fence that is not closed" in reason and "loop engine ingest --again" in reason
    assert len([one for one in world.events.since(0) if one.kind == "ingest.quarantined"]) == 1
    assert (world.wiki.root / "loops" / "header.md").read_text() == "# Header\n\n```\nnever closed\n"


def test_what_cannot_be_read_is_quarantined_and_holds_nothing_up(world: World) -> None:
    bad, good = dealt_with(world, "web", "bad"), dealt_with(world, "web", "good")
    (world.layout.processed / bad).write_bytes(b"---\nsubject: \xff\n---\n")
    for _ in range(4):
        take_in(world, RULES)
    assert outcomes(world) == {good: Taken.TAKEN, bad: Taken.QUARANTINED}
    assert [name for name, _ in world.mailbox.set_aside()] == [bad]


def test_a_quarantine_that_was_cut_off_is_finished(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = dealt_with(world, "web", "bad")
    (world.layout.processed / bad).write_bytes(b"no message")
    config = replace(RULES, tries=1)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ingestwrite, "move_quarantined", killed)
    with pytest.raises(KeyboardInterrupt):
        take_in(world, config)
    monkeypatch.undo()
    assert world.mailbox.set_aside() == ()
    take_in(world, config)
    assert [name for name, _ in world.mailbox.set_aside()] == [bad]
    take_in(world, config)
    assert outcomes(world) == {bad: Taken.QUARANTINED}


def test_where_the_wiki_cannot_be_written_everything_waits_and_is_said_once(world: World) -> None:
    file = dealt_with(world, "web", "x")
    index = world.wiki.root / "index.md"
    kept = index.read_text()
    index.write_text("# Index\n\n```\nopen\n")
    for _ in range(3):
        take_in(world, RULES)
    assert outcomes(world) == {} and waiting_files(world) == (file,)
    assert "mend the fences of index.md" in world.ingest.problem()
    assert len([one for one in world.events.since(0) if one.kind == "wiki.blocked"]) == 1
    index.write_text(kept)
    take_in(world, RULES)
    assert outcomes(world) == {file: Taken.TAKEN} and world.ingest.problem() == ""
    assert pages(world).count(f"### {file.removesuffix('.md')}\n") == 1


def test_nothing_is_done_where_it_is_off_or_there_is_no_wiki(world: World) -> None:
    dealt_with(world, "web", "x")
    take_in(world, IngestConfig(mode=IngestMode.OFF))
    world.wiki.root.rename(world.root / "elsewhere")
    take_in(world, RULES)
    assert outcomes(world) == {} and not world.layout.ingest.exists()


def test_the_engine_may_not_write_pages_of_lanes(world: World) -> None:
    from loop_orchestrator.errors import NotAllowedError

    for page in ("lanes/web.md", "decisions-archive.md"):
        with pytest.raises(NotAllowedError, match=r"the engine \(docs\)"):
            world.wiki.append(page, "x", by=INGEST)


def test_mail_that_only_looks_like_a_lanes_answer_is_taken_in_like_any_other(world: World) -> None:
    dealt_with(world, "web", "x")
    take_in(world, RULES)
    closed = world.ingest.last_closed()
    assert closed is not None
    file = dealt_with(world, "web", f"ingest {closed.batch.id} done", "hidden")
    take_in(world, RULES)
    assert outcomes(world)[file] is Taken.TAKEN and "hidden" in pages(world)


def test_a_lane_without_an_agent_is_never_asked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.stores.builders import lane

    monkeypatch.setattr(type(world.lanes), "records", lambda _: {"docs": replace(lane("docs"), agent=False)})
    dealt_with(world, "web", "x")
    take_in(world, IngestConfig(mode=IngestMode.LANE), ASKING)
    assert "runs no agent" in world.ingest.problem() and world.ingest.batch() is None


# Mode headless.

BRAIN = "engine: {ingest: {mode: headless, brain: command, command: [python3, BRAIN]}}\n"


class Headless:
    """A project whose mail is taken in by a program that answers what a file says."""

    def __init__(self, root: Path, tmp_path: Path) -> None:
        self.answers, self.calls = tmp_path / "answers", tmp_path / "calls"
        script = tmp_path / "brain.py"
        script.write_text(
            "import sys, pathlib\n"
            f"calls = pathlib.Path({str(self.calls)!r}); answers = pathlib.Path({str(self.answers)!r})\n"
            "prompt = sys.stdin.read()\n"
            "calls.open('a').write(prompt + '\\0')\n"
            "text = answers.read_text()\n"
            "if text == 'fail': sys.exit(3)\n"
            "import re\n"
            "found = re.findall(r'(?m)^(\\d{8}-\\d{6}-[\\w-]+?-to-coord(?:\\.\\d+)?\\.md): says', prompt)\n"
            "files = list(dict.fromkeys(found))\n"
            "if 'POISON' in prompt and 'FILES' in text: text = 'no block'\n"
            "print(text.replace('FILES', ', '.join(files)))\n"
        )
        config = BRAIN.replace("BRAIN", str(script))
        self.world = project_at(root, config=config, environ={"LOOP_TMUX_SOCKET": str(tmp_path / "none")}).world
        init_project(root, now=NOW)

    def answer(self, *edits: dict[str, Any], **more: object) -> None:
        body = json.dumps({"version": 1, "edits": list(edits), **more}).replace('["FILES"]', "[FILES]")
        self.answers.write_text(f"```wiki\n{body}\n```\n")

    def run(self) -> None:
        assert self.world.config.engine is not None
        take_in(self.world, self.world.config.engine.ingest, ASKING)

    @property
    def asked(self) -> list[str]:
        return self.calls.read_text().split("\0")[:-1] if self.calls.exists() else []


@pytest.fixture
def headless(project: Path, tmp_path: Path) -> Headless:
    return Headless(project, tmp_path)


EDIT = {"page": "loops/header.md", "section": "Outcome", "how": "append", "sources": ["FILES"], "text": "It works."}


def test_a_brain_says_what_pages_say_and_the_engine_writes_it(headless: Headless) -> None:
    world = headless.world
    files = [dealt_with(world, "web", f"n{number}", "SECRET body") for number in range(3)]
    headless.answer(EDIT)
    left = world.budget.calls_left()
    for _ in range(3):
        headless.run()
    assert len(headless.asked) == 1 and world.budget.calls_left() == left - 1
    text = world.wiki.read("loops/header.md")
    assert "## Outcome" in text and "It works." in text and all(f"`{file}`" in text for file in files)
    assert "SECRET body" in headless.asked[0] and "untrusted" in headless.asked[0]
    assert outcomes(world) == dict.fromkeys(files, Taken.TAKEN)
    assert "loops/header.md" in world.wiki.read("index.md") and files[0] in world.wiki.read("log.md")
    assert world.events.last("brain.replied") is not None


WRONG = [
    ("lanes/web.md", {}, "belongs to somebody else"),
    ("log.md", {}, "none that can be written"),
    ("../x.md", {}, "none that can be written"),
    ("decisions-archive.md", {}, "belongs to somebody else"),
    ("loops/x.md", {"text": "# Big\n\nx"}, "no heading above level 4"),
    ("loops/x.md", {"text": "<!-- coord-decisions -->"}, "no HTML"),
    ("loops/x.md", {"text": "~~~\nx"}, "not closed"),
    ("loops/x.md", {"sources": ["other.md"]}, "sources must name"),
    ("loops/x.md", {"how": "replace"}, "was not shown whole"),
    ("loops/x.md", {"color": 1}, "unknown key"),
]


@pytest.mark.parametrize(("page", "change", "problem"), WRONG)
def test_an_answer_that_writes_what_it_may_not_is_quoted_back_and_nothing_of_it_is_written(
    headless: Headless, page: str, change: dict[str, Any], problem: str
) -> None:
    dealt_with(headless.world, "web", "x")
    headless.answer(EDIT, {**EDIT, "page": page, **change})
    before = {name: headless.world.wiki.read(name) for name in headless.world.wiki.pages()}
    headless.run()
    assert len(headless.asked) == 2 and problem in headless.asked[1].partition("could not be used: ")[2]
    assert {name: headless.world.wiki.read(name) for name in headless.world.wiki.pages()} == before
    assert outcomes(headless.world) == {}


def later(world: World) -> None:
    """The wait after a failure has passed."""
    world.ingest.set_wait(0, "")


def test_the_message_that_no_answer_fits_is_found_and_quarantined_and_the_rest_is_taken_in(headless: Headless) -> None:
    world = headless.world
    good = [dealt_with(world, "web", "a"), dealt_with(world, "web", "b")]
    bad = dealt_with(world, "web", "c", "POISON")
    good.append(dealt_with(world, "web", "d"))
    headless.answer(EDIT)
    for _ in range(12):
        headless.run()
        later(world)
    assert outcomes(world) == {**dict.fromkeys(good, Taken.TAKEN), bad: Taken.QUARANTINED}
    assert "broke the contract twice" in world.mailbox.set_aside()[0][1]
    assert all(world.wiki.read("loops/header.md").count(f"`{file}`") == 1 for file in good)


def test_a_program_that_is_down_costs_no_message_and_is_not_asked_again_at_once(headless: Headless) -> None:
    world = headless.world
    files = [dealt_with(world, "web", f"n{number}") for number in range(2)]
    headless.answers.write_text("fail")
    headless.run()
    headless.run()
    assert len(headless.asked) == 1 and "exit" in world.ingest.problem()
    for _ in range(8):
        later(world)
        headless.run()
    assert outcomes(world) == {} and world.mailbox.set_aside() == ()
    assert not world.brain_rests.resting(), "decisions are not held up by it"
    headless.answer(EDIT)
    for _ in range(3):
        later(world)
        headless.run()
    assert outcomes(world) == dict.fromkeys(files, Taken.TAKEN)


def test_a_section_is_replaced_unless_somebody_wrote_it_meanwhile(headless: Headless) -> None:
    world = headless.world
    world.state.set_loop("header", {}, by="t")
    page = world.wiki.root / "loops" / "header.md"
    page.write_text("# Header\n\n## Outcome\n\nold\n\n## Kept\n\nby hand\n")
    dealt_with(world, "web", "header: x")
    headless.answer({**EDIT, "how": "replace", "text": "new"})
    headless.run()
    assert "old" not in page.read_text() and page.read_text().startswith("# Header\n\n## Outcome\n\nnew\n\nSources: ")
    assert page.read_text().endswith("## Kept\n\nby hand\n")
    batch = world.ingest.last_closed()
    assert batch is not None
    edit = batch.batch.edits[0]
    now = "# Header\n\n## Outcome\n\nsomebody was here\n"
    made = ingestwrite.edited(now, edit=edit)
    assert made.startswith(now) and "new" in made
    assert ingestwrite.edited(made, edit=edit) == made


def test_what_a_brain_makes_of_text_from_outside_keeps_the_mark(project: Path, tmp_path: Path) -> None:
    made = Headless(project, tmp_path)
    text = (project / "lane-config.yaml").read_text()
    (project / "lane-config.yaml").write_text("lanes: {ext: {harness: shell, outside: true}}\n" + text)
    made.world = project_at(project, environ={"LOOP_TMUX_SOCKET": str(tmp_path / "none")}).world
    dealt_with(made.world, "ext", "x")
    made.answer(EDIT)
    made.run()
    assert marked(made.world.wiki.read("loops/header.md")) == {"lane:ext"}
    assert "untrusted outside lane:ext\nIt works.\n```" in made.world.wiki.read("loops/header.md")
    made.world.state.set_loop("header", {}, by="t")
    dealt_with(made.world, "web", "header: y")
    made.run()
    assert made.world.wiki.read("loops/header.md").count("untrusted outside lane:ext\nIt works.\n") == 2, (
        "it read that page"
    )


def test_a_budget_that_is_used_up_costs_no_message(headless: Headless) -> None:
    dealt_with(headless.world, "web", "x")
    headless.answer(EDIT)
    for _ in range(12):
        headless.world.budget.charge()
    headless.run()
    assert headless.asked == [] and "budget" in headless.world.ingest.problem()
    assert outcomes(headless.world) == {} and headless.world.ingest.tries() == {}


def test_no_decision_waits_for_a_full_disk_of_the_wiki(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise StoreError("cannot write ops-wiki: no space") from OSError(28, "No space left on device")

    dealt_with(world, "web", "x")
    monkeypatch.setattr(type(world.wiki), "update", full)
    take_in(world, RULES)
    assert world.ingest.problem().startswith("cannot write") and world.ingest.tries() == {}
