"""The thread that tells a person: asleep until something happens that needs one, or a message is due.

The daemon has one, and the lane guard while no daemon runs; a lock sees to it that never two tell the same.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from loop_orchestrator.errors import LockedError
from loop_orchestrator.model.needs import concerns

if TYPE_CHECKING:
    from loop_orchestrator.model.event import Event
    from loop_orchestrator.operations.notify import Notifier
    from loop_orchestrator.world import World

AGAIN_S = 30.0
"""Seconds after which a look that failed is tried again. At half, a full disk is asked twice as often; at double, its
end is told later."""

HANDOVER_S = 0.5
"""Seconds between two tries to begin while another process still tells. At half, twice the tries while that one's last
message goes out; at double, the first one of this process is that much later."""

MOST_WAIT_S = 300.0
"""Longest sleep while a message is due later: a machine that was suspended, or whose clock was set, is late by no more.
At half, twice the wake-ups of a quiet night; at double, the morning's message comes up to ten minutes late."""


class Telling:
    """Runs the Notifier beside a process, so that no service is ever waited for there."""

    def __init__(self, world: World, on_error: Callable[[Exception], None]) -> None:
        """on_error: called in the thread, with what a look failed of."""
        self._world = world
        self._on_error = on_error
        self._wake = threading.Event()
        self._stop = False
        self._notifier: Notifier | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="telling")
        self._wanted = bool(world.config.notify.services)

    def start(self) -> None:
        """Begin, with what happened while nobody watched; does nothing where the config names no service."""
        if self._wanted:
            self._thread.start()

    def happened(self, events: tuple[Event, ...]) -> None:
        """Look, if any of these needs a person or says that something no longer does."""
        if any(concerns(event.kind) for event in events):
            self._wake.set()

    def something_happened(self) -> None:
        """Look, for whoever does not read the log."""
        self._wake.set()

    def disk_is_full(self, reason: str) -> None:
        if self._notifier is not None:
            self._notifier.disk_is_full(reason)
            self._wake.set()

    def disk_is_fine(self) -> None:
        if self._notifier is not None:
            self._notifier.disk_is_fine()

    def stop(self, limit_s: float) -> None:
        """End; a message that is being sent is cut off by the daemon's ``cancel`` and is sent again by the next one."""
        self._stop = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(limit_s)

    def _run(self) -> None:
        while not self._stop:
            try:
                with self._world.control.telling_lock():
                    self._tell()
            except LockedError:  # its holder ends when it sees that this process is there
                wait_s = HANDOVER_S
            except Exception as error:
                self._on_error(error)
                wait_s = AGAIN_S
            if not self._stop:
                self._wake.clear()
                self._wake.wait(wait_s)

    def _tell(self) -> None:
        """Until told to stop."""
        from loop_orchestrator.operations.notify import Notifier

        while not self._stop:
            self._wake.clear()
            try:
                if self._notifier is None:
                    self._notifier = Notifier(self._world)
                wait_s = self._notifier.look()
            except Exception as error:
                self._on_error(error)
                wait_s = AGAIN_S
            if not self._stop:
                self._sleep(wait_s)

    def _sleep(self, seconds: float | None) -> None:
        """Until it is woken up; no longer than that, if it is a number."""
        if seconds is None:
            self._wake.wait()
            return
        clock = self._world.clock
        until = clock.passed() + min(seconds, MOST_WAIT_S)
        while (left_s := until - clock.passed()) > 0 and not self._wake.wait(clock.wait_s(left_s)):
            pass


def is_full_disk(error: BaseException | None) -> bool:
    """The disk, or what this user may have of it, is full: that is why, however it came up."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__
    return False
