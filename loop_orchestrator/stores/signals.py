"""What the program of a lane said of itself: the newest signals of its present run, one small file per lane."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_time
from loop_orchestrator.errors import StoreError
from loop_orchestrator.model.lane import Detail, Signal, SignalSource
from loop_orchestrator.stores.atomic import read_json, write_json
from loop_orchestrator.stores.documents import Fields, read_document
from loop_orchestrator.stores.layout import Layout
from loop_orchestrator.stores.lock import brief_lock

if TYPE_CHECKING:
    from loop_orchestrator.model.lane import LaneRun
    from loop_orchestrator.model.state import JsonValue

SCHEMA = 1

KEPT = 8
"""Signals that are kept, newest last. The newest alone decides; the others show a person how it came to that."""

LONGEST = 200
"""Characters of a text that are kept: one line for a person."""


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """Who gave a signal."""

    pid: int
    """the process in the lane that passed it on"""
    depth: int
    """processes between the lane's launcher and the program that spoke: a program that another one runs is deeper"""
    conversation: str = ""
    """the program's own id of its conversation; empty if it gave none"""


class SignalStore:
    """The signals of one session's lanes. Every change rereads the file under its lock."""

    def __init__(self, layout: Layout) -> None:
        self._folder = layout.signals

    def path(self, lane: str) -> Path:
        return self._folder / f"{lane}.json"

    def note(self, lane: str, signal: Signal, speaker: Speaker, run: LaneRun) -> bool:
        """Add a signal of this run of the lane's program; what an earlier run said is dropped.

        False, with nothing written, if it comes from a program that the lane's own program runs, which speaks for
        itself alone. Raises StoreError.
        """
        path = self.path(lane)
        with brief_lock(path.with_name(path.name + ".lock")):
            known = self._known(path, run)
            depth = known.integer("depth", speaker.depth) if known else speaker.depth
            if speaker.depth > depth:
                return False
            old = list(known.objects("signals")) if known and speaker.depth == depth else []
            signals: list[JsonValue] = [dict(one.values) for one in old]
            signals.append(_fields(signal, speaker))
            document: dict[str, JsonValue] = {"schema": SCHEMA, "run": _mark(run), "depth": speaker.depth}
            write_json(path, {**document, "signals": signals[-KEPT:]})
        return True

    def of(self, lane: str) -> tuple[Signal, ...]:
        """What was said, oldest first; empty where there is no file that can be read."""
        try:
            document = read_document(self.path(lane), SCHEMA)
            return tuple(map(_signal, document.objects("signals")))
        except (FileNotFoundError, StoreError):
            return ()

    def forget(self, lane: str) -> None:
        """Drop what was said; a lane that said nothing is fine."""
        self.path(lane).unlink(missing_ok=True)

    def _known(self, path: Path, run: LaneRun) -> Fields | None:
        """What the file has of this run; None where it has nothing that can be used."""
        try:
            value = read_json(path)
        except (FileNotFoundError, StoreError):
            return None
        fields = Fields(value, str(path)) if isinstance(value, dict) else None
        try:
            if fields and fields.integer("schema") == SCHEMA and fields.text("run") == _mark(run):
                fields.integer("depth")
                for one in fields.objects("signals"):
                    _signal(one)
                return fields
        except StoreError:
            pass  # a lane can write here: what is broken is as good as nothing
        return None


def _mark(run: LaneRun) -> str:
    return f"{run.pid} {format_time(run.started_at)}"


def _fields(signal: Signal, speaker: Speaker) -> dict[str, JsonValue]:
    return {
        "detail": signal.detail.value,
        "rule": _plain(signal.rule),
        "seen": _plain(signal.seen),
        "at": format_time(signal.at),
        "pid": speaker.pid,
        "conversation": _plain(speaker.conversation),
    }


def _signal(fields: Fields) -> Signal:
    return Signal(
        source=SignalSource.HARNESS,
        detail=fields.word("detail", Detail),
        rule=_plain(fields.text("rule")),
        seen=_plain(fields.text("seen")),
        at=fields.time("at"),
    )


def _plain(text: str) -> str:
    """One line of printable characters: a lane writes here what it wants."""
    return "".join(char if char.isprintable() else " " for char in text[:LONGEST]).strip()
