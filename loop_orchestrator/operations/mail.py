"""Which message a short name means, and those that were dealt with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from loop_orchestrator.errors import StoreError, UsageError
from loop_orchestrator.stores.listing import names_in

if TYPE_CHECKING:
    from loop_orchestrator.model.message import Message
    from loop_orchestrator.stores.layout import Layout
    from loop_orchestrator.stores.mailbox import Mailbox

LAST = "last"
"""Means the newest message that waits; in a lane: for the lane."""

_SHOWN = 5
"""How many messages an error names."""


def find_message(mailbox: Mailbox, name: str, *, lane: str = "") -> str:
    """The file name of the message that is meant: by its file name, its id, a unique beginning of these, or ``last``.

    lane: whose newest message ``last`` is; empty: anybody's. Raises UsageError naming those that it may mean.
    """
    if name == LAST:
        newest = mailbox.newest(lane or None)
        if newest is None:
            raise UsageError(f"no message waits{f' for {lane}' if lane else ''}", hint="loop mail list --all")
        return newest.file
    known = dict.fromkeys(mailbox.names())
    for exact in (name, f"{name}.md"):
        if exact in known:
            return exact
    if any(name in (file, file.removesuffix(".md")) for file, _ in mailbox.set_aside()):
        return name if name.endswith(".md") else f"{name}.md"  # reading it says why it is none
    found = [file for file in known if file.startswith(name)] if name else []
    if not found and name:
        ids = {message.file: message.id for message in readable(mailbox, known)}
        exactly = [file for file, id in ids.items() if id == name]
        found = exactly or [file for file, id in ids.items() if id.startswith(name)]
    if len(found) == 1:
        return found[0]
    raise _ambiguous(mailbox, name, found) if found else _unknown(name, list(known))


def processed_mail(mailbox: Mailbox, layout: Layout, recipient: str | None, sender: str | None) -> tuple[Message, ...]:
    """Messages that somebody acknowledged, oldest first; None: of everybody. What is no message is left out."""
    return wanted(readable(mailbox, names_in(layout.processed, ".md")), recipient, sender)


def wanted(messages: Iterable[Message], recipient: str | None, sender: str | None) -> tuple[Message, ...]:
    """Those to one and from one; None: to or from everybody."""
    return tuple(
        message for message in messages if recipient in (None, message.recipient) and sender in (None, message.sender)
    )


def readable(mailbox: Mailbox, files: Iterable[str]) -> Iterator[Message]:
    """Those of these files that are messages still there."""
    for file in files:
        with suppress(StoreError):
            yield mailbox.read(file)


def _ambiguous(mailbox: Mailbox, name: str, found: list[str]) -> UsageError:
    shown = readable(mailbox, found[:_SHOWN])
    rows = [f"{message.file} ({' '.join(message.subject.split())[:40]})" for message in shown]
    more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return UsageError(
        f"{name} may mean {len(found)} messages: {', '.join((*rows, *more))}",
        hint="give more of the file name, or the id that `loop mail send --json` printed",
    )


def _unknown(name: str, known: list[str]) -> UsageError:
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1, cutoff=0.8)
    meant = f"; did you mean {near[0]}?" if near else ""
    return UsageError(f"there is no message {name!r}{meant}", hint="loop mail list --all")
