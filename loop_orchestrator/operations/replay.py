"""The prompt of an earlier decision put to another brain, and how its answer differs. Nothing is executed."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import unified_diff
from textwrap import wrap
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

from loop_orchestrator.actions.base import ActionKind
from loop_orchestrator.engine.brain import RULES, make_brain, note_failed_call
from loop_orchestrator.engine.cycle import engine_config
from loop_orchestrator.engine.reply import ReplyProblem
from loop_orchestrator.errors import BrainError, UsageError
from loop_orchestrator.ids import new_id
from loop_orchestrator.model.brain import BrainReply
from loop_orchestrator.operations.cycle import Judged, judge_reply
from loop_orchestrator.operations.prompt import kept_prompt

if TYPE_CHECKING:
    from loop_orchestrator.model.decision import Decision
    from loop_orchestrator.world import World


WIDTH = 80
"""Columns of the difference, its sign included: it is read in a terminal."""

_INDENT = " " * 4

CONTEXT = 2
"""Lines around a difference."""


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What another brain answered to the same prompt."""

    decision: Decision
    reply: BrainReply
    judged: Judged | None
    """None: the reply breaks the contract"""
    problem: str
    """how it breaks the contract; empty: it does not"""
    difference: tuple[str, ...]
    """lines of a unified diff of the two decisions; empty: they are the same, or there is no other one"""


def replay(world: World, decision_id: str, *, brain: str) -> Replay:
    """Ask another brain what was asked for a decision; one call of the budget, in the event log and the transcripts.

    brain: a harness, ``harness:model``, or ``command``. Raises UsageError for one that cannot be asked so, and where
    the prompt is not kept any more; BrainError where it gives no reply.
    """
    decision = world.decisions.get(decision_id)
    if brain == RULES:
        raise UsageError("the built-in rules read the session, not a prompt", hint="loop engine once --dry-run")
    engine = engine_config(world)
    prompt = kept_prompt(world, decision)
    other = make_brain(brain, engine.brain, world.harnesses, world.root)
    cycle = new_id("r", world.clock.now())
    charged = world.budget.charge()
    transcript = world.transcripts.begin(cycle, "replay", prompt)
    world.events.append("brain.called", "engine", {"cycle": cycle, "brain": other.name}, trace=decision.cycle)
    try:
        reply = other.ask_text(prompt, transcript=transcript, cancel=world.cancel)
    except BrainError as error:
        note_failed_call(world, transcript, charged, error)
        raise
    world.transcripts.end(transcript, reply.text)
    world.budget.price(charged, reply.usage.cost_usd)
    try:
        judged = judge_reply(world, reply.text)
    except ReplyProblem as problem:
        return Replay(decision=decision, reply=reply, judged=None, problem=str(problem), difference=())
    actions = [item.action for item in decision.items if isinstance(item.action, ActionKind)]
    before = _as_lines(decision.critique, actions)
    after = _as_lines(judged.proposal.critique, list(judged.proposal.actions))
    names = f"{decision.id} ({decision.brain})", f"replay ({reply.brain})"
    difference = tuple(unified_diff(before, after, *names, n=CONTEXT, lineterm=""))
    return Replay(decision=decision, reply=reply, judged=judged, problem="", difference=difference)


def _as_lines(critique: str, actions: list[ActionKind]) -> list[str]:
    """A decision as a person reads it, in lines that a diff shows within WIDTH columns; fields at their defaults are
    left out.
    """
    lines = ["critique:", *_wrapped(critique)]
    for idx, action in enumerate(actions):
        fields = {name: str(value) for name, value in action.to_fields().items() if value not in ("", False)}
        lines.append(f"action {idx}: {action.kind}")
        for name, text in fields.items():
            short = f"  {name}: {text}"
            if "\n" in text or len(short) >= WIDTH:
                lines += [f"  {name}:", *_wrapped(text)]
            else:
                lines.append(short)
    return lines


def _wrapped(text: str) -> list[str]:
    """The text's rows, folded at blanks, four columns in; a row with wide characters at half of the width."""
    found: list[str] = []
    for row in text.splitlines():
        wide = any(east_asian_width(char) in "WF" for char in row)
        room = (WIDTH - 1 - len(_INDENT)) // (2 if wide else 1)
        found += [_INDENT + piece for piece in wrap(row, room, break_on_hyphens=False)] or [""]
    return found
