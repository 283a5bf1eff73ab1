"""What can go wrong, in the words of the person who reads it, and the exit code each ends with."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from datetime import datetime


class ExitCode(IntEnum):
    """How a command ended. CONTRACT.md prints this table; a test compares the two."""

    DONE = 0
    """the thing asked for was done"""
    FAILED = 1
    """the thing asked for failed"""
    USAGE = 2
    """wrong usage or a wrong config"""
    WAITING = 3
    """waiting for a person"""
    BUSY = 4
    """another holder has it, and is named"""
    UNREACHABLE = 5
    """the terminal or a program cannot be reached"""
    UNAVAILABLE = 64
    """not available in this release"""
    INTERRUPTED = 130
    """interrupted from the keyboard"""


class LoopError(Exception):
    """Base of every error a person can act on: one line, and the next thing to try."""

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(LoopError):
    """The command line or an input file asks for something that does not exist."""

    exit_code = ExitCode.USAGE


class ConfigError(UsageError):
    """The configuration cannot be used; ``problems`` has one line per mistake, file and line first."""

    def __init__(self, problems: tuple[str, ...], *, hint: str = "") -> None:
        super().__init__("\n".join(problems), hint=hint)
        self.problems = problems


class StoreError(LoopError):
    """A file of the project cannot be read or written as it must be."""


class NewerSchemaError(StoreError):
    """The file was written by a newer release; it is left as it is."""


class ChangedElsewhereError(StoreError):
    """The value on disk is not the one the caller looked at; nothing was written."""


class NotAllowedError(LoopError):
    """The caller may not write this part of the project's files; nothing was written."""


class LockedError(LoopError):
    """Another process holds the lock; the message names the holder and since when."""

    exit_code = ExitCode.BUSY


class SubstrateError(LoopError):
    """tmux could not do it; the message names the tmux subcommand and its target."""

    exit_code = ExitCode.UNREACHABLE


class ProcessError(LoopError):
    """A program could not be started, or ended badly."""

    exit_code = ExitCode.UNREACHABLE


class BrainError(LoopError):
    """The brain gave no usable reply; ``kind`` is one of model.brain.FailureKind.

    said: what its program printed, for a time that may stand in it. until: when to ask again, in UTC; None: not known.
    usage: a model.brain.Usage with what the call used all the same; None: there was no call, or it told nothing.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        hint: str = "",
        said: str = "",
        until: datetime | None = None,
        usage: object = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.kind = kind
        self.said = said
        self.until = until
        self.usage = usage


class DecisionStateError(LoopError):
    """The decision is not in a state in which this can be done to it; nothing was changed."""


class NotAPersonError(LoopError):
    """The caller could not be shown to be a person at a terminal; the attempt is an event."""
