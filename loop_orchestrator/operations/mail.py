"""Waiting for a message, and those that were dealt with."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from loop_orchestrator.errors import StoreError

if TYPE_CHECKING:
    from loop_orchestrator.clock import Clock
    from loop_orchestrator.model.message import Message
    from loop_orchestrator.stores.layout import Layout
    from loop_orchestrator.stores.mailbox import Mailbox

_LOOK_AGAIN_S = 1.0
"""Between two looks that nothing announced; a message that came while the watch was being set up waits this long."""


def processed_mail(mailbox: Mailbox, layout: Layout, recipient: str | None) -> tuple[Message, ...]:
    """Messages that somebody acknowledged, oldest first; None: of every recipient. What is no message is left out."""
    found = []
    for path in sorted(layout.processed.glob("*.md")) if layout.processed.is_dir() else ():
        with suppress(StoreError, ValueError):
            found.append(mailbox.read(path.name))
    return tuple(message for message in found if recipient in (None, message.recipient))


def wait_for_mail(
    mailbox: Mailbox, layout: Layout, clock: Clock, *, recipient: str, timeout_s: float | None
) -> tuple[Message, ...]:
    """Pending messages for somebody, as soon as there is one; none when the time is over. None waits for ever."""
    from watchfiles import watch

    from loop_orchestrator.stores.layout import ensure_dir

    deadline = None if timeout_s is None else clock.monotonic() + timeout_s
    found = mailbox.pending(recipient)
    if found:
        return found
    looks = watch(
        ensure_dir(layout.messages),
        recursive=False,
        step=20,
        debounce=50,
        rust_timeout=round(1000 * min(_LOOK_AGAIN_S, timeout_s if timeout_s is not None else _LOOK_AGAIN_S)) or 1,
        yield_on_timeout=True,
    )
    for _ in looks:
        found = mailbox.pending(recipient)
        if found or (deadline is not None and clock.monotonic() >= deadline):
            break
    return found
