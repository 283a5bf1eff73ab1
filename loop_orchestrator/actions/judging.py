"""Judgements that several kinds share: about the lane acted on, and about the text sent to it. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from loop_orchestrator.model.lane import Detail, LaneWord
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.model.verdict import SAFE, Verdict, blocked, destructive, worst

if TYPE_CHECKING:
    from loop_orchestrator.model.lane import Lane
    from loop_orchestrator.model.snapshot import Facts

COORDINATOR = "coordinator"
"""The role whose lanes no action may touch: there a person works."""

_LOOP = r"\bloop(?:[-_.]\w+)*(?: (?:-\S+(?: [^\s-]\S*)?|engine|orchestrator))* "

_ONLY_A_PERSON = (
    (
        re.compile(r"\bloop[-_ ]?adr(?:\.\w+)?\b(?: \S+){0,6}? (?:accept|reject|supersede)\b"),
        "settles an architecture decision, which only a person may",
    ),
    (re.compile(_LOOP + r"(?:approve|reject)\b"), "approves or rejects a decision, which only a person may"),
    (
        re.compile(r"\bloop(?:[-_.]\w+)*[-_ ]engine\b(?: \S+){0,6}? edit\b"),
        "changes a decision, which only a person may",
    ),
    (
        re.compile(
            _LOOP + r"(?:trust\b|resolve \S+ (?:happened|did-not|drop|submit|clear)\b|queue drop\b|up\b.*--accept\b)"
        ),
        "answers a question that only a person may answer",
    ),
    (re.compile(r"\.loop/+(?:\./+)*sessions\b"), "names files that only the engine writes (.loop/sessions)"),
)
"""Matched on ``normalized`` text. A trigger beside the rules about lanes, never the boundary."""

_LOOKALIKES = str.maketrans(
    {"а": "a", "е": "e", "о": "o", "р": "p", "с": "c", "х": "x", "ѕ": "s", "і": "i", "ј": "j", "ⅼ": "l"}
)


def normalized(text: str) -> str:
    """Text as the patterns see it: compatibility forms folded, look-alikes mapped, quoting and spacing evened out."""
    folded = unicodedata.normalize("NFKC", text).translate(_LOOKALIKES).casefold()
    visible = "".join(c for c in folded if unicodedata.category(c) != "Cf")
    spaced = re.sub(r"\$\{?ifs\}?", " ", visible)
    return re.sub(r"\s+", " ", re.sub(r"[\\'\"`]", "", spaced)).strip()


def judge_lane(name: str, facts: Facts) -> Verdict:
    """Whether anything may be done to this lane at all."""
    if name == "coord":
        return blocked("the coordinator lane is a person's; no action may touch it")
    claim = facts.claims.get(name)
    verdicts = [blocked(f"lane {name} is claimed by {claim}, which is not finished")] if claim else []
    if isinstance(facts.lanes, Unknown):
        return worst([*verdicts, destructive(f"the lanes could not be read: {facts.lanes.reason}")])
    lane = facts.lanes.get(name)
    if lane is None:
        return worst([*verdicts, blocked(f"there is no lane {name}")])
    if lane.record.spec.role == COORDINATOR:
        return blocked(f"lane {name} is the coordinator's; no action may touch it")
    return worst([*verdicts, _judge_state(lane)])


def _judge_state(lane: Lane) -> Verdict:
    if lane.state.word is LaneWord.UNKNOWN and lane.state.detail is not Detail.BOOTING:
        return destructive(f"the state of lane {lane.name} is not known ({lane.state.detail.value})")
    return SAFE


def judge_text_into_lane(name: str, text: str, facts: Facts, *, command: bool) -> Verdict:
    """Whether this text may go into this lane."""
    verdicts = [judge_lane(name, facts), judge_text(text, facts), _judge_line(name, facts)]
    if text.lstrip().startswith(("/", "!")):
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


def judge_text(text: str, facts: Facts) -> Verdict:
    """What a text says by itself: words that only a person may say are blocked, the config's patterns destructive."""
    even = normalized(text)
    verdicts = [blocked(f"its text {why}") for pattern, why in _ONLY_A_PERSON if pattern.search(even)]
    verdicts += [
        destructive(f"its text fits the pattern `{pattern}` of the config")
        for pattern in facts.limits.payload_patterns
        if re.search(pattern, even, re.IGNORECASE) or re.search(pattern, text, re.IGNORECASE)
    ]
    return worst(verdicts)


def judge_trust(facts: Facts) -> Verdict:
    """In a cycle whose prompt held text from outside, nothing is safe."""
    if not facts.untrusted:
        return SAFE
    return destructive("the prompt held text that is not trusted: " + ", ".join(facts.untrusted))
