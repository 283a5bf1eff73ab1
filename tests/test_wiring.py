"""Which project, which session, which server: what was named, what is there, what is usual."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from loop_orchestrator.errors import ConfigError, UsageError
from loop_orchestrator.model.decision import ItemStatus
from loop_orchestrator.stores.decisions import DecisionStore
from loop_orchestrator.stores.segments import Keep
from loop_orchestrator.wiring import Options, Project, find_root, session_name, state_home
from tests.stores.builders import NOON, SayCodec, decision, item
from tests.support.projects import project_at


def test_the_nearest_directory_with_a_config_or_a_private_folder_is_the_project(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    inner = tmp_path / "a/b/c"
    inner.mkdir(parents=True)
    assert find_root(inner) == tmp_path, "the git top level where nothing nearer is"
    (tmp_path / "a/.loop").mkdir()
    assert find_root(inner) == tmp_path / "a"
    (tmp_path / "a/b/lane-config.yaml").touch()
    assert find_root(inner) == tmp_path / "a/b"


def test_a_directory_of_its_own_is_its_own_project(tmp_path: Path) -> None:
    assert find_root(tmp_path) == tmp_path


def test_the_named_project_wins_over_the_environment_and_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("flag", "env", "here"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    env = {"LOOP_PROJECT_ROOT": str(tmp_path / "env")}
    assert Project(Options(project_root="../flag"), env).root.resolve() == tmp_path / "flag"
    assert Project(Options(), env).root == tmp_path / "env"
    assert Project(Options(), {}).root == tmp_path / "here"
    with pytest.raises(UsageError, match="is no directory"):
        _ = Project(Options(project_root="nowhere"), {}).root


def test_the_session_is_the_named_the_only_or_the_one_of_the_projects_name(tmp_path: Path) -> None:
    root = tmp_path / "my.shop"
    root.mkdir()
    options = Options(project_root=str(root))

    def session(given: str | None = None, **env: str) -> str:
        return Project(Options(project_root=str(root), session=given), env).session

    assert session() == "my-shop"
    (root / ".loop/sessions/night").mkdir(parents=True)
    assert session() == "night"
    (root / ".loop/sessions/day").mkdir()
    assert session() == "my-shop"
    assert session(LOOP_SESSION="day") == "day"
    assert session("night", LOOP_SESSION="day") == "night"
    assert Project(options, {}).layout.session == "my-shop"


@pytest.mark.parametrize(
    ("directory", "name"), [("shop", "shop"), ("my.shop:2", "my-shop-2"), ("-x-", "x"), ("日本", "loop")]
)
def test_a_session_name_is_one_that_tmux_takes(directory: str, name: str) -> None:
    assert session_name(directory) == name


def test_the_server_is_the_named_the_environments_the_configs_or_the_own(tmp_path: Path) -> None:
    def socket(given: str | None = None, **env: str) -> str:
        return Project(Options(project_root=str(tmp_path), socket=given), env).socket

    assert socket() == "loop"
    (tmp_path / "lane-config.yaml").write_text("tmux: {socket: own}\n")
    assert socket() == "own"
    assert socket(LOOP_TMUX_SOCKET="env") == "env"
    assert socket("flag", LOOP_TMUX_SOCKET="env") == "flag"


def test_the_connection_to_tmux_can_be_switched_off(tmp_path: Path) -> None:
    options = Options(project_root=str(tmp_path))
    assert Project(options, {"LOOP_CONTROL": "off"}).feed is None
    project = Project(options, {"LOOP_CONTROL": "on"})
    assert project.feed is project.substrate.feed() is project.feed
    with pytest.raises(UsageError, match="LOOP_CONTROL is on or off, not maybe"):
        _ = Project(options, {"LOOP_CONTROL": "maybe"}).feed


def test_the_state_directory_is_the_users(tmp_path: Path) -> None:
    assert state_home({"XDG_STATE_HOME": "/s", "HOME": "/h"}) == Path("/s/loop-orchestrator")
    assert state_home({"XDG_STATE_HOME": "relative", "HOME": "/h"}) == Path("/h/.local/state/loop-orchestrator")


def test_a_harness_that_does_not_exist_is_a_mistake_in_the_config(tmp_path: Path) -> None:
    (tmp_path / "lane-config.yaml").write_text("lanes:\n  web: {harness: cluade}\n")
    with pytest.raises(ConfigError, match=r"lane-config.yaml:2: lanes.web.harness: .*did you mean claude"):
        _ = Project(Options(project_root=str(tmp_path)), {}).harnesses


def test_what_only_looks_goes_on_where_what_acts_refuses_a_broken_harness(tmp_path: Path) -> None:
    broken = tmp_path / ".loop/harnesses/mine.yaml"
    broken.parent.mkdir(parents=True)
    broken.write_text("name: mine\n")
    project = Project(Options(project_root=str(tmp_path)), {})
    assert project.observe_lanes() == ()
    with pytest.raises(ConfigError, match=r"mine\.yaml"):
        _ = project.world


def test_a_directory_that_is_gone_is_named_where_it_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(UsageError, match="is gone"):
        _ = Project(Options(), {}).root
    assert Project(Options(project_root=str(tmp_path)), {}).root == tmp_path


def test_of_the_event_log_is_kept_what_the_config_says_and_what_is_still_needed(project: Path) -> None:
    made = project_at(project, config="engine: {approval: manual}\nlog: {keep_segments: 3, keep_days: 2.5}\n")
    assert made._kept_events() == Keep(segments=3, days=2.5)
    made.routing.save_board(41, ())
    filed = decision("d-1", created_at=NOON)
    DecisionStore(made.layout, SayCodec()).create(filed)
    made.decisions._codec = SayCodec()
    assert made._kept_events() == Keep(segments=3, days=2.5, served=41, needed_since=NOON)
    (made.layout.decisions / "d-2.json").write_text("{")
    assert made._kept_events().served == 0, "what cannot be read may need anything"


def test_the_archive_keeps_as_many_decisions_as_the_config_says(project: Path) -> None:
    made = project_at(project, config="engine: {approval: manual, keep_decisions: 2}\n")
    made.decisions._codec = SayCodec()
    done = (replace(item(), status=ItemStatus.DONE),)
    for name in ("d-1", "d-2", "d-3"):
        made.decisions.create(decision(name, items=done))
        made.decisions.archive(name)
    assert sorted(path.stem for path in made.layout.decisions_archive.glob("*.json")) == ["d-2", "d-3"]


def test_a_config_that_cannot_be_read_leaves_nothing_unredacted_that_says_it_is_a_secret(project: Path) -> None:
    made = project_at(project, config="nonsense: {}\n", environ={"A_TOKEN": "my token value", "OTHER": "other value"})
    assert made.redactor.text("my token value, other value") == "[redacted: A_TOKEN], other value"
