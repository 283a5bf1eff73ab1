"""Judgements about the harness of a lane that is to be added, by the policy of the config. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loop_orchestrator.model.harness import HarnessKind
from loop_orchestrator.model.lane import LaneKind
from loop_orchestrator.model.policy import Autonomy, CostTier, SpawnWhen
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.model.verdict import SAFE, Verdict, blocked, destructive, worst

if TYPE_CHECKING:
    from loop_orchestrator.model.harness import HarnessSpec
    from loop_orchestrator.model.policy import Policy
    from loop_orchestrator.model.snapshot import Facts


def forbidden(spec: HarnessSpec, role: str, policy: Policy) -> str:
    """Why the role may not have this harness at all; empty: it may."""
    if spec.name in policy.deny:
        return f"harness {spec.name} is denied by the policy"
    if policy.allow and spec.name not in policy.allow:
        return f"the policy allows {', '.join(policy.allow)}, not harness {spec.name}"
    tags = policy.role_tag_map.get(role, ())
    if tags and not set(tags) & set(spec.tags):
        return (
            f"role {role} needs a harness with one of the tags {', '.join(tags)}; {spec.name} has {_listed(spec.tags)}"
        )
    return ""


def usable_in_place(name: str, role: str, facts: Facts) -> str:
    """The harness that takes the place of one which cannot be had in this role; empty where there is none.

    The preferred one, its fallbacks and the role's default, in this order: the first that is allowed and there.
    A denied harness has no stand-in: that is a no to the lane.
    """
    policy = facts.policy
    if name in policy.deny:
        return ""
    rule = policy.rule_of(role)
    for other in (rule.preferred_harness, *rule.fallback, policy.role_defaults.get(role, "")):
        spec = facts.harnesses.get(other) if other and other != name else None
        if spec is None or spec.kind is HarnessKind.BRAIN or facts.missing_programs.get(other):
            continue
        if not forbidden(spec, role, policy):
            return other
    return ""


def judge_harness(spec: HarnessSpec, role: str, facts: Facts, *, auto_approve: bool) -> Verdict:
    """Whether a lane of this role may be added with this harness."""
    policy = facts.policy
    if reason := forbidden(spec, role, policy):
        return blocked(reason)
    verdicts = [SAFE]
    if reason := facts.missing_programs.get(spec.name, ""):
        verdicts.append(destructive(f"harness {spec.name} cannot start here: {reason}"))
    if above(spec.cost, policy.cost_ceiling, CostTier):
        verdicts.append(destructive(f"harness {spec.name} costs {spec.cost}, the policy allows {policy.cost_ceiling}"))
    if above(spec.autonomy, policy.autonomy_cap, Autonomy):
        verdicts.append(
            destructive(f"harness {spec.name} works {spec.autonomy}, the policy allows {policy.autonomy_cap}")
        )
    if spec.drift == "high" and auto_approve and role in policy.high_risk_roles:
        verdicts.append(
            destructive(
                f"role {role} is of high risk, and {spec.name}, whose screens change often, would approve by itself"
            )
        )
    preferred = policy.rule_of(role).preferred_harness
    if preferred and spec.name != preferred and not _is_fallback(spec.name, role, facts):
        verdicts.append(destructive(f"role {role} prefers harness {preferred}"))
    return worst(verdicts)


def judge_reuse(role: str, facts: Facts) -> Verdict:
    """Whether a further worker of this role is wanted while others are there."""
    if isinstance(facts.lanes, Unknown):
        return destructive(f"the lanes could not be read: {facts.lanes.reason}")
    workers = [
        lane
        for lane in facts.lanes.values()
        if lane.record.spec.kind is LaneKind.WORKER and lane.record.spec.role == role and lane.record.agent
    ]
    idle = sorted(lane.name for lane in workers if lane.state.ready and lane.name not in facts.claims)
    allowance = facts.policy.rule_of(role).concurrency_allowance
    if idle and len(workers) >= allowance:
        return destructive(f"an idle worker of role {role} is there: {', '.join(idle)}")
    return SAFE


def judge_role(role: str, facts: Facts) -> Verdict:
    """A role is its exact name; one that differs by capital letters alone would slip past the rules of the other."""
    policy = facts.policy
    known = {*policy.role_rules, *policy.role_tag_map, *policy.role_defaults, *policy.high_risk_roles}
    meant = sorted(name for name in known if name != role and name.casefold() == role.casefold())
    return blocked(f"role {role} is none; the policy has rules for {meant[0]}") if meant else SAFE


def judge_spawn(role: str, facts: Facts) -> Verdict:
    """Whether the role may grow now without a person."""
    when = facts.policy.rule_of(role).spawn_when
    if when is SpawnWhen.NEVER:
        return destructive(f"lanes of role {role} are added by a person only")
    if when is SpawnWhen.ANYTIME:
        return SAFE
    if isinstance(facts.backlog, Unknown):
        return destructive(f"the tasks could not be read: {facts.backlog.reason}")
    return SAFE if role in facts.backlog else destructive(f"no ready task waits for role {role}")


def _is_fallback(name: str, role: str, facts: Facts) -> bool:
    """The first fallback whose program is there, while that of the preferred one is not.

    What the policy forbids is not missing: a further rule would else let something run that waited before.
    """
    rule = facts.policy.rule_of(role)
    for other in (rule.preferred_harness, *rule.fallback):
        if other in facts.harnesses and not facts.missing_programs.get(other):
            return other == name
    return name in rule.fallback


def above(value: str, bound: str, order: type[CostTier] | type[Autonomy]) -> bool:
    """A word that the order does not know is above every bound but the highest."""
    words = [one.value for one in order]
    rank = words.index(value) if value in words else len(words)
    return rank > words.index(bound)


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(words) or "none"
