"""The keys of ``engine.policy``: which harnesses may run in which roles."""

from __future__ import annotations

from dataclasses import dataclass, field

from loop_orchestrator.config.reader import About
from loop_orchestrator.model.policy import Autonomy, CostTier, Policy, RoleRule, SpawnWhen

_NAME = r"[A-Za-z][A-Za-z0-9_-]*"


def _names(sentence: str, what: str = "the name of a harness") -> dict[str, About]:
    return About(sentence, pattern=_NAME, pattern_says=what).metadata


@dataclass(frozen=True, kw_only=True)
class RoleRuleConfig:
    """The rules of one role."""

    role: str = field(metadata=About("The role.", pattern=_NAME, pattern_says="the name of a role").metadata)
    concurrency_allowance: int = field(
        default=1,
        metadata=About(
            "While a worker of the role is idle, a further one needs a person from this number of workers on.",
            at_least=1,
            at_most=200,
        ).metadata,
    )
    preferred_harness: str = field(default="", metadata=_names("Another one than this needs a person."))
    fallback: tuple[str, ...] = field(
        default=(), metadata=_names("In place of the preferred one, in this order, where that cannot be used.")
    )
    spawn_when: SpawnWhen = field(
        default=SpawnWhen.ANYTIME,
        metadata=About(
            "When a lane may be added without a person: anytime, while a ready task waits (backlog), or never."
        ).metadata,
    )
    retire_after_idle_cycles: int = field(
        default=0,
        metadata=About(
            "Cycles for which a worker is idle before the brain is told to drop it; 0: never.",
            at_least=0,
            at_most=10_000,
        ).metadata,
    )

    def rule(self) -> RoleRule:
        return RoleRule(
            concurrency_allowance=self.concurrency_allowance,
            preferred_harness=self.preferred_harness,
            fallback=self.fallback,
            spawn_when=self.spawn_when,
            retire_after_idle_cycles=self.retire_after_idle_cycles,
        )


@dataclass(frozen=True, kw_only=True)
class PolicyConfig:
    """Governance of the lanes that a brain adds. Without it the rules about targets, reuse and numbers still hold."""

    allow: tuple[str, ...] = field(
        default=(), metadata=_names("Harnesses that an added lane may run; none listed: all.")
    )
    deny: tuple[str, ...] = field(default=(), metadata=_names("Harnesses that no added lane may run; wins over all."))
    cost_ceiling: CostTier = field(
        default=CostTier.HIGH, metadata=About("A harness above this cost needs a person.").metadata
    )
    autonomy_cap: Autonomy = field(
        default=Autonomy.UNATTENDED, metadata=About("A harness of more autonomy needs a person.").metadata
    )
    role_tag_map: tuple[tuple[str, tuple[str, ...]], ...] = field(
        default=(),
        metadata=About(
            "Role: tags of which a harness for it must have one (loop harness roster).", keys=_NAME
        ).metadata,
    )
    role_defaults: tuple[tuple[str, str], ...] = field(
        default=(),
        metadata=About("Role: harness that takes the place of one that the role may not have.", keys=_NAME).metadata,
    )
    high_risk_roles: tuple[str, ...] = field(
        default=("infra",),
        metadata=_names(
            "Roles in which a harness whose screens often change, approving by itself, needs a person.", "a role"
        ),
    )
    brain_allow: tuple[str, ...] = field(
        default=(), metadata=_names("Brains that use and fallback may name; none listed: all. rules is always one.")
    )
    role_rules: tuple[RoleRuleConfig, ...] = field(
        default=(), metadata=About("Rules of single roles, by role.", keyed_by="role", keys=_NAME).metadata
    )

    def policy(self) -> Policy:
        return Policy(
            allow=self.allow,
            deny=self.deny,
            cost_ceiling=self.cost_ceiling,
            autonomy_cap=self.autonomy_cap,
            role_tag_map=dict(self.role_tag_map),
            role_defaults=dict(self.role_defaults),
            high_risk_roles=self.high_risk_roles,
            role_rules={one.role: one.rule() for one in self.role_rules},
        )

    def harnesses(self) -> tuple[tuple[str, str], ...]:
        """Every harness that it names, with the key under which it stands."""
        found = [(key, name) for key in ("allow", "deny") for name in getattr(self, key)]
        found += [(f"role_defaults.{role}", name) for role, name in self.role_defaults]
        for rule in self.role_rules:
            path = f"role_rules.{rule.role}"
            found += [(f"{path}.preferred_harness", name) for name in [rule.preferred_harness] if name]
            found += [(f"{path}.fallback", name) for name in rule.fallback]
        return tuple(found)
