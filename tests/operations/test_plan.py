"""Which lanes a session is to have."""

from __future__ import annotations

from pathlib import Path

import pytest

from loop_orchestrator.config.schema import Config, LaneConfig
from loop_orchestrator.errors import UsageError
from loop_orchestrator.harnesses.detect import Found
from loop_orchestrator.model.harness import HarnessKind, HarnessSpec
from loop_orchestrator.operations.plan import Plan, plan_lanes, preset_names

HARNESSES = {
    name: HarnessSpec(name=name, title=name, kind=kind)
    for name, kind in {
        "claude": HarnessKind.AGENT,
        "rehearsal": HarnessKind.AGENT,
        "shell": HarnessKind.SHELL,
        "llm": HarnessKind.BRAIN,
    }.items()
}


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
