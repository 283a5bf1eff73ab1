"""What of a prompt is not trusted: it is settled by the channel that a text came through, not by what the text says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loop_orchestrator.engine.asks import shown
from loop_orchestrator.errors import StoreError
from loop_orchestrator.model.snapshot import Unknown

if TYPE_CHECKING:
    from loop_orchestrator.model.snapshot import Snapshot
    from loop_orchestrator.world import World


def untrusted_sources(snapshot: Snapshot, world: World) -> tuple[str, ...]:
    """Where the mail and the answers in the prompt come from that the config does not trust by name, sorted.

    Text of a lane marked ``outside`` is not trusted, whoever it says that it is from: its mail counts by the channel
    that is on record. A file that somebody laid into the mailbox has none, so that such a lane may have written it.
    Where it is not known which lanes are outside, nothing is trusted.
    """
    assert world.config.engine is not None
    try:
        lanes = {name for name, record in world.lanes.records().items() if record.spec.outside}
    except StoreError as error:
        return (f"lanes that cannot be read ({error.message})",)
    outside = lanes - set(world.config.engine.trust)
    mail = () if isinstance(snapshot.mail, Unknown) else snapshot.mail
    texts = {message.file: message.sender for message in mail}
    texts |= {ask.file: ask.lane for ask in shown(snapshot) if ask.answer}
    if not outside or not texts:
        return ()
    named = {f"lane:{name}" for name in outside}
    try:
        channels = _channels(frozenset(texts), world)
    except StoreError as error:
        return (f"mail whose channel cannot be read ({error.message})",)
    found: set[str] = set()
    for file, sender in texts.items():
        by_hand = f"mail laid by hand ({file})"
        said = {f"lane:{sender}", channels.get(file, by_hand)}
        found |= (said & named) or (said & {by_hand})
    return tuple(sorted(found))


def _channels(wanted: frozenset[str], world: World) -> dict[str, str]:
    """File of a message -> source of the event that it was sent, of those that were sent here."""
    found: dict[str, str] = {}
    for events in (world.events.tail(500), world.events.since(0)):
        sent = (event for event in events if event.kind == "mail.sent" and event.payload["file"] in wanted)
        found |= {str(event.payload["file"]): event.source for event in sent}
        if len(found) == len(wanted):
            break
    return found
