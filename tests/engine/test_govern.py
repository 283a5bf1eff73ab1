"""The policy for lanes that a brain adds: a table per rule, and what is put in the place of what it forbids."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from loop_orchestrator.actions.add_lane import AddLane
from loop_orchestrator.actions.drop_lane import DropLane
from loop_orchestrator.config.load import load
from loop_orchestrator.engine.cycle import dry_run, run_cycle
from loop_orchestrator.engine.gate import judge
from loop_orchestrator.engine.govern import govern
from loop_orchestrator.engine.prompt import render
from loop_orchestrator.engine.rules import decide
from loop_orchestrator.model.lane import Detail, Lane, LaneKind
from loop_orchestrator.model.policy import Autonomy, CostTier, Policy, RoleRule, SpawnWhen
from loop_orchestrator.model.snapshot import Candidate, Facts
from loop_orchestrator.prompts import load_prompts
from tests.support.builders import a_lane, a_snapshot, some_facts
from tests.support.packaged import packaged_harnesses
from tests.support.projects import project_at

PACKAGED = packaged_harnesses()


def added(harness: str = "claude", role: str = "implementation", **fields: object) -> AddLane:
    return AddLane(window="new", harness=harness, role=role, brief="b", rationale="r", **fields)  # type: ignore[arg-type]


def worker(name: str, detail: Detail = Detail.READY, role: str = "implementation") -> Lane:
    return a_lane(name, detail, role=role, kind=LaneKind.WORKER)


def rules(**rule: object) -> Policy:
    return Policy(role_rules={"implementation": RoleRule(**rule)})  # type: ignore[arg-type]


def facts(policy: Policy, *lanes: Lane, missing: dict[str, str] | None = None, backlog: tuple[str, ...] = ()) -> Facts:
    found = some_facts(a_lane("web"), *lanes, policy=policy, missing_programs=missing, backlog=backlog)
    return replace(found, harnesses=PACKAGED)


TABLE = [
    # action, facts, level, part of a reason
    (added(), facts(Policy()), "safe", ""),
    (added(), facts(Policy(deny=("claude",))), "blocked", "claude is denied"),
    (added(), facts(Policy(allow=("claude",), deny=("claude",))), "blocked", "claude is denied"),
    (added(), facts(Policy(allow=("codex", "pi"))), "blocked", "allows codex, pi, not harness claude"),
    (added(), facts(Policy(allow=("claude",))), "safe", ""),
    (added(), facts(Policy(cost_ceiling=CostTier.MEDIUM)), "destructive", "costs high, the policy allows medium"),
    (added("opencode"), facts(Policy(cost_ceiling=CostTier.LOW)), "safe", ""),
    (added(), facts(Policy(autonomy_cap=Autonomy.ATTENDED)), "destructive", "works unattended, the policy allows att"),
    (added("opencode"), facts(Policy(autonomy_cap=Autonomy.ATTENDED)), "safe", ""),
    (added(), facts(Policy(role_tag_map={"implementation": ("bulk",)})), "blocked", "with one of the tags bulk"),
    (added(), facts(Policy(role_tag_map={"implementation": ("bulk", "review")})), "safe", ""),
    (added(), facts(Policy(role_tag_map={"docs": ("bulk",)})), "safe", ""),
    (added(), facts(Policy(), missing={"claude": "not on PATH"}), "destructive", "cannot start here: not on PATH"),
    (
        added(role="infra", auto_approve=True),
        facts(Policy(high_risk_roles=("infra",))),
        "destructive",
        "role infra is of high risk",
    ),
    (added(), facts(rules(preferred_harness="codex")), "destructive", "prefers harness codex"),
    (added("codex"), facts(rules(preferred_harness="codex")), "safe", ""),
    (
        added(),
        facts(rules(preferred_harness="codex", fallback=("claude",)), missing={"codex": "gone"}),
        "safe",
        "",
    ),
    (added(), facts(rules(preferred_harness="codex", fallback=("claude",))), "destructive", "prefers harness codex"),
    (
        added(),
        facts(replace(rules(preferred_harness="codex", fallback=("claude",)), deny=("codex",))),
        "destructive",
        "prefers harness codex",
    ),
    (added(role="Infra"), facts(Policy(high_risk_roles=("infra",))), "blocked", "the policy has rules for infra"),
    (added(), facts(rules(spawn_when=SpawnWhen.NEVER)), "destructive", "added by a person only"),
    (added(), facts(rules(spawn_when=SpawnWhen.BACKLOG)), "destructive", "no ready task waits for role impl"),
    (added(), facts(rules(spawn_when=SpawnWhen.BACKLOG), backlog=("implementation",)), "safe", ""),
    (added(), facts(Policy(), worker("w1")), "destructive", "an idle worker of role implementation is there: w1"),
    (added(), facts(Policy(), worker("w1", Detail.BUSY)), "safe", ""),
    (added(), facts(Policy(), worker("w1", role="docs")), "safe", ""),
    (added(), facts(rules(concurrency_allowance=2), worker("w1")), "safe", ""),
    (added(), facts(rules(concurrency_allowance=2), worker("w1"), worker("w2", Detail.BUSY)), "destructive", "w1"),
]


@pytest.mark.parametrize(("action", "given", "level", "reason"), TABLE)
def test_an_added_lane(action: AddLane, given: Facts, level: str, reason: str) -> None:
    (verdict,) = judge([action], given)
    assert (verdict.level.value, reason in " / ".join(verdict.reasons)) == (level, True), verdict.reasons


PLACED = [
    # policy, missing programs, the harness afterwards
    (Policy(allow=("codex",), role_defaults={"implementation": "codex"}), {}, "codex"),
    (Policy(allow=("codex",), role_defaults={"implementation": "pi"}), {}, "claude"),
    (Policy(allow=("codex",), role_defaults={"docs": "codex"}), {}, "claude"),
    (Policy(deny=("claude",), role_defaults={"implementation": "codex"}), {}, "claude"),
    (Policy(role_tag_map={"implementation": ("bulk",)}, role_defaults={"implementation": "qwen"}), {}, "qwen"),
    (Policy(role_defaults={"implementation": "codex"}), {}, "claude"),
    (Policy(role_defaults={"implementation": "codex"}), {"claude": "gone"}, "codex"),
    (rules(preferred_harness="pi", fallback=("codex",)), {"claude": "gone", "pi": "gone"}, "codex"),
    (rules(preferred_harness="pi"), {"claude": "gone", "pi": "gone"}, "claude"),
    (rules(preferred_harness="llm", fallback=("codex",)), {"claude": "gone"}, "codex"),
]


@pytest.mark.parametrize(("policy", "missing", "harness"), PLACED)
def test_what_takes_the_place_of_a_harness_that_cannot_be_had(
    policy: Policy, missing: dict[str, str], harness: str
) -> None:
    given = facts(policy, missing=missing)
    (action,), replaced = govern([added(model="opus")], given)
    assert isinstance(action, AddLane) and action.harness == harness
    assert bool(replaced) is (harness != "claude")
    if replaced:
        assert action.model == ""
        (verdict,) = judge([action], given, replaced)
        assert verdict.level.value == "destructive"
        assert any(f"harness {harness} takes the place of claude: " in reason for reason in verdict.reasons)


def test_a_worker_that_was_idle_for_long_is_retired_unless_there_is_work_for_it() -> None:
    policy = rules(retire_after_idle_cycles=3)
    texts = load_prompts()
    for cycles, kinds in ((2, {"stop"}), (3, {"drop_lane"})):
        snapshot = a_snapshot(lanes=[a_lane("web"), worker("w1")], policy=policy, idle_cycles={"w1": cycles})
        _, actions = decide(snapshot, texts)
        assert {action.kind for action in actions} == kinds
    claimed = a_snapshot(lanes=[worker("w1")], policy=policy, idle_cycles={"w1": 9}, claims={"w1": "d-1"})
    assert not any(isinstance(action, DropLane) for action in decide(claimed, texts)[1])


def test_the_prompt_says_the_policy_and_who_is_to_go() -> None:
    policy = Policy(
        allow=("claude", "codex"),
        cost_ceiling=CostTier.MEDIUM,
        role_tag_map={"validation": ("review",)},
        role_rules={
            "implementation": RoleRule(preferred_harness="codex", fallback=("pi",), retire_after_idle_cycles=1)
        },
    )
    roster = [Candidate(spec=spec, missing="") for spec in PACKAGED.values()]
    snapshot = a_snapshot(lanes=[worker("w1")], policy=policy, idle_cycles={"w1": 1}, roster=roster)
    prompt = render(snapshot, load_prompts()).text
    for said in (
        "harnesses allowed: claude, codex",
        "a harness that costs more than medium needs a person",
        "role validation needs one of the tags review",
        "harness codex, else pi",
        "- claude (cost high, unattended, tags implementation review long-context tools): for every role",
        "to be dropped by the policy",
    ):
        assert said in prompt


CONFIG = """\
engine:
  brain: {use: rules}
  policy:
    allow: [claude, rehearsal]
    cost_ceiling: medium
    role_tag_map: {validation: [review, tools]}
    role_defaults: {implementation: rehearsal}
    role_rules:
      implementation: {concurrency_allowance: 2, spawn_when: backlog, retire_after_idle_cycles: 5}
"""


def test_the_config_gives_the_policy(project: Path) -> None:
    (project / "lane-config.yaml").write_text(CONFIG)
    config = load(project).config
    assert config.engine is not None
    policy = config.engine.policy.policy()
    assert (policy.allow, policy.cost_ceiling) == (("claude", "rehearsal"), CostTier.MEDIUM)
    assert policy.role_tag_map == {"validation": ("review", "tools")}
    assert policy.rule_of("implementation") == RoleRule(
        concurrency_allowance=2, spawn_when=SpawnWhen.BACKLOG, retire_after_idle_cycles=5
    )
    assert policy.rule_of("docs") == RoleRule()
    assert load(project).config == config  # from the compiled copy


def test_idle_cycles_are_counted_by_cycles_and_not_by_looking(project: Path) -> None:
    world = project_at(project, config=CONFIG).world
    world.idle_cycles.add("gone", "4")
    dry_run(world, ("test",))
    assert world.idle_cycles.items() == {"gone": "4"}
    run_cycle(world, ("test",))
    assert world.idle_cycles.items() == {}
