"""Which lanes a session is to have."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from loop_orchestrator.config.schema import Config, LaneConfig
from loop_orchestrator.errors import UsageError
from loop_orchestrator.harnesses.detect import Found
from loop_orchestrator.model.harness import Dialog, HarnessKind, HarnessSpec
from loop_orchestrator.operations.plan import Asked, Plan, plan_lanes, preset_names

HARNESSES = {
    name: HarnessSpec(name=name, title=name, kind=kind)
    for name, kind in {
        "claude": HarnessKind.AGENT,
        "rehearsal": HarnessKind.AGENT,
        "shell": HarnessKind.SHELL,
        "llm": HarnessKind.BRAIN,
    }.items()
}
HARNESSES["claude"] = replace(
    HARNESSES["claude"],
    launch=("claude",),
    auto_approve_argv=("--yolo",),
    dialogs=(Dialog(name="trust", asks="whether", all=(re.compile("x"),)),),
)


def planned(root: Path, *lanes: LaneConfig, preset: str = "", found: tuple[Found, ...] = ()) -> Plan:
    return plan_lanes(Config(lanes=lanes), root, HARNESSES, preset=preset, found=found)


def runs(plan: Plan) -> dict[str, str]:
    return {spec.name: spec.harness or spec.cmd for spec in plan.lanes}


def test_declared_lanes_are_the_plan(tmp_path: Path) -> None:
    plan = planned(tmp_path, LaneConfig(name="web", harness="claude"), LaneConfig(name="log", cmd="tail -F x"))
    assert runs(plan) == {"web": "claude", "log": "tail -F x"}
    assert plan.source == "the config declares 2 lanes"


def test_a_preset_fills_what_the_config_does_not_declare(tmp_path: Path) -> None:
    plan = planned(tmp_path, LaneConfig(name="web", harness="shell"), preset="all-claude")
    assert runs(plan)["web"] == "shell"
    assert runs(plan)["infra"] == "claude"
    assert runs(plan)["docs"] == "claude", "the engine hands documentation to this lane"
    assert len(plan.lanes) == 8


def test_only_presets_whose_harness_exists_are_offered(tmp_path: Path) -> None:
    assert preset_names(HARNESSES) == ("all-claude", "monitor", "rehearsal", "validation-only")
    with pytest.raises(UsageError, match="there is no preset all-claud; did you mean all-claude"):
        planned(tmp_path, preset="all-claud")


def test_without_lanes_each_agent_that_is_logged_in_gets_one(tmp_path: Path) -> None:
    plan = planned(tmp_path, found=(Found(HARNESSES["claude"], ok=True, reason="on PATH"),))
    assert runs(plan) == {"coord": "loop digest", "claude": "claude"}
    assert plan.lanes[1].role == "implementation"
    assert "claude" in plan.source


def test_without_lanes_and_agents_the_rehearsal_layout_is_planned_and_says_why(tmp_path: Path) -> None:
    plan = planned(tmp_path, found=(Found(HARNESSES["claude"], ok=False, reason="claude is not on PATH"),))
    assert [spec.name for spec in plan.lanes if spec.harness == "rehearsal"] == [
        "web",
        "infra",
        "validate-left",
        "docs",
    ]
    assert [spec.name for spec in plan.lanes if spec.harness == "shell"] == ["validate-right", "ops-top", "ops-bottom"]
    assert len({spec.window for spec in plan.lanes}) == 6
    assert "claude is not on PATH" in plan.source


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"lane web cannot start in .*/nowhere"):
        planned(tmp_path, LaneConfig(name="web", harness="shell", repo="nowhere"))


def asked(root: Path, *lanes: LaneConfig, preset: str = "", **said: object) -> Plan:
    return plan_lanes(
        Config(lanes=lanes),
        root,
        HARNESSES,
        preset=preset,
        found=(),
        asked=Asked(**said),  # type: ignore[arg-type]
    )


def test_a_preset_gives_way_to_a_command_and_that_to_a_lane_of_the_config_as_a_whole(tmp_path: Path) -> None:
    plan = asked(
        tmp_path,
        LaneConfig(name="web", harness="shell"),
        preset="all-claude",
        cmds={"web": "make serve", "infra": "make plan", "ops-top": "top"},
        health_cmd="curl localhost",
        log_cmd="tail -F log",
        validate_cmd="make check",
    )
    assert runs(plan) == {
        "coord": "loop digest",
        "web": "shell",
        "infra": "make plan",
        "validate-left": "make check",
        "validate-right": "shell",
        "ops-top": "top",
        "ops-bottom": "tail -F log",
        "docs": "claude",
    }
    assert plan.source == "preset all-claude under the command line and 1 lane of the config"
    assert plan.notes == ("lane web runs what the config declares; the command given for it is not used",)
    assert "web" not in plan.asked_for


def test_a_command_alone_lays_out_the_default_lanes_and_beside_a_config_it_adds_one(tmp_path: Path) -> None:
    alone = asked(tmp_path, cmds={"web": "make serve"})
    assert runs(alone)["web"] == "make serve"
    assert runs(alone)["coord"] == "loop digest"
    assert len(alone.lanes) == 8
    beside = asked(tmp_path, LaneConfig(name="log", cmd="tail -F x"), cmds={"web": "make serve"})
    assert runs(beside) == {"web": "make serve", "log": "tail -F x"}
    assert beside.source == "the config declares 1 lane; web by the command line"


def test_a_command_that_just_starts_an_agent_is_a_lane_of_that_agent(tmp_path: Path) -> None:
    plan = asked(tmp_path, cmds={"web": "claude", "infra": "claude --yolo", "docs": "claude --resume"})
    by_name = {spec.name: spec for spec in plan.lanes}
    assert (by_name["web"].harness, by_name["web"].auto_approve) == ("claude", False)
    assert (by_name["infra"].harness, by_name["infra"].auto_approve) == ("claude", True)
    assert by_name["docs"].cmd == "claude --resume"
    assert "lane docs runs claude with options of its own" in plan.notes[0]
    with pytest.raises(UsageError, match="--web-cmd: No closing quotation"):
        asked(tmp_path, cmds={"web": "echo 'x"})


def test_the_presets_without_agents_say_what_they_have_nothing_for(tmp_path: Path) -> None:
    only = asked(tmp_path, preset="validation-only", validate_cmd="make check")
    assert runs(only)["validate-left"] == "make check"
    assert runs(only)["coord"] == "shell"
    assert only.notes == ()
    monitor = asked(tmp_path, preset="monitor", log_cmd="tail -F log")
    assert runs(monitor)["coord"] == "loop digest"
    assert runs(monitor)["ops-bottom"] == "tail -F log"
    assert monitor.notes == ("lane ops-top is a shell: preset monitor runs there what --gateway-health-cmd says",)


def test_pi_and_claude_share_a_preset_where_both_exist(tmp_path: Path) -> None:
    both = {**HARNESSES, "pi": HarnessSpec(name="pi", title="pi", kind=HarnessKind.AGENT)}
    plan = plan_lanes(Config(), tmp_path, both, preset="pi-claude", found=())
    assert {name: runs(plan)[name] for name in ("web", "infra", "docs")} == {
        "web": "pi",
        "infra": "claude",
        "docs": "pi",
    }
    with pytest.raises(UsageError, match="there is no preset pi-claude"):
        planned(tmp_path, preset="pi-claude")


def test_two_repositories_and_worktrees_are_where_their_lanes_start(tmp_path: Path) -> None:
    for name in ("infra", "tree", "own"):
        (tmp_path / name).mkdir()
    plan = asked(
        tmp_path,
        LaneConfig(name="validate-left", harness="shell", repo="own"),
        preset="monitor",
        infra_root=tmp_path / "infra",
        worktree_web=tmp_path / "tree",
    )
    places = {spec.name: spec.cwd.name for spec in plan.lanes if spec.cwd != tmp_path}
    assert places == {"web": "tree", "validate-right": "tree", "validate-left": "own", "infra": "infra"}
    assert plan.web_root == tmp_path / "tree"
    assert f"lane validate-left starts in own, as the config declares, not in {tmp_path / 'tree'}" in plan.notes
    assert asked(tmp_path, LaneConfig(name="x", cmd="y"), infra_root=tmp_path / "infra").notes == (
        f"there is no lane infra, so nothing starts in {tmp_path / 'infra'}",
    )
    both = asked(tmp_path, infra_root=tmp_path / "infra", worktree_infra=tmp_path / "own", preset="monitor")
    assert both.infra_root == tmp_path / "own"


def test_a_worktree_that_is_not_there_is_an_error_and_an_infra_repository_a_note(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--worktree-infra .*/gone: there is no such directory"):
        asked(tmp_path, worktree_infra=tmp_path / "gone")
    plan = asked(tmp_path, infra_root=tmp_path / "gone", preset="rehearsal")
    assert plan.infra_root == tmp_path
    assert "there is no such directory; lane infra starts in" in plan.notes[0]


def test_a_script_of_the_project_is_found_from_another_repository(tmp_path: Path) -> None:
    (tmp_path / "sub dir").mkdir()
    lanes = [LaneConfig(name=f"l{n}", cmd=cmd, repo="sub dir") for n, cmd in enumerate(("./x a", "scripts/y", "z ./x"))]
    root = f"'{tmp_path}'" if " " in str(tmp_path) else str(tmp_path)
    assert [spec.cmd for spec in planned(tmp_path, *lanes).lanes] == [f"{root}/x a", f"{root}/scripts/y", "z ./x"]
    assert planned(tmp_path, LaneConfig(name="here", cmd="./x a")).lanes[0].cmd == "./x a"


def test_a_running_session_is_what_is_meant_where_nothing_says_which_lanes(tmp_path: Path) -> None:
    spec = LaneConfig(name="web", cmd="make serve").to_spec(tmp_path)

    def plan(*lanes: LaneConfig, preset: str = "") -> Plan:
        config = Config(lanes=lanes)
        return plan_lanes(config, tmp_path, HARNESSES, preset=preset, found=(), running=(spec,))

    assert plan().lanes == (spec,)
    assert runs(plan(LaneConfig(name="log", cmd="x"))) == {"log": "x"}
    assert len(plan(preset="monitor").lanes) == 8


def test_only_a_dialog_that_the_program_has_can_be_answered(tmp_path: Path) -> None:
    assert planned(tmp_path, LaneConfig(name="web", harness="claude", answer_dialogs=("trust",))).lanes
    with pytest.raises(UsageError, match="claude has no start-up dialog trsut; did you mean trust"):
        planned(tmp_path, LaneConfig(name="web", harness="claude", answer_dialogs=("trsut",)))
    with pytest.raises(UsageError, match=r"shell has no start-up dialog trust.*it has none"):
        planned(tmp_path, LaneConfig(name="web", harness="shell", answer_dialogs=("trust",)))
