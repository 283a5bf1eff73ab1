"""Mode headless: a one-shot brain proposes what the pages should say; this program checks it and writes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_time
from loop_orchestrator.config.schema import BRAIN_COMMAND, BrainConfig
from loop_orchestrator.crash import crash_point
from loop_orchestrator.engine.brain import ProgramBrain, call_text, make_brain, note_failure
from loop_orchestrator.engine.fences import fenced
from loop_orchestrator.engine.ingestpages import clean
from loop_orchestrator.engine.ingestreply import MAX_EDITS, MAY_WRITE, Asked, read_edits, sections_shown
from loop_orchestrator.engine.ingestwrite import begin, set_problem, write_batch
from loop_orchestrator.engine.reply import ReplyProblem
from loop_orchestrator.errors import BrainError, StoreError
from loop_orchestrator.harnesses.failures import failure_in
from loop_orchestrator.markdowntext import is_too_long, read_blocks
from loop_orchestrator.model.brain import FailureKind, wait_s
from loop_orchestrator.model.ingest import Batch, Edit
from loop_orchestrator.model.message import Message
from loop_orchestrator.model.wiki import CHECKPOINT, INDEX, marked, parted
from loop_orchestrator.prompts import fill

if TYPE_CHECKING:
    from loop_orchestrator.config.schema import EngineConfig
    from loop_orchestrator.world import World

MESSAGE_LIMIT = 20_000
"""Characters of one message that are shown; the rest is in its file."""

PAGE_LIMIT = 12_000
"""Characters of one page that is shown whole; of a longer one the end is, and none of its sections can be replaced."""

MESSAGES_LIMIT = 120_000
"""Characters of all messages of a batch: with its pages some 50,000 tokens. At half, a busy day costs twice the calls;
at double, a small model's window is full."""

_OWN_FAILURES = (FailureKind.UNPARSEABLE, FailureKind.TIMEOUT, FailureKind.EXIT)
"""Failures that a message may be the reason of: the brain is not left out for decisions because of them."""


def ingest_brain(world: World, engine: EngineConfig) -> ProgramBrain:
    """Who is asked. Raises ConfigError for what is no one-shot program."""
    label, own = engine.ingest_brain, engine.ingest.command
    command = own or engine.brain.command
    use = BRAIN_COMMAND if label == BRAIN_COMMAND else "rules"
    config = BrainConfig(
        use=use,
        command=command if use == BRAIN_COMMAND else (),
        timeout_s=engine.ingest.timeout_s,
        env=engine.brain.env,
    )
    brain = make_brain(label, config, world.harnesses, world.root)
    return replace(brain, name="ingest-command") if own else brain


def take_in_headless(world: World, batch: Batch, messages: Sequence[Message], pages: Sequence[str], cycle: str) -> bool:
    """Ask once for a batch, and write what was answered; whether it was taken in.

    pages: those that the messages seem to belong to. Raises LoopError where the wiki cannot be written.
    """
    engine = world.config.engine
    assert engine is not None
    brain = ingest_brain(world, engine)
    if (rest := world.brain_rests.resting().get(brain.name)) is not None:
        set_problem(world, f"brain {brain.name} is left out until {format_time(rest.until)} ({rest.failure.value})")
        return False
    shown = {page: _page(world, page) for page in dict.fromkeys((INDEX, CHECKPOINT, *pages))}
    outside = tuple(sorted({*batch.outside, *(name for text in shown.values() for name in marked(text))}))
    batch = replace(batch, outside=outside)
    begin(world, batch)
    sections = {key: said for page in shown if page != INDEX for key, said in _whole(page, shown[page]).items()}
    asked = Asked(batch=batch.id, files=batch.files, outside=outside, shown=sections)
    prompt = fill(
        world.prompts["ingest"],
        max_edits=str(MAX_EDITS),
        may_write=MAY_WRITE,
        messages="\n\n".join(map(_message, messages)),
        pages="\n\n".join(_shown(page, text) for page, text in shown.items()),
    )
    try:
        edits = _answer(world, cycle, brain, prompt, asked)
    except BrainError as error:
        _failed(world, cycle, batch, brain, error)
        return False
    world.ingest.put(batch.planned(edits))
    crash_point("ingest.planned")
    write_batch(world, batch.planned(edits))
    world.ingest.set_wait(0, "")
    world.ingest.succeeded()
    return True


