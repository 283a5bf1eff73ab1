"""What harnesses may run in which roles, as the config's ``engine.policy`` says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class CostTier(StrEnum):
    """How much a harness costs."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Autonomy(StrEnum):
    """How far a harness goes by itself."""

    NONE = "none"
    ATTENDED = "attended"
    UNATTENDED = "unattended"


class SpawnWhen(StrEnum):
    """When a lane of a role may be added without a person."""

    ANYTIME = "anytime"
    """whenever the other rules allow it"""
    BACKLOG = "backlog"
    """only while a ready task of that role waits"""
    NEVER = "never"
    """only by a person"""


@dataclass(frozen=True, kw_only=True)
class RoleRule:
    """The rules of one role."""

    concurrency_allowance: int = 1
    """workers of the role beside which a further one is added although one of them is idle"""
    preferred_harness: str = ""
    fallback: tuple[str, ...] = ()
    """in place of the preferred one, in this order, where it cannot be used"""
    spawn_when: SpawnWhen = SpawnWhen.ANYTIME
    retire_after_idle_cycles: int = 0
    """cycles for which a worker is idle before it is to be dropped; 0: never"""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The whole policy. Empty lists and maps ask for nothing."""

    allow: tuple[str, ...] = ()
    """harnesses that lanes may run; empty: all"""
    deny: tuple[str, ...] = ()
    """harnesses that no lane may run, whatever else is said"""
    cost_ceiling: CostTier = CostTier.HIGH
    autonomy_cap: Autonomy = Autonomy.UNATTENDED
    role_tag_map: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """role -> tags of which a harness for it must have one"""
    role_defaults: Mapping[str, str] = field(default_factory=dict)
    """role -> harness that takes the place of one that the role may not have"""
    high_risk_roles: tuple[str, ...] = ()
    role_rules: Mapping[str, RoleRule] = field(default_factory=dict)

    def rule_of(self, role: str) -> RoleRule:
        return self.role_rules.get(role, RoleRule())
