"""The checkpoint of a project: gathered from its files, within a ceiling, and delivered to a lane."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.engine.checkpoint import Checkpoint, assemble, project
from loop_orchestrator.engine.observe import shown_path
from loop_orchestrator.errors import LoopError, StoreError, UsageError
from loop_orchestrator.model.message import Message
from loop_orchestrator.model.prompt import CEILING_TOKENS, WARN_TOKENS
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.model.state import JsonValue, LoopState
from loop_orchestrator.model.wiki import CHECKPOINT, INDEX
from loop_orchestrator.operations.shapes import Json
from loop_orchestrator.prompts import fill

if TYPE_CHECKING:
    from loop_orchestrator.world import World

CEILING_VARIABLE = "LOOP_CHECKPOINT_TOKEN_CEILING"


@dataclass(frozen=True, kw_only=True)
class Assembled:
    """A checkpoint, and what is to be said about it."""

    checkpoint: Checkpoint
    ceiling: int
    """estimated tokens that it may have"""
    notes: tuple[str, ...]

    @property
    def refused(self) -> bool:
        return self.checkpoint.tokens > self.ceiling


def token_ceiling(given: int | None, variable: str | None) -> int:
    """The ceiling: given, else the variable's, else 48,000. Raises UsageError for what is no number above 0."""
    if given is not None:
        if given <= 0:
            raise UsageError(f"--token-ceiling {given}: expected a number above 0")
        return given
    if not variable:
        return CEILING_TOKENS
    if not variable.isascii() or not variable.isdigit() or int(variable) == 0:
        raise UsageError(f"{CEILING_VARIABLE}={variable}: expected a number above 0, such as {CEILING_TOKENS}")
    return int(variable)


def read_header(world: World, header_file: Path | None) -> str:
    """The text above the checkpoint: of a file, else the packaged one. Raises UsageError for a file it cannot read."""
    if header_file is None:
        return fill(world.prompts["checkpoint_header"], session=world.session)
    try:
        return header_file.read_bytes().decode("utf-8")
    except OSError as error:
        raise UsageError(f"--header-file {header_file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"--header-file {header_file} cannot be read: byte {error.start + 1} is no UTF-8") from error


def checkpoint(world: World, *, header: str, ceiling: int) -> Assembled:
    """Assemble the checkpoint; writes nothing. Raises StoreError where checkpoint.md or index.md cannot be read."""
    page, index = world.wiki.read(CHECKPOINT), world.wiki.read(INDEX)
    projection = project(page, _ledger(world), ledger_name=shown_path(world, world.layout.state_file))
    made = assemble(
        header=header,
        checkpoint=projection.text,
        index=index,
        mail=_mail(world),
        file=lambda name: shown_path(world, world.wiki.root / name),
    )
    notes = [*projection.notes, f"{made.bytes} bytes, about {made.tokens} tokens"]
    room = ", ".join(
        f"{part.name} {part.tokens}" for part in sorted(made.parts, key=lambda one: one.bytes, reverse=True)
    )
    if made.tokens > ceiling:
        notes.append(f"the checkpoint is above the ceiling of {ceiling} tokens; what takes the room: {room}")
    elif made.tokens > WARN_TOKENS:
        notes.append(f"the checkpoint is long, above {WARN_TOKENS} tokens; what takes the room: {room}")
    return Assembled(checkpoint=made, ceiling=ceiling, notes=tuple(notes))


def checkpoint_document(made: Assembled) -> Json:
    """The document of ``loop checkpoint --print --json``; ``text`` is null for a checkpoint above the ceiling."""
    parts: list[JsonValue] = [
        {"name": part.name, "bytes": part.bytes, "tokens": part.tokens} for part in made.checkpoint.parts
    ]
    return {
        "bytes": made.checkpoint.bytes,
        "tokens": made.checkpoint.tokens,
        "token_ceiling": made.ceiling,
        "refused": made.refused,
        "parts": parts,
        "notes": list(made.notes),
        "text": None if made.refused else made.checkpoint.text,
    }


def _ledger(world: World) -> LoopState | Unknown:
    try:
        return world.state.read()
    except StoreError as error:
        return Unknown(error.message)


def _mail(world: World) -> tuple[Message, ...] | Unknown:
    try:
        return world.mailbox.peek()
    except (LoopError, OSError) as error:
        return Unknown(str(error))
