"""Step 4, ask: the brains of the config, in order, until one answers; each call is in the budget before it is made."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_time
from loop_orchestrator.crash import crash_point
from loop_orchestrator.engine.asking import prompt_for, tell_fit
from loop_orchestrator.engine.reply import Proposal, ReplyProblem, read_reply
from loop_orchestrator.engine.rules import reply_text
from loop_orchestrator.errors import BrainError, ConfigError, ProcessError
from loop_orchestrator.harnesses.detect import key_names
from loop_orchestrator.harnesses.failures import failure_in, took_too_long
from loop_orchestrator.harnesses.launch import oneshot_argv
from loop_orchestrator.harnesses.resets import reset_time
from loop_orchestrator.harnesses.stream import Document, Stream
from loop_orchestrator.harnesses.usage import read_reply as read_output
from loop_orchestrator.harnesses.usage import read_stream
from loop_orchestrator.model.brain import (
    POLICY_OF,
    BrainReply,
    BrainRest,
    CostSource,
    FailureKind,
    FailurePolicy,
    Price,
    Usage,
    priced,
)
from loop_orchestrator.model.harness import HarnessSpec, OneShot, OutputFormat, PromptBy
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.prompts import fill
from loop_orchestrator.redaction import Redactor, known_values

if TYPE_CHECKING:
    from datetime import datetime

    from loop_orchestrator.config.schema import BrainConfig
    from loop_orchestrator.model.snapshot import Snapshot
    from loop_orchestrator.process.cancel import Cancel
    from loop_orchestrator.process.oneshot import Follow, OneShotResult
    from loop_orchestrator.stores.transcripts import Transcript
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
    most_prompt_bytes: int | None = None

    def ask(self, prompt: str, snapshot: Snapshot, *, transcript: Transcript, cancel: Cancel) -> BrainReply:  # noqa: ARG002
        text = reply_text(snapshot, self.texts)
        usage = Usage(input_tokens=0, output_tokens=0, cached_tokens=0, cost_usd=0.0, cost_source=CostSource.PROVIDER)
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
    price: Price | None = None
    """of its model; None: not known"""
    secrets: tuple[str, ...] = ()
    """names of the variables that hold its keys"""

    @property
    def most_prompt_bytes(self) -> int | None:
        from loop_orchestrator.process.oneshot import MAX_ARGUMENT_BYTES

        if self.oneshot.prompt is not PromptBy.ARGUMENT:
            return None
        around = max((len(word.encode()) for word in self.argv if "{prompt}" in word), default=0)
        return MAX_ARGUMENT_BYTES - around

    def ask(self, prompt: str, snapshot: Snapshot, *, transcript: Transcript, cancel: Cancel) -> BrainReply:  # noqa: ARG002
        return self.ask_text(prompt, transcript=transcript, cancel=cancel)

    def ask_text(self, prompt: str, *, transcript: Transcript, cancel: Cancel) -> BrainReply:
        """The reply to a prompt that says everything. Raises BrainError with a kind."""
        from loop_orchestrator.process.oneshot import one_shot

        try:
            result = one_shot(
                self.argv,
                prompt=prompt,
                prompt_by=self.oneshot.prompt,
                env=self._environment(),
                cwd=self.cwd,
                timeout_s=self.timeout_s,
                follow=self._follow(transcript),
                cancel=cancel,
                redactor=Redactor(known_values((*self.env, *self.secrets), os.environ)),
            )
        except ProcessError as error:
            raise BrainError(FailureKind.EXIT, error.message, hint=error.hint) from error
        if result.cancelled:
            raise BrainError(FailureKind.STOPPED, "the brain was stopped with the engine")
        if result.timed_out:
            raise self._took_too_long(result)
        if result.truncated:
            raise BrainError(FailureKind.UNPARSEABLE, "it printed more than a reply can have")
        try:
            text, usage = read_output(self.oneshot, result.stdout, result.stderr, result.code)
        except BrainError as error:
            error.usage = self._priced(error.usage)
            raise
        return BrainReply(
            text=text,
            brain=self.name,
            usage=priced(usage, self.price),
            transcript=transcript.stream,
            duration_s=result.duration_s,
        )

    def _follow(self, transcript: Transcript) -> Follow:
        from loop_orchestrator.process.oneshot import Follow

        if self.oneshot.output is OutputFormat.TEXT:
            return Follow(transcript=transcript.stream, errors=transcript.errors)
        reader = Stream(self.oneshot) if self.oneshot.output is OutputFormat.JSONL else Document(self.oneshot)

        def readable(data: bytes) -> bytes:
            return (reader.add(data) if data else reader.end()).encode("utf-8", "replace")

        return Follow(transcript=transcript.stream, readable=readable, raw=transcript.raw, errors=transcript.errors)

    def _took_too_long(self, result: OneShotResult) -> BrainError:
        message = f"it gave no reply within {self.timeout_s:g} s"
        hint = "raise engine.brain.timeout_s"
        if self.oneshot.output is not OutputFormat.JSONL:
            return took_too_long(message, result.stderr, hint=hint)
        stream = read_stream(self.oneshot, result.stdout)
        said = (stream.failure, stream.warned, result.stderr)
        return took_too_long(message, *said, warned=stream.said, hint=hint, usage=self._priced(stream.usage))

    def _priced(self, usage: object) -> Usage | None:
        return priced(usage, self.price) if isinstance(usage, Usage) else None

    def _environment(self) -> dict[str, str]:
        if self.env:
            names = [name for name in (*_PASSED_ON, *self.env) if name in os.environ]
        else:
            names = [name for name in os.environ if not name.startswith("LOOP_")]
        return {**{name: os.environ[name] for name in names}, **dict(self.oneshot.env)}


def make_brains(
    config: BrainConfig, harnesses: Mapping[str, HarnessSpec], texts: Mapping[str, str], root: Path
) -> tuple[Brain, ...]:
    """The brains that the config asks for, in order. Raises ConfigError if one is no one-shot program."""
    return tuple(
        RulesBrain(texts) if label == RULES else make_brain(label, config, harnesses, root) for label in config.chain
    )


def make_brain(label: str, config: BrainConfig, harnesses: Mapping[str, HarnessSpec], root: Path) -> ProgramBrain:
    """A program as the brain: ``command``, a harness, or ``harness:model``. Raises ConfigError for what is none."""
    name, _, model = label.partition(":")
    env, price = tuple(config.env), config.price_of(label)
    if name == COMMAND and config.command:
        argument = any("{prompt}" in word for word in config.command)
        oneshot = OneShot(argv=tuple(config.command), prompt=PromptBy.ARGUMENT if argument else PromptBy.STDIN)
        return ProgramBrain(COMMAND, oneshot, tuple(config.command), root, config.timeout_s, env, price)
    spec = harnesses.get(name)
    if spec is None or spec.oneshot is None:
        usable = ", ".join([RULES, COMMAND, *sorted(n for n, one in harnesses.items() if one.oneshot)])
        raise ConfigError((f"engine.brain: no one-shot program {name!r}; expected one of {usable}",))
    argv = oneshot_argv(spec, model=model)
    return ProgramBrain(label, spec.oneshot, argv, root, config.timeout_s, env, price, key_names(spec))


def ask(world: World, snapshot: Snapshot) -> tuple[BrainReply, Proposal]:
    """Ask the brains in order until one answers; a reply that breaks the contract is quoted back to it once.

    A brain that rests after a failure is left out; once the budget is used up, all but the built-in one are. Every
    failure is an event; every call counts in the budget before it is made. Raises BrainError if none answered, with the
    time at which the first may be asked again.
    """
    resting = world.brain_rests.resting()
    failed: list[BrainError] = []
    used_up = False
    for brain in world.brains:
        if brain.name in resting or (used_up and brain.name != RULES):
            continue
        try:
            answer = _ask_one(world, snapshot, brain)
        except BrainError as error:
            until = note_failure(world, snapshot.cycle, brain.name, error)
            if error.kind == FailureKind.STOPPED:
                raise
            used_up = used_up or error.kind == FailureKind.BUDGET
            which = "" if error.kind == FailureKind.BUDGET else f"{brain.name}: "
            failed.append(BrainError(error.kind, which + error.message, hint=error.hint, until=until))
            continue
        world.brain_rests.answered(brain.name)
        return answer
    raise _nobody_answered(failed, [resting[brain.name] for brain in world.brains if brain.name in resting])


def can_be_asked(world: World) -> bool:
    """Whether a cycle now would ask a brain: one that does not rest, and that the budget allows. Raises StoreError."""
    free = [brain.name for brain in world.brains if brain.name not in world.brain_rests.resting()]
    return RULES in free or (bool(free) and world.budget.calls_left() > 0)


def _ask_one(world: World, snapshot: Snapshot, brain: Brain) -> tuple[BrainReply, Proposal]:
    """The reply of one brain, asked once more where it broke the contract. Raises BrainError."""
    made = prompt_for(world, snapshot, brain)
    if brain.name != RULES:  # which reads no prompt
        tell_fit(world, snapshot.cycle, brain.name, made)
    prompt = made.text
    name = call_name(brain.name, first=brain is world.brains[0])
    reply = _call(world, snapshot, brain, prompt, name)
    try:
        return reply, read_reply(reply.text)
    except ReplyProblem as problem:
        if notice := failure_in(reply.text):
            raise notice from problem
        world.events.append(
            "brain.corrected", "engine", {"cycle": snapshot.cycle, "problem": str(problem)}, trace=snapshot.cycle
        )
        again = fill(world.prompts["correction"], prompt=prompt, problem=str(problem))
    name = name.replace("first", "corrected", 1)
    reply = _call(world, snapshot, brain, again, name)
    try:
        return reply, read_reply(reply.text)
    except ReplyProblem as problem:
        raise BrainError(FailureKind.UNPARSEABLE, f"it broke the contract twice: {problem}") from problem


def call_name(brain: str, *, first: bool) -> str:
    """What the files of a call are called, after the cycle's id. first: it is the first brain of the config."""
    return "first" if first else f"first-{brain.replace(':', '-').replace('/', '-')}"


