"""When a service is told what is open, and in which words: quiet hours, a rate, waits after failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_time
from loop_orchestrator.model.notice import Ledger, Notice, NoticeKind, one_line

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue

GATHER_S = 2.0
"""Seconds for which a new notice waits for others of the same burst. At half, a decision and the question in it come
apart on a busy disk; at double, a person is told later."""

MOST_SHOWN = 8
"""Notices that a message shows whole: a phone's screen. The rest is counted."""

RETRY_WAITS_S = (30.0, 60.0, 120.0, 240.0, 480.0, 960.0)
"""Waits after the failures of a service in a row; after the last a message is given up, within an hour. A short outage
passes in minutes; what was given up stands in the log and in ``loop status``."""


@dataclass(frozen=True, kw_only=True)
class Quiet:
    """Hours of the day in which nothing is told but what is urgent."""

    begin: time
    end: time
    zone: tzinfo | None
    """None: that of this machine"""
    but_for: frozenset[NoticeKind] = frozenset()
    """what is told all the same"""

    def until(self, now: datetime) -> datetime | None:
        """When they end, if now lies in them."""
        here = now.astimezone(self.zone)
        clock = here.time().replace(tzinfo=None)
        if self.begin <= self.end:
            inside, tomorrow = self.begin <= clock < self.end, False
        else:
            inside, tomorrow = clock >= self.begin or clock < self.end, clock >= self.begin
        if not inside:
            return None
        day = here.date() + timedelta(days=1) if tomorrow else here.date()
        ends = datetime.combine(day, self.end, tzinfo=self.zone)
        return (ends if self.zone is not None else ends.astimezone()).astimezone(now.tzinfo)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often and when a service is told."""

    every_s: float
    """least time between two messages to one service"""
    quiet: Quiet | None = None


@dataclass(frozen=True, kw_only=True)
class Outbox:
    """What one service was told, and how it goes with it."""

    told: frozenset[str] = field(default_factory=frozenset)
    """ids of open notices that it was told of, or that were given up"""
    sent_at: datetime | None = None
    """when the last message went out"""
    failures: int = 0
    """in a row"""
    retry_at: datetime | None = None
    reason: str = ""
    """of the last failure"""

    def sent(self, notices: Iterable[Notice], now: datetime) -> Outbox:
        return Outbox(told=self.told | {one.id for one in notices}, sent_at=now)

    def failed(self, notices: Iterable[Notice], now: datetime, reason: str) -> tuple[Outbox, bool]:
        """After one failure more; True: it was the last, and these notices are given up."""
        if self.failures >= len(RETRY_WAITS_S):
            return replace(self.sent(notices, now), reason=reason), True
        retry_at = now + timedelta(seconds=RETRY_WAITS_S[self.failures])
        return replace(self, failures=self.failures + 1, retry_at=retry_at, reason=reason), False


@dataclass(frozen=True, kw_only=True)
class Due:
    """What to do for a service: send these now, or look again then; neither: there is nothing for it."""

    notices: tuple[Notice, ...] = ()
    at: datetime | None = None


def untold(ledger: Ledger, outbox: Outbox, kinds: Collection[NoticeKind]) -> tuple[Notice, ...]:
    """What is open and the service was not told of, of the kinds that it wants (empty: all), oldest first."""
    return tuple(one for one in ledger.open.values() if _wants(kinds, one.kind) and one.id not in outbox.told)


def due(ledger: Ledger, outbox: Outbox, kinds: Collection[NoticeKind], pace: Pace, now: datetime) -> Due:
    """What is to be done for a service now."""
    waiting = untold(ledger, outbox, kinds)
    if not waiting:
        return Due()
    quiet = pace.quiet.until(now) if pace.quiet else None
    if quiet is not None and pace.quiet is not None:
        urgent = tuple(one for one in waiting if one.kind in pace.quiet.but_for)
        if not urgent:
            return Due(at=quiet)
        waiting = urgent
    until = [waiting[0].at + timedelta(seconds=GATHER_S)]
    if outbox.retry_at is not None:
        until.append(outbox.retry_at)
    elif outbox.sent_at is not None:
        until.append(outbox.sent_at + timedelta(seconds=pace.every_s))
    longest_s = max(pace.every_s, RETRY_WAITS_S[-1], GATHER_S)
    # A time that lies further ahead than it was ever set comes of a clock that was put back since.
    ahead = [at for at in until if now < at <= now + timedelta(seconds=longest_s)]
    return Due(at=max(ahead)) if ahead else Due(notices=waiting)


def pruned(ledger: Ledger, outboxes: Mapping[str, tuple[Outbox, Collection[NoticeKind]]]) -> Ledger:
    """Without what nothing settles and every service was told that wants it."""
    left = {
        key: one
        for key, one in ledger.open.items()
        if not one.passing
        or any(_wants(kinds, one.kind) and one.id not in outbox.told for outbox, kinds in outboxes.values())
    }
    return ledger if len(left) == len(ledger.open) else replace(ledger, open=left)


def _wants(kinds: Collection[NoticeKind], kind: NoticeKind) -> bool:
    """An escalation is a decision too: who wants to hear of decisions hears of it."""
    return not kinds or kind in kinds or (kind is NoticeKind.ESCALATION and NoticeKind.DECISION in kinds)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where it is that needs somebody."""

    root: str
    session: str
    host: str

    @property
    def project(self) -> str:
        return one_line(self.root.rstrip("/").rpartition("/")[2] or self.root)


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One message to a person."""

    title: str
    body: str
    document: Mapping[str, JsonValue]
    """the same for programs"""


def letter(notices: tuple[Notice, ...], place: Place, now: datetime) -> Letter:
    """One message about these, of which there is at least one."""
    count = len(notices)
    shown, rest = notices[:MOST_SHOWN], notices[MOST_SHOWN:]
    lines = [line for one in shown for line in (one.what, f"  {one.answer}")]
    if rest:
        kinds = Counter(one.kind.value for one in rest)
        lines.append(f"and {len(rest)} more ({', '.join(f'{number} {kind}' for kind, number in kinds.items())})")
        lines.append("  loop status")
    lines += ["", f"in {one_line(place.root)} on {place.host}, session {place.session} (LOOP_SESSION={place.session})"]
    title = f"{place.project}: {notices[0].what}" if count == 1 else f"{place.project}: {count} things need you"
    body = "\n".join(lines)
    return Letter(title=title, body=body, document=_document(notices, title, body, place, now))


def _document(notices: tuple[Notice, ...], title: str, body: str, place: Place, now: datetime) -> dict[str, JsonValue]:
    listed: list[JsonValue] = [
        {"kind": one.kind.value, "key": one.key, "what": one.what, "answer": one.answer, "at": format_time(one.at)}
        for one in notices
    ]
    return {
        "contract_version": 1,
        "project": place.project,
        "root": place.root,
        "session": place.session,
        "host": place.host,
        "at": format_time(now),
        "count": len(notices),
        "title": title,
        "text": body,
        "notices": listed,
    }
