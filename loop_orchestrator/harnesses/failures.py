"""What a program's complaint says about the kind of its failure."""

from __future__ import annotations

import re

from loop_orchestrator.errors import BrainError
from loop_orchestrator.model.brain import FailureKind, Usage

_FAILURES: tuple[tuple[FailureKind, re.Pattern[str]], ...] = (
    (
        FailureKind.QUOTA,
        re.compile(r"quota|credit balance|billing|(?:usage|session|weekly|hour) limit|hit your limit|\b402\b", re.I),
    ),
    (FailureKind.RATE_LIMITED, re.compile(r"\b429\b|rate.?limit|too many requests", re.I)),
    (
        FailureKind.AUTH,
        re.compile(r"\b40[13]\b|api[ _-]?key|/login|not logged in|unauthori[sz]ed|authenticat|credentials", re.I),
    ),
    (
        FailureKind.MODEL_UNAVAILABLE,
        re.compile(
            r"\b(?:404|5\d\d)\b|overloaded|selected model|unknown model|model\b.{0,60}\b(?:not|exist|available)"
            r"|connection (?:error|refused|dropped)|unable to connect|\bECONN|stream disconnected|network error",
            re.I,
        ),
    ),
)
"""What the program's complaint says, in the order in which it is tried."""

_LIMITS = (FailureKind.QUOTA, FailureKind.RATE_LIMITED)
_SAID_BYTES = 2_000
_QUOTED_CHARS = 300
_NOTICE_CHARS = 600
"""A notice of a limit is a sentence or two, or one line of JSON."""


def failure(*said: str, code: int, warned: str = "", usage: Usage | None = None) -> BrainError:
    """The failure of a program that printed these texts, of which the first that tells a reason counts.

    warned: what it told before, such as the time at which a limit ends.
    """
    tails = [tail for text in said if (tail := _tail(text))]
    telling = next((tail for tail in tails if kind_of(tail)), tails[0] if tails else "")
    ended = f"it ended with status {code}" if code else "it reported an error"
    kind = kind_of(telling) or FailureKind.EXIT
    message = f"{ended}: {_quoted(telling) or 'it said nothing'}"
    return BrainError(kind, message, said=f"{telling}\n{_tail(warned)}", usage=usage)


def nothing_said(otherwise: str, *said: str, usage: Usage | None = None) -> BrainError:
    """The failure of a program that gave no reply, and status 0: what it printed besides may tell why."""
    telling = next((tail for text in said if kind_of(tail := _tail(text))), "")
    kind = kind_of(telling)
    if kind is None:
        return BrainError(FailureKind.UNPARSEABLE, otherwise, usage=usage)
    return BrainError(kind, f"{otherwise}: {_quoted(telling)}", said=telling, usage=usage)


def took_too_long(message: str, *said: str, warned: str = "", hint: str = "", usage: Usage | None = None) -> BrainError:
    """The failure of a program that was ended at its time limit: it may have waited for the end of a limit itself."""
    telling = next((tail for text in said if kind_of(tail := _tail(text)) in _LIMITS), "")
    if not telling:
        return BrainError(FailureKind.TIMEOUT, message, hint=hint, usage=usage)
    message = f"{message}; it said: {_quoted(telling)}"
    return BrainError(
        kind_of(telling) or FailureKind.TIMEOUT, message, hint=hint, said=f"{telling}\n{_tail(warned)}", usage=usage
    )


def failure_in(reply: str) -> BrainError | None:
    """The failure that a reply without a decision tells of, as programs print one and end with status 0.

    Only a short text that is nothing else counts: a long one may speak of limits in passing.
    """
    text = reply.strip()
    kind = kind_of(text) if 0 < len(text) <= _NOTICE_CHARS else None
    return BrainError(kind, f"it answered: {shortened(text)}", said=text) if kind else None


def kind_of(text: str) -> FailureKind | None:
    return next((kind for kind, pattern in _FAILURES if pattern.search(text)), None)


def _quoted(text: str) -> str:
    """What is told to a person: a long text by the line that tells the kind of the failure."""
    if len(text) > _QUOTED_CHARS and (kind := kind_of(text)):
        text = next((line for line in text.splitlines() if kind_of(line) is kind), text)
    return shortened(text)


def shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _QUOTED_CHARS else f"{line[:_QUOTED_CHARS]}…"


def _tail(text: str) -> str:
    return text.strip()[-_SAID_BYTES:]
