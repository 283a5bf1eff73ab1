"""The gate: a table per rule."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loop_orchestrator.actions.base import ActionKind
from loop_orchestrator.actions.registry import read_action
from loop_orchestrator.engine.gate import judge
from loop_orchestrator.model.lane import Detail, LaneKind
from loop_orchestrator.model.snapshot import Facts, Unknown
from loop_orchestrator.model.verdict import Level
from tests.support.builders import LIMITS, a_lane, some_facts

LANES = (
    a_lane("web"),
    a_lane("docs", role="docs"),
    a_lane("ops-top", role="ops", agent=False),
    a_lane("coord", role="coordinator", agent=False),
    a_lane("boss", role="coordinator"),
    a_lane("search", role="research", kind=LaneKind.WORKER),
    a_lane("fog", Detail.DRIFTED),
)
FACTS = some_facts(*LANES)


def an_action(kind: str, **fields: object) -> ActionKind:
    action, problems = read_action({"kind": kind, "rationale": "why", **fields})  # type: ignore[dict-item]
    assert action is not None, problems
    return action


def verdict_of(action: ActionKind, facts: Facts = FACTS) -> tuple[str, str]:
    (verdict,) = judge([action], facts)
    return verdict.level.value, " / ".join(verdict.reasons)


TABLE = [
    # action, level, part of a reason
    (an_action("dispatch", lane="web", payload="do T0001"), "safe", ""),
    (an_action("dispatch", lane="nope", payload="x"), "blocked", "there is no lane nope"),
    (an_action("dispatch", lane="coord", payload="x"), "blocked", "coordinator"),
    (an_action("dispatch", lane="boss", payload="x"), "blocked", "coordinator"),
    (an_action("dispatch", lane="fog", payload="x"), "destructive", "not known (drifted)"),
    (an_action("dispatch", lane="ops-top", payload="x"), "destructive", "runs no agent"),
    (an_action("dispatch", lane="web", payload="x", mode="command"), "destructive", "raw command"),
    (an_action("dispatch", lane="web", payload=" /exit"), "destructive", "as a command to the program"),
    (an_action("steer", lane="web", payload="!rm x"), "destructive", "as a command to the program"),
    (an_action("dispatch", lane="web", payload="please rm  -rf /tmp/x"), "destructive", "pattern"),
    (an_action("dispatch", lane="web", payload="r''m -r\\f x"), "destructive", "pattern"),
    (an_action("dispatch", lane="web", payload="git push origin main --force"), "destructive", "pattern"),
    (an_action("dispatch", lane="web", payload="run loop-engine approve d-1"), "blocked", "only a person"),
    (an_action("dispatch", lane="web", payload="run `loop` `approve` d-1"), "blocked", "only a person"),
    (an_action("dispatch", lane="web", payload="loop-adr --dir docs accept 3"), "blocked", "only a person"),
    (an_action("dispatch", lane="web", payload="edit .loop/sessions/x/engine/decisions/d.json"), "blocked", "engine"),
    (an_action("steer", lane="web", payload="keep the name"), "safe", ""),
    (an_action("steer", lane="web", payload="stop", interrupt=True), "destructive", "interrupts"),
    (an_action("steer", lane="boss", payload="x"), "blocked", "coordinator"),
    (an_action("steer", lane="web", payload="which port?", expects_reply=True), "safe", ""),
    (an_action("steer", lane="ops-top", payload="x", expects_reply=True), "blocked", "runs no agent that could"),
    (an_action("steer", lane="web", payload="x", expects_reply=True, mode="command"), "blocked", "answers nothing"),
    (an_action("add_lane", window="new", harness="rehearsal", brief="b"), "safe", ""),
    (an_action("add_lane", window="new", harness="shell", brief="b"), "destructive", "no agent"),
    (an_action("add_lane", window="new", harness="nope", brief="b"), "blocked", "no harness nope"),
    (an_action("add_lane", window="new", harness="llm", brief="b"), "blocked", "no harness llm"),
    (an_action("add_lane", window="new", cmd="make", brief="b"), "destructive", "raw command"),
    (an_action("add_lane", window="new", harness="rehearsal", cmd="make", brief="b"), "blocked", "exactly one"),
    (
        an_action("add_lane", window="new", harness="rehearsal", brief="b", auto_approve=True),
        "destructive",
        "permission",
    ),
    (an_action("add_lane", window="new", harness="rehearsal", brief="b", role="coordinator"), "blocked", "coordinator"),
    (an_action("add_lane", window="web", harness="rehearsal", brief="b"), "blocked", "exists already"),
    (an_action("add_lane", window="coord", harness="rehearsal", brief="b"), "blocked", "coordinator"),
    (an_action("add_lane", window="new", cmd="loop approve d-1", brief="b"), "blocked", "only a person"),
    (an_action("drop_lane", window="search"), "destructive", "ends lane search"),
    (an_action("drop_lane", window="web"), "blocked", "belongs to the config"),
    (an_action("drop_lane", window="nope"), "blocked", "there is no lane"),
    (an_action("drop_lane", window="coord"), "blocked", "coordinator"),
    (an_action("escalate", summary="help"), "destructive", "person"),
    (an_action("stop"), "safe", ""),
    (an_action("build", window="web", brief="b"), "blocked", "no build is offered"),
    (an_action("build", window="web", brief="b"), "blocked", "an agent that nobody watches"),
    (an_action("build", window="coord", brief="b"), "blocked", "coordinator"),
    (an_action("verify", lane="web"), "blocked", "no verify is offered"),
]


@pytest.mark.parametrize(("action", "level", "reason"), TABLE)
def test_one_action_alone(action: ActionKind, level: str, reason: str) -> None:
    got, why = verdict_of(action)
    assert (got, reason in why) == (level, True), why


def test_lanes_that_could_not_be_read_block_everything_about_a_lane() -> None:
    """Any of them may be the coordinator's."""
    facts = some_facts(unknown="tmux is gone")
    for kind, fields in (("dispatch", {"lane": "web", "payload": "x"}), ("drop_lane", {"window": "web"})):
        assert verdict_of(an_action(kind, **fields), facts)[0] == "blocked"
    level, why = verdict_of(an_action("add_lane", window="n", harness="rehearsal", brief="b"), facts)
    assert (level, "tmux is gone" in why) == ("blocked", True)
    assert verdict_of(an_action("stop"), facts)[0] == "safe"


