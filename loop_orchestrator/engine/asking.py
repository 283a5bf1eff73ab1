"""The prompt of a cycle for one brain: within what the config and the program take, and told where it is long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loop_orchestrator.engine.prompt import render
from loop_orchestrator.engine.reply import PROBLEM_LIMIT
from loop_orchestrator.model.prompt import BYTES_PER_TOKEN, CEILING_TOKENS, WARN_TOKENS, Fit, Prompt

if TYPE_CHECKING:
    from loop_orchestrator.model.snapshot import Snapshot
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.world import Brain, World

CORRECTION_BYTES = 4 * PROBLEM_LIMIT + 1_000
"""What a second call adds to the prompt, a problem of four-byte characters quoted."""


def prompt_for(world: World, snapshot: Snapshot, brain: Brain) -> Prompt:
    """What this brain is asked. Writes nothing."""
    return render(snapshot, world.prompts, ceiling=ceiling_for(world, brain))


def ceiling_for(world: World, brain: Brain) -> int:
    """Estimated tokens: the config's, or fewer for a program that takes its prompt as an argument."""
    ceiling = world.config.engine.prompt_token_ceiling if world.config.engine else CEILING_TOKENS
    most = brain.most_prompt_bytes
    return ceiling if most is None else min(ceiling, (most - CORRECTION_BYTES) // BYTES_PER_TOKEN)


def tell_fit(world: World, cycle: str, brain: str, prompt: Prompt) -> None:
    """An event where the prompts for this brain begin to be long, to be cut, or to have no place for the checkpoint."""
    fit, told = prompt.fit, world.prompt_fits.get(brain)
    if fit.value == (told or Fit.FITS.value):
        return
    payload: dict[str, JsonValue] = {"cycle": cycle, "brain": brain, "tokens": prompt.tokens}
    cut: list[JsonValue] = [f"{part.name}: {part.cut}" for part in prompt.cuts]
    if fit is Fit.LONG:
        world.events.append("prompt.long", "engine", {**payload, "advised": WARN_TOKENS}, trace=cycle)
    elif fit is not Fit.FITS:
        payload |= {"token_ceiling": prompt.ceiling, "cut": cut}
        world.events.append(f"prompt.{fit.value}", "engine", payload, trace=cycle)
    if fit is Fit.FITS:
        world.prompt_fits.discard(brain)
    else:
        world.prompt_fits.add(brain, fit.value)
