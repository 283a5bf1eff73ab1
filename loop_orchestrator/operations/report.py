"""What happened since a time, in one pass over the events since then; what waits for a person, as it is now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_time, parse_time
from loop_orchestrator.errors import LoopError
from loop_orchestrator.model.report import Gathered, Line, Spend
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.operations.reporting import gather
from loop_orchestrator.operations.shapes import Json
from loop_orchestrator.stores.notes import KeyedNotes

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.operations.need import Need
    from loop_orchestrator.redaction import Redactor
    from loop_orchestrator.world import World

NEVER_LOOKED = timedelta(hours=24)
"""How far back the first report goes: a night, and the day before it."""

_KEY = "person"


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """One thing that waits for a person now."""

    what: str
    since: datetime | None
    next_step: str
    seq: int
    """the event of it; 0: none in the time of the report"""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What happened in a session since a time."""

    session: str
    since: datetime
    why_since: str
    """why from then on: ``asked for``, ``then you last looked``, ``nobody looked before``"""
    until: datetime
    first_kept: datetime | None
    """when the oldest event happened that is kept, if that is after ``since``: what was before it was removed"""
    found: Gathered
    waiting: tuple[Waiting, ...] | Unknown
    damaged: dict[str, str]
    """file of the log -> what of it could not be read"""


def report(world: World, since: datetime | None) -> Report:
    """since: None: since a person last looked, or of the last 24 hours. Writes nothing."""
    until = world.clock.now()
    begin, why = (since, "asked for") if since is not None else _last_look(world, until)
    found = gather(
        world.events.since_time(begin),
        destructive=lambda id, idx: _was_destructive(world, id, idx),
        named=lambda id, idx: _named(world, id, idx),
    )
    damaged = dict(world.events.damaged)
    first = next(world.events.since(0), None)
    removed = first is not None and first.seq > 1 and first.at > begin
    return Report(
        session=world.session,
        since=begin,
        why_since=why,
        until=until,
        first_kept=first.at if first is not None and removed else None,
        found=found,
        waiting=_waiting(world, found),
        damaged=damaged,
    )


def note_look(world: World, shown: Report) -> None:
    """Remember that a person read this report: the next one begins where it ended."""
    _looks(world).add(_KEY, format_time(shown.until))


def _last_look(world: World, now: datetime) -> tuple[datetime, str]:
    try:
        noted = _looks(world).get(_KEY)
        at = parse_time(noted) if noted else None
    except (LoopError, ValueError):
        at = None
    if at is None or at > now:
        return now - NEVER_LOOKED, "nobody looked before"
    return at, "then you last looked"


def _looks(world: World) -> KeyedNotes:
    return KeyedNotes(world.layout.last_look, world.clock)


def _was_destructive(world: World, decision: str, idx: int) -> bool:
    """Of an action whose decision was filed before the report begins."""
    try:
        return world.decisions.get(decision).items[idx].verdict.level.value == "destructive"
    except (LoopError, IndexError):
        return False


def _named(world: World, decision: str, idx: int) -> str:
    """What an action is, such as ``dispatch web``; empty where its decision is not kept any more."""
    try:
        action = world.decisions.get(decision).items[idx].action
    except (LoopError, IndexError):
        return ""
    return f"{action.kind} {action.target}".strip()


def _waiting(world: World, found: Gathered) -> tuple[Waiting, ...] | Unknown:
    from loop_orchestrator.operations.status import status

    try:
        needs = status(world).needs
    except LoopError as error:
        return Unknown(error.message)
    return tuple(_wait(need, found) for need in needs)


def _wait(need: Need, found: Gathered) -> Waiting:
    words = need.what.replace(":", " ").split()
    seq = next((found.about[word] for word in words if word in found.about), 0)
    return Waiting(what=need.what, since=need.since, next_step=need.next_step, seq=seq)


