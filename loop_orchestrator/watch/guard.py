"""``loop lane guard``: restarts lanes, and tells a person, where no engine does; sleeps until something happens."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.errors import ExitCode, LoopError
from loop_orchestrator.stores.layout import ensure_dir
from loop_orchestrator.substrate.listing import is_running
from loop_orchestrator.watch.keeper import Keeper
from loop_orchestrator.watch.notices import Telling

if TYPE_CHECKING:
    from collections.abc import Callable

    from loop_orchestrator.world import World

SWEEP_S = 60.0
"""Seconds between two looks at files and processes, for what did not announce itself. At half, twice the wake-ups; at
double, a launcher that was killed is noticed later."""

STEP_MS = 250
"""Between two looks of the listener for notifications. At half, twice the wake-ups of an idle guard; at double, an end
is known half a second later, of a restart that waits for seconds."""

STOP_LIMIT_S = 1.0
"""Seconds that a message under way has to go out when an engine begins, or the guard is told to stop."""

AGAIN_S = 5.0
"""Seconds after which a look that failed is tried again."""


def run_guard(world: World, *, say: Callable[[str], None]) -> int:
    """Guard the lanes of one session until it is gone, or until SIGTERM or SIGINT; returns the exit code.

    While an engine watches the session, that restarts lanes and tells people, and this only waits. say: gets a line
    for a person.
    Raises LockedError, naming the holder, if another guard runs.
    """
    with world.control.guard_lock():
        return asyncio.run(_Guard(world, say).run())


class _Guard:
    """Listens for what launchers write, and looks in a thread."""

    def __init__(self, world: World, say: Callable[[str], None]) -> None:
        self.world = world
        self.say = say
        self.keeper = Keeper(world, say=say)
        self.wake = asyncio.Event()
        self.stop = asyncio.Event()
        self.folder = os.open(ensure_dir(world.layout.session_dir), os.O_RDONLY | os.O_DIRECTORY)
        """tells a folder that was removed from one of the same name"""
        self.known: object = None
        """what was there at the last look; nothing else is worth asking tmux about"""
        self.told = ""
        self.telling: Telling | None = None
        """tells a person what needs one, while no engine watches"""

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        listener = asyncio.create_task(self._listen())
        reason = ""
        try:
            while not self.stop.is_set() and not reason:
                self.wake.clear()
                reason, wait_s = await asyncio.to_thread(self._looked)
                if not reason:
                    await self._sleep(wait_s)
        finally:
            self._stop()
            listener.cancel()
            self._tell(wanted=False)
        self.say(reason or "told to stop")
        return ExitCode.DONE

    async def _sleep(self, seconds: float) -> None:
        """Until it is woken up, and no longer than that."""
        clock = self.world.clock
        until = clock.passed() + seconds
        while (left_s := until - clock.passed()) > 0 and not self.wake.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self.wake.wait(), timeout=clock.wait_s(left_s))

    def _stop(self) -> None:
        self.world.cancel.set()
        self.stop.set()
        self.wake.set()

    async def _listen(self) -> None:
        """Wake up for every change of a launcher's record, of the lanes, and of who watches."""
        from watchfiles import awatch

        layout = self.world.layout
        while not self.stop.is_set() and not self._is_gone():
            with suppress(Exception):  # the sweep is what is left
                watched = map(ensure_dir, (layout.lane_runs, layout.session_dir, layout.engine_dir))
                async for found in awatch(
                    *watched, step=STEP_MS, debounce=2 * STEP_MS, recursive=False, stop_event=self.stop
                ):
                    paths = {Path(path) for _, path in found}
                    if self.telling is not None and layout.events in paths:
                        self.telling.something_happened()
                    if any(map(self._calls_for_a_look, paths)):
                        self.wake.set()
            await asyncio.sleep(AGAIN_S)
        self.wake.set()

    def _is_gone(self) -> bool:
        """The session's files were taken away; making their folder anew to listen there would bring them back."""
        return os.fstat(self.folder).st_nlink == 0

    def _calls_for_a_look(self, path: Path) -> bool:
        layout = self.world.layout
        known = (layout.lanes_file, layout.session_dir, layout.session_dir.parent)
        return path.name.endswith(".run.json") or path in known or path.name == f"{layout.watch_lock.name}.holder"

    def _looked(self) -> tuple[str, float]:
        """One look: why the guard ends, empty if it goes on, and how long it may sleep."""
        if self._is_gone():
            return "the files of the session are gone", 0.0
        try:
            if self._session_is_gone():
                return "the session is gone", 0.0
            watched = self.world.control.watch_lock().holder() is not None
            self._tell(wanted=not watched)
            if watched:
                self.known = None
                return "", SWEEP_S
            self._keep()
            self.told = ""
        except LoopError as error:
            if error.message != self.told:
                self.say(error.message)
            self.told = error.message
            return "", AGAIN_S
        return "", min(SWEEP_S, self.keeper.wait_s)

    def _tell(self, *, wanted: bool) -> None:
        """See to it that a person is told by this process, or that the engine may."""
        if wanted and self.telling is None:
            self.telling = Telling(self.world, lambda error: self.say(f"telling a person failed: {error}"))
            self.telling.start()
        elif not wanted and self.telling is not None:
            self.telling.stop(STOP_LIMIT_S)
            self.telling = None

    def _session_is_gone(self) -> bool:
        """No lane is left, or no launcher runs and tmux has no such session."""
        records = self.world.lanes.records().values()
        if any(is_running(record.pane_pid) for record in records):
            return False
        return not records or not self.world.substrate.session_exists()

    def _keep(self) -> None:
        """Look at the lanes through tmux, if anything about their programs changed or a step is due."""
        known = self._present()
        if known == self.known and self.keeper.wait_s > 0:
            return
        self.keeper.look(self.world.observe_lanes())
        self.known = self._present()

    def _present(self) -> object:
        """What files and the kernel say about the agents' programs; starts no program."""
        world = self.world
        return tuple(
            (record, world.lanes.run(name), is_running(record.pane_pid))
            for name, record in world.lanes.records().items()
            if record.agent
        )