def note_failure(world: World, cycle: str, brain: str, error: BrainError, *, leave_out: bool = True) -> datetime | None:
    """Put the failure on record and leave the brain out for its time; until when.

    leave_out: False where the failure says nothing about how the brain would do otherwise.
    """
    kind, until = FailureKind(error.kind), error.until
    policy = POLICY_OF[kind] if leave_out else FailurePolicy.NONE
    if policy is FailurePolicy.WAIT:
        until = reset_time(error.said, world.clock.now())
    if policy is not FailurePolicy.NONE:
        until = world.brain_rests.failed(brain, kind, error.message, until).until
    payload: dict[str, JsonValue] = {
        "cycle": cycle,
        "brain": brain,
        "failure": kind.value,
        "reason": error.message,
        "until": format_time(until) if until else None,
        "usage": usage_shape(error.usage) if isinstance(error.usage, Usage) else None,
    }
    world.events.append("brain.failed", "engine", payload, trace=cycle)
    return until


def _nobody_answered(failed: Sequence[BrainError], resting: Sequence[BrainRest]) -> BrainError:
    """Why no brain answered, and when the first may be asked again."""
    said = [error.message for error in failed]
    said += [f"{rest.brain} is left out after a failure ({rest.failure.value}): {rest.reason}" for rest in resting]
    times = [*(error.until for error in failed if error.until), *(rest.until for rest in resting)]
    kind = failed[0].kind if failed else min(resting, key=lambda rest: rest.until).failure
    return BrainError(kind, "; ".join(said), hint=failed[0].hint if failed else "", until=min(times) if times else None)


