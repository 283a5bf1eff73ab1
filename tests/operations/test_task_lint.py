"""What is wrong with task files is found with file, line, key and what was probably meant."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from loop_orchestrator.model.finding import Severity
from loop_orchestrator.operations.init import TASKS_README
from loop_orchestrator.operations.task_lint import SECTIONS, Linted, lint_tasks
from loop_orchestrator.stores.tasks import TaskStore
from tests.stores.builders import layout_of, log_of

ROOT = Path(__file__).parents[2]
BODY = "".join(f"## {name} and more\n\ntext\n\n" for name in SECTIONS)


@pytest.fixture
def folder(project: Path) -> Path:
    path = project / "tasks"
    (path / "archive").mkdir(parents=True)
    return path


def task(folder: Path, name: str, head: str = "", *, body: str = BODY, **changed: str) -> Path:
    keys = {"id": name[:5], "title": "A title", "status": "open", "depends_on": "[]", "role": "docs", **changed}
    head = head or "".join(f"{key}: {value}\n" for key, value in keys.items() if value != "-")
    path = folder / name
    path.write_text(f"---\n{head}---\n{body}")
    return path


def said(linted: Linted, severity: Severity | None = None) -> list[str]:
    return [
        one.sentence.removeprefix(f"{linted.folder}/") for one in linted.findings if severity in (None, one.severity)
    ]


def test_a_good_folder_has_no_findings_even_strictly(folder: Path) -> None:
    task(folder, "T0001-a.md", status="'open'", jira="", loop="L1", scope="web")
    task(folder, "T0002-b.md", depends_on="[T0001]", status='"review"')
    task(folder / "archive", "T0003-c.md", status="done", body="finished")
    (folder / "README.md").write_text("about tasks")
    linted = lint_tasks(folder, strict=True)
    assert (said(linted), linted.files) == ([], 3)


@pytest.mark.parametrize(
    ("name", "changed", "finding"),
    [
        (
            "T1-x.md",
            {},
            ": a task's file is named T0001-<slug>.md, the slug in lower case; did you mean T0001-x.md?",
        ),
        ("T0001-X y.md", {}, "did you mean T0001-x-y.md?"),
        ("T0001-x.txt", {}, "T0001-x.txt: nobody reads it: a task's file is named"),
        ("T0001-x.md", {"head": "id: [\n"}, "T0001-x.md:3: "),
        (
            "T0001-x.md",
            {"id": "T0002"},
            ":2: id: T0002 is not the one of the file's name; did you mean T0001?",
        ),
        ("T0001-x.md", {"title": "-"}, "T0001-x.md:1: title: a text was expected"),
        ("T0001-x.md", {"status": "opne"}, "T0001-x.md:4: status: one of open, "),
        ("T0001-x.md", {"status": "opne"}, "found opne; did you mean open?"),
        ("T0001-x.md", {"depends_on": "soon"}, "T0001-x.md:5: depends_on: a list of task ids was expected, found soon"),
        (
            "T0001-x.md",
            {"depends_on": "[T0099]"},
            ":5: depends_on: T0001 depends on T0099, which does not exist",
        ),
        ("T0001-x.md", {"depends_on": "[T0001]"}, "T0001-x.md:5: depends_on: dependency cycle: T0001 -> T0001"),
        ("T0001-x.md", {"role": "two words"}, "T0001-x.md:6: role: a letter, then letters"),
        (
            "T0001-x.md",
            {"depends_on": "-", "dependson": "[]"},
            ":6: dependson: no such key is known; did you mean depends_on?",
        ),
        ("archive/T0001-x.md", {}, "archive/T0001-x.md:4: status: it is open, but stands in the archive"),
    ],
)
def test_an_error_is_found_with_its_line(folder: Path, name: str, changed: dict[str, str], finding: str) -> None:
    place = folder / name
    task(place.parent, place.name, **{"id": "T0001", **changed})
    task(folder, "T0002-good.md")
    errors = said(lint_tasks(folder), Severity.ERROR)
    assert len(errors) == 1
    assert finding in errors[0]


def test_what_is_a_warning_is_an_error_only_strictly(folder: Path) -> None:
    task(folder, "T0001-a.md", id="-", status="-", depends_on="-", role="-")
    task(folder, "T0002-b.md", role="docz", owner="ann")
    task(folder, "T0003-c.md", status="done")
    task(folder, "T0004-d.md", body="## Objective\n\n```\n## Verification\n```\n## Deliverable\ntext\n")
    task(folder, "T0005-e.md", body="\n")
    linted = lint_tasks(folder)
    assert said(linted) == [
        "T0001-a.md:1: id: left out: id, status, depends_on, role",
        "T0002-b.md:6: role: no lane has the role docz, so nobody is handed it; did you mean docs?",
        "T0002-b.md:7: owner: no such key is known",
        "T0003-c.md:4: status: it is done, so its place is archive/",
        "T0004-d.md:8: no section ## Context you need, ## Deliverables, ## Acceptance criteria, ## Verification, "
        "## Out of scope; did you mean ## Deliverables (for ## Deliverable)?",
        "T0005-e.md:8: the body is empty",
    ]
    assert linted.count(Severity.ERROR) == 0
    assert lint_tasks(folder, strict=True).count(Severity.ERROR) == len(linted.findings)
    assert not any("docz" in one for one in said(lint_tasks(folder, roles=["docz"])))


def test_findings_across_files(folder: Path) -> None:
    task(folder, "T0001-a.md", depends_on="[T0002]")
    task(folder, "T0002-b.md", depends_on="[T0001]")
    task(folder, "T0003-c.md")
    task(folder / "archive", "T0003-d.md", status="done")
    task(folder / "archive", "T0004-e.md", status="dropped")
    task(folder, "T0005-f.md", depends_on="[T0004]")
    task(folder, "T0006-g.md", status="wrong")
    task(folder, "T0007-h.md", depends_on="[T0006]")
    assert said(lint_tasks(folder)) == [
        "T0001-a.md:5: depends_on: dependency cycle: T0001 -> T0002 -> T0001",
        f"T0003-c.md: id: T0003 stands twice, also in {folder}/archive/T0003-d.md",
        f"archive/T0003-d.md: id: T0003 stands twice, also in {folder}/T0003-c.md",
        "T0005-f.md:5: depends_on: T0004 was dropped, so T0005 is never ready",
        "T0006-g.md:4: status: one of open, in-progress, review, done, dropped was expected, found wrong",
    ]


def test_every_finding_of_one_file_is_named(folder: Path) -> None:
    task(folder, "T0001-a.md", title="[x]", status="opne", depends_on="7", role="[a]")
    assert [one.key for one in lint_tasks(folder).findings] == ["title", "status", "depends_on", "role"]


def test_what_the_lint_calls_an_error_is_what_the_store_cannot_read(folder: Path, project: Path) -> None:
    task(folder, "T0001-a.md", status="opne")
    store = TaskStore(layout_of(project), log_of(project))
    assert store.problems() == tuple(one.sentence for one in lint_tasks(folder).findings)


@pytest.mark.parametrize("path", ["tasks", *(str(one.relative_to(ROOT)) for one in ROOT.glob("examples/*/tasks"))])
def test_the_tasks_of_this_repository_pass(path: str) -> None:
    linted = lint_tasks(ROOT / path, strict=path == "tasks")
    assert linted.files
    assert said(linted, Severity.ERROR) == []


def test_what_the_page_about_tasks_shows_is_a_task(folder: Path) -> None:
    assert (ROOT / "tasks/README.md").read_text() == TASKS_README
    shown = [line[4:] for line in TASKS_README.splitlines() if line.startswith("    ")]
    (folder / "T0001-a-short-slug.md").write_text("\n".join(shown) + "\n")
    assert said(lint_tasks(folder), Severity.ERROR) == []
    assert [one for one in SECTIONS if f"`## {one}`" not in TASKS_README.replace("\n", " ")] == []


def test_what_looks_like_a_task_and_is_read_by_nobody_is_named(folder: Path) -> None:
    (folder / "T0002-folder.md").mkdir()
    os.mkfifo(folder / "T0003-pipe.md")
    (folder / "T0004-away.md").symlink_to("nowhere")
    (folder / "later").mkdir()
    task(folder, "T0005-hidden.md").rename(folder / "later" / "T0005-hidden.md")
    (folder / "pictures").mkdir()
    (folder / "notes").symlink_to("nowhere")
    linted = lint_tasks(folder)
    assert said(linted, Severity.ERROR) == [
        "T0002-folder.md: it is a directory, and nobody reads it: a task is a file",
        "T0003-pipe.md: it is a pipe, and nobody reads it: a task is a file",
        "T0004-away.md: it is a link that leads to no file, and nobody reads it: a task is a file",
        "later/T0005-hidden.md: nobody reads tasks in later/: move it up, or into archive/ when it is done",
    ]
    assert linted.files == 0


def test_a_task_that_is_a_link_to_a_file_is_read(folder: Path, project: Path) -> None:
    written = task(folder, "T0001-a.md").rename(project / "a.md")
    (folder / "T0001-a.md").symlink_to(written)
    linted = lint_tasks(folder)
    assert (linted.files, said(linted)) == (1, [])


def test_a_section_that_says_nothing_and_a_fence_that_swallows_the_rest_are_warnings(folder: Path) -> None:
    body = BODY.replace("text\n", "", 1).replace(
        "## Context you need and more\n\ntext", "## Context you need\n\n### Files\n\na"
    )
    task(folder, "T0001-a.md", body=body + "\n```sh\nmake check\n")
    assert said(lint_tasks(folder), Severity.WARNING) == [
        "T0001-a.md:8: the section ## Objective and more is empty",
        f"T0001-a.md:{8 + body.count(chr(10)) + 1}: the fence ```sh is never closed: all that follows is code",
    ]


def test_an_id_is_suggested_only_where_its_digits_are_the_same(folder: Path) -> None:
    task(folder, "T0012-a.md", depends_on="[T0031]")
    task(folder, "T0013-b.md", depends_on="[T0021]")
    assert said(lint_tasks(folder), Severity.ERROR) == [
        "T0012-a.md:5: depends_on: T0012 depends on T0031, which does not exist; did you mean T0013?",
        "T0013-b.md:5: depends_on: T0013 depends on T0021, which does not exist; did you mean T0012?",
    ]
    task(folder, "T0013-b.md", depends_on="[T0014]")
    assert said(lint_tasks(folder), Severity.ERROR)[1].endswith("T0014, which does not exist")
