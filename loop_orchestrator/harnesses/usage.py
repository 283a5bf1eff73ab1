"""Reads what a one-shot program printed: the reply and what it used, or why there is none."""

from __future__ import annotations

import json
import re

from loop_orchestrator.errors import BrainError
from loop_orchestrator.model.brain import FailureKind, Usage
from loop_orchestrator.model.harness import OneShot, OutputFormat
from loop_orchestrator.model.state import JsonValue

_FAILURES: tuple[tuple[FailureKind, re.Pattern[str]], ...] = (
    (
        FailureKind.QUOTA,
        re.compile(r"quota|credit balance|billing|(?:usage|session|weekly|hour) limit|hit your limit|\b402\b", re.I),
    ),
    (FailureKind.RATE_LIMITED, re.compile(r"\b429\b|rate.?limit|too many requests", re.I)),
    (
        FailureKind.AUTH,
        re.compile(r"\b40[13]\b|api[ _]key|/login|not logged in|unauthori[sz]ed|authenticat|credentials", re.I),
    ),
    (
        FailureKind.MODEL_UNAVAILABLE,
        re.compile(
            r"\b(?:404|5\d\d)\b|overloaded|selected model|unknown model|model\b.{0,60}\b(?:not|exist|available)"
            r"|connection (?:error|refused|dropped)|unable to connect|ECONN",
            re.I,
        ),
    ),
)
"""What the program's complaint says, in the order in which it is tried."""

_TOKENS_ON_STDERR = re.compile(r"^Token usage: ([\d,]+) input, ([\d,]+) output", re.M)
_SAID_BYTES = 2_000
_NOTICE_CHARS = 600
"""A notice of a limit is a sentence or two, or one line of JSON."""


def read_reply(oneshot: OneShot, stdout: str, stderr: str, code: int) -> tuple[str, Usage]:
    """The reply and its usage. Raises BrainError with the kind of failure and what the program said.

    A reply without text is a failure, whatever the exit code.
    """
    if oneshot.output is OutputFormat.TEXT:
        if code != 0:
            raise _failure(stderr, stdout, code=code)
        if not stdout.strip():
            raise _nothing_said(stderr, "it printed nothing")
        return stdout, _usage_on_stderr(stderr)
    return _read_json(oneshot, stdout, stderr, code)


def _read_json(oneshot: OneShot, stdout: str, stderr: str, code: int) -> tuple[str, Usage]:
    try:
        document: JsonValue = json.loads(stdout)
    except (ValueError, RecursionError):
        if code != 0:
            raise _failure(stderr, stdout, code=code) from None
        raise BrainError(FailureKind.UNPARSEABLE, f"its output is not JSON: {_shortened(stdout)!r}") from None
    if isinstance(document, list) and document:
        document = document[-1]
    reply = _field(document, oneshot.reply)
    if code != 0 or (oneshot.error and _field(document, oneshot.error) is True):
        raise _failure(reply if isinstance(reply, str) else "", stderr, stdout, code=code)
    if not isinstance(reply, str) or not reply.strip():
        raise _nothing_said(stderr, f"its output has no text in {oneshot.reply!r}")
    cost = _field(document, oneshot.cost)
    return reply, Usage(
        input_tokens=_total(document, oneshot.input_tokens),
        output_tokens=_total(document, oneshot.output_tokens),
        cost_usd=float(cost) if isinstance(cost, int | float) and not isinstance(cost, bool) else None,
    )


def failure_in(reply: str) -> BrainError | None:
    """The failure that a reply without a decision tells of, as programs print one and end with status 0.

    Only a short text that is nothing else counts: a long one may speak of limits in passing.
    """
    text = reply.strip()
    kind = _kind_of(text) if 0 < len(text) <= _NOTICE_CHARS else None
    return BrainError(kind, f"it answered: {_shortened(text)}", said=text) if kind else None


def _failure(*said: str, code: int) -> BrainError:
    """The failure of a program that printed these texts, of which the first that tells a reason counts."""
    tails = [tail for text in said if (tail := text.strip()[-_SAID_BYTES:])]
    telling = next((tail for tail in tails if _kind_of(tail)), tails[0] if tails else "")
    ended = f"it ended with status {code}" if code else "it reported an error"
    kind = _kind_of(telling) or FailureKind.EXIT
    return BrainError(kind, f"{ended}: {_shortened(telling) or 'it said nothing'}", said=telling)


def _nothing_said(stderr: str, otherwise: str) -> BrainError:
    """No reply, and status 0: what stands on stderr may tell why."""
    tail = stderr.strip()[-_SAID_BYTES:]
    kind = _kind_of(tail)
    if kind is None:
        return BrainError(FailureKind.UNPARSEABLE, otherwise)
    return BrainError(kind, f"{otherwise}: {_shortened(tail)}", said=tail)


def _kind_of(text: str) -> FailureKind | None:
    return next((kind for kind, pattern in _FAILURES if pattern.search(text)), None)


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 300 else f"{line[:300]}…"


def _field(document: JsonValue, path: str) -> JsonValue:
    """The value under a dotted path; None where there is none."""
    if not path:
        return None
    for name in path.split("."):
        if not isinstance(document, dict) or name not in document:
            return None
        document = document[name]
    return document


def _total(document: JsonValue, path: str) -> int | None:
    """The count under a dotted path; ``*`` stands for every name there, whose counts are added. None if one is not."""
    before, every, after = path.partition(".*.")
    if not every:
        return _count(_field(document, path))
    found = _field(document, before)
    counts = [_total(one, after) for one in found.values()] if isinstance(found, dict) else []
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None


def _count(value: JsonValue) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _usage_on_stderr(stderr: str) -> Usage:
    found = _TOKENS_ON_STDERR.search(stderr)
    if found is None:
        return Usage()
    return Usage(input_tokens=int(found[1].replace(",", "")), output_tokens=int(found[2].replace(",", "")))
