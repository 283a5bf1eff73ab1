"""The digest that stays: another frame when one of the files it shows changed, and nothing at all meanwhile."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from loop_orchestrator.operations.digest import Digest, DigestView, Sources
from loop_orchestrator.process.folders import looks

if TYPE_CHECKING:
    from loop_orchestrator.world import World


def watch_digest(
    world: World,
    sources: Sources,
    draw: Callable[[Digest], None],
    *,
    interval_s: float | None,
    on_signal: Mapping[signal.Signals, Callable[[], None]] | None = None,
) -> None:
    """Draw a frame now and whenever something changed, until interrupted.

    interval_s: another frame after this time too; None: never. on_signal: called between two frames. Raises
    KeyboardInterrupt for SIGTERM and SIGHUP too.
    """
    view = DigestView(world, sources)

    async def watch() -> None:
        loop, own = asyncio.get_running_loop(), asyncio.current_task()
        assert own is not None
        handlers: dict[signal.Signals, Callable[[], object]] = {signal.SIGTERM: own.cancel, signal.SIGHUP: own.cancel}
        for number, handler in {**handlers, **(on_signal or {})}.items():
            with suppress(ValueError, RuntimeError):  # not the main thread, which has no signals
                loop.add_signal_handler(number, handler)
        async with aclosing(looks(view.folders, lambda: interval_s)) as due:
            async for _ in due:
                draw(view.read())

    try:
        asyncio.run(watch())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
