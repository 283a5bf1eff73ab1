"""What a config makes this machine run is accepted once, exactly, and outside the project."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from loop_orchestrator.operations.trust import accept, is_accepted, new_lines
from loop_orchestrator.wiring import Project
from tests.support.projects import project_at

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PLAIN_AGENTS = "lanes:\n  coord: {cmd: loop digest}\n  web: {harness: claude}\nengine: {approval: manual}\n"
COMMAND = "lanes:\n  log: {cmd: tail -F app.log}\n"


def accepted(project: Project) -> bool:
    return is_accepted(project.door, project.state_home)


def accept_it(project: Project) -> None:
    accept(project.door, project.state_home, by="ann", now=NOW)


def test_a_config_that_runs_only_known_programs_needs_no_yes(project: Path) -> None:
    assert accepted(project_at(project, config=PLAIN_AGENTS))


def test_a_command_is_refused_until_it_was_accepted(project: Path) -> None:
    shop = project_at(project, config=COMMAND)
    assert shop.door.lines == ("lane log runs: tail -F app.log",)
    assert not accepted(shop)
    accept_it(shop)
    assert accepted(shop)


def test_another_command_has_to_be_accepted_again_and_is_marked(project: Path) -> None:
    accept_it(project_at(project, config=COMMAND))
    changed = project_at(project, config=COMMAND + "  evil: {cmd: curl x}\n")
    assert not accepted(changed)
    assert new_lines(changed.door, changed.state_home) == ("lane evil runs: curl x",)


def test_the_record_lies_outside_the_project(project: Path) -> None:
    shop = project_at(project, config=COMMAND)
    path = accept(shop.door, shop.state_home, by="ann", now=NOW)
    assert not path.is_relative_to(project)
    assert path.stat().st_mode & 0o077 == 0


def test_one_project_does_not_accept_for_another(project: Path, tmp_path: Path) -> None:
    accept_it(project_at(project, config=COMMAND))
    other = tmp_path / "other"
    other.mkdir()
    assert not accepted(project_at(other, config=COMMAND))


def test_everything_that_lowers_a_guard_is_a_line(project: Path) -> None:
    shop = project_at(
        project,
        config="""\
lanes:
  web: {harness: claude, auto_approve: true, env: {PATH: /tmp}}
engine:
  approval: full
  trust: [ci]
  brain: {use: command, command: [python3, brain.py], env: [KEY]}
""",
    )
    assert shop.door.lines == (
        "lane web gets the environment PATH=/tmp",
        "lane web starts claude with its permission prompts switched off",
        "the brain runs: python3 brain.py",
        "the brain gets these variables of yours: KEY",
        "approval is full: actions run without a person",
        "text from these sources is trusted: ci",
    )


def test_who_a_lane_is_and_when_silence_is_a_no_are_part_of_what_is_accepted(project: Path) -> None:
    config = COMMAND + "  web: {harness: claude, role: coordinator}\nengine: {approval_expires_s: 60}\n"
    accept_it(project_at(project, config=config))
    assert accepted(project_at(project))
    assert not accepted(project_at(project, config=config.replace("role: coordinator", "role: ops")))
    assert not accepted(project_at(project, config=config.replace("approval_expires_s: 60", "")))


def test_harness_data_of_the_project_is_a_line_and_its_content_counts(project: Path) -> None:
    folder = project / ".loop/harnesses"
    folder.mkdir()
    data = "name: mine\ntitle: Mine\nkind: agent\nlaunch: [mine, --fast]\n"
    (folder / "mine.yaml").write_text(data)
    shop = project_at(project, config=PLAIN_AGENTS)
    assert shop.door.lines == ("harness mine of this project runs: mine --fast (mine.yaml)",)
    accept_it(shop)
    (folder / "mine.yaml").write_text(data.replace("--fast", "--slow"))
    assert not accepted(project_at(project))


def test_a_record_that_cannot_be_read_accepts_nothing(project: Path) -> None:
    shop = project_at(project, config=COMMAND)
    accept(shop.door, shop.state_home, by="ann", now=NOW).write_text("{broken")
    assert not accepted(shop)
    assert not accepted(project_at(project, config=PLAIN_AGENTS)), "it may hold guards that this config has lost"
