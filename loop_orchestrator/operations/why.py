"""Why a lane is believed to be in its state, in sentences."""

from __future__ import annotations

from datetime import datetime

from loop_orchestrator.clock import format_age
from loop_orchestrator.model.lane import Lane, Signal


def why_sentences(lane: Lane, now: datetime) -> tuple[str, ...]:
    """A line each: the state, the rule that decided, and every piece of evidence with what became of it below it."""
    state = lane.state
    takes_text = state.ready and not lane.record.spec.cmd
    typed = "text may be typed into it" if takes_text else "nothing is typed into it"
    lines = [
        f"{lane.name} is {state.word.value} ({state.detail.value}): {typed}.",
        f"Rule {state.rule} decided, with confidence {state.confidence:.2f}. The evidence, strongest first:",
    ]
    for signal, why in state.weighed():
        lines += [f"- {_sentence(signal, now)}", f"  {why}"]
    return tuple(lines)


def _sentence(signal: Signal, now: datetime) -> str:
    age = format_age((now - signal.at).total_seconds())
    return f"{signal.source.value} speaks for {signal.detail.value}: {signal.seen} (rule {signal.rule}, {age} ago)"
