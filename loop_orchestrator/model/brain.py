"""What a brain is asked, what it answers, and how it can fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path


class FailureKind(StrEnum):
    """Why a brain gave no reply; each kind has one policy."""

    QUOTA = "quota"
    """the account's allowance is used up"""
    RATE_LIMITED = "rate-limited"
    """too many requests; it says when to come back"""
    MODEL_UNAVAILABLE = "model-unavailable"
    """the model does not exist or is down"""
    AUTH = "auth"
    """not logged in, or a wrong key"""
    TIMEOUT = "timeout"
    """it took longer than it may"""
    EXIT = "exit"
    """it ended with an error of another kind"""
    UNPARSEABLE = "unparseable"
    """its output is not what its harness data says, or it is empty"""
    BUDGET = "budget"
    """the budget for calls is used up; it was not called"""
    STOPPED = "stopped"
    """the engine was told to stop while it ran"""


class FailurePolicy(StrEnum):
    """What follows from a failure; the next brain of the config is asked meanwhile in any case."""

    WAIT = "wait"
    """that brain is not asked before the time that it named, or for a fixed time where it named none"""
    ANOTHER = "another"
    """that brain is left out for a wait that grows with every failure in a row"""
    PERSON = "person"
    """only a person can mend it: that brain is left out for a fixed time, and it stands in the status"""
    NONE = "none"
    """it is no brain's fault"""


POLICY_OF: Mapping[FailureKind, FailurePolicy] = {
    FailureKind.QUOTA: FailurePolicy.WAIT,
    FailureKind.RATE_LIMITED: FailurePolicy.WAIT,
    FailureKind.MODEL_UNAVAILABLE: FailurePolicy.ANOTHER,
    FailureKind.AUTH: FailurePolicy.PERSON,
    FailureKind.TIMEOUT: FailurePolicy.ANOTHER,
    FailureKind.EXIT: FailurePolicy.ANOTHER,
    FailureKind.UNPARSEABLE: FailurePolicy.ANOTHER,
    FailureKind.BUDGET: FailurePolicy.NONE,
    FailureKind.STOPPED: FailurePolicy.NONE,
}

FIXED_WAIT_S: Mapping[FailureKind, float] = {
    FailureKind.QUOTA: 3_600.0,
    FailureKind.RATE_LIMITED: 60.0,
    FailureKind.AUTH: 3_600.0,
}
"""Seconds to wait where the program names no time. A quota lasts hours: at half, it is asked in vain twice as often; at
double, an hour that it could work is lost. A rate limit is counted by the minute."""
FIRST_WAIT_S = 60.0
MOST_WAIT_S = 1_800.0
"""Seconds of the growing wait: an overload passes within minutes; an outage of hours is asked about twice an hour."""


def wait_s(kind: FailureKind, failures: int) -> float:
    """Seconds for which a brain is left out that names no time. failures: in a row, this one included; from 1."""
    if POLICY_OF[kind] is FailurePolicy.NONE:
        return 0.0
    fixed = FIXED_WAIT_S.get(kind)
    return fixed if fixed is not None else min(MOST_WAIT_S, FIRST_WAIT_S * 2.0 ** (failures - 1))


@dataclass(frozen=True, kw_only=True)
class BrainRest:
    """A brain that failed and is left out for a while."""

    brain: str
    failure: FailureKind
    reason: str
    since: datetime
    until: datetime
    failures: int
    """in a row"""

    @property
    def needs_person(self) -> bool:
        return POLICY_OF[self.failure] is FailurePolicy.PERSON

    def is_over(self, now: datetime) -> bool:
        """Over; or it lies further ahead than it was ever set, which a clock that was put back since explains."""
        return now >= self.until or now < self.since


class CostSource(StrEnum):
    """Where the cost of a call is from."""

    PROVIDER = "provider"
    """its program said it"""
    COMPUTED = "computed"
    """its tokens, at the prices of the config"""
    UNPRICED = "unpriced"
    """its tokens are known, their price is not"""
    UNAVAILABLE = "unavailable"
    """its program says nothing of what it used"""


@dataclass(frozen=True, kw_only=True)
class Price:
    """What a model costs, in USD per million tokens."""

    input: float
    output: float
    cached_input: float | None = None
    """None: as much as other input"""


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a call used; None is "not known", never zero."""

    input_tokens: int | None = None
    """those from a cache included"""
    output_tokens: int | None = None
    """those of reasoning included"""
    cached_tokens: int | None = None
    """of the input"""
    cost_usd: float | None = None
    cost_source: CostSource = CostSource.UNAVAILABLE


def used(
    *,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    cached_tokens: int | None = None,
    said_usd: float | None = None,
) -> Usage:
    """What a program says that it used. No call uses no token: two counts of zero are not known.

    A cost of zero is none: it stands where a program knows no price.
    """
    if (input_tokens, output_tokens) == (0, 0):
        return Usage()
    cost = said_usd or None
    tokens_known = input_tokens is not None or output_tokens is not None
    return Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cached_tokens=cached_tokens,
        cost_usd=cost,
        cost_source=CostSource.PROVIDER if cost else CostSource.UNPRICED if tokens_known else CostSource.UNAVAILABLE,
    )


def priced(usage: Usage, price: Price | None) -> Usage:
    """With its cost computed, where its program said none and both prices and tokens are known."""
    tokens_in, tokens_out = usage.input_tokens, usage.output_tokens
    if usage.cost_source is CostSource.PROVIDER or price is None or tokens_in is None or tokens_out is None:
        return usage
    cached = min(usage.cached_tokens or 0, tokens_in)
    at_cached = price.input if price.cached_input is None else price.cached_input
    usd = ((tokens_in - cached) * price.input + cached * at_cached + tokens_out * price.output) / 1_000_000
    return replace(usage, cost_usd=usd, cost_source=CostSource.COMPUTED)


@dataclass(frozen=True, kw_only=True)
class BrainReply:
    """A reply as it came."""

    text: str
    brain: str
    """who gave it: ``rules``, a harness name, or ``command``"""
    usage: Usage
    transcript: Path | None
    """the file that received the reply as it arrived; None for the built-in brain"""
    duration_s: float
