"""Reads what a one-shot program printed: the reply and what it used, or why there is none."""

from __future__ import annotations

import json
import re

from loop_orchestrator.errors import BrainError
from loop_orchestrator.harnesses import fields
from loop_orchestrator.harnesses.failures import failure, kind_of, nothing_said, shortened
from loop_orchestrator.harnesses.stream import Stream
from loop_orchestrator.model.brain import FailureKind, Usage, used
from loop_orchestrator.model.harness import OneShot, OutputFormat
from loop_orchestrator.model.state import JsonValue

_TOKENS_ON_STDERR = re.compile(r"^Token usage: ([\d,]+) input, ([\d,]+) output", re.M)


def read_reply(oneshot: OneShot, stdout: str, stderr: str, code: int) -> tuple[str, Usage]:
    """The reply and its usage. Raises BrainError with the kind of failure and what the program said.

    A reply without text is a failure, whatever the exit code; so is one that broke off.
    """
    if oneshot.output is OutputFormat.JSONL:
        return _read_lines(oneshot, stdout, stderr, code)
    if oneshot.output is OutputFormat.JSON:
        return _read_json(oneshot, stdout, stderr, code)
    if code != 0:
        raise failure(stderr, stdout, code=code)
    if not stdout.strip():
        raise nothing_said("it printed nothing", stderr)
    return stdout, _usage_on_stderr(stderr)


def _read_json(oneshot: OneShot, stdout: str, stderr: str, code: int) -> tuple[str, Usage]:
    try:
        document: JsonValue = json.loads(stdout)
    except (ValueError, RecursionError):
        if code != 0:
            raise failure(stderr, stdout, code=code) from None
        raise nothing_said(f"its output is not JSON: {shortened(stdout)!r}", stdout, stderr) from None
    if isinstance(document, list) and document:
        document = document[-1]
    usage = used(
        input_tokens=fields.count(document, oneshot.input_tokens),
        output_tokens=fields.count(document, oneshot.output_tokens),
        cached_tokens=fields.count(document, oneshot.cached_tokens),
        said_usd=fields.amount(document, oneshot.cost),
    )
    reply = fields.field(document, oneshot.reply)
    if code != 0 or (oneshot.error and fields.field(document, oneshot.error) is True):
        raise failure(reply if isinstance(reply, str) else "", stderr, stdout, code=code, usage=usage)
    if not isinstance(reply, str) or not reply.strip():
        raise nothing_said(f"its output has no text in {oneshot.reply!r}", stderr, usage=usage)
    return reply, usage


def _read_lines(oneshot: OneShot, stdout: str, stderr: str, code: int) -> tuple[str, Usage]:
    stream = read_stream(oneshot, stdout)
    usage = stream.usage
    if code != 0 or stream.failure:
        other = "" if kind_of(stream.other) is None and stderr.strip() else stream.other
        raise failure(stream.failure, other, stderr, stream.warned, code=code, warned=stream.said, usage=usage)
    if not stream.events:
        said = f"its output has no line of JSON: {shortened(stdout)!r}" if stdout.strip() else "it printed nothing"
        raise nothing_said(said, stream.other, stderr, usage=usage)
    if not stream.is_done:
        raise BrainError(FailureKind.UNPARSEABLE, "its output broke off before it said that it was done", usage=usage)
    if not stream.reply.strip():
        raise nothing_said("its events hold no text of a reply", stream.other, stderr, usage=usage)
    return stream.reply, usage


def read_stream(oneshot: OneShot, stdout: str) -> Stream:
    """All that was said in JSON Lines, read to its end."""
    stream = Stream(oneshot)
    stream.add(stdout.encode("utf-8", "replace"))
    stream.end()
    return stream


def _usage_on_stderr(stderr: str) -> Usage:
    found = _TOKENS_ON_STDERR.search(stderr)
    if found is None:
        return Usage()
    return used(input_tokens=int(found[1].replace(",", "")), output_tokens=int(found[2].replace(",", "")))
