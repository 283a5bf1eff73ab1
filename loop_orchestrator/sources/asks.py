"""Asks that ended: with an answer, or with their time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from loop_orchestrator.model.ask import Ask, AskStatus
from loop_orchestrator.model.route import Emission
from loop_orchestrator.sources.base import SourceKind
from loop_orchestrator.sources.look import Look

ASKS_UNREAD = frozenset({"unreadable"})
"""In place of the asks that ended; it is told once."""

_DETAILS = {
    "replied": "{lane} answered {ask}",
    "timed-out": "{lane} did not answer {ask} in time",
    "unreadable": "what was asked cannot be read",
}


def ended_asks(asks: Iterable[Ask], now: datetime) -> frozenset[str]:
    """``replied web d-1-0`` for each ask that was answered, or whose time was over, lately."""
    ended = (AskStatus.REPLIED, AskStatus.TIMED_OUT)
    return frozenset(
        f"{ask.status.value} {ask.lane} {ask.id}" for ask in asks if ask.status in ended and ask.is_recent(now)
    )


def _compare(before: Look, now: Look) -> Iterator[Emission]:
    for one in sorted(now.asks - before.asks):
        event, _, of = one.partition(" ")
        lane, _, ask = of.partition(" ")
        detail = _DETAILS[event].format(lane=lane, ask=ask)
        yield Emission("asks", event, f"{one}#{now.number}", detail, {"ask": ask, "lane": lane})


ASKS = SourceKind(
    "asks",
    {
        "replied": "a lane answered what it was asked",
        "timed-out": "the time of an ask is over without an answer",
        "unreadable": "the record of what was asked cannot be read",
    },
    _compare,
)