def _call(world: World, snapshot: Snapshot, brain: Brain, prompt: str, name: str) -> BrainReply:
    def ask(transcript: Transcript) -> BrainReply:
        return brain.ask(prompt, snapshot, transcript=transcript, cancel=world.cancel)

    return _recorded(world, snapshot.cycle, brain.name, prompt, name, ask)


def call_text(world: World, cycle: str, brain: ProgramBrain, prompt: str, name: str) -> BrainReply:
    """The reply of a program to a prompt that is no decision's, with a charge of its own in the budget.

    name: of its transcripts, beside those of the cycle. Raises BrainError with a kind; the caller notes the failure.
    """

    def ask(transcript: Transcript) -> BrainReply:
        return brain.ask_text(prompt, transcript=transcript, cancel=world.cancel)

    return _recorded(world, cycle, brain.name, prompt, name, ask)


def _recorded(
    world: World, cycle: str, brain: str, prompt: str, name: str, ask: Callable[[Transcript], BrainReply]
) -> BrainReply:
    """Prompt on disk, budget, event, call, reply on disk, price, event: in this order."""
    transcript = world.transcripts.begin(cycle, name, prompt)
    crash_point("cycle.rendered")
    try:
        charged = None if brain == RULES else world.budget.charge()
    except BrainError as error:
        note_failed_call(world, transcript, None, error)
        raise
    world.events.append("brain.called", "engine", {"cycle": cycle, "brain": brain}, trace=cycle)
    crash_point("brain.charged")
    try:
        reply = ask(transcript)
    except BrainError as error:
        note_failed_call(world, transcript, charged, error)
        raise
    world.transcripts.end(transcript, reply.text)
    if charged is not None:
        world.budget.price(charged, reply.usage.cost_usd)
    payload: dict[str, JsonValue] = {"cycle": cycle, **reply_shape(reply)}
    world.events.append("brain.replied", "engine", payload, trace=cycle)
    crash_point("brain.replied")
    return reply


def note_failed_call(world: World, transcript: Transcript, charged: str | None, error: BrainError) -> None:
    """Keep why a call gave no reply, and count what it cost all the same. charged: its id in the budget; None: none."""
    world.transcripts.fail(transcript, f"{error.kind}: {error.message}")
    if charged is not None and isinstance(error.usage, Usage):
        world.budget.price(charged, error.usage.cost_usd)


def reply_shape(reply: BrainReply) -> dict[str, JsonValue]:
    """Who answered, after how long and with what use, as events and JSON documents have it."""
    return {"brain": reply.brain, "duration_s": round(reply.duration_s, 3), "usage": usage_shape(reply.usage)}


def usage_shape(usage: Usage) -> dict[str, JsonValue]:
    """As events and JSON documents have it; null is not known."""
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_tokens": usage.cached_tokens,
        "cost_usd": usage.cost_usd,
        "cost_source": usage.cost_source.value,
    }
