"""Making a project writes what is missing and keeps what is there."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from loop_orchestrator.config.load import load
from loop_orchestrator.operations.init import init_project
from loop_orchestrator.stores.frontmatter import split
from loop_orchestrator.wiring import Project
from tests.support.projects import project_at

NOW = datetime(2026, 11, 21, 1, 15, tzinfo=UTC)


def test_a_new_project_has_everything_and_its_config_is_valid(tmp_path: Path) -> None:
    made = init_project(tmp_path, now=NOW)
    assert all(one.wrote for one in made)
    assert {one.path for one in made} >= {"lane-config.yaml", "AGENTS.md", "tasks/README.md", "ops-wiki/index.md"}
    config = load(tmp_path).config
    assert config.engine is not None
    assert (config.engine.approval.value, config.engine.brain.use, config.lanes) == ("manual", "rules", ())


def test_what_is_there_is_kept_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "AGENTS.md").write_text("mine\n")
    (tmp_path / "lane-config.yaml").write_text("tmux: {socket: own}\n")
    made = {one.path: one.wrote for one in init_project(tmp_path, now=NOW)}
    assert (made["AGENTS.md"], made["lane-config.yaml"], made["tasks/README.md"]) == (False, False, True)
    assert (tmp_path / "AGENTS.md").read_text() == "mine\n"
    assert not any(one.wrote for one in init_project(tmp_path, now=NOW))


def test_git_ignores_the_private_files_which_only_their_owner_may_read(tmp_path: Path) -> None:
    init_project(tmp_path, now=NOW)
    assert (tmp_path / ".loop/.gitignore").read_text() == "*\n"
    assert (tmp_path / ".loop").stat().st_mode & 0o077 == 0
    assert (tmp_path / "AGENTS.md").stat().st_mode & 0o044 == 0o044


def test_the_example_of_a_task_is_a_task(tmp_path: Path) -> None:
    init_project(tmp_path, now=NOW)
    readme = (tmp_path / "tasks/README.md").read_text()
    example = "\n".join(line[4:] for line in readme.splitlines() if line.startswith("    "))
    (tmp_path / "tasks/T0001-a-short-slug.md").write_text(example + "\n")
    assert split(example).data["id"] == "T0001"
    project: Project = project_at(tmp_path)
    assert [task.id for task in project.tasks.all()] == ["T0001"]
    assert project.tasks.problems() == ()
