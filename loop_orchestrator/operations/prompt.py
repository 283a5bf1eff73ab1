"""The prompt of the next cycle, or the one that was put for a decision, with its size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loop_orchestrator.engine.brain import call_name
from loop_orchestrator.engine.cycle import dry_run
from loop_orchestrator.errors import UsageError
from loop_orchestrator.model.prompt import WARN_TOKENS, Fit, Prompt
from loop_orchestrator.operations.shapes import Json

if TYPE_CHECKING:
    from loop_orchestrator.model.decision import Decision
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.world import World

WHY = ("a person asked for the prompt",)


def next_prompt(world: World) -> Prompt:
    """What the first brain would be asked now; writes nothing. Raises DecisionStateError without an engine."""
    prompt = dry_run(world, WHY).prompt
    assert prompt is not None
    return prompt


def kept_prompt(world: World, decision: Decision) -> str:
    """The prompt that was put for a decision, byte for byte. Raises UsageError where it is not kept any more."""
    names = [call_name(decision.brain, first=first) for first in (False, True)]  # of a fallback, or of the first brain
    for name in names:
        try:
            kept = (world.layout.brain / f"{decision.cycle}.{name}.prompt.md").read_bytes()
        except OSError:
            continue
        return kept.decode("utf-8")
    raise UsageError(
        f"the prompt of decision {decision.id} is not kept any more ({decision.cycle}.{names[-1]}.prompt.md)",
        hint="raise engine.keep_transcripts to keep more of them",
    )


def prompt_notes(prompt: Prompt) -> tuple[str, ...]:
    """How long a prompt is and what takes the room, a sentence each."""
    by_size = sorted((part for part in prompt.parts if part.bytes), key=lambda part: part.bytes, reverse=True)
    room = ", ".join(f"{part.name} {part.tokens}" for part in by_size)
    notes = [f"{prompt.bytes} bytes, about {prompt.tokens} tokens: {room}"]
    if prompt.overflow:
        notes.append("the checkpoint fits into no prompt and is left out; the brain is told to have it trimmed")
    if prompt.cuts:
        cut = "; ".join(f"{part.name} ({part.cut})" for part in prompt.cuts)
        notes.append(f"cut for the ceiling of {prompt.ceiling} tokens: {cut}")
    if prompt.fit is Fit.LONG:
        notes.append(f"the prompt is long, above {WARN_TOKENS} tokens")
    if prompt.tokens > prompt.ceiling:
        notes.append(f"it is above the ceiling of {prompt.ceiling} tokens all the same: the rest of it is never cut")
    return tuple(notes)


def prompt_document(prompt: Prompt) -> Json:
    """The document of ``loop engine prompt --json``."""
    parts: list[JsonValue] = [
        {"name": part.name, "bytes": part.bytes, "tokens": part.tokens, "cut": part.cut or None}
        for part in prompt.parts
    ]
    return {
        "bytes": prompt.bytes,
        "tokens": prompt.tokens,
        "token_ceiling": prompt.ceiling,
        "fit": prompt.fit.value,
        "parts": parts,
        "notes": list(prompt_notes(prompt)),
        "prompt": prompt.text,
    }


def kept_document(decision: Decision, text: str) -> Json:
    """The document of ``loop engine prompt ID --json``: how its parts were put together is not kept."""
    whole = Prompt(text=text, parts=(), ceiling=0)
    return {"decision": decision.id, "bytes": whole.bytes, "tokens": whole.tokens, "prompt": text}
