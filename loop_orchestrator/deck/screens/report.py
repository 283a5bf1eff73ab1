"""What happened since a person last looked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from loop_orchestrator.clock import format_age
from loop_orchestrator.deck.screens.whole import Whole
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.operations.report import Report, money, note_look, redacted, report, summary, tokens

if TYPE_CHECKING:
    from loop_orchestrator.deck.desk import Desk
    from loop_orchestrator.model.report import Line

DAY = timedelta(hours=24)


class ReportScreen(Whole):
    """To have seen it is remembered: the next one begins where this one ends."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "day", "The last 24 hours"),
    ]

    def on_mount(self) -> None:
        super().on_mount()
        self._load(None)

    def action_day(self) -> None:
        """All of the last day, whoever looked when."""
        self._load(DAY)

    def _load(self, back: timedelta | None) -> None:
        self.put("what happened", "being read …")
        only_shows = self.app.only_shows
        self.app.perform("reading what happened", lambda desk: _read(desk, back, only_shows), self._told, changes=False)

    def _told(self, shown: Report) -> None:
        self.put(summary(shown), report_text(shown))


def _read(desk: Desk, back: timedelta | None, only_shows: bool) -> Report:
    world = desk.world
    since: datetime | None = world.clock.now() - back if back is not None else None
    shown = redacted(report(world, since), world.redactor)
    if since is None and desk.caller == "person" and not only_shows:
        note_look(world, shown)
    return shown


def report_text(shown: Report) -> str:
    """Failures first, each line with the number of its event."""
    found = shown.found
    ago = format_age((shown.until - shown.since).total_seconds())
    lines = [
        f"since {shown.since.astimezone():%a %Y-%m-%d %H:%M}, {ago} ago ({shown.why_since}); {found.events} events"
    ]
    if not found.events:
        lines.append("Nothing happened since then; d shows the last 24 hours.")
    if shown.first_kept is not None:
        lines.append(f"what was before {shown.first_kept.astimezone():%Y-%m-%d %H:%M} is not kept any more")
    lines += _part("NOT DONE", found.not_done)
    lines += _waiting(shown)
    lines += _part("ASKED, NOT ANSWERED", found.unanswered)
    lines += _part("UNUSUAL", found.unusual)
    lines += _part("LANES", found.lanes)
    lines += _part("DONE", found.done)
    if found.spend.calls:
        by = ", ".join(f"{brain} {count}" for brain, count in found.spend.by_brain.items())
        lines += ["", "SPENT", f"  {money(found.spend)}; {tokens(found.spend)} (calls: {by})"]
    lines += [f"{name}: {reason}; the rest was read" for name, reason in shown.damaged.items()]
    return "\n".join(lines)


def _part(title: str, lines: Sequence[Line]) -> Iterator[str]:
    if lines:
        yield ""
        yield title
    for line in lines:
        times = f" ({line.times} times)" if line.times > 1 else ""
        why = f": {' '.join(line.why.split())}" if line.why else ""
        yield f"  #{line.seq:<5} {line.at.astimezone():%a %H:%M}  {' '.join(line.what.split())}{times}{why}"


def _waiting(shown: Report) -> Iterator[str]:
    if isinstance(shown.waiting, Unknown):
        yield ""
        yield f"WAITS FOR YOU NOW: not known: {shown.waiting.reason}"
        return
    if shown.waiting:
        yield ""
        yield "WAITS FOR YOU NOW"
    for one in shown.waiting:
        number = f"#{one.seq}" if one.seq else ""
        ago = format_age((shown.until - one.since).total_seconds()) if one.since else ""
        yield f"  {number:<6} {ago:<9}  {' '.join(one.what.split())}"
