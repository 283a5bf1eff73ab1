"""Takes a picture whenever something changed, off the event loop, at most four a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.deck.picture import Painter, Picture
from loop_orchestrator.errors import LoopError
from loop_orchestrator.process.folders import looks

if TYPE_CHECKING:
    from loop_orchestrator.deck.desk import MakeDesk
    from loop_orchestrator.world import World

LEAST_S = 0.25
"""Between two pictures. At half, a busy fleet costs twice as much; at double, a change is seen half a second late."""

LANES_S = 2.0
"""Between two pictures although no file changed: a terminal that nobody listens to announces nothing. At half, twice
the programs started for the same news; at double, a lane's state is that much older."""

AGAIN_S = 2.0
"""Until a picture is tried again that could not be taken: a config is mended, a session comes back."""


async def pictures(make_desk: MakeDesk) -> AsyncGenerator[Picture | LoopError, None]:
    """Pictures of a session for ever; an error in place of one says why there is none."""
    while True:
        try:
            world = await asyncio.to_thread(lambda: make_desk().world)
            painter = Painter(world)
            async for _ in looks(partial(folders_of, world), lambda: LANES_S):
                yield await asyncio.to_thread(painter.take)
                await asyncio.sleep(LEAST_S)
        except LoopError as error:
            yield error
            await asyncio.sleep(AGAIN_S)


def folders_of(world: World) -> tuple[Path, ...]:
    """Those whose files a picture shows."""
    layout = world.layout
    own = (
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
    )
    return tuple(folder for folder in dict.fromkeys(own) if folder.is_dir())