def test_a_lane_of_another_unfinished_decision_is_blocked() -> None:
    facts = some_facts(*LANES, claims={"web": "d-9"})
    assert verdict_of(an_action("dispatch", lane="web", payload="x"), facts) == (
        "blocked",
        "lane web is claimed by d-9, which is not finished",
    )


def test_untrusted_text_in_the_prompt_makes_every_action_destructive() -> None:
    facts = some_facts(*LANES, untrusted=("lane:guest",))
    assert verdict_of(an_action("dispatch", lane="web", payload="x"), facts)[0] == "destructive"
    assert verdict_of(an_action("stop"), facts)[0] == "safe"


def test_a_burst_over_the_cap_is_upgraded_as_a_whole() -> None:
    lanes = [a_lane(f"w{n}") for n in range(5)]
    facts = some_facts(*lanes)
    burst = [an_action("dispatch", lane=lane.name, payload="x") for lane in lanes]
    assert {verdict.level for verdict in judge(burst, facts)} == {Level.DESTRUCTIVE}
    assert {verdict.level for verdict in judge(burst[:4], facts)} == {Level.SAFE}


def test_lanes_added_by_the_decision_itself_count_against_the_limit() -> None:
    facts = some_facts(*LANES, limits=replace(LIMITS, max_lanes=len(LANES) + 1))
    added = [an_action("add_lane", window=f"n{n}", harness="rehearsal", brief="b") for n in range(2)]
    assert [verdict.level for verdict in judge(added[:1], facts)] == [Level.SAFE]
    assert [verdict.level for verdict in judge(added, facts)] == [Level.DESTRUCTIVE, Level.DESTRUCTIVE]


def test_two_actions_on_one_lane_are_as_dangerous_as_the_worst_of_them() -> None:
    calm = an_action("dispatch", lane="web", payload="look around")
    sharp = an_action("steer", lane="web", payload="now", interrupt=True)
    first, second = judge([calm, sharp], FACTS)
    assert first.level is second.level is Level.DESTRUCTIVE
    assert any("together with action 1" in reason for reason in first.reasons)


def test_a_command_split_over_two_actions_on_one_lane_is_found() -> None:
    halves = [an_action("dispatch", lane="web", payload="rm"), an_action("steer", lane="web", payload="-rf /")]
    assert {verdict.level for verdict in judge(halves, FACTS)} == {Level.DESTRUCTIVE}


def test_a_text_that_overtakes_a_line_needs_a_person_and_an_unread_line_counts_as_one() -> None:
    action = an_action("dispatch", lane="web", payload="do T0001")
    assert verdict_of(action, some_facts(*LANES, in_line={"docs": 1})) == ("safe", "")
    behind = verdict_of(action, some_facts(*LANES, in_line={"web": 2}))
    assert behind == ("destructive", "2 texts stand in line for lane web before it")
    level, reason = verdict_of(action, some_facts(*LANES, in_line=Unknown("no such disk")))
    assert (level, "no such disk" in reason) == ("destructive", True)
