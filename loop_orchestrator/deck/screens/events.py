"""One event whole: what it says, and its trace, which is everything that followed from the same cause."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loop_orchestrator.deck.screens.whole import Whole
from loop_orchestrator.errors import UsageError
from loop_orchestrator.model.event import EVENT_KINDS
from loop_orchestrator.operations.logs import MOST_LINKS, Link, logged_shape, read_trace
from loop_orchestrator.plaintext import shorten

if TYPE_CHECKING:
    from loop_orchestrator.deck.desk import Desk
    from loop_orchestrator.model.event import Event
    from loop_orchestrator.operations.shapes import Json
    from loop_orchestrator.redaction import Redactor

MOST_CHARS = 20_000
"""Of one event; at half, the reply of a wordy brain is cut; at double, opening one takes a blink longer."""

LINE_CHARS = 200
"""Of one event in a trace: it is there to be found, and opened for the whole."""


@dataclass(frozen=True)
class Told:
    """An event, and what is tied to it."""

    event: Json
    """without secrets"""
    trace: str
    links: tuple[tuple[Link, str], ...]
    """each with its sentence, without secrets"""


class EventScreen(Whole):
    """Shows an event by its number."""

    def __init__(self, seq: int) -> None:
        super().__init__()
        self._seq = seq

    def on_mount(self) -> None:
        super().on_mount()
        self.put(f"event {self._seq}", "being read …")
        self.app.perform(f"reading event {self._seq}", lambda desk: told(desk, self._seq), self._read, changes=False)

    def _read(self, found: Told) -> None:
        kind = str(found.event["kind"])
        meaning = EVENT_KINDS[kind].meaning if kind in EVENT_KINDS else "a kind that this release does not know"
        self.put(f"event {self._seq}  {kind}: {meaning}", event_text(found, self._seq))


def told(desk: Desk, seq: int) -> Told:
    """Read an event and its trace; blocks. Raises UsageError where the log does not hold it any more."""
    world = desk.world
    trace, links = read_trace(world, str(seq))
    own = next((link.event for link in links if link.event.seq == seq), None)
    event = own or next((one for one in world.events.since(seq - 1) if one.seq == seq), None)
    if event is None:
        raise UsageError(f"event {seq} is not kept any more")
    redactor = world.redactor
    return Told(logged_shape(event, redactor), trace, tuple((link, _sentence(link.event, redactor)) for link in links))


def _sentence(event: Event, redactor: Redactor) -> str:
    return str(logged_shape(event, redactor)["sentence"])


def event_text(found: Told, seq: int) -> str:
    """What the screen says of an event."""
    event = found.event
    lines = [str(event["sentence"]), ""]
    lines += [f"{name}: {event[name]}" for name in ("at", "source", "trace", "id", "caused_by") if event.get(name)]
    payload = json.dumps(event["payload"], ensure_ascii=False, indent=2)
    cut = "" if len(payload) <= MOST_CHARS else f"\n[{len(payload) - MOST_CHARS} more characters: loop logs --json]"
    lines += ["", f"payload: {payload[:MOST_CHARS]}{cut}", "", f"What belongs together ({found.trace}):", ""]
    return "\n".join([*lines, *tree_lines(found.links, seq)])


def tree_lines(links: Sequence[tuple[Link, str]], seq: int) -> list[str]:
    """A trace as a tree, an event a line; ``»`` stands before the one of this number."""
    lines = [
        f"{'»' if link.event.seq == seq else ' '} {link.event.at.astimezone():%H:%M:%S} #{link.event.seq:<5} "
        f"{_branch(link)}{link.event.kind}  {shorten(sentence, LINE_CHARS)}"
        for link, sentence in links
    ]
    if len(links) == MOST_LINKS:
        lines.append(f"these are the first {MOST_LINKS} events of it")
    return lines


def _branch(link: Link) -> str:
    if not link.is_last:
        return ""
    return "".join("   " if ended else "│  " for ended in link.is_last[:-1]) + ("└─ " if link.is_last[-1] else "├─ ")
