"""``loop engine watch``: listens for what calls for a cycle, notes it, and runs one cycle at a time."""

from __future__ import annotations

import asyncio
import math
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.errors import ExitCode, LoopError, StoreError
from loop_orchestrator.hearing.listening import Listening
from loop_orchestrator.model.lane import LaneWord
from loop_orchestrator.model.route import EMITTED
from loop_orchestrator.process.folders import changed_paths
from loop_orchestrator.process.pipes import kill_held
from loop_orchestrator.process.pump import end_running
from loop_orchestrator.routing.board import REPLAYED
from loop_orchestrator.routing.pump import Pump
from loop_orchestrator.routing.routes import ENGINE, ROUTES
from loop_orchestrator.sources.person import PERSON
from loop_orchestrator.stores.layout import ensure_dir
from loop_orchestrator.watch.linting import lint_tasks_at_start
from loop_orchestrator.watch.looking import Looking
from loop_orchestrator.watch.notices import Telling, is_full_disk
from loop_orchestrator.watch.pacing import Pacing
from loop_orchestrator.watch.started import StartedWith, killed_before

if TYPE_CHECKING:
    from loop_orchestrator.model.event import Event
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.operations.changed_config import ConfigWatch
    from loop_orchestrator.world import World


CLOSE_LIMIT_S = 0.3
"""Seconds for ending the connection to tmux: longer than it takes, and with STOP_LIMIT_S less than two seconds."""

STOP_LIMIT_S = 1.5
"""Seconds that a cycle has to end after SIGTERM; what it had begun is on disk and is settled by the next one."""

TELL_LIMIT_S = 0.1
"""Least seconds that a message to a person has to end in: what sends it was told to stop with all else."""

REPLACED_S = 1.0
"""Seconds between the end of a folder that is listened to and listening to the one in its place. At half, a folder that
is being removed is made anew more often; at double, what happens in the new one meanwhile is noticed later."""

ACCEPTED_S = 0.5
"""After the text of a delivery came into a line its record follows within so many seconds, even where its sender died
before it told anybody. At half, a slow disk makes such a text wait for the sweep; at double, it goes out that much
later."""

AGAIN_S = 5.0
"""Seconds after which a look or the listening that failed is tried again. At half, a full disk is asked twice as often;
at double, its end is noticed later."""


def run_daemon(
    world: World,
    *,
    emit: Callable[[Event], None],
    config: ConfigWatch,
    how: str = "foreground",
    at_end: Callable[[], None] = lambda: None,
) -> int:
    """Watch one session until SIGTERM, SIGINT or, where it is not ignored, SIGHUP; returns the exit code.

    config: sees what becomes of the project's config while this runs by the one that was accepted.
    emit: gets every event of the session as it is written; it must not block. how: who started it, see
    stores.control.WatchRecord. at_end: called before the process is ended in the middle of something.
    Raises LockedError, naming the holder, if another daemon watches; DecisionStateError without an engine.
    """

    async def watched() -> int:
        stop = asyncio.Event()
        _on_signals(stop.set)  # first of all: whoever holds the lock is told to stop
        looking = Looking(world, config)
        with world.control.watch_lock():
            return await _Daemon(world, looking, emit, stop, how=how, at_end=at_end).run()

    return asyncio.run(watched())


