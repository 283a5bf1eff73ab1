"""What an attacker makes a brain say gets past no gate and ends no cycle; what an honest one says goes through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from loop_orchestrator.engine.cycle import run_cycle
from loop_orchestrator.engine.gate import judge
from loop_orchestrator.engine.govern import govern
from loop_orchestrator.engine.reply import ReplyProblem, read_reply
from loop_orchestrator.model.brain import BrainReply, Usage
from loop_orchestrator.model.decision import ItemStatus
from loop_orchestrator.model.lane import Detail, LaneKind
from loop_orchestrator.model.policy import Policy, RoleRule, SpawnWhen
from loop_orchestrator.model.verdict import Level, Verdict
from loop_orchestrator.wiring import Project
from tests.engine.attacks import ATTACKS, BLOCKED, PROBLEM, Attack, says
from tests.engine.innocent import INNOCENT, ODD_BUT_FINE
from tests.support.builders import LIMITS, a_lane, some_facts
from tests.support.packaged import packaged_harnesses
from tests.support.projects import project_at

if TYPE_CHECKING:
    from loop_orchestrator.model.snapshot import Snapshot
    from loop_orchestrator.process.cancel import Cancel
    from loop_orchestrator.stores.transcripts import Transcript
    from loop_orchestrator.world import Brain

LANES = (
    a_lane("coord", role="coordinator", agent=False),
    a_lane("boss", role="coordinator"),
    a_lane("web"),
    a_lane("api"),
    a_lane("docs", role="docs"),
    a_lane("ops-top", role="ops", agent=False),
    a_lane("log", role="ops", agent=False),
    a_lane("guest", outside=True),
    a_lane("search", role="research", kind=LaneKind.WORKER),
    a_lane("fog", Detail.DRIFTED),
    a_lane("queued"),
    a_lane("held"),
)

CONFIG = """\
engine:
  approval: {mode}
  brain: {{use: rules}}
  destructive: {{max_lanes: 16}}
  policy:
    deny: [gemini]
    role_rules: {{infra: {{spawn_when: never}}}}
"""

FACTS = replace(
    some_facts(
        *LANES,
        limits=replace(
            LIMITS,
            max_lanes=16,
            payload_patterns=(r"\bgit\b.*\bpush\b.*\s(--force|-\w*f\b|\+\S)", r"\brm\b.*\s-{1,2}\w*[rRf]"),
        ),
        claims={"held": "d-9"},
        in_line={"queued": 2},
        policy=Policy(deny=("gemini",), role_rules={"infra": RoleRule(spawn_when=SpawnWhen.NEVER)}),
    ),
    harnesses=packaged_harnesses(),
)
"""A normal project."""


def verdicts_of(text: str) -> tuple[Verdict, ...]:
    """The way of every reply: read, governed, judged. Raises ReplyProblem."""
    actions, replaced = govern(read_reply(text).actions, FACTS)
    return judge(actions, FACTS, replaced)


def named(attacks: Sequence[Attack]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("attack", attacks, ids=[attack.name for attack in attacks])


def test_every_attack_has_a_name_of_its_own() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


@named(ATTACKS)
def test_an_attack_is_held_back_and_says_why(attack: Attack) -> None:
    try:
        found = verdicts_of(attack.reply)
    except ReplyProblem as problem:
        assert (attack.expect, attack.says in str(problem)) == (PROBLEM, True), problem
        return
    sharpest = max(found, key=lambda verdict: verdict.level.rank)
    reasons = " / ".join(reason for verdict in found for reason in verdict.reasons)
    assert (sharpest.level.value, attack.says in reasons) == (attack.expect, True), reasons
    assert sharpest.level > Level.SAFE


@pytest.mark.parametrize("payload", INNOCENT)
def test_an_innocent_text_stays_safe(payload: str) -> None:
    (verdict,) = verdicts_of(says(payload))
    assert verdict.level is Level.SAFE, verdict.reasons


@pytest.mark.parametrize("name", ODD_BUT_FINE)
def test_an_odd_reply_that_keeps_the_contract_is_read(name: str) -> None:
    (verdict,) = verdicts_of(ODD_BUT_FINE[name])
    assert verdict.level is Level.SAFE, verdict.reasons


@dataclass(frozen=True)
class Parrot:
    """A brain that says one thing."""

    text: str
    name: str = "parrot"
    most_prompt_bytes: int | None = None

    def ask(self, prompt: str, snapshot: Snapshot, *, transcript: Transcript, cancel: Cancel) -> BrainReply:
        nothing = Usage(input_tokens=0, output_tokens=0, cost_usd=0.0)
        return BrainReply(text=self.text, brain=self.name, usage=nothing, transcript=None, duration_s=0.0)


class Touched(Exception):
    """Something reached a lane."""


def _touched(*_: object) -> NoReturn:
    raise Touched


def shop_of(project: Path, text: str, *, mode: str = "auto") -> Project:
    """A project whose brain says this, whose lanes are these, and in which nothing may reach one."""
    shop = project_at(project, config=CONFIG.format(mode=mode))
    parrot: Brain = Parrot(text)
    replaced: dict[str, object] = {
        "brains": (parrot,),
        "observe_lanes": lambda: LANES,
        "deliver": _touched,
        "start_lane": _touched,
        "end_lane": _touched,
    }
    shop.__dict__.update(replaced)
    return shop


@named([attack for attack in ATTACKS if attack.name not in ("past the line", "a lane that another decision has")])
def test_an_attack_runs_nothing_and_ends_no_cycle(project: Path, attack: Attack) -> None:
    """What is blocked, not even in the mode in which everything else runs."""
    shop = shop_of(project, attack.reply, mode="full" if attack.expect == BLOCKED else "auto")
    result = run_cycle(shop.world, ("test",))
    if attack.expect == PROBLEM:
        assert (result.outcome, result.failure, result.decision) == ("brain-failed", "unparseable", None)
    else:
        assert result.decision is not None
        held = [item for item in result.decision.items if item.verdict.level > Level.SAFE]
        assert held and {item.status for item in held} <= {ItemStatus.WAITING, ItemStatus.BLOCKED}
    assert shop.events.last("cycle.ended") is not None


def test_the_parrot_would_be_heard(project: Path) -> None:
    """What the test above rests on: a safe action does reach its lane."""
    with pytest.raises(Touched):
        run_cycle(shop_of(project, says("hello")).world, ("test",))
