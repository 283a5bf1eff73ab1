"""Between reading and judging: the policy puts another harness in place of one that a role may not have. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from loop_orchestrator.actions.add_lane import AddLane
from loop_orchestrator.actions.base import ActionKind
from loop_orchestrator.actions.governing import forbidden, usable_in_place
from loop_orchestrator.model.snapshot import Facts


@dataclass(frozen=True, kw_only=True)
class Replaced:
    """A harness that the policy replaced; a person is shown it."""

    idx: int
    was: str
    now: str
    reason: str

    @property
    def sentence(self) -> str:
        return f"harness {self.now} takes the place of {self.was}: {self.reason}"


def govern(actions: Sequence[ActionKind], facts: Facts) -> tuple[tuple[ActionKind, ...], tuple[Replaced, ...]]:
    """The actions with the harnesses that the policy gives them, and what was replaced."""
    governed: list[ActionKind] = []
    replaced: list[Replaced] = []
    for idx, action in enumerate(actions):
        found = _replacement(idx, action, facts)
        if found is not None and isinstance(action, AddLane):
            replaced.append(found)
            action = replace(action, harness=found.now, model="")  # a model belongs to its own program
        governed.append(action)
    return tuple(governed), tuple(replaced)


def _replacement(idx: int, action: ActionKind, facts: Facts) -> Replaced | None:
    if not isinstance(action, AddLane) or not action.harness:
        return None
    spec = facts.harnesses.get(action.harness)
    if spec is None:
        return None
    missing = facts.missing_programs.get(spec.name, "")
    reason = forbidden(spec, action.role, facts.policy) or (missing and f"it cannot start here ({missing})")
    other = usable_in_place(spec.name, action.role, facts) if reason else ""
    return Replaced(idx=idx, was=spec.name, now=other, reason=reason) if other else None
