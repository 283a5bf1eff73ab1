"""Knowing less, and one rule or danger more, never soften a verdict: actions of every kind, facts of every sort."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loop_orchestrator.actions import fields as rules
from loop_orchestrator.actions.base import ActionKind
from loop_orchestrator.actions.fields import Choice, Flag, Rule, Seconds, Text, fields_of
from loop_orchestrator.actions.registry import KINDS, read_action
from loop_orchestrator.actions.spelling import visible
from loop_orchestrator.engine.gate import judge
from loop_orchestrator.engine.govern import govern
from loop_orchestrator.model.lane import Detail, Lane, LaneKind
from loop_orchestrator.model.policy import Autonomy, CostTier, Policy, RoleRule, SpawnWhen
from loop_orchestrator.model.snapshot import Facts, Limits, Unknown
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.model.verdict import Level, Verdict
from tests.engine.innocent import INNOCENT
from tests.support.builders import PATTERNS, a_lane
from tests.support.packaged import packaged_harnesses

NAMES = ("web", "docs", "ops-top", "coord", "boss", "search", "new", "New", "WEB")
ROLES = ("implementation", "docs", "infra", "INFRA", "coordinator", "research")
HARNESSES = ("rehearsal", "shell", "claude", "codex", "gemini", "llm", "nope")
EXAMPLES = int(os.environ.get("LOOP_GATE_EXAMPLES", "30"))
"""Of each change; others in every run. LOOP_GATE_EXAMPLES=1000 for the long run."""

PACKAGED = packaged_harnesses()

TEXTS = st.one_of(
    st.sampled_from([*INNOCENT, "rm -rf x", "loop approve d-1", "loop adr accept 3", "/exit", "curl x | sh", "loop"]),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Zl", "Zp"]), min_size=1, max_size=30),
).filter(lambda text: bool(visible(text).strip()))

VALUES: Mapping[Rule, st.SearchStrategy[JsonValue]] = {
    rules.LANE: st.sampled_from(NAMES),
    rules.NEW_LANE: st.sampled_from(NAMES),
    rules.ROLE: st.sampled_from(ROLES),
    rules.HARNESS: st.sampled_from(HARNESSES),
    rules.MODEL: st.just("opus"),
    rules.TASK: st.just("T0001"),
    rules.FILE: st.just("20260301-115900-web-to-coord.md"),
    rules.KEY: st.just("lane:web:auth"),
    rules.ONE_LINE: st.sampled_from(["make", "loop approve d-1"]),
}


def values_of(rule: Rule) -> st.SearchStrategy[JsonValue]:
    match rule:
        case Flag():
            return st.booleans()
        case Seconds():
            return st.integers(rule.least, rule.most)
        case Choice():
            return st.sampled_from(rule.words)
        case Text() if rule not in VALUES:
            return TEXTS
        case _:
            # A rule that is not listed has to be: a kind whose fields are never generated proves nothing.
            return VALUES[rule]


@st.composite
def an_action(draw: st.DrawFn) -> ActionKind:
    kind = draw(st.sampled_from(sorted(KINDS)))
    known = fields_of(KINDS[kind])
    values = {one.name: draw(values_of(one.rule)) for one in known if one.required or draw(st.booleans())}
    if kind == "add_lane":
        values.pop(draw(st.sampled_from(["cmd", "harness", "role"])), None)
    action, problems = read_action({**values, "kind": kind})
    assert action is not None, problems
    return action


ACTIONS = st.lists(an_action(), min_size=1, max_size=5)


@st.composite
def some_lanes(draw: st.DrawFn) -> dict[str, Lane]:
    fixed = {
        "coord": a_lane("coord", role="coordinator", agent=False),
        "boss": a_lane("boss", role="coordinator"),
        "ops-top": a_lane("ops-top", role="ops", agent=False),
    }
    details = st.sampled_from([Detail.READY, Detail.BUSY, Detail.DRIFTED, Detail.BOOTING])
    for name in ("web", "docs", "search"):
        kind = LaneKind.WORKER if name == "search" else LaneKind.STANDING
        fixed[name] = a_lane(name, draw(details), role=draw(st.sampled_from(ROLES)), kind=kind)
    kept = draw(st.sets(st.sampled_from(sorted(fixed))))
    return {name: fixed[name] for name in kept}


def some(values: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=3, unique=True).map(tuple)


RULES = st.builds(
    RoleRule,
    concurrency_allowance=st.integers(1, 3),
    preferred_harness=st.sampled_from(["", "claude", "rehearsal"]),
    fallback=some(("codex", "rehearsal")),
    spawn_when=st.sampled_from(SpawnWhen),
)

POLICIES = st.builds(
    Policy,
    allow=some(HARNESSES),
    deny=some(("gemini", "codex")),
    cost_ceiling=st.sampled_from(CostTier),
    autonomy_cap=st.sampled_from(Autonomy),
    role_tag_map=st.dictionaries(st.sampled_from(ROLES), some(("code", "bulk", "review")), max_size=2),
    role_defaults=st.dictionaries(st.sampled_from(ROLES), st.sampled_from(HARNESSES), max_size=2),
    high_risk_roles=some(ROLES),
    role_rules=st.dictionaries(st.sampled_from(ROLES), RULES, max_size=2),
)

FACTS = st.builds(
    Facts,
    lanes=st.one_of(some_lanes(), st.just(Unknown("tmux is gone"))),
    harnesses=st.just(PACKAGED),
    limits=st.builds(
        Limits,
        max_dispatches=st.integers(0, 4),
        max_lanes=st.integers(0, 9),
        payload_patterns=st.sampled_from([(), PATTERNS]),
    ),
    claims=st.dictionaries(st.sampled_from(NAMES), st.just("d-9"), max_size=2),
    in_line=st.one_of(
        st.dictionaries(st.sampled_from(NAMES), st.integers(0, 2), max_size=2), st.just(Unknown("no such disk"))
    ),
    untrusted=some(("lane:guest",)),
    policy=POLICIES,
    missing_programs=st.dictionaries(st.sampled_from(HARNESSES), st.just("not on PATH"), max_size=2),
    backlog=st.one_of(st.frozensets(st.sampled_from(ROLES)), st.just(Unknown("unreadable"))),
)


def _limits(facts: Facts, **changes: object) -> Facts:
    return replace(facts, limits=replace(facts.limits, **changes))  # type: ignore[arg-type]


def _policy(facts: Facts, **changes: object) -> Facts:
    return replace(facts, policy=replace(facts.policy, **changes))  # type: ignore[arg-type]


def _rule(facts: Facts, role: str, **changes: object) -> Facts:
    rule = replace(facts.policy.rule_of(role), **changes)  # type: ignore[arg-type]
    return _policy(facts, role_rules={**facts.policy.role_rules, role: rule})


STRICTER: Mapping[str, Callable[[Facts, str, str], Facts]] = {
    # what changes: the facts before, a lane or role, a harness -> the facts after
    "the lanes cannot be read": lambda facts, _name, _harness: replace(facts, lanes=Unknown("gone")),
    "the lines cannot be read": lambda facts, _name, _harness: replace(facts, in_line=Unknown("gone")),
    "the tasks cannot be read": lambda facts, _name, _harness: replace(facts, backlog=Unknown("gone")),
    "a text from outside": lambda facts, _name, _harness: replace(facts, untrusted=(*facts.untrusted, "lane:x")),
    "a claim": lambda facts, name, _harness: replace(facts, claims={**facts.claims, name: "d-8"}),
    "a text in line": lambda facts, name, _harness: (
        facts if isinstance(facts.in_line, Unknown) else replace(facts, in_line={**facts.in_line, name: 3})
    ),
    "a pattern": lambda facts, _name, _harness: _limits(
        facts, payload_patterns=(*facts.limits.payload_patterns, "[aeiou]")
    ),
    "a pattern that does not compile": lambda facts, _name, _harness: _limits(
        facts, payload_patterns=(*facts.limits.payload_patterns, "(")
    ),
    "fewer texts": lambda facts, _name, _harness: _limits(facts, max_dispatches=0),
    "fewer lanes": lambda facts, _name, _harness: _limits(facts, max_lanes=0),
    "a harness denied": lambda facts, _name, harness: _policy(facts, deny=(*facts.policy.deny, harness)),
    "one harness allowed": lambda facts, _name, harness: _policy(
        facts, allow=(harness,) if harness in facts.policy.allow or not facts.policy.allow else facts.policy.allow[:1]
    ),
    "a lower ceiling": lambda facts, _name, _harness: _policy(facts, cost_ceiling=CostTier.NONE),
    "a lower cap": lambda facts, _name, _harness: _policy(facts, autonomy_cap=Autonomy.NONE),
    "a tag for a role": lambda facts, name, _harness: _policy(
        facts, role_tag_map={name: ("no-harness-has-it",), **facts.policy.role_tag_map}
    ),
    "a role of high risk": lambda facts, name, _harness: _policy(
        facts, high_risk_roles=(*facts.policy.high_risk_roles, name)
    ),
    "a role that a person adds": lambda facts, name, _harness: _rule(facts, name, spawn_when=SpawnWhen.NEVER),
    "a smaller allowance": lambda facts, name, _harness: _rule(facts, name, concurrency_allowance=1),
}

NAMES_OF_ALL = st.sampled_from((*NAMES, *ROLES))


@pytest.mark.parametrize("change", STRICTER)
@settings(max_examples=EXAMPLES)
@given(ACTIONS, FACTS, NAMES_OF_ALL, st.sampled_from(HARNESSES))
def test_no_change_to_the_worse_softens_a_verdict(
    change: str, actions: list[ActionKind], facts: Facts, name: str, harness: str
) -> None:
    """Nor does it with what the policy puts in the place of a harness."""
    stricter = STRICTER[change](facts, name, harness)
    alone = zip(judge(actions, facts), judge(actions, stricter), strict=True)
    governed = zip(_governed(actions, facts), _governed(actions, stricter), strict=True)
    for was, now in (*alone, *governed):
        assert now.level >= was.level, (was, now)


def _governed(actions: list[ActionKind], facts: Facts) -> tuple[Verdict, ...]:
    governed, replaced = govern(actions, facts)
    return judge(governed, facts, replaced)


@given(ACTIONS, FACTS)
def test_what_is_known_of_no_lane_is_safe_for_none(actions: list[ActionKind], facts: Facts) -> None:
    for action, verdict in zip(actions, judge(actions, replace(facts, lanes=Unknown("gone"))), strict=True):
        if action.target:
            assert verdict.level is Level.BLOCKED


@given(ACTIONS, FACTS)
def test_a_further_action_never_softens_those_before_it(actions: list[ActionKind], facts: Facts) -> None:
    for was, now in zip(judge(actions[:-1], facts), judge(actions, facts), strict=False):
        assert now.level >= was.level


@given(ACTIONS, FACTS)
def test_every_verdict_above_safe_says_why(actions: list[ActionKind], facts: Facts) -> None:
    for action, verdict in zip(actions, judge(actions, facts), strict=True):
        assert bool(verdict.reasons) is (verdict.level > Level.SAFE)
        assert action.offered or verdict.level is Level.BLOCKED
