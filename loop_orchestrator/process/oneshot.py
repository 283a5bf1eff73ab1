"""Ask a program once, without a terminal: the prompt goes in, the reply comes out and into a transcript meanwhile."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from loop_orchestrator.errors import ProcessError
from loop_orchestrator.model.harness import PromptBy
from loop_orchestrator.process.cancel import Cancel
from loop_orchestrator.process.pump import pump
from loop_orchestrator.process.run import Kept
from loop_orchestrator.redaction import RedactedStream, Redactor

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


@dataclass(frozen=True, kw_only=True)
class Follow:
    """Where a call can be followed while it runs; each file is new, mode 0600, and its directory must exist."""

    transcript: Path
    """gets what the program prints, as it comes"""
    readable: Callable[[bytes], bytes] | None = None
    """what of it a person reads, from any piece of it; an empty piece is its end. None: all, as it is"""
    raw: Path | None = None
    """gets stdout as it is, where the transcript does not"""
    errors: Path | None = None
    """gets stderr; there is no such file while nothing was said there"""


def one_shot(
    argv: Sequence[str],
    *,
    prompt: str,
    prompt_by: PromptBy,
    env: Mapping[str, str] | None,
    cwd: Path | None,
    timeout_s: float,
    follow: Follow,
    cancel: Cancel | None,
    redactor: Redactor | None = None,
) -> OneShotResult:
    """Run the program with the prompt and wait for its end; see ``pump.pump`` for how it is ended.

    prompt_by: ARGUMENT puts the prompt in place of ``{prompt}`` in argv, STDIN writes it to the program's stdin.
    env: the whole environment; None hands on this process's own.
    redactor: takes secrets out of the files, which then lag behind by as much as a secret could be; None: nobody does.
    Text is UTF-8; what is not becomes a replacement character, both ways.
    Raises ProcessError if the program cannot be started, the prompt does not fit into an argument, or a file of the
    transcript cannot be written (the program is ended then).
    """
    by_argument = prompt_by is PromptBy.ARGUMENT
    sent = prompt.encode("utf-8", "replace")
    if by_argument:
        argv = _with_prompt(argv, sent.decode("utf-8"))
    stdout, stderr = Kept(MAX_OUTPUT_BYTES), Kept(MAX_OUTPUT_BYTES)
    try:
        with _Files(follow, redactor) as files:
            ended = pump(
                argv,
                cwd=cwd,
                env=env,
                stdin=None if by_argument else sent,
                timeout_s=timeout_s,
                cancel=cancel,
                on_stdout=lambda data: files.say(stdout.add(data)),
                on_stderr=lambda data: files.complain(stderr.add(data)),
            )
            files.end()
    except OSError as error:
        raise ProcessError(f"the transcript {follow.transcript} cannot be written: {error.strerror}") from error
    return OneShotResult(
        code=ended.code,
        stdout=stdout.data.decode("utf-8", "replace"),
        stderr=stderr.data.decode("utf-8", "replace"),
        duration_s=ended.duration_s,
        timed_out=ended.timed_out,
        cancelled=ended.cancelled,
        truncated=stdout.truncated or stderr.truncated,
    )


class _Files:
    """The files of one call, while it runs."""

    def __init__(self, follow: Follow, redactor: Redactor | None) -> None:
        self._follow = follow
        self._redactor = redactor
        self._open = ExitStack()
        self._written: list[_Written] = []
        self._errors: _Written | None = None

    def __enter__(self) -> _Files:
        self._transcript = self._begin(self._follow.transcript)
        self._raw = None if self._follow.raw is None else self._begin(self._follow.raw)
        return self

    def _begin(self, path: Path) -> _Written:
        stream = self._redactor.stream() if self._redactor else None
        begun = _Written(self._open.enter_context(_open_private(path)), stream)
        self._written.append(begun)
        return begun

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def say(self, data: bytes) -> None:
        if not data:
            return
        if self._raw is not None:
            self._raw.add(data)
        self._transcript.add(data if self._follow.readable is None else self._follow.readable(data))

    def complain(self, data: bytes) -> None:
        if self._follow.errors is None or not data:
            return
        if self._errors is None:
            self._errors = self._begin(self._follow.errors)
        self._errors.add(data)

    def end(self) -> None:
        if self._follow.readable is not None:
            self._transcript.add(self._follow.readable(b""))
        for one in self._written:
            one.end()


@dataclass(frozen=True)
class _Written:
    """A file that is being written; without secrets, where somebody takes them out."""

    file: io.FileIO
    stream: RedactedStream | None

    def add(self, data: bytes) -> None:
        _write_all(self.file, self.stream.add(data) if self.stream else data)

    def end(self) -> None:
        _write_all(self.file, self.stream.end() if self.stream else b"")


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
