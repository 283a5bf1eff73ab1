"""Carries out the steps of one turn: waits, runs programs, asks, and tells the conversation what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from loop_orchestrator.errors import LoopError
from loop_orchestrator.process.module import module_argv
from loop_orchestrator.process.run import Finished, describe_code
from loop_orchestrator.rehearsal.steps import (
    Ack,
    Ask,
    Exit,
    Fail,
    Mail,
    RateLimit,
    Reply,
    Run,
    Say,
    Step,
    Think,
    Work,
    Write,
)
from loop_orchestrator.rehearsal.surroundings import Surroundings
from loop_orchestrator.rehearsal.turn import Conversation

RUN_TIMEOUT_S = 120.0
"""How long a command of a script may take."""

SHOWN_LINES = 12
"""Lines of a command's output that are shown."""


@dataclass(frozen=True)
class Hands:
    """What a turn needs of the program around it."""

    program: Callable[[Sequence[str]], Awaitable[Finished]]
    """runs a command in the working directory; raises ProcessError; ends it when the turn is cancelled"""
    allowed: Callable[[str], Awaitable[bool]]
    """asks the person"""
    changed: Callable[[], None]
    """the conversation is to be drawn again"""


async def play(steps: Sequence[Step], conversation: Conversation, around: Surroundings, hands: Hands) -> int | None:
    """Carry out the steps in order, until one ends the turn. Returns an exit status if the program is to end."""
    for step in steps:
        if isinstance(step, Exit):
            return step.status
        went_on = await _take(step, conversation, around, hands)
        conversation.do("Working")
        hands.changed()
        if not went_on:
            break
    return None


async def _take(step: Step, conversation: Conversation, around: Surroundings, hands: Hands) -> bool:
    """One step. False ends the turn."""
    match step:
        case Think(seconds) | Work(seconds):
            conversation.do("Thinking" if isinstance(step, Think) else "Working")
            hands.changed()
            await asyncio.sleep(seconds)
        case Mail() | Reply() | Ack():
            return await _mail(step, conversation, around, hands)
        case Write(path, text):
            return _write(path, text, conversation, around.cwd)
        case Run(argv):
            await _run(argv, conversation, hands)
        case Ask(what):
            return await _ask(what, conversation, around, hands)
        case Say(text):
            conversation.say(text)
        case Fail(text):
            conversation.fail(f"API Error: {text}")
            return False
        case RateLimit(until):
            conversation.fail(f"Rate limited until {until}")
            return False
        case Exit():
            raise AssertionError("play ends the program itself")
    return True


async def _ask(what: str, conversation: Conversation, around: Surroundings, hands: Hands) -> bool:
    if around.auto_approve:
        conversation.say(f"Not asked (--auto-approve): {what}")
        return True
    allowed = await hands.allowed(what)
    conversation.say(f"Allowed: {what}" if allowed else "Not allowed.")
    return allowed


async def _run(argv: tuple[str, ...], conversation: Conversation, hands: Hands) -> None:
    """A command of the script; what it printed and how it failed are shown, the turn goes on."""
    command = " ".join(argv)
    conversation.do(f"Running: {command}")
    hands.changed()
    try:
        finished = await hands.program(argv)
    except LoopError as error:
        conversation.say(f"$ {command}\n{error.message}")
        return
    lines = (finished.stdout + finished.stderr).decode("utf-8", "replace").rstrip().splitlines()
    shown = lines[:SHOWN_LINES]
    if len(lines) > len(shown):
        shown.append(f"… {len(lines) - len(shown)} more lines")
    conversation.say("\n".join([f"$ {command}", *shown, *_how_it_failed(finished)]))


async def _mail(step: Mail | Reply | Ack, conversation: Conversation, around: Surroundings, hands: Hands) -> bool:
    """A word with the mailbox through ``loop mail``; a turn whose mail fails ends, for the rest builds on it."""
    words: tuple[str, ...]
    match step:
        case Mail(to, subject, body):
            words = ("send", "--from", around.lane, "--to", to, f"--subject={subject}", f"--body={body}")
            done, what = f"Mail to {to}: {subject}", f"loop mail send --to {to}"
        case Reply(file, body):
            words = ("reply", file, "--from", around.lane, f"--body={body}")
            done, what = f"Answered {file}", f"loop mail reply {file}"
        case Ack(file):
            words = ("ack", file)
            done, what = f"Put away {file}", f"loop mail ack {file}"
    if not around.lane:
        conversation.say(f"Not done: {what}: this is no lane (LOOP_LANE is not set).")
        return False
    project = ("--project-root", around.project_root) if around.project_root else ()
    session = ("--session", around.session) if around.session else ()
    conversation.do(f"Running: {what}")
    hands.changed()
    try:
        finished = await hands.program(module_argv("", "mail", *words, *project, *session))
    except LoopError as error:
        conversation.say(f"Not done: {what}: {error.message}")
        return False
    failure = _how_it_failed(finished)
    if failure:
        conversation.say("\n".join([f"Not done: {what}", finished.complaint, *failure]))
    else:
        conversation.say(done)
    return not failure


def _write(path: str, text: str, conversation: Conversation, cwd: Path) -> bool:
    """A file below the working directory; one that would stand elsewhere, through a link too, is refused."""
    home = cwd.resolve()
    target = (home / path).resolve()
    if target == home or not target.is_relative_to(home):
        conversation.say(f"Not written: {path} is not below {home}.")
        return False
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        conversation.say(f"Not written: {path}: {error.strerror}.")
        return False
    conversation.say(f"Wrote {path}")
    return True


def _how_it_failed(finished: Finished) -> list[str]:
    if finished.timed_out:
        return [f"ended after {RUN_TIMEOUT_S:.0f} s without a result"]
    return [describe_code(finished.code)] if finished.code else []
