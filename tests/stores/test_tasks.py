"""Tasks are the person's files: one value changes, every other byte stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from loop_orchestrator.errors import StoreError
from loop_orchestrator.model.task import TASK_MOVES, Assignment, TaskStatus
from loop_orchestrator.stores import listing
from loop_orchestrator.stores import tasks as tasks_module
from loop_orchestrator.stores.eventlog import EventLog
from loop_orchestrator.stores.layout import Layout
from loop_orchestrator.stores.tasks import TaskStore
from tests.stores.builders import NOON, layout_of, log_of
from tests.stores.forks import in_processes, killed_at_every_write

FULL = """---
id: T0001
title: "Build: the door"   # quoted
status:   open   # by ann
depends_on: [T0002, T0003]
loop: L1
role: validation
scope: |
  status: not this one
---

# Door

status: nor this one
---
"""


@pytest.fixture
def layout(project: Path) -> Layout:
    return layout_of(project)


@pytest.fixture
def events(project: Path) -> EventLog:
    return log_of(project)


@pytest.fixture
def store(layout: Layout, events: EventLog) -> TaskStore:
    return TaskStore(layout, events)


def write(layout: Layout, name: str, text: str = "", *, status: str = "open", archived: bool = False) -> Path:
    folder = layout.tasks_archive if archived else layout.tasks_dir
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes((text or f"---\nid: {name[:5]}\ntitle: A title\nstatus: {status}\n---\nbody\n").encode())
    return path


def assignment(task: str = "T0001", op: str = "d-1-0", *, purpose: str = "work") -> Assignment:
    return Assignment(task=task, lane="web", op=op, at=NOON, purpose=purpose)


def test_a_task_is_read_with_everything_in_it(store: TaskStore, layout: Layout) -> None:
    path = write(layout, "T0001-door.md", FULL)
    [task] = store.all()
    assert (task.id, task.title, task.status) == ("T0001", "Build: the door", TaskStatus.OPEN)
    assert (task.depends_on, task.role, task.file) == (("T0002", "T0003"), "validation", path)
    assert task.body == FULL.split("---\n", 2)[2]
    assert store.get("T0001") == task


def test_what_a_task_leaves_out_has_a_default(store: TaskStore, layout: Layout) -> None:
    write(layout, "T0001-door.md", "---\ntitle: x\ndepends_on:\nrole:\n---\n")
    [task] = store.all()
    assert (task.status, task.depends_on, task.role) == (TaskStatus.OPEN, (), "implementation")


def test_tasks_come_in_id_order_with_the_archived_ones(store: TaskStore, layout: Layout) -> None:
    assert store.all() == ()
    write(layout, "T0003-c.md")
    write(layout, "T0001-z.md")
    write(layout, "T0002-a.md", status="done", archived=True)
    assert [task.id for task in store.all()] == ["T0001", "T0002", "T0003"]


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("T1-x.md", "", ": a task's file is named T0001-<slug>.md, the slug in lower case; did you mean T0001-x.md?"),
        ("T0001-X.md", "", ": a task's file is named"),
        ("T0001-x.md", "nothing", ":1: no front matter"),
        ("T0001-x.md", "---\ntitle: [\n---\n", ":3: "),
        ("T0001-x.md", "---\nid: T0002\ntitle: x\n---\n", ":2: id: T0002 is not the one of the file's name"),
        ("T0001-x.md", "---\nstatus: open\n---\n", ":1: title: a text was expected"),
        ("T0001-x.md", "---\ntitle: x\nstatus: finished\n---\n", ":3: status: one of open, in-progress"),
        ("T0001-x.md", "---\ntitle: x\ndepends_on: [1]\n---\n", ":3: depends_on: a list of task ids"),
        ("T0001-x.md", "---\ntitle: x\ndepends_on: soon\n---\n", ":3: depends_on: a list of task ids"),
        ("T0001-x.md", "---\ntitle: x\nrole: two words\n---\n", ":3: role: a letter, then letters"),
        ("T0001-x.md", "---\ntitle: x\nrole: [a]\n---\n", ":3: role: a text was expected"),
    ],
)
def test_a_file_that_is_no_task_is_named_and_hides_no_other(
    store: TaskStore, layout: Layout, name: str, text: str, problem: str
) -> None:
    path = write(layout, name, text)
    write(layout, "T0009-good.md")
    write(layout, "README.md", "about tasks")
    assert [task.id for task in store.all()] == ["T0009"]
    [found] = store.problems()
    assert found.startswith(f"{path}{problem}")


def test_a_file_that_is_no_text_is_named(store: TaskStore, layout: Layout) -> None:
    write(layout, "T0001-x.md").write_bytes(b"\xff")
    assert "T0001-x.md: byte 1 is no UTF-8" in store.problems()[0]


def test_an_id_that_stands_twice_is_nobodys(store: TaskStore, layout: Layout) -> None:
    write(layout, "T0001-a.md")
    write(layout, "T0001-b.md", status="done", archived=True)
    assert store.all() == ()
    assert "T0001 stands twice" in store.problems()[0]
    with pytest.raises(StoreError, match=r"there is no task T0001: .*stands twice"):
        store.get("T0001")


def test_an_archived_task_that_is_not_finished_is_a_problem(store: TaskStore, layout: Layout) -> None:
    write(layout, "T0001-a.md", archived=True)
    assert store.all() == ()
    assert "it is open, but stands in the archive" in store.problems()[0]


def test_a_changed_file_is_read_again(store: TaskStore, layout: Layout) -> None:
    write(layout, "T0001-a.md")
    assert store.get("T0001").status is TaskStatus.OPEN
    write(layout, "T0001-a.md", status="review")
    assert store.get("T0001").status is TaskStatus.REVIEW


def test_a_file_is_read_once_as_long_as_it_stays_as_it_is(
    store: TaskStore, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(layout, "T0001-a.md")
    monkeypatch.setattr(listing, "SETTLED_NS", 0)
    first = store.all()
    with monkeypatch.context() as patch:
        patch.setattr(tasks_module, "read_task_file", None)
        assert store.all() == first
    path.write_text(path.read_text().replace("status: open", "status: done"))
    assert [task.status for task in store.all()] == [TaskStatus.DONE]


@pytest.mark.parametrize("text", [FULL, FULL.replace("\n", "\r\n"), "\ufeff" + FULL])
def test_a_move_changes_the_status_and_no_other_byte(store: TaskStore, layout: Layout, text: str) -> None:
    path = write(layout, "T0001-door.md", text)
    path.chmod(0o644)
    moved = store.move("T0001", TaskStatus.REVIEW, "web", "engine")
    assert moved == store.get("T0001")
    assert moved.status is TaskStatus.REVIEW
    assert path.read_bytes() == text.replace("status:   open   # by ann", "status: review   # by ann").encode()
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_move_is_an_event(store: TaskStore, layout: Layout, events: EventLog) -> None:
    write(layout, "T0001-a.md")
    store.move("T0001", TaskStatus.REVIEW, "web", "engine")
    [event] = events.tail(9)
    assert (event.kind, event.source) == ("task.moved", "engine")
    assert dict(event.payload) == {"task": "T0001", "was": "open", "now": "review", "by": "web"}


def test_a_task_without_a_status_line_gets_one(store: TaskStore, layout: Layout) -> None:
    path = write(layout, "T0001-a.md", "---\ntitle: x\n---\n---\nbody")
    store.move("T0001", TaskStatus.REVIEW, "web", "engine")
    assert path.read_text() == "---\ntitle: x\nstatus: review\n---\n---\nbody"


@pytest.mark.parametrize(
    "line", ["status:\n  open", '"status": open', "status: &a open\nscope: *a", "{status: open, a: b}"]
)
def test_a_status_that_is_not_on_one_line_is_left_alone(store: TaskStore, layout: Layout, line: str) -> None:
    text = f"---\n{line}\n---\n" if line.startswith("{") else f"---\ntitle: x\n{line}\n---\n"
    path = write(layout, "T0001-a.md", text.replace("a: b", "title: x"))
    before = path.read_bytes()
    with pytest.raises(StoreError, match="T0001"):
        store.move("T0001", TaskStatus.REVIEW, "web", "engine")
    assert path.read_bytes() == before


def test_a_task_whose_status_cannot_be_changed_is_a_problem_before_it_is_handed_over(
    store: TaskStore, layout: Layout
) -> None:
    write(layout, "T0001-a.md", "---\ntitle: x\nstatus:\n  open\n---\n")
    write(layout, "T0002-b.md", "---\ntitle: x\nstatus: 'open' # now\n---\nstatus: open\n")
    write(layout, "T0003-c.md", "---\ntitle: x\n---\n")
    assert [task.id for task in store.all()] == ["T0002", "T0003"]
    (problem,) = store.problems()
    assert "T0001-a.md:3: status: it must stand on a line of its own" in problem


@pytest.mark.parametrize("was", list(TaskStatus))
@pytest.mark.parametrize("to", list(TaskStatus))
def test_a_task_moves_by_the_table(
    store: TaskStore, layout: Layout, events: EventLog, was: TaskStatus, to: TaskStatus
) -> None:
    finished = (TaskStatus.DONE, TaskStatus.DROPPED)
    write(layout, "T0001-a.md", status=was.value, archived=was in finished)
    if to not in TASK_MOVES[was]:
        with pytest.raises(StoreError, match=f"task T0001 is {was.value}; it cannot become {to.value}"):
            store.move("T0001", to, "ann", "person")
        assert events.tail(9) == ()
        return
    moved = store.move("T0001", to, "ann", "person")
    assert moved.file.parent == (layout.tasks_archive if to in finished else layout.tasks_dir)
    assert store.all() == (moved,)
    assert store.problems() == ()


def test_a_finished_task_replaces_no_archived_file(store: TaskStore, layout: Layout) -> None:
    write(layout, "T0001-a.md", status="review")
    write(layout, "T0001-a.md", "old notes", archived=True)
    with pytest.raises(StoreError, match="exists"):
        store.move("T0001", TaskStatus.DONE, "ann", "person")
    assert (layout.tasks_archive / "T0001-a.md").read_text() == "old notes"
    assert store.get("T0001").status is TaskStatus.REVIEW


@pytest.mark.parametrize(("was", "to"), [(TaskStatus.REVIEW, TaskStatus.DONE), (TaskStatus.DONE, TaskStatus.OPEN)])
def test_a_process_killed_at_any_write_leaves_one_readable_task(
    store: TaskStore, layout: Layout, was: TaskStatus, to: TaskStatus
) -> None:
    archived = was is TaskStatus.DONE
    write(layout, "T0001-a.md", status=was.value, archived=archived)

    def check() -> None:
        assert store.problems() == ()
        [task] = store.all()
        assert task.status in (was, to)
        task.file.unlink()
        write(layout, "T0001-a.md", status=was.value, archived=archived)

    assert killed_at_every_write(lambda: store.move("T0001", to, "ann", "person"), check) >= 6


def test_an_assignment_is_an_event_and_then_on_record(store: TaskStore, events: EventLog) -> None:
    assert store.assignments() == ()
    store.assign(assignment())
    store.assign(assignment())
    store.assign(assignment(op="d-2-0", purpose="prove"))
    assert store.assignments() == (assignment(), assignment(op="d-2-0", purpose="prove"))
    assert [event.kind for event in events.tail(9)] == ["task.assigned", "task.assigned"]
    assert dict(events.tail(9)[0].payload) == {"task": "T0001", "lane": "web", "op": "d-1-0", "purpose": "work"}


def test_a_hand_over_that_did_not_happen_is_taken_back_with_an_event(store: TaskStore, events: EventLog) -> None:
    store.assign(assignment())
    store.assign(assignment(op="d-2-0"))
    for _ in range(2):
        store.unassign("T0001", "d-1-0")
    assert store.assignments() == (assignment(op="d-2-0"),)
    assert [event.kind for event in events.tail(1)] == ["task.unassigned"]
    assert len(events.tail(9)) == 3


def test_an_answered_assignment_ends_without_an_event(store: TaskStore, events: EventLog) -> None:
    store.assign(assignment())
    store.unassign("T0001", "d-1-0", answered=True)
    assert store.assignments() == ()
    assert [event.kind for event in events.tail(9)] == ["task.assigned"]


@pytest.mark.parametrize(
    ("to", "stays"), [(TaskStatus.REVIEW, True), (TaskStatus.OPEN, False), (TaskStatus.DROPPED, False)]
)
def test_a_task_that_nobody_is_to_work_on_is_assigned_to_nobody(
    store: TaskStore, layout: Layout, to: TaskStatus, stays: bool
) -> None:
    write(layout, "T0001-a.md", status="in-progress")
    store.assign(assignment())
    store.assign(assignment("T0002", "d-2-0"))
    store.move("T0001", to, "ann", "person")
    assert [one.task for one in store.assignments()] == (["T0001", "T0002"] if stays else ["T0002"])


def test_no_assignment_of_many_processes_is_lost(store: TaskStore) -> None:
    in_processes(8, lambda number: store.assign(assignment(op=f"d-{number}-0")))
    assert len(store.assignments()) == 8
