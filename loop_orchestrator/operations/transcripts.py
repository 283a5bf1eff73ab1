"""What brains said, of one cycle or as it comes."""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loop_orchestrator.errors import UsageError
from loop_orchestrator.process.folders import looks
from loop_orchestrator.stores.layout import ensure_dir

if TYPE_CHECKING:
    from pathlib import Path

    from loop_orchestrator.stores.decisions import DecisionStore
    from loop_orchestrator.stores.eventlog import EventLog
    from loop_orchestrator.stores.layout import Layout
    from loop_orchestrator.stores.transcripts import Transcript, TranscriptStore

_SAFETY_S = 30.0
"""Between two looks that nothing announced. At half, twice the wakes of whoever follows a brain that thinks; at double,
news come that much later on file systems that announce nothing."""
_EVENTS = 400
"""Of those, the last are searched for the end of a cycle."""


@dataclass(frozen=True)
class Said:
    """News of a call."""

    call: Transcript
    begins: bool = False
    """it is the first news of it"""
    text: str = ""
    failed: str = ""
    """why it gave no reply"""
    ends: bool = False
    """there is no more news of it"""


def meant_cycle(store: TranscriptStore, decisions: DecisionStore, given: str) -> str:
    """The cycle, or replay, that is meant by its id, by that of its decision, or by the beginning of either.

    Empty: the last one. Raises UsageError where there is none, or several.
    """
    cycles = store.cycles()
    if not given:
        if not cycles:
            raise UsageError("no brain was called yet", hint="loop engine once, or follow: add --follow")
        return cycles[-1]
    if given.startswith("d"):
        cycle = decisions.get(given).cycle
        if cycle in cycles:
            return cycle
        raise UsageError(f"what was said for {given} is not kept any more", hint="loop engine transcript --list")
    fitting = [cycle for cycle in cycles if cycle.startswith(given)]
    if len(fitting) != 1:
        how = "is the beginning of several cycles" if fitting else "is no cycle whose transcript is kept"
        raise UsageError(f"{given!r} {how}", hint="loop engine transcript --list")
    return fitting[0]


def text_of(call: Transcript) -> str:
    """What a call said so far: what was to be followed, else its reply."""
    readable = call.stream.exists() and (call.raw.exists() or not call.reply.exists())
    return _text(call.stream if readable else call.reply)


def failure_of(call: Transcript) -> str:
    """Why it gave no reply; empty: it gave one, or is not over."""
    return _text(call.failed).strip()


def state_of(call: Transcript) -> str:
    """``replied``, ``failed``, or ``open``: it runs, or was cut off with its engine."""
    return "replied" if call.reply.exists() else "failed" if call.failed.exists() else "open"


def _text(path: Path) -> str:
    with suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace")
    return ""


def follow(
    store: TranscriptStore,
    layout: Layout,
    decisions: DecisionStore,
    events: EventLog,
    tell: Callable[[Said], None],
    *,
    cycle: str,
) -> None:
    """Tell what brains say as it comes: of one cycle until that is over, or of the last and all later ones for ever."""

    async def watch() -> None:
        async with aclosing(following(store, layout, decisions, events, cycle=cycle)) as news:
            async for said in news:
                for one in said:
                    if one.begins or one.text or one.failed:
                        tell(one)

    asyncio.run(watch())


async def following(
    store: TranscriptStore, layout: Layout, decisions: DecisionStore, events: EventLog, *, cycle: str
) -> AsyncGenerator[Sequence[Said], None]:
    """The same for whoever has an event loop already: what came since the last look, never empty.

    Files are read in a thread. Raises StoreError where the folder of the transcripts cannot be made.
    """
    first = cycle or next(iter(store.cycles()[-1:]), "")
    followed: dict[str, _Followed] = {}

    def look() -> tuple[list[Said], bool]:
        """What is new; whether it was the last there is."""
        is_over = bool(cycle) and _is_over(cycle, decisions, events)
        cycles = (
            [cycle] if cycle else [one for one in store.cycles() if one.partition("-")[2] >= first.partition("-")[2]]
        )
        calls = [call for one in cycles for call in store.calls(one)]
        said = [news for call in calls for news in followed.setdefault(call.stream.name, _Followed(call)).news()]
        return said, is_over or (cycle.startswith("r") and all(call.is_over for call in calls))

    ensure_dir(layout.brain)
    async with aclosing(looks(lambda: [layout.brain, layout.engine_dir], lambda: _SAFETY_S)) as due:
        async for _ in due:
            said, was_last = await asyncio.to_thread(look)
            if said:
                yield said
            if was_last:
                return


def _is_over(cycle: str, decisions: DecisionStore, events: EventLog) -> bool:
    """It ended, or its engine did."""
    if not cycle.startswith("c"):
        return False
    ended = any(event.kind == "cycle.ended" and event.payload.get("cycle") == cycle for event in events.tail(_EVENTS))
    return ended or decisions.cycle_lock().holder() is None


@dataclass
class _Followed:
    """One call, and how much of it was told."""

    call: Transcript
    _told: int = 0
    _begun: bool = False
    _closed: bool = False
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace")
    )

    def news(self) -> Sequence[Said]:
        if self._closed:
            return ()
        over = self.call.is_over  # before the reading: what it said until then is read
        text = self._read()
        if over and self._told == 0:
            text = text_of(self.call)
        failed = failure_of(self.call) if over else ""
        begins, self._begun, self._closed = not self._begun, True, over
        return (Said(self.call, begins, text, failed, over),) if begins or text or over else ()

    def _read(self) -> str:
        try:
            with self.call.stream.open("rb") as file:
                file.seek(self._told)
                data = file.read()
        except OSError:
            return ""
        self._told += len(data)
        return self._decoder.decode(data)