def redacted(shown: Report, redactor: Redactor) -> Report:
    """The same report without secrets."""

    def clean(lines: tuple[Line, ...]) -> tuple[Line, ...]:
        return tuple(replace(line, what=redactor.text(line.what), why=redactor.text(line.why)) for line in lines)

    found = shown.found
    waiting = shown.waiting
    if not isinstance(waiting, Unknown):
        waiting = tuple(replace(one, what=redactor.text(one.what)) for one in waiting)
    return replace(
        shown,
        waiting=waiting,
        found=replace(
            found,
            not_done=clean(found.not_done),
            done=clean(found.done),
            unanswered=clean(found.unanswered),
            unusual=clean(found.unusual),
            lanes=clean(found.lanes),
        ),
    )


def summary(shown: Report) -> str:
    """The report in one line."""
    found = shown.found
    parts = [f"{len(found.not_done)} not done", f"{len(found.done)} done"]
    parts += [f"{len(found.unanswered)} unanswered"] if found.unanswered else []
    if isinstance(shown.waiting, Unknown):
        parts.append("what waits for you is not known")
    else:
        count = len(shown.waiting)
        parts.append("nothing waits for you" if not count else f"{count} wait{'s' if count == 1 else ''} for you")
    parts += [f"{len(found.unusual)} unusual"] if found.unusual else []
    return f"{', '.join(parts)}; {money(found.spend)}"


def money(spend: Spend) -> str:
    """``12 brain calls, 0.42 USD``; n/a where not all of it is known."""
    if not spend.calls:
        return "no brain was paid"
    calls = f"{spend.calls} brain call{'' if spend.calls == 1 else 's'}"
    if spend.usd is None:
        known = f" (at least {spend.known_usd:.2f} USD)" if spend.known_usd else ""
        return f"{calls}, cost n/a{known}"
    return f"{calls}, {spend.usd:.2f} USD"


def tokens(spend: Spend) -> str:
    """``81,000 tokens in, 4,000 out``; n/a where not all of them are known."""
    if spend.input_tokens is None or spend.output_tokens is None:
        known = spend.known_tokens
        return "tokens n/a" + (f" (at least {known:,})" if known else "")
    return f"{spend.input_tokens:,} tokens in, {spend.output_tokens:,} out"


def report_document(shown: Report) -> Json:
    """The document of ``loop report --json``; null for what is not known."""
    found, spend = shown.found, shown.found.spend
    waiting: JsonValue = None
    if not isinstance(shown.waiting, Unknown):
        waiting = [
            {
                "seq": one.seq or None,
                "what": one.what,
                "since": format_time(one.since) if one.since else None,
                "next_step": one.next_step,
            }
            for one in shown.waiting
        ]
    return {
        "session": shown.session,
        "since": format_time(shown.since),
        "why_since": shown.why_since,
        "until": format_time(shown.until),
        "first_kept": format_time(shown.first_kept) if shown.first_kept else None,
        "events": found.events,
        "summary": summary(shown),
        "not_done": _shapes(found.not_done),
        "done": _shapes(found.done),
        "unanswered": _shapes(found.unanswered),
        "waiting": waiting,
        "spend": {
            "calls": spend.calls,
            "calls_by_brain": dict(spend.by_brain),
            "input_tokens": spend.input_tokens,
            "output_tokens": spend.output_tokens,
            "usd": spend.usd,
            "known_usd": spend.known_usd,
            "unpriced_calls": spend.unpriced,
        },
        "unusual": _shapes(found.unusual),
        "lanes": _shapes(found.lanes),
        "unseen": {"waiting": shown.waiting.reason} if isinstance(shown.waiting, Unknown) else {},
        "damaged": dict(shown.damaged),
    }


def _shapes(lines: Iterable[Line]) -> list[JsonValue]:
    return [
        {"seq": line.seq, "at": format_time(line.at), "what": line.what, "why": line.why, "times": line.times}
        for line in lines
    ]