def _answer(world: World, cycle: str, brain: ProgramBrain, prompt: str, asked: Asked) -> tuple[Edit, ...]:
    """The edits, asked for once more where the first answer breaks the contract. Raises BrainError."""
    reply = call_text(world, cycle, brain, prompt, "ingest")
    try:
        return read_edits(reply.text, asked)
    except ReplyProblem as problem:
        if notice := failure_in(reply.text):
            raise notice from problem
        world.events.append("brain.corrected", "engine", {"cycle": cycle, "problem": str(problem)}, trace=cycle)
        again = fill(world.prompts["ingest_correction"], prompt=prompt, problem=str(problem))
    reply = call_text(world, cycle, brain, again, "ingest-corrected")
    try:
        return read_edits(reply.text, asked)
    except ReplyProblem as problem:
        raise BrainError(
            FailureKind.UNPARSEABLE,
            f"brain {brain.name} broke the contract twice about batch {asked.batch}: {problem}",
            hint=f"read {world.layout.brain}/{cycle}.ingest-corrected.reply.md",
        ) from problem


def _failed(world: World, cycle: str, batch: Batch, brain: ProgramBrain, error: BrainError) -> None:
    """Nothing of the batch was done. Its messages were tried in vain if one of them may be the reason."""
    kind = FailureKind(error.kind)
    world.ingest.drop()
    if kind is FailureKind.STOPPED:
        return
    own = kind in _OWN_FAILURES
    note_failure(world, cycle, brain.name, error, leave_out=not own and kind is not FailureKind.BUDGET)
    set_problem(world, f"{error.message} ({kind.value})")
    if own:
        world.ingest.tried(batch.files, error.message, sure=kind is FailureKind.UNPARSEABLE)
        failures = world.ingest.wait()[0] + 1
        until = world.clock.now() + timedelta(seconds=wait_s(kind, failures))
        world.ingest.set_wait(failures, format_time(until))


def _page(world: World, page: str) -> str:
    """A page as it stands; empty for one that is not there, or that cannot be read."""
    try:
        return world.wiki.read_or(page)
    except StoreError:
        return ""


def _whole(page: str, text: str) -> Mapping[tuple[str, str], str]:
    return sections_shown(page, text) if len(text) <= PAGE_LIMIT else {}


def _shown(page: str, text: str) -> str:
    if not text:
        return f"{page}: not there yet"
    above = parted(read_blocks(text))[0] if page == CHECKPOINT and not is_too_long(text) else text
    cut = "its end; " if len(above) > PAGE_LIMIT else ""
    return f"{page}, {cut}as data:\n{fenced(above[-PAGE_LIMIT:], 'page')}"


def _message(message: Message) -> str:
    body = clean(message.body)
    if len(body) > MESSAGE_LIMIT:
        body = f"{body[:MESSAGE_LIMIT]}\n[cut; the rest is in the file]"
    said = fenced(f"subject: {clean(message.subject)}\n\n{body}", "untrusted")
    return f"{message.file}: says it is from {message.sender}, sent {format_time(message.sent_at)}\n{said}"


def fitting(messages: Iterable[Message]) -> tuple[Message, ...]:
    """As many of these, from the first on, as fit into one prompt; at least one."""
    found: list[Message] = []
    size = 0
    for message in messages:
        size += min(len(message.body), MESSAGE_LIMIT)
        if found and size > MESSAGES_LIMIT:
            break
        found.append(message)
    return tuple(found)
