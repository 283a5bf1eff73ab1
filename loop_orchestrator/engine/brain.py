"""Step 4, ask: the budget is charged, then the brain that the config names is asked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.crash import crash_point
from loop_orchestrator.engine.prompt import render
from loop_orchestrator.engine.reply import Proposal, ReplyProblem, read_reply
from loop_orchestrator.engine.rules import reply_text
from loop_orchestrator.errors import BrainError, ConfigError, ProcessError
from loop_orchestrator.harnesses.launch import oneshot_argv
from loop_orchestrator.harnesses.usage import read_reply as read_output
from loop_orchestrator.model.brain import BrainReply, FailureKind, Usage
from loop_orchestrator.model.harness import HarnessSpec, OneShot, PromptBy
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.prompts import fill

if TYPE_CHECKING:
    from loop_orchestrator.config.schema import BrainConfig
    from loop_orchestrator.model.snapshot import Snapshot
    from loop_orchestrator.process.cancel import Cancel
    from loop_orchestrator.world import Brain, World

RULES = "rules"
COMMAND = "command"

_PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TERM", "TMPDIR", "TZ")
"""What a brain gets of the environment when the config names the variables it may have."""


@dataclass(frozen=True)
class RulesBrain:
    """The built-in brain: no program, no model, no cost."""

    texts: Mapping[str, str]
    name: str = RULES

    def ask(self, prompt: str, snapshot: Snapshot, *, transcript: Path, cancel: Cancel) -> BrainReply:  # noqa: ARG002
        text = reply_text(snapshot, self.texts)
        usage = Usage(input_tokens=0, output_tokens=0, cost_usd=0.0)
        return BrainReply(text=text, brain=self.name, usage=usage, transcript=None, duration_s=0.0)


@dataclass(frozen=True)
class ProgramBrain:
    """A one-shot program: a harness, or any command of the config."""

    name: str
    oneshot: OneShot
    argv: tuple[str, ...]
    """complete but for ``{prompt}``"""
    cwd: Path
    timeout_s: float
    env: tuple[str, ...]
    """names of the variables it may have; empty: all but this program's own"""

    def ask(self, prompt: str, snapshot: Snapshot, *, transcript: Path, cancel: Cancel) -> BrainReply:  # noqa: ARG002
        from loop_orchestrator.process.oneshot import one_shot

        try:
            result = one_shot(
                self.argv,
                prompt=prompt,
                prompt_by=self.oneshot.prompt,
                env=self._environment(),
                cwd=self.cwd,
                timeout_s=self.timeout_s,
                transcript=transcript,
                cancel=cancel,
            )
        except ProcessError as error:
            raise BrainError(FailureKind.EXIT, error.message, hint=error.hint) from error
        if result.cancelled:
            raise BrainError(FailureKind.STOPPED, "the brain was stopped with the engine")
        if result.timed_out:
            raise BrainError(
                FailureKind.TIMEOUT,
                f"brain {self.name} gave no reply within {self.timeout_s:g} s",
                hint="raise engine.brain.timeout_s, or look at " + str(transcript),
            )
        text, usage = read_output(self.oneshot, result.stdout, result.stderr, result.code)
        return BrainReply(text=text, brain=self.name, usage=usage, transcript=transcript, duration_s=result.duration_s)

    def _environment(self) -> dict[str, str]:
        if self.env:
            names = [name for name in (*_PASSED_ON, *self.env) if name in os.environ]
        else:
            names = [name for name in os.environ if not name.startswith("LOOP_")]
        return {**{name: os.environ[name] for name in names}, **dict(self.oneshot.env)}


def make_brain(
    config: BrainConfig, harnesses: Mapping[str, HarnessSpec], texts: Mapping[str, str], root: Path
) -> Brain:
    """The brain that the config asks for. Raises ConfigError if there is no such one-shot program."""
    if config.use == RULES:
        return RulesBrain(texts)
    env = tuple(config.env)
    if config.use == COMMAND:
        argument = any("{prompt}" in word for word in config.command)
        oneshot = OneShot(argv=tuple(config.command), prompt=PromptBy.ARGUMENT if argument else PromptBy.STDIN)
        return ProgramBrain(COMMAND, oneshot, tuple(config.command), root, config.timeout_s, env)
    spec = harnesses.get(config.use)
    if spec is None or spec.oneshot is None:
        usable = ", ".join([RULES, COMMAND, *sorted(n for n, one in harnesses.items() if one.oneshot)])
        raise ConfigError((f"engine.brain.use: no one-shot program {config.use!r}; expected one of {usable}",))
    argv = oneshot_argv(spec, model=config.model)
    return ProgramBrain(spec.name, spec.oneshot, argv, root, config.timeout_s, env)


def ask(world: World, snapshot: Snapshot) -> tuple[BrainReply, Proposal]:
    """Ask the brain and read its reply; a reply that breaks the contract is quoted back to it once.

    Raises BrainError; every call counts in the budget before it is made.
    """
    prompt = render(snapshot, world.prompts)
    reply = _call(world, snapshot, prompt, "first")
    try:
        return reply, read_reply(reply.text)
    except ReplyProblem as problem:
        world.events.append(
            "brain.corrected", "engine", {"cycle": snapshot.cycle, "problem": str(problem)}, trace=snapshot.cycle
        )
        again = fill(world.prompts["correction"], prompt=prompt, problem=str(problem))
    reply = _call(world, snapshot, again, "corrected")
    try:
        return reply, read_reply(reply.text)
    except ReplyProblem as problem:
        raise BrainError(
            FailureKind.UNPARSEABLE,
            f"brain {reply.brain} broke the contract twice: {problem}",
            hint=f"read {world.layout.brain}/{snapshot.cycle}.corrected.reply.md",
        ) from problem


def _call(world: World, snapshot: Snapshot, prompt: str, name: str) -> BrainReply:
    brain, cycle = world.brain, snapshot.cycle
    transcript = world.transcripts.begin(cycle, name, prompt)
    crash_point("cycle.rendered")
    if brain.name != RULES:
        world.budget.charge()
    world.events.append("brain.called", "engine", {"cycle": cycle, "brain": brain.name}, trace=cycle)
    crash_point("brain.charged")
    reply = brain.ask(prompt, snapshot, transcript=transcript, cancel=world.cancel)
    world.transcripts.end(cycle, name, reply.text)
    usage: dict[str, JsonValue] = {
        "input_tokens": reply.usage.input_tokens,
        "output_tokens": reply.usage.output_tokens,
        "cost_usd": reply.usage.cost_usd,
    }
    payload: dict[str, JsonValue] = {
        "cycle": cycle,
        "brain": reply.brain,
        "duration_s": round(reply.duration_s, 3),
        "usage": usage,
    }
    world.events.append("brain.replied", "engine", payload, trace=cycle)
    crash_point("brain.replied")
    return reply
