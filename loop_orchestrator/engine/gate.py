"""Step 6, judge: a verdict for every action, then the rules over the whole batch. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from loop_orchestrator.actions.add_lane import AddLane
from loop_orchestrator.actions.base import ActionKind
from loop_orchestrator.actions.dispatch import Dispatch
from loop_orchestrator.actions.judging import judge_trust
from loop_orchestrator.actions.steer import Steer
from loop_orchestrator.actions.wording import judge_text
from loop_orchestrator.engine.govern import Replaced
from loop_orchestrator.model.snapshot import Facts, Unknown
from loop_orchestrator.model.verdict import SAFE, Level, Verdict, blocked, destructive, worst


def judge(actions: Sequence[ActionKind], facts: Facts, replaced: Sequence[Replaced] = ()) -> tuple[Verdict, ...]:
    """One verdict per action, in order. An added fact of danger or an unreadable fact only ever raises them.

    replaced: what the policy changed in them.
    """
    shown = {one.idx: destructive(one.sentence) for one in replaced}
    alone = [worst([_judge_alone(action, facts), shown.get(idx, SAFE)]) for idx, action in enumerate(actions)]
    batched = [
        worst(
            [
                verdict,
                _fan_out(action, verdict, actions, facts),
                _too_many_lanes(action, actions, facts),
                _added_twice(action, actions),
            ]
        )
        for action, verdict in zip(actions, alone, strict=True)
    ]
    return tuple(_with_company(idx, actions, batched, facts) for idx in range(len(actions)))


def _judge_alone(action: ActionKind, facts: Facts) -> Verdict:
    own = action.judge(facts)
    if not action.offered:
        own = worst([own, blocked(f"no {action.kind} is offered: nothing here carries it out yet")])
    return own if action.effect_free else worst([own, judge_trust(facts)])


def _fan_out(action: ActionKind, verdict: Verdict, actions: Sequence[ActionKind], facts: Facts) -> Verdict:
    """A burst over the cap is a destructive thing as a whole."""
    burst = sum(isinstance(one, Dispatch | Steer) for one in actions)
    if isinstance(action, Dispatch | Steer) and burst > facts.limits.max_dispatches and verdict.level is Level.SAFE:
        return destructive(f"the decision sends {burst} texts, the config allows {facts.limits.max_dispatches} at once")
    return worst([])


def _too_many_lanes(action: ActionKind, actions: Sequence[ActionKind], facts: Facts) -> Verdict:
    if not isinstance(action, AddLane) or isinstance(facts.lanes, Unknown):
        return worst([])
    added = sum(isinstance(one, AddLane) for one in actions)
    total = len(facts.lanes) + added
    if total <= facts.limits.max_lanes:
        return worst([])
    return destructive(f"the decision would make {total} lanes, the config allows {facts.limits.max_lanes}")


def _added_twice(action: ActionKind, actions: Sequence[ActionKind]) -> Verdict:
    """Which of them would get the name is nobody's to guess."""
    if not isinstance(action, AddLane):
        return SAFE
    windows = [one.window.casefold() for one in actions if isinstance(one, AddLane)]
    twice = windows.count(action.window.casefold()) > 1
    return blocked(f"the decision adds lane {action.window} more than once") if twice else SAFE


def _with_company(idx: int, actions: Sequence[ActionKind], verdicts: Sequence[Verdict], facts: Facts) -> Verdict:
    """Actions on one lane in one decision are judged together: each is as dangerous as the worst of them."""
    own = actions[idx]
    company = [other for other in range(len(actions)) if actions[other].target == own.target and own.target]
    if len(company) < 2:
        return verdicts[idx]
    together = worst(
        [*(verdicts[other] for other in company), judge_text(" ".join(actions[o].text for o in company), facts)]
    )
    if together.level is verdicts[idx].level:
        return verdicts[idx]
    others = ", ".join(str(other) for other in company if other != idx)
    return worst(
        [verdicts[idx], together, Verdict(together.level, (f"judged together with action {others} on the same lane",))]
    )
