"""Ask a program once, without a terminal: the prompt goes in, the reply comes out and into a transcript meanwhile."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from loop_orchestrator.errors import ProcessError
from loop_orchestrator.model.harness import PromptBy
from loop_orchestrator.process.cancel import Cancel
from loop_orchestrator.process.pump import pump
from loop_orchestrator.process.run import Kept

MAX_ARGUMENT_BYTES = 131_071
"""The longest single argument that Linux takes; a longer prompt must go by stdin."""

MAX_OUTPUT_BYTES = 10_000_000
"""Kept of stdout, in memory and in the transcript, and as much of stderr. A reply is a few kB; a program that prints
without end must not fill memory or disk before its timeout."""


@dataclass(frozen=True, kw_only=True)
class OneShotResult:
    """What a one-shot program answered; whether that is a reply is for others to judge."""

    code: int
    """0-255, or minus the number of the signal that ended it"""
    stdout: str
    stderr: str
    duration_s: float
    timed_out: bool
    cancelled: bool
    truncated: bool
    """it wrote more than MAX_OUTPUT_BYTES; the rest was dropped"""


def one_shot(
    argv: Sequence[str],
    *,
    prompt: str,
    prompt_by: PromptBy,
    env: Mapping[str, str] | None,
    cwd: Path | None,
    timeout_s: float,
    transcript: Path,
    cancel: Cancel | None,
) -> OneShotResult:
    """Run the program with the prompt and wait for its end; see ``pump.pump`` for how it is ended.

    prompt_by: ARGUMENT puts the prompt in place of ``{prompt}`` in argv, STDIN writes it to the program's stdin.
    env: the whole environment; None hands on this process's own.
    transcript: written anew, mode 0600; receives stdout as it comes, so it can be followed. Its directory must exist.
    Text is UTF-8; what is not becomes a replacement character, both ways.
    Raises ProcessError if the program cannot be started, the prompt does not fit into an argument, or the transcript
    cannot be written (the program is ended then).
    """
    by_argument = prompt_by is PromptBy.ARGUMENT
    sent = prompt.encode("utf-8", "replace")
    if by_argument:
        argv = _with_prompt(argv, sent.decode("utf-8"))
    stdout, stderr = Kept(MAX_OUTPUT_BYTES), Kept(MAX_OUTPUT_BYTES)
    try:
        with _open_private(transcript) as follow:
            ended = pump(
                argv,
                cwd=cwd,
                env=env,
                stdin=None if by_argument else sent,
                timeout_s=timeout_s,
                cancel=cancel,
                on_stdout=lambda data: _write_all(follow, stdout.add(data)),
                on_stderr=stderr.add,
            )
    except OSError as error:
        raise ProcessError(f"the transcript {transcript} cannot be written: {error.strerror}") from error
    return OneShotResult(
        code=ended.code,
        stdout=stdout.data.decode("utf-8", "replace"),
        stderr=stderr.data.decode("utf-8", "replace"),
        duration_s=ended.duration_s,
        timed_out=ended.timed_out,
        cancelled=ended.cancelled,
        truncated=stdout.truncated or stderr.truncated,
    )


def _with_prompt(argv: Sequence[str], prompt: str) -> tuple[str, ...]:
    filled = tuple(word.replace("{prompt}", prompt) for word in argv)
    size = max(len(os.fsencode(word)) for word in filled)
    if size > MAX_ARGUMENT_BYTES:
        raise ProcessError(
            f"{argv[0]} cannot be started: its prompt has {size} bytes, one argument holds {MAX_ARGUMENT_BYTES}",
            hint="use a program that takes its prompt on stdin",
        )
    return filled


def _open_private(path: Path) -> io.FileIO:
    """A new file, mode 0600; unbuffered, so that whoever follows it sees each write at once."""
    path.unlink(missing_ok=True)
    return io.FileIO(path, "x", opener=lambda name, flags: os.open(name, flags, 0o600))


def _write_all(file: io.FileIO, data: bytes) -> None:
    while data:
        data = data[file.write(data) :]
