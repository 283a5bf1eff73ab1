"""Which harnesses a lane may be added with, for which role, and by which rules, in a prompt. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from loop_orchestrator.actions.governing import above, forbidden
from loop_orchestrator.actions.judging import COORDINATOR
from loop_orchestrator.engine.fences import plain
from loop_orchestrator.model.lane import Detail, Lane
from loop_orchestrator.model.policy import Autonomy, CostTier, Policy, SpawnWhen
from loop_orchestrator.model.snapshot import Candidate, Snapshot, Unknown
from loop_orchestrator.prompts import fill

ROLES = ("implementation", "validation", "ops", "docs")
"""Roles that every project may use, beside those that its lanes, tasks and policy name."""

MOST = 40
"""Harnesses that are listed: twice what is packaged."""

MOST_ROLES = 12
"""Roles that are named at one harness."""

TROUBLE = frozenset({Detail.API_ERROR, Detail.RATE_LIMITED, Detail.AUTH, Detail.DRIFTED})
"""States of a lane that speak against one more of its harness."""


def roster(snapshot: Snapshot, texts: Mapping[str, str]) -> str:
    """The harnesses with the rules for choosing one; a sentence alone where no lane can be added now."""
    if isinstance(snapshot.lanes, Unknown):
        return "The lanes are not known, so a further one needs a person."
    count, most = len(snapshot.lanes), snapshot.limits.max_lanes
    if count >= most:
        return f"The session has {count} of {most} lanes: a further one needs a person."
    roles = roles_of(snapshot)
    usable = [one for one in snapshot.roster if not one.missing and _roles(one, roles, snapshot.policy)]
    if not usable:
        return "\n".join(["No harness can be had for a further lane.", *_missing(snapshot, usable, roles)])
    return fill(
        texts["roster"],
        room=f"A lane can be added (add_lane): {most - count} more before their number needs a person.",
        rows="\n".join(_row(one, snapshot, snapshot.lanes, roles) for one in usable[:MOST]),
        missing="".join(f"\n{row}\n" for row in _missing(snapshot, usable, roles)),
        rules=_listed(policy_rules(snapshot.policy)),
    ).rstrip("\n")


def roles_of(snapshot: Snapshot) -> tuple[str, ...]:
    """Roles that a lane could be added for, sorted."""
    policy = snapshot.policy
    tasks = () if isinstance(snapshot.tasks, Unknown) else snapshot.tasks
    lanes = () if isinstance(snapshot.lanes, Unknown) else snapshot.lanes
    named = {*ROLES, *(task.role for task in tasks), *(lane.record.spec.role for lane in lanes)}
    named |= {*policy.role_tag_map, *policy.role_defaults, *policy.role_rules, *policy.high_risk_roles}
    return tuple(sorted(named - {COORDINATOR}))


def policy_rules(policy: Policy) -> Iterator[str]:
    """What an added lane may be, where the config says anything about it."""
    if policy.allow:
        yield f"harnesses allowed: {', '.join(policy.allow)}"
    if policy.deny:
        yield f"harnesses denied: {', '.join(policy.deny)}"
    if policy.cost_ceiling is not CostTier.HIGH:
        yield f"a harness that costs more than {policy.cost_ceiling} needs a person"
    if policy.autonomy_cap is not Autonomy.UNATTENDED:
        yield f"a harness that works more than {policy.autonomy_cap} needs a person"
    for role, tags in policy.role_tag_map.items():
        yield f"role {role} needs one of the tags {', '.join(tags)}"
    for role, harness in policy.role_defaults.items():
        yield f"role {role} gets {harness} in place of one that it may not have"
    if policy.high_risk_roles:
        yield f"of high risk, nothing there should approve by itself: {', '.join(policy.high_risk_roles)}"
    for role, rule in policy.role_rules.items():
        said = [f"at most {rule.concurrency_allowance} workers beside an idle one"]
        if rule.preferred_harness:
            said.append(f"harness {', else '.join((rule.preferred_harness, *rule.fallback))}")
        if rule.spawn_when is not SpawnWhen.ANYTIME:
            when = {SpawnWhen.BACKLOG: "added while a ready task waits", SpawnWhen.NEVER: "added by a person"}
            said.append(when[rule.spawn_when])
        yield f"role {role}: {'; '.join(said)}"


def _roles(one: Candidate, roles: Iterable[str], policy: Policy) -> list[str]:
    """The roles that may have it."""
    return [role for role in roles if not forbidden(one.spec, role, policy)]


def _row(one: Candidate, snapshot: Snapshot, lanes: Iterable[Lane], roles: tuple[str, ...]) -> str:
    spec, allowed = one.spec, _roles(one, roles, snapshot.policy)
    tags = f", tags {' '.join(map(plain, spec.tags))}" if spec.tags else ""
    what = "" if spec.is_agent else f"{spec.kind.value}, no agent; "
    named = [plain(role) for role in allowed[:MOST_ROLES]]
    more = [f"{len(allowed) - MOST_ROLES} more"] if len(allowed) > MOST_ROLES else []
    said = [f"for {'every role' if len(allowed) == len(roles) else ', '.join(named + more)}"]
    said += [f"needs a person: {reason}" for reason in _needs_person(one, snapshot.policy)]
    said += one.trouble
    troubled = [f"{lane.name} ({lane.state.detail.value})" for lane in lanes if _is_troubled(lane, spec.name)]
    said += [f"in trouble: {', '.join(troubled[:MOST_ROLES])}"] if troubled else []
    return f"- {spec.name} ({what}cost {plain(spec.cost)}, {plain(spec.autonomy)}{tags}): {'; '.join(said)}"


def _is_troubled(lane: Lane, harness: str) -> bool:
    return lane.record.spec.harness == harness and lane.state.detail in TROUBLE


def _needs_person(one: Candidate, policy: Policy) -> Iterator[str]:
    if above(one.spec.cost, policy.cost_ceiling, CostTier):
        yield f"it costs more than {policy.cost_ceiling}"
    if above(one.spec.autonomy, policy.autonomy_cap, Autonomy):
        yield f"it works more than {policy.autonomy_cap}"


def _missing(snapshot: Snapshot, usable: Iterable[Candidate], roles: tuple[str, ...]) -> Iterator[str]:
    """One row of those that cannot be had, by reasons."""
    had = {one.spec.name for one in usable}
    by_reason: dict[str, list[str]] = {}
    for one in snapshot.roster:
        if one.spec.name not in had:
            reason = one.missing or forbidden(one.spec, roles[0], snapshot.policy)
            by_reason.setdefault(reason.removeprefix(f"{one.spec.binary} is "), []).append(one.spec.name)
    if by_reason:
        said = [f"{', '.join(names)} ({reason})" for reason, names in by_reason.items()]
        more = f"; and for {len(said) - MOST} more reasons" if len(said) > MOST else ""
        yield f"Not to be had: {'; '.join(said[:MOST])}{more}"


def _listed(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines) or "none"
