"""What a brain is asked, what it answers, and how it can fail."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a call used; None is "not known", never zero."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None


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
