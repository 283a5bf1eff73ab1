"""Judgements that several kinds share: about the lane acted on, and about the text sent to it. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from loop_orchestrator.actions.spelling import visible
from loop_orchestrator.actions.wording import judge_text
from loop_orchestrator.model.lane import Detail, LaneWord
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.model.verdict import SAFE, Verdict, blocked, destructive, worst

if TYPE_CHECKING:
    from loop_orchestrator.model.lane import Lane
    from loop_orchestrator.model.snapshot import Facts

COORDINATOR = "coordinator"
"""The role whose lanes no action may touch: there a person works."""

_COORDINATORS = frozenset({"coord", "coordinator"})
_SENDERS = _COORDINATORS | {"person", "human", "engine"}


def is_coordinators(name: str) -> bool:
    """Whether it names the coordinator's lane, in any spelling that a lane's name may have."""
    return _spelled(name) in _COORDINATORS


def speaks_for_another(name: str) -> bool:
    """Whether an agent in a lane of this name would get the mail of a person or of the engine, and speak for one."""
    return _spelled(name) in _SENDERS


def _spelled(name: str) -> str:
    return re.sub(r"[-_]", "", name).casefold()


def judge_lane(name: str, facts: Facts) -> Verdict:
    """Whether anything may be done to this lane at all."""
    if is_coordinators(name):
        return blocked(f"lane {name} is the coordinator's, where a person works; no action may touch it")
    claim = facts.claims.get(name)
    verdicts = [blocked(f"lane {name} is claimed by {claim}, which is not finished")] if claim else []
    if isinstance(facts.lanes, Unknown):
        return worst([*verdicts, lanes_unread(facts.lanes)])
    lane = facts.lanes.get(name)
    if lane is None:
        return worst([*verdicts, blocked(f"there is no lane {name}")])
    if lane.record.spec.role.casefold() == COORDINATOR:
        return blocked(f"lane {name} is the coordinator's; no action may touch it")
    return worst([*verdicts, _judge_state(lane)])


def lanes_unread(why: Unknown) -> Verdict:
    """Any lane may be the coordinator's, or one of the config, as long as nobody knows which is which."""
    return blocked(f"the lanes could not be read, so it is not known whose they are: {why.reason}")


def _judge_state(lane: Lane) -> Verdict:
    if lane.state.word is LaneWord.UNKNOWN and lane.state.detail is not Detail.BOOTING:
        return destructive(f"the state of lane {lane.name} is not known ({lane.state.detail.value})")
    return SAFE


def judge_text_into_lane(name: str, text: str, facts: Facts, *, command: bool) -> Verdict:
    """Whether this text may go into this lane."""
    verdicts = [judge_lane(name, facts), judge_text(text, facts), _judge_line(name, facts)]
    if visible(text).lstrip().startswith(("/", "!")):
        verdicts.append(
            destructive("it begins as a command to the program in the lane does, not as a text to an agent")
        )
    if command:
        verdicts.append(destructive("a raw command runs as it stands"))
    if not isinstance(facts.lanes, Unknown) and name in facts.lanes and not facts.lanes[name].record.agent:
        verdicts.append(destructive(f"lane {name} runs no agent: the text is executed as it stands"))
    return worst(verdicts)


def _judge_line(name: str, facts: Facts) -> Verdict:
    """What stands in line for a lane comes first; a text that is sent past it needs a person's word."""
    if isinstance(facts.in_line, Unknown):
        return destructive(f"what stands in line for lane {name} could not be read: {facts.in_line.reason}")
    count = facts.in_line.get(name, 0)
    if not count:
        return SAFE
    return destructive(f"{count} {'text stands' if count == 1 else 'texts stand'} in line for lane {name} before it")


def judge_trust(facts: Facts) -> Verdict:
    """In a cycle whose prompt held text from outside, nothing is safe."""
    if not facts.untrusted:
        return SAFE
    return destructive("the prompt held text that is not trusted: " + ", ".join(facts.untrusted))
