"""The command lines of harnesses."""

from __future__ import annotations

from pathlib import Path

import pytest

from loop_orchestrator.errors import UsageError
from loop_orchestrator.harnesses.launch import lane_argv, oneshot_argv
from loop_orchestrator.model.harness import HarnessKind, HarnessSpec, OneShot, PromptBy
from loop_orchestrator.model.lane import LaneSpec
from tests.support.packaged import packaged_harnesses

HARNESSES = packaged_harnesses()


def lane(harness: str = "claude", *, cmd: str = "", model: str = "", auto_approve: bool = False) -> LaneSpec:
    return LaneSpec(
        name="web",
        window="web",
        role="implementation",
        harness=harness,
        cmd=cmd,
        model=model,
        auto_approve=auto_approve,
        cwd=Path("/project"),
    )


def argv(spec: LaneSpec) -> tuple[str, ...]:
    return lane_argv(spec, HARNESSES.get(spec.harness), python="/venv/bin/python")


def test_permission_prompts_stay_on_unless_the_lane_asks() -> None:
    assert argv(lane()) == ("claude",)
    assert argv(lane(model="opus", auto_approve=True)) == (
        "claude",
        "--model",
        "opus",
        "--dangerously-skip-permissions",
    )


def test_the_built_in_agent_runs_with_this_python() -> None:
    assert argv(lane("rehearsal")) == ("/venv/bin/python", "-P", "-m", "loop_orchestrator.rehearsal")


def test_a_model_is_not_searched_for_fields() -> None:
    assert argv(lane("rehearsal", model="{python}"))[-1] == "{python}"


def test_a_shell_lane_has_no_argv_and_a_command_lane_a_shell() -> None:
    assert argv(lane("shell")) == ()
    assert argv(lane("", cmd="make watch && true")) == ("sh", "-c", "make watch && true")


@pytest.mark.parametrize(
    "spec", [lane("shell", model="x"), lane("shell", auto_approve=True), lane("llm")], ids=["model", "auto", "brain"]
)
def test_what_a_harness_cannot_do_is_refused(spec: LaneSpec) -> None:
    with pytest.raises(UsageError, match="web"):
        argv(spec)


def test_one_call_of_a_program() -> None:
    assert oneshot_argv(HARNESSES["llm"], model="") == ("llm", "-n", "--no-stream", "-u")
    assert oneshot_argv(HARNESSES["llm"], model="gpt") == ("llm", "-n", "--no-stream", "-u", "-m", "gpt")
    assert oneshot_argv(HARNESSES["rehearsal"], model="", python="py")[:3] == ("py", "-P", "-m")


def test_the_place_of_the_prompt_is_left_open() -> None:
    oneshot = OneShot(argv=("p", "--ask={prompt}"), prompt=PromptBy.ARGUMENT)
    spec = HarnessSpec(name="p", title="P", kind=HarnessKind.BRAIN, oneshot=oneshot)
    assert oneshot_argv(spec, model="") == ("p", "--ask={prompt}")


@pytest.mark.parametrize(("harness", "model"), [("shell", ""), ("rehearsal", "gpt")])
def test_what_cannot_be_asked_is_refused(harness: str, model: str) -> None:
    with pytest.raises(UsageError, match=harness):
        oneshot_argv(HARNESSES[harness], model=model)
