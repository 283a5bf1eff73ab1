"""Waiting for a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loop_orchestrator.clock import Clock
    from loop_orchestrator.model.message import Message
    from loop_orchestrator.stores.layout import Layout
    from loop_orchestrator.stores.mailbox import Mailbox

_LOOK_AGAIN_S = 1.0
"""Between two looks that nothing announced; a message that came while the watch was being set up waits this long."""


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
