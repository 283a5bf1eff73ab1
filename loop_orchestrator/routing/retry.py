"""When an event that an actor failed at is tried again. Pure."""

from __future__ import annotations

from loop_orchestrator.model.route import Retry


def next_wait_s(retry: Retry, attempts: int) -> float | None:
    """Seconds until the next try after so many that failed; None: there is none, the event is a dead letter."""
    if attempts >= retry.attempts:
        return None
    return min(retry.most_s, retry.first_s * 2.0 ** (attempts - 1))
