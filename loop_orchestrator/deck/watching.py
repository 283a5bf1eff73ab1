"""Takes a picture whenever something changed, off the event loop, at most five a second.

Files are watched by the kernel, lanes through a held connection to their terminal: nothing is started to learn that
nothing happened. Nothing of it is recorded: what is heard of lanes is on record by the engine alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.deck.painter import Painter
from loop_orchestrator.errors import LoopError
from loop_orchestrator.hearing.heard import Heard
from loop_orchestrator.hearing.lanes import LaneWatch
from loop_orchestrator.hearing.listening import Listening
from loop_orchestrator.model.lane import Detail, Lane
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.process.folders import looks

if TYPE_CHECKING:
    from loop_orchestrator.deck.desk import Desk, MakeDesk
    from loop_orchestrator.deck.picture import Picture
    from loop_orchestrator.substrate.port import Feed
    from loop_orchestrator.world import World

LEAST_S = 0.2
"""Between two pictures. At half, a busy fleet costs twice as much; at double, a change is seen half a second late."""

SWEEP_S = 60.0
"""Between two looks at all lanes while their terminal announces what they do. At half, twice the cost of looking for
what is hardly ever there; at double, a change that was not announced is seen two minutes late."""

UNHEARD_S = 2.0
"""The same while nothing is announced. At half, twice the programs started for the same news; at double, a lane's state
is that much older."""

AGES_S = (5.0, 20.0)
"""Between two pictures although nothing changed: while something on the screen is younger than a minute, and else. At
half, twice the cost of a session at rest; at double, ages are ten seconds old, or most of a minute."""

AGAIN_S = 2.0
"""Until a session is opened again that could not be: a config is mended, a folder comes back."""

NOT_ACCEPTED = "config not accepted yet: loop trust"


async def pictures(make_desk: MakeDesk) -> AsyncGenerator[Picture | LoopError, None]:
    """Pictures of a session for ever; an error in place of one says why there is none.

    A changed config is taken over when it can be read; until then what was read last holds, and the picture says so.
    """
    following: _Opened | None = None
    while True:
        try:
            opened = await asyncio.to_thread(_open, make_desk) if following is None else following
            session = _Session(opened, make_desk)
            try:
                async for picture in session.pictures():
                    yield picture
            finally:
                await session.close()
            following = session.successor
        except LoopError as error:
            following = None
            yield error
            await asyncio.sleep(AGAIN_S)


@dataclass(frozen=True)
class _Opened:
    """A session by its config as that could be read."""

    desk: Desk
    world: World
    feed: Feed | None
    config_places: tuple[Path, ...]
    config_stamp: tuple[object, ...]
    """of these places before they were read"""


def _open(make_desk: MakeDesk) -> _Opened:
    """Blocks. Raises LoopError where the config cannot be read, or the environment says what it cannot mean."""
    desk = make_desk()
    places = desk.config_places
    stamp = _stamp(places)
    world = desk.world
    _ = world.config  # all of it is read now, or none
    return _Opened(desk, world, world.feed, places, stamp)


def _stamp(places: Collection[Path]) -> tuple[object, ...]:
    found: list[object] = []
    for place in places:
        with suppress(OSError):
            about = place.stat()
            found.append((place, about.st_mtime_ns, about.st_size, about.st_ino))
    return tuple(found)


class _Session:
    """One session, until its config is another one. Made and used on the event loop."""

    def __init__(self, opened: _Opened, make_desk: MakeDesk) -> None:
        self.successor: _Opened | None = None
        """the same session by a config that was changed; what there is to do when ``pictures`` ends"""
        self._opened = opened
        self._make_desk = make_desk
        self._world = opened.world
        heard = self._world.ears = Heard()
        self._lanes = LaneWatch(self._world, heard)
        self._painter = Painter(self._world)
        self._wake = asyncio.Event()
        self._terminal = Listening(opened.feed, heard, self._world.clock, on_due=self._wake.set)
        self._tasks = [asyncio.create_task(self._hear_files()), asyncio.create_task(self._terminal.run())]
        self._files_changed = True
        self._config_changed = False
        self._broken = ""
        """why the config as it is now cannot be taken over; empty: it can"""
        self._accepted = False
        self._seen: tuple[Lane, ...] | Unknown = ()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await self._terminal.close()

    async def pictures(self) -> AsyncGenerator[Picture | LoopError, None]:
        """A picture for each thing that changes what is shown, or why there is none; ends when the config changed."""
        loop, terminal = asyncio.get_running_loop(), self._terminal
        swept_at = aged_at = -SWEEP_S
        ages_s = AGES_S[0]
        while True:
            self._wake.clear()
            for task in self._tasks:
                if task.done():
                    task.result()
            if self._config_changed and await self._taken_over():
                return
            now = loop.time()
            everything = terminal.everything or now >= swept_at + self._sweep_s()
            aged = now >= aged_at + ages_s
            panes = terminal.take_due()
            if everything or panes or aged or self._files_changed:
                files, self._files_changed, terminal.everything = self._files_changed, False, False
                see = partial(self._see, None if everything else panes, terminal.take_ended(), files=files, aged=aged)
                found = await asyncio.to_thread(see)
                if everything:
                    swept_at = now
                    terminal.look_again(self._lanes.open)
                terminal.follow(self._lanes.programs())
                if isinstance(found, LoopError):
                    yield found
                    self._files_changed = True
                    await asyncio.sleep(AGAIN_S)
                elif found is not None:
                    aged_at, ages_s = now, AGES_S[0] if _tells_seconds(found) else AGES_S[1]
                    yield found
                    await asyncio.sleep(LEAST_S)
                continue
            with suppress(TimeoutError):
                wait_s = min(swept_at + self._sweep_s(), aged_at + ages_s) - now
                await asyncio.wait_for(self._wake.wait(), wait_s)

    def _sweep_s(self) -> float:
        """What is missing comes back only with a new record, or with the connection."""
        seen = self._seen
        there = isinstance(seen, Unknown) or any(lane.state.detail is not Detail.MISSING for lane in seen)
        return UNHEARD_S if there and not self._terminal.connected else SWEEP_S

    def _see(
        self, panes: Collection[str] | None, ended: Collection[int], *, files: bool, aged: bool
    ) -> Picture | LoopError | None:
        """Look at the lanes in these panes, or at all; a picture, or why there is none, if that would be another one.

        files: some changed since the last picture. aged: what it says of ages is old.
        """
        before = self._seen
        try:
            self._seen = self._lanes.look(panes, ended=ended, files_too=files or panes is None)
        except LoopError as error:
            self._seen = Unknown(error.message)
        try:
            if files or aged:
                return self._painter.take(self._seen, config_note=self._config_note())
            return None if _look_the_same(before, self._seen) else self._painter.take_lanes(self._seen)
        except LoopError as error:
            return error

    def _config_note(self) -> str:
        if self._broken:
            return self._broken
        try:
            if not self._accepted:
                self._opened.desk.require_accepted()
        except LoopError:
            return NOT_ACCEPTED
        self._accepted = True
        return ""

    async def _taken_over(self) -> bool:
        """Open the session by the config as it is now; False: that cannot be read."""
        self._config_changed = False
        try:
            self.successor = await asyncio.to_thread(_open, self._make_desk)
        except LoopError as error:
            first, _, _ = error.message.partition("\n")
            self._broken = f"config cannot be read, the old one holds: {first}"
            self._files_changed = True
            return False
        return True

    async def _hear_files(self) -> None:
        layout, places, own = self._world.layout, self._opened.config_places, _folders_of(self._world)
        async for paths in looks(partial(_watched, self._world, places), lambda: None):
            self._config_changed |= any(path in places or path.parent in places for path in paths)
            if not paths:  # what changed before the watch began
                self._config_changed |= _stamp(places) != self._opened.config_stamp
            self._files_changed |= not paths or any(path.parent in own or path in own for path in paths)
            if not paths or layout.lanes_file in paths:
                self._terminal.try_again()
            if self._files_changed or self._config_changed:
                self._wake.set()


def _look_the_same(before: tuple[Lane, ...] | Unknown, after: tuple[Lane, ...] | Unknown) -> bool:
    """Nothing differs but when things were seen."""
    if isinstance(before, Unknown) or isinstance(after, Unknown):
        return before == after
    return len(before) == len(after) and all(
        was is now or _shown(was) == _shown(now) for was, now in zip(before, after, strict=True)
    )


def _shown(lane: Lane) -> tuple[object, ...]:
    state = lane.state
    return lane.record, lane.run, lane.title, lane.screen, lane.cursor, state.detail, state.confidence, state.rule


def _tells_seconds(picture: Picture) -> bool:
    """Something on the screen is, or ends, less than a minute from now."""
    now, minute = picture.status.generated_at, timedelta(minutes=1)
    return bool(picture.config_note) or any(abs(now - at) < minute for at in _times(picture))


def _times(picture: Picture) -> Iterator[datetime]:
    yield from picture.since.values()
    for need in picture.status.needs:
        if need.since is not None:
            yield need.since
            if picture.expires_s is not None:
                yield need.since + timedelta(seconds=picture.expires_s)
    mail = picture.status.mail
    if not isinstance(mail, Unknown):
        yield from (message.sent_at for message in mail[:1])


def _folders_of(world: World) -> frozenset[Path]:
    """Those whose files a picture shows, there or not."""
    layout = world.layout
    return frozenset(
        {
            layout.loop_dir,
            layout.session_dir.parent,
            layout.session_dir,
            layout.engine_dir,
            layout.decisions,
            layout.messages,
            layout.state_file.parent,
            layout.tasks_dir,
            layout.lane_runs,
            layout.signals,
            layout.deliveries,
            layout.lines,
            layout.dead_letters,
            world.adrs.folder,
        }
    )


def _watched(world: World, config_places: Collection[Path]) -> tuple[Path, ...]:
    """The folders to watch: those of the session and of its config, and the project, into which they may come."""
    wanted = {world.root, *_folders_of(world), *config_places, *(place.parent for place in config_places)}
    return tuple(folder for folder in sorted(wanted) if folder.is_dir())
