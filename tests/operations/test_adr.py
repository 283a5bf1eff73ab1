"""Anybody proposes a decision record; a person settles it, and accepting needs records that exist."""

from __future__ import annotations

import pytest

from loop_orchestrator.errors import LoopError, NotAPersonError, StoreError, UsageError
from loop_orchestrator.model.adr import AdrStatus
from loop_orchestrator.operations.adr import accept, lacks, propose, reject, supersede
from loop_orchestrator.process.person import PersonCheck
from loop_orchestrator.world import World

ANN = PersonCheck(ok=True, who="ann on pts/3", reason="its terminal comes from sshd 1")
AGENT = PersonCheck(ok=False, who="root", reason="it was started in web, which is an agent's lane")


@pytest.fixture(autouse=True)
def records(world: World) -> None:
    (world.root / "docs").mkdir()
    for name in ("verify.md", "back.md", "canary.md"):
        (world.root / "docs" / name).write_text("it went well\n")
    (world.root / "docs/empty.md").write_text("")
    (world.root.parent / "outside.md").write_text("elsewhere\n")
    (world.root / "docs/link.md").symlink_to(world.root.parent / "outside.md")


def proposed(world: World, **named: str) -> str:
    return propose(world, "Use tmux", records=named, by="web", source="lane:web").id


def test_a_proposal_has_every_section_and_says_what_it_lacks(world: World) -> None:
    adr = world.adrs.get(proposed(world))
    assert (adr.id, adr.status, adr.deciders) == ("0001", AdrStatus.PROPOSED, "coord, person")
    for section in (
        "Context",
        "Decision drivers",
        "Considered options",
        "Decision outcome",
        "Consequences",
        "Pros and",
    ):
        assert f"\n## {section}" in adr.body
    assert [(one.key, one.line) for one in lacks(world.root, adr)] == [("verify_record", 5), ("rollback", 7)]
    (event,) = world.events.tail(1)
    assert dict(event.payload) == {"adr": "0001", "file": str(adr.file), "by": "web"}
    assert event.source == "lane:web"


@pytest.mark.parametrize("title", ["", "  ", "two\nlines", "a\x1b[2J", "a\u202eb"])
def test_a_title_is_one_line_of_text(world: World, title: str) -> None:
    with pytest.raises(UsageError, match="title: one line of text was expected"):
        propose(world, title, by="ann", source="cli")
    assert not world.adrs.folder.exists()


@pytest.mark.parametrize("title", ["Use: tmux", "{head}", "# hash", '"quotes"', "- dash"])
def test_any_title_and_any_decider_can_be_read_back(world: World, title: str) -> None:
    adr = propose(world, title, deciders="ann: 'x' # y", by="ann", source="cli")
    assert (adr.title, adr.deciders) == (title, "ann: 'x' # y")


@pytest.mark.parametrize(
    ("verify", "canary", "rollback", "problem"),
    [
        ("", "", "", "verify_record: it names no file"),
        ("", "docs/canary.md", "docs/back.md", ":5: verify_record: it names no file"),
        ("docs/verify.md", "", "", ":7: rollback: neither rollback nor canary_record names a file"),
        ("docs/verfy.md", "", "docs/back.md", "there is no file docs/verfy.md in .*; did you mean docs/verify.md"),
        ("docs/verify.md", "", "docs/gone/x.md", ":7: rollback: there is no file docs/gone/x.md"),
        ("docs/verify.md", "docs/canry.md", "docs/back.md", ":6: canary_record: there is no file"),
        ("docs/empty.md", "", "docs/back.md", "docs/empty.md is empty"),
        ("docs", "", "docs/back.md", "a file of the project was expected, docs is none"),
        ("../outside.md", "", "docs/back.md", "is not inside the project"),
        ("docs/link.md", "", "docs/back.md", "is not inside the project"),
        ("/etc/passwd", "", "docs/back.md", "is not inside the project"),
        (".git/HEAD", "", "docs/back.md", "is not inside the project"),
        ("docs/adr/0001-use-tmux.md", "", "docs/back.md", "is the ADR itself"),
    ],
)
def test_without_records_that_exist_nothing_is_accepted(
    world: World, verify: str, canary: str, rollback: str, problem: str
) -> None:
    id = proposed(world, verify_record=verify, canary_record=canary, rollback=rollback)
    before = world.adrs.get(id).file.read_bytes()
    with pytest.raises(StoreError, match=problem):
        accept(world, id, ANN)
    assert world.adrs.get(id).file.read_bytes() == before
    assert [event.kind for event in world.events.tail(9)] == ["adr.proposed"]


@pytest.mark.parametrize("second", ["canary_record", "rollback"])
def test_a_person_accepts_what_has_its_records(world: World, second: str) -> None:
    id = proposed(world, verify_record="docs/verify.md", **{second: "docs/back.md"})
    adr = accept(world, id, ANN)
    assert adr.status is AdrStatus.ACCEPTED
    (event,) = world.events.tail(1)
    assert (event.kind, event.payload["by"], event.payload[second]) == ("adr.accepted", ANN.who, "docs/back.md")
    with pytest.raises(StoreError, match="is Accepted; only one that is Proposed can become Accepted"):
        accept(world, id, ANN)


def test_who_is_no_person_settles_nothing_and_the_attempt_is_an_event(world: World) -> None:
    id = proposed(world, verify_record="docs/verify.md", rollback="docs/back.md")
    before = world.adrs.get(id).file.read_bytes()
    with pytest.raises(NotAPersonError, match="it was started in web"):
        accept(world, id, AGENT)
    with pytest.raises(NotAPersonError, match="it was started in web"):
        reject(world, id, AGENT)
    with pytest.raises(NotAPersonError, match="it was started in web"):
        supersede(world, id, "2", AGENT)
    assert world.adrs.get(id).file.read_bytes() == before
    refused = world.events.tail(3)
    assert [(event.kind, event.payload["what"]) for event in refused] == [
        ("adr.refused", "accepted"),
        ("adr.refused", "rejected"),
        ("adr.refused", "superseded"),
    ]


def test_a_rejected_record_stays_rejected(world: World) -> None:
    id = proposed(world)
    assert reject(world, id, ANN, reason="too early").status is AdrStatus.REJECTED
    assert world.events.tail(1)[0].payload["reason"] == "too early"
    with pytest.raises(StoreError, match="is Rejected"):
        accept(world, id, ANN)


def test_only_an_accepted_record_takes_the_place_of_an_accepted_one(world: World) -> None:
    old = proposed(world, verify_record="docs/verify.md", rollback="docs/back.md")
    new = proposed(world, verify_record="docs/verify.md", rollback="docs/back.md")
    accept(world, old, ANN)
    for by, problem in (
        (new, "is Proposed, so nothing"),
        (old, "its own place"),
        ("9", "there is no ADR 9"),
    ):
        with pytest.raises(LoopError, match=problem):
            supersede(world, old, by, ANN)
    accept(world, new, ANN)
    adr = supersede(world, old, "2", ANN)
    assert (adr.status, adr.superseded_by) == (AdrStatus.SUPERSEDED, "0002")
    assert "status: Superseded by 0002\n" in adr.file.read_text()
