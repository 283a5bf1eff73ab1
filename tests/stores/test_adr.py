"""ADRs are the project's files: numbers are given once, two values change and every other byte stays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from loop_orchestrator.errors import LoopError, StoreError, UsageError
from loop_orchestrator.ids import sha256_text
from loop_orchestrator.model.adr import ADR_MOVES, Adr, AdrStatus, number_in, slug_of, title_in
from loop_orchestrator.model.event import EVENT_KINDS
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.stores.adr import AdrStore
from loop_orchestrator.stores.eventlog import EventLog
from tests.stores.builders import log_of
from tests.stores.forks import in_processes, killed_at_every_write
from tests.support.clocks import SteppedClock

FULL = """---
status:   "proposed"   # by ann
date: 2020-01-31
deciders: [ann, coord]
verify_record: docs/verify.md
canary_record:
rollback: docs/back.md
tags: |
  status: Proposed
---

# 1. Use tmux

status: Proposed
date: never
---
"""


@pytest.fixture
def folder(project: Path) -> Path:
    path = project / "docs" / "adr"
    path.mkdir(parents=True)
    return path


@pytest.fixture
def events(project: Path) -> EventLog:
    return log_of(project)


@pytest.fixture
def store(folder: Path, events: EventLog) -> AdrStore:
    return AdrStore(folder, SteppedClock(), events)


def settled(store: AdrStore, to: AdrStatus) -> Adr:
    """ADR 1 with another status, by ann, with every field that its event has."""
    kind = f"adr.{to.value.lower()}"
    names = EVENT_KINDS[kind].fields if kind in EVENT_KINDS else ()
    fields: dict[str, JsonValue] = {name: "ann" for name in names if name not in ("adr", "file", "sha256")}
    return store.settle("1", to, lambda _: fields)


def text(today: str) -> str:
    return f"---\nstatus: Proposed\ndate: {today}\n---\n# Title\n"


def written(folder: Path, name: str = "0001-a.md", *, status: str = "Proposed", text: str = "") -> Path:
    path = folder / name
    path.write_bytes((text or f"---\nstatus: {status}\ndate: 2020-01-31\n---\n# A title\n").encode())
    return path


def test_a_record_is_read_with_everything_in_it(store: AdrStore, folder: Path) -> None:
    path = written(folder, text=FULL)
    (adr,) = store.all()
    assert (adr.id, adr.title, adr.status, adr.date) == ("0001", "Use tmux", AdrStatus.PROPOSED, "2020-01-31")
    assert (adr.deciders, adr.verify_record, adr.canary_record, adr.rollback) == (
        "ann, coord",
        "docs/verify.md",
        "",
        "docs/back.md",
    )
    assert (adr.file, store.problems()) == (path, ())
    for name in ("1", "0001", "ADR-1", "adr 0001", "0001-a.md", str(path)):
        assert store.get(name) == adr


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("0001_use_tmux.md", FULL, ": an ADR's file is named 0001-<slug>.md; did you mean 0001-use-tmux.md?"),
        ("0001-a.md", "# Title\n", ":1: no front matter: the first line is not ---"),
        ("0001-a.md", "---\nstatus: Proposed\n", ":2: the front matter has no closing"),
        ("0001-a.md", "---\ndate: x\nstatus: [\n---\n", ":4: "),
        ("0001-a.md", "---\ndate: x\nstatus: Propsed\n---\n", ":3: status: one of Proposed, "),
        ("0001-a.md", "---\ndate: x\nstatus: Propsed\n---\n", "found Propsed; did you mean Proposed?"),
        ("0001-a.md", "---\ndate: x\n---\n", ":1: status: one of Proposed, Accepted"),
        ("0001-a.md", "---\nstatus: Proposed\nrollback: {a: b}\n---\n", ":3: rollback: a text was expected"),
        ("0001-a.md", "---\nid: ADR-7\nstatus: Proposed\n---\n", ":2: id: ADR-7 is not the one of the file's name"),
    ],
)
def test_a_file_that_is_no_record_is_named_and_hides_no_other(
    store: AdrStore, folder: Path, name: str, text: str, problem: str
) -> None:
    path = written(folder, name, text=text)
    written(folder, "0009-good.md")
    written(folder, "README.md", text="about records")
    written(folder, "template.md", text="a template")
    assert [adr.id for adr in store.all()] == ["0009"]
    (found,) = store.problems()
    assert found.sentence.startswith(str(path))
    assert problem in found.sentence
    with pytest.raises(StoreError) as raised:
        store.get("1")
    assert problem in raised.value.message


def test_what_is_no_text_is_named(store: AdrStore, folder: Path) -> None:
    written(folder).write_bytes(b"\xff")
    assert store.problems()[0].sentence == f"{folder}/0001-a.md: byte 1 is no UTF-8"


def test_a_number_that_stands_twice_is_nobodys(store: AdrStore, folder: Path) -> None:
    written(folder, "0001-a.md")
    written(folder, "0001-b.md")
    assert store.all() == ()
    assert [one.message[-9:] for one in store.problems()] == ["0001-b.md", "0001-a.md"]
    with pytest.raises(StoreError, match="another file has the number 0001"):
        store.get("1")
    assert store.propose("Next", text, by="ann", source="cli").id == "0002"


def test_what_is_not_there_is_said_with_what_is_near(store: AdrStore, folder: Path) -> None:
    assert store.all() == ()
    written(folder, "0012-a.md")
    with pytest.raises(UsageError, match=r"there is no ADR 0013 in .*; did you mean 0012"):
        store.get("0013")
    with pytest.raises(UsageError, match="there is no ADR tmux"):
        store.get("tmux")


def test_many_that_write_at_once_get_a_number_each(store: AdrStore, folder: Path, events: EventLog) -> None:
    def work(number: int) -> None:
        store.propose("The same title", text, by="ann", source="cli")

    in_processes(12, work)
    assert [adr.id for adr in store.all()] == [f"{number:04d}" for number in range(1, 13)]
    assert store.problems() == ()
    assert sorted(str(event.payload["adr"]) for event in events.tail(20)) == [adr.id for adr in store.all()]


def test_the_next_number_is_after_every_file_that_has_one(store: AdrStore, folder: Path) -> None:
    written(folder, "0041_broken.md", text="nothing")
    assert store.propose("x", text, by="ann", source="cli").id == "0042"
    written(folder, "9999-last.md")
    with pytest.raises(StoreError, match="no number after it"):
        store.propose("x", text, by="ann", source="cli")


@pytest.mark.parametrize("full", [FULL, FULL.replace("\n", "\r\n"), "\ufeff" + FULL])
def test_settling_changes_two_values_and_no_other_byte(
    store: AdrStore, folder: Path, events: EventLog, full: str
) -> None:
    path = written(folder, text=full)
    path.chmod(0o640)
    adr = settled(store, AdrStatus.ACCEPTED)
    today = SteppedClock().now().astimezone().date().isoformat()
    expected = full.replace('status:   "proposed"   # by ann', "status: Accepted   # by ann", 1)
    expected = expected.replace("date: 2020-01-31", f"date: {today}", 1)
    assert path.read_bytes() == expected.encode()
    assert path.stat().st_mode & 0o777 == 0o640
    assert adr == store.get("1")
    (event,) = events.tail(9)
    assert (event.kind, event.source, event.payload["sha256"]) == ("adr.accepted", "person", sha256_text(expected))


def test_a_missing_date_gets_a_line(store: AdrStore, folder: Path) -> None:
    path = written(folder, text="---\r\nstatus: Proposed\r\n---\r\nbody")
    settled(store, AdrStatus.REJECTED)
    today = SteppedClock().now().astimezone().date().isoformat()
    assert path.read_bytes().decode() == f"---\r\nstatus: Rejected\r\ndate: {today}\r\n---\r\nbody"


@pytest.mark.parametrize("head", ["status:\n  Proposed", '"status": Proposed', "status: &a Proposed\ntags: *a"])
def test_a_file_whose_lines_cannot_be_changed_is_left_alone(
    store: AdrStore, folder: Path, events: EventLog, head: str
) -> None:
    path = written(folder, text=f"---\n{head}\ndate: x\n---\n")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="cannot be changed"):
        settled(store, AdrStatus.ACCEPTED)
    assert (path.read_bytes(), events.tail(9)) == (before, ())


@pytest.mark.parametrize("was", list(AdrStatus))
@pytest.mark.parametrize("to", list(AdrStatus))
def test_a_record_moves_by_the_table(store: AdrStore, folder: Path, was: AdrStatus, to: AdrStatus) -> None:
    path = written(folder, status=was.value)
    before = path.read_bytes()
    if to in ADR_MOVES[was]:
        assert settled(store, to).status is to
        return
    with pytest.raises(StoreError, match=rf"0001-a.md:2: status: ADR 0001 is {was.value}"):
        settled(store, to)
    assert path.read_bytes() == before


def test_who_refuses_changes_nothing(store: AdrStore, folder: Path, events: EventLog) -> None:
    path = written(folder)
    before = path.read_bytes()

    def refuse(adr: Adr) -> Mapping[str, JsonValue]:
        raise LoopError("no")

    with pytest.raises(LoopError, match="no"):
        store.settle("1", AdrStatus.ACCEPTED, refuse)
    assert (path.read_bytes(), events.tail(9)) == (before, ())


def test_a_process_killed_at_any_write_leaves_a_record_whose_acceptance_is_on_record(
    store: AdrStore, folder: Path, events: EventLog
) -> None:
    path = written(folder)

    def check() -> None:
        (adr,) = store.all()
        kinds = [event.kind for event in events.since(0)]
        assert adr.status is AdrStatus.PROPOSED or kinds
        if adr.status is AdrStatus.PROPOSED and kinds:
            assert settled(store, AdrStatus.ACCEPTED).status is AdrStatus.ACCEPTED
            assert [event.kind for event in events.since(0)] == kinds  # said once
        path.unlink()
        written(folder)

    assert killed_at_every_write(lambda: settled(store, AdrStatus.ACCEPTED), check) >= 5


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Use tmux 3.6", "use-tmux-3-6"),
        ("Größe: Ähre!", "grosse-ahre"),
        ("日本", "decision"),
        ("x" * 90, "x" * 60),
        ("word " * 30, "-".join(["word"] * 12)),
    ],
)
def test_a_title_becomes_a_name(title: str, slug: str) -> None:
    assert slug_of(title) == slug


def test_numbers_and_titles_are_found() -> None:
    assert [number_in(one) for one in ("7", "ADR-0007", "0007-x.md", "x", "12345", "")] == ["0007"] * 3 + [""] * 3
    assert title_in("# ADR-7: Use C#\n", "0007") == "Use C#"
    assert title_in("# 2024: plan ##\n", "0007") == "2024: plan"
    assert title_in("no heading", "0007") == ""