def _on_signals(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup wants it to go on
            loop.add_signal_handler(number, stop)


class _Daemon:
    """Side by side: listening, looks in a thread, and at most one cycle in another; the pump leads from one to the
    other."""

    def __init__(
        self,
        world: World,
        looking: Looking,
        emit: Callable[[Event], None],
        stop: asyncio.Event,
        *,
        how: str = "foreground",
        at_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.at_end = at_end
        self.world = world
        self.how = how
        self.looking = looking
        self.pacing = Pacing(world, looking, on_failure=lambda error: self._failed("a cycle", error))
        self.pump = Pump(world.events, world.routing, world.clock, ROUTES, {ENGINE.actor: self.pacing})
        self.emit = emit
        self.look_wanted = True
        """files changed, or a look is due"""
        self.swept_at = -math.inf
        """when all lanes were looked at, on the clock's ``passed``"""
        self.wake = asyncio.Event()
        self.stop = stop
        self.folder = os.open(ensure_dir(world.layout.session_dir), os.O_RDONLY | os.O_DIRECTORY)
        """tells a folder that was removed from one of the same name"""
        self.offset = world.events.end()
        self.told = ("", "")
        """the last failure that is in the log"""
        self.feed = world.feed
        self.line_changed = False
        """something was put in line or out of it, or a delivery was resolved"""

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        _on_signals(self._stop)
        self._event("watch.started", {"pid": os.getpid(), "took_over": killed_before(self.world)})
        self.started = await asyncio.to_thread(StartedWith, self.world, how=self.how)
        with suppress(FileNotFoundError):  # the session's files were taken away; the first look says so
            self.world.control.record_watch(self.started.record)
        self.telling = Telling(self.world, lambda error: self._telling_failed(loop, error))
        self.telling.start()
        with suppress(LoopError):  # a full disk takes no event
            lint_tasks_at_start(self.world)
        with suppress(StoreError):  # what was given to an actor stays with it until that can be written
            self.pump.settle()
        self.terminal = Listening(
            self.feed, self.looking.heard, self.world.clock, on_due=self.wake.set, record=self._event_if_taken
        )
        self.looking.lines.on_done = lambda: self._line_went_on(loop)
        hearing = asyncio.create_task(self.terminal.run())
        listener = asyncio.create_task(self._listen())
        worker = asyncio.create_task(self._work())
        await asyncio.wait({listener, worker, asyncio.create_task(self.stop.wait())}, return_when="FIRST_COMPLETED")
        self._stop()
        told_at = loop.time()
        ended = asyncio.create_task(asyncio.to_thread(self.looking.lines.join, STOP_LIMIT_S))
        await asyncio.wait({worker, ended}, timeout=STOP_LIMIT_S)
        cut_off = ["a cycle"] if not worker.done() else []
        cut_off += ["a delivery"] if not ended.done() or not ended.result() else []
        late = bool(cut_off)
        listener.cancel()
        hearing.cancel()
        if not self._is_gone():
            self._say_stopped(f"{' and '.join(cut_off)} was cut off" if late else "told to stop")
            if worker.done():
                with suppress(LoopError):  # the log knows all of it
                    self.pump.save()
        # tmux 3.3a told to end would wait for ever for a client whose last words nobody reads.
        await asyncio.wait({asyncio.create_task(self.terminal.close())}, timeout=CLOSE_LIMIT_S)
        left_s = STOP_LIMIT_S - (loop.time() - told_at)
        await asyncio.to_thread(self.telling.stop, max(left_s, TELL_LIMIT_S))
        end_running()
        kill_held()
        if late:
            self.at_end()
            os._exit(ExitCode.DONE)  # its thread ends no other way; whoever comes next settles what it began
        worker.result()
        return ExitCode.DONE

    def _is_gone(self) -> bool:
        """The session's files were taken away, even if a write that was under way has made the folder anew."""
        return os.fstat(self.folder).st_nlink == 0

    def _say_stopped(self, reason: str) -> None:
        with suppress(LoopError):  # a full disk takes no last word
            self._event("watch.stopped", {"pid": os.getpid(), "reason": reason})
            self.world.control.forget_watch()
            self._show_events()

    def _stop(self) -> None:
        self.world.cancel.set()
        self.stop.set()
        self.wake.set()

    async def _listen(self) -> None:
        """Listen until told to stop; where that fails, the sweep is what is left, and it is tried again."""
        while not self.stop.is_set():
            try:
                await self._hear()
            except Exception as error:
                self._failed("listening", error)
                await self._stopped_within(AGAIN_S)
            self.look_wanted = True
            self.wake.set()

    async def _hear(self) -> None:
        """File notifications are hints to look; what they name only tells this program's own writes from others'."""
        layout = self.world.layout
        own = (
            layout.messages,
            layout.lane_runs,
            layout.signals,
            layout.decisions,
            layout.engine_dir,
            layout.session_dir,
            layout.loop_dir,
            layout.lines,
            layout.state_file.parent,
        )
        tasks = layout.tasks_dir if layout.tasks_dir.is_dir() else layout.tasks_dir.parent  # where it will appear
        watched = [*map(ensure_dir, dict.fromkeys(own)), tasks]
        async for paths in changed_paths(watched, self.stop):
            if layout.events in paths:
                self._show_events()
            if layout.lanes_file in paths:
                self.terminal.try_again()
            if any(path.parent == layout.lines and path.suffix == ".txt" for path in paths):
                self._call_lines()
                asyncio.get_running_loop().call_later(ACCEPTED_S, self._call_lines)
            if layout.tasks_dir in paths and tasks != layout.tasks_dir:
                return  # from now on it is listened to
            replaced = not paths.isdisjoint(watched)
            if replaced or any(self._calls_for_a_look(path) for path in paths):
                self.look_wanted = True
                self.wake.set()
            if replaced:  # a folder of the same name is another one; if all are gone, the look says so
                await self._stopped_within(REPLACED_S)
                return

    def _calls_for_a_look(self, path: Path) -> bool:
        layout = self.world.layout
        if path.parent in (layout.messages, layout.tasks_dir):
            return path.suffix == ".md"
        if path.parent == layout.decisions:
            return path.suffix == ".json"
        if path.parent == layout.signals:
            # A program at work says so at every tool call, which calls for nothing.
            said = self.world.signals.of(path.stem) if path.suffix == ".json" else ()
            return bool(said) and said[-1].word is not LaneWord.WORKING
        known = (layout.paused, layout.state_file, layout.lanes_file, layout.session_dir, layout.session_dir.parent)
        return path.name.endswith(".run.json") or path in known

    async def _work(self) -> None:
        """Look and run cycles until told to stop. Raises StoreError when the session's files are taken away."""
        while not self.stop.is_set():
            self.wake.clear()
            if self._is_gone():
                raise StoreError(f"the files of session {self.world.session} are gone; nothing is left to watch")
            try:
                if self.look_wanted or self.terminal.everything:
                    await self._look()
                    self.told = ("", "")
                    self.telling.disk_is_fine()
                wait_s = self.pump.wait_s(ENGINE.name)
                if wait_s == 0.0 and not self.stop.is_set():
                    await self._cycle_beside_looks()
                    self.look_wanted = True
                    continue
                self._show_events()
                look_s = self._look_wait_s()
                await self._rest(look_s, math.inf if wait_s is None else wait_s)
            except Exception as error:
                self._failed("a look", error)
                await self._stopped_within(AGAIN_S)
                self.look_wanted = True

    async def _look(self) -> None:
        """At the project, and at the lanes: all, or those that printed something."""
        terminal, now = self.terminal, self.world.clock.passed()
        sweep = now >= self.swept_at + self.looking.engine.sweep_interval_s
        everything = sweep or terminal.everything or not terminal.connected
        compare = everything and terminal.connected and not terminal.everything
        self.look_wanted = terminal.everything = False
        panes, ended = terminal.take_due(all_dirty=True), terminal.take_ended()

        def look() -> dict[int, str]:
            self.looking.look(None if everything else panes, ended=ended, compare=compare)
            if sweep:
                self.started.look()
            return self.looking.lanes.programs()

        programs = await asyncio.to_thread(look)
        if everything:
            self.swept_at = now
            terminal.look_again(self.looking.lanes.open)
        terminal.follow(programs)
        if compare:
            terminal.confirm(self.looking.lanes.missed)

    def _look_wait_s(self) -> float:
        """Seconds until the next look that nothing calls for."""
        wait_s = self.looking.wait_s(pushed=self.terminal.connected)
        swept_s = self.world.clock.passed() - self.swept_at
        return max(0.0, min(wait_s, self.looking.engine.sweep_interval_s - swept_s, self.looking.keeper.wait_s))

    async def _rest(self, look_s: float, cycle_s: float) -> None:
        """Until something calls for more than a look at lanes that say nothing new, or one of these times is over."""
        clock, settling = self.world.clock, bool(self.looking.last.settling)
        until = clock.passed() + (cycle_s if settling else min(look_s, cycle_s))
        # How long a lane holds still is the terminal's time.
        still_at = clock.monotonic() + look_s if settling else math.inf
        while not self.stop.is_set() and not self.look_wanted and not self.terminal.everything:
            panes = self.terminal.take_due() if self.terminal.connected else frozenset()
            if panes or self._lines_call():
                ended = self.terminal.take_ended()
                if await asyncio.to_thread(self.looking.look_if_moved, panes, ended):
                    return
                continue
            self.wake.clear()
            if self._lines_call():
                continue  # it was called for between the two
            left_s = min(clock.wait_s(until - clock.passed()), still_at - clock.monotonic(), self.looking.lines.wait_s)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.wake.wait(), timeout=left_s)
            self.look_wanted = self.look_wanted or clock.passed() >= until or clock.monotonic() >= still_at

    async def _cycle_beside_looks(self) -> None:
        """A cycle; meanwhile mail and lanes are looked at, and the lines go on, as far as that is seen without it."""
        loop, keeper, clock = asyncio.get_running_loop(), self.looking.keeper, self.world.clock
        cycle = asyncio.create_task(asyncio.to_thread(self._cycle))
        due_at = loop.time() + self._beside_wait_s()
        while not cycle.done():
            self.wake.clear()
            if await self._looked_beside_cycle(due=loop.time() >= due_at or keeper.wait_s == 0.0):
                due_at = loop.time() + self._beside_wait_s()
            waking = asyncio.create_task(self.wake.wait())
            left_s = min(due_at - loop.time(), clock.wait_s(keeper.wait_s))
            await asyncio.wait({cycle, waking}, timeout=left_s, return_when="FIRST_COMPLETED")
            waking.cancel()
        await cycle

    async def _looked_beside_cycle(self, *, due: bool) -> bool:
        """A look at what was heard of, or, where that is due, at all lanes; the rest waits for the end of the cycle."""
        terminal = self.terminal
        panes = terminal.take_due() if terminal.connected else frozenset()
        if not (due or panes or self.look_wanted or terminal.everything or self._lines_call()):
            return False
        everything = due or terminal.everything or not terminal.connected
        self.look_wanted = terminal.everything = False
        ended = terminal.take_ended()

        def look() -> dict[int, str]:
            self.looking.look_beside_cycle(None if everything else panes, ended=ended)
            return self.looking.lanes.programs()

        try:
            terminal.follow(await asyncio.to_thread(look))
        except LoopError as error:
            self._failed("a look", error)
        self._show_events()
        return True

    def _beside_wait_s(self) -> float:
        """Machine seconds until all lanes are looked at beside a cycle, if nothing is heard of them before."""
        return min(self.looking.lanes_wait_s(pushed=self.terminal.connected), self.looking.lines.wait_s)

    def _lines_call(self) -> bool:
        """Whether the lines call for a look at the lanes; what they were told of is taken in."""
        if self.line_changed:
            self.line_changed = False
            self.looking.lines.try_all()
            return True
        return self.looking.lines.calls_for_a_look

    def _call_lines(self) -> None:
        self.line_changed = True
        self.wake.set()

    def _line_went_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """A delivery from a line ended, in a thread of its own."""
        with suppress(RuntimeError):  # the daemon is ending
            loop.call_soon_threadsafe(self.wake.set)

    async def _stopped_within(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stop.wait(), timeout=seconds)

    def _cycle(self) -> None:
        """A cycle for all that calls for one. What fails around it is an event, and it waits a while."""
        try:
            self.pump.run(ENGINE.name)
        except Exception as error:
            self._failed("routing", error)
            self.pacing.hold()

    def _failed(self, what: str, error: Exception) -> None:
        """What failed is an event, as far as the disk takes one; the daemon goes on and tries again later."""
        reason = error.message if isinstance(error, LoopError) else f"{type(error).__name__}: {error}"
        if is_full_disk(error):
            self.telling.disk_is_full(reason)
        if (what, reason) == self.told:
            return  # it goes on failing
        with suppress(LoopError):
            self._event("crash", {"what": what, "reason": reason})
            self.told = (what, reason)

    def _telling_failed(self, loop: asyncio.AbstractEventLoop, error: Exception) -> None:
        """In the thread that tells."""
        with suppress(RuntimeError):  # the daemon is ending
            loop.call_soon_threadsafe(self._failed, "telling a person", error)

    def _event(self, kind: str, payload: dict[str, JsonValue]) -> None:
        self.world.events.append(kind, "watch", payload)

    def _event_if_taken(self, kind: str, payload: dict[str, JsonValue]) -> None:
        with suppress(LoopError):  # a full disk takes no word of it
            self._event(kind, payload)

    def _show_events(self) -> None:
        events, self.offset = self.world.events.read_from(self.offset)
        for event in events:
            self.emit(event)
        self.telling.happened(events)
        if any(event.kind in ("delivery.queued", "delivery.resolved") for event in events):
            self._call_lines()
        if any(event.kind == REPLAYED or (event.kind == EMITTED and event.source == PERSON.name) for event in events):
            self.look_wanted = True  # what somebody else put into the log
            self.wake.set()
