"""Waiting for messages, and telling of each as it arrives."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import aclosing, suppress
from hashlib import sha256
from typing import TYPE_CHECKING

from loop_orchestrator.operations.mail import readable, wanted
from loop_orchestrator.process.folders import looks
from loop_orchestrator.stores.layout import ensure_dir
from loop_orchestrator.stores.listing import names_in, stamp_of

if TYPE_CHECKING:
    from pathlib import Path

    from loop_orchestrator.clock import Clock
    from loop_orchestrator.model.message import Message
    from loop_orchestrator.stores.layout import Layout
    from loop_orchestrator.stores.mailbox import Mailbox

RESTED_S = 0.2
"""How long a file without an id, which was dropped by hand, must not have changed before it is told of. At half, more
slow writers are told of before they are done; at double, every file dropped by hand is told of that much later."""

_LOOK_AGAIN_S = 2.0
"""Between two looks while a file is there that is no message yet; it is set aside when it stays so."""

_SAFETY_S = 30.0
"""Between two looks that nothing announced, for file systems that announce nothing, such as those of other machines.
At half, twice the wakes of a quiet watch; at double, mail there is told of that much later."""

SetAside = tuple[str, str]
"""File name and reason of what is no message."""


def wait_for_mail(
    mailbox: Mailbox,
    layout: Layout,
    *,
    recipient: str,
    timeout_s: float | None,
    sender: str | None = None,
) -> tuple[Message, ...]:
    """Pending messages for somebody, as soon as there is one; none when the time is over. None waits for ever."""

    async def first() -> tuple[Message, ...]:
        async with aclosing(looks(lambda: _watched(layout), lambda: _SAFETY_S)) as due:
            async for _ in due:
                if found := wanted(mailbox.pending(recipient), None, sender):
                    return found
        raise AssertionError("looking has no end")

    async def within() -> tuple[Message, ...]:
        with suppress(TimeoutError):
            return await asyncio.wait_for(first(), timeout_s)
        return ()

    return wanted(mailbox.pending(recipient), None, sender) or asyncio.run(within())


def watch_mail(
    mailbox: Mailbox,
    layout: Layout,
    clock: Clock,
    tell: Callable[[Message | SetAside], None],
    *,
    recipient: str | None,
    sender: str | None,
    waiting_too: bool,
    begun: Callable[[], object] = lambda: None,
) -> None:
    """Tell of every message that arrives, once, in the order of arrival, until interrupted.

    A message that was acknowledged before it was told of is told of as well; so is what was set aside.

    waiting_too: begin with those that wait already. begun: called once when it is settled which those are, before
    anything is watched.
    """
    arrivals = _Arrivals(mailbox, layout, clock, waiting_too=waiting_too)
    begun()

    async def watch() -> None:
        async with aclosing(looks(lambda: _watched(layout), arrivals.undecided_s)) as due:
            async for _ in due:
                for one in arrivals.look():
                    if isinstance(one, tuple) or wanted((one,), recipient, sender):
                        tell(one)

    asyncio.run(watch())


class _Arrivals:
    """What was told of already. It is made before anything is watched, so that nothing slips between."""

    def __init__(self, mailbox: Mailbox, layout: Layout, clock: Clock, *, waiting_too: bool) -> None:
        self._mailbox = mailbox
        self._layout = layout
        self._clock = clock
        self._told: dict[str, str] = {}
        """file name -> what the message was"""
        self._there: set[str] = set()
        """names of pending messages that were told of, as the last look found them"""
        self._resting: set[str] = set()
        """names of those that are told of when they have rested"""
        self._processed = set(names_in(layout.processed, ".md"))
        self._processed_stamp = self._stamp()
        self._aside = {name for name, _ in mailbox.set_aside()}
        if not waiting_too:
            self._told = {message.file: _print_of(message) for message in mailbox.peek()}
            self._there = set(self._told)

    def undecided_s(self) -> float:
        """Seconds after which another look may find what this one could not say."""
        if self._resting:
            return RESTED_S
        return _LOOK_AGAIN_S if self._mailbox.problems() else _SAFETY_S

    def look(self) -> list[Message | SetAside]:
        """What is new, oldest first."""
        self._resting.clear()
        pending = self._mailbox.pending()
        new: list[Message] = [*self._acknowledged(), *(message for message in pending if self._is_new(message))]
        self._there = {message.file for message in pending} - self._resting
        aside = [one for one in self._mailbox.set_aside() if one[0] not in self._aside]
        self._aside |= {name for name, _ in aside}
        return [*sorted(new, key=lambda message: message.sent_at), *aside]

    def _is_new(self, message: Message) -> bool:
        """A name that is still there is the same message, whatever its text became; one that came back may be new."""
        known, now = self._told.get(message.file), _print_of(message)
        if known is not None and (known == now or message.file in self._there):
            return False
        if not self._rested(message):
            self._resting.add(message.file)
            return False
        self._told[message.file] = now
        return True

    def _rested(self, message: Message) -> bool:
        if message.id != message.file.removesuffix(".md"):
            return True  # written by a program that puts whole files there
        with suppress(FileNotFoundError):
            changed = (self._layout.messages / message.file).lstat().st_mtime
            return abs(self._clock.machine_now().timestamp() - changed) >= RESTED_S
        return True

    def _acknowledged(self) -> list[Message]:
        stamp = self._stamp()
        if stamp is not None and stamp == self._processed_stamp:
            return []
        self._processed_stamp = stamp
        found = []
        names = [name for name in names_in(self._layout.processed, ".md") if name not in self._processed]
        for message in readable(self._mailbox, names):
            self._processed.add(message.file)
            now, name = _print_of(message), message.file
            first = re.sub(r"\.[0-9]+\.md$", ".md", name)  # a name that was used before gets a number here
            if now not in (self._told.get(name), self._told.get(first)) and name not in self._there:
                self._told[message.file] = now
                found.append(message)
            self._there.discard(first)  # what is there under its name now is another one
        return found

    def _stamp(self) -> object:
        with suppress(FileNotFoundError):
            return stamp_of(self._layout.processed)
        return "none"


def _watched(layout: Layout) -> list[Path]:
    return [ensure_dir(folder) for folder in (layout.messages, layout.processed, layout.failed)]


def _print_of(message: Message) -> str:
    own = "" if message.id == message.file.removesuffix(".md") else message.id
    parts = (own, message.sender, message.recipient, message.subject, message.body)
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
