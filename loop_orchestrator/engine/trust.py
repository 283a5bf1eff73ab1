"""What of a prompt is not trusted: it is settled by the channel that a text came through, not by what the text says."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from loop_orchestrator.engine.asks import shown
from loop_orchestrator.errors import StoreError
from loop_orchestrator.model.message import parse_message_file_name
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.model.wiki import marked
from loop_orchestrator.stores.lanes import LaneStore
from loop_orchestrator.stores.layout import Layout
from loop_orchestrator.stores.segmentindex import Sought

if TYPE_CHECKING:
    from loop_orchestrator.model.event import Event
    from loop_orchestrator.model.message import Message
    from loop_orchestrator.model.snapshot import Snapshot
    from loop_orchestrator.world import World


RECENT_EVENTS = 500
"""Looked through first: most mail of a prompt is new. At half, some of a busy session is looked up one by one; at
double, every cycle decodes 4 ms more."""

FEW_FILES = 50
"""So many are looked up by their names, 1 ms each; of more, every event that something was sent is read."""

SENT_BEFORE = timedelta(days=1)
"""The name of a message says when it was sent; an event from so long before it is that of another."""

BY_HAND = "mail:by-hand"
"""How a page is marked for mail that somebody laid into the mailbox, where a lane is outside."""


def untrusted_sources(snapshot: Snapshot, world: World) -> tuple[str, ...]:
    """Where the mail and the answers in the prompt come from that the config does not trust by name, and what pages of
    the wiki in it are marked with, sorted. Where it is not known which lanes are outside, nothing is trusted.
    """
    assert world.config.engine is not None
    trust = world.config.engine.trust
    pages = (snapshot.pages.checkpoint, snapshot.pages.index)
    found = {name for page in pages if not isinstance(page, Unknown) for name in marked(page)}
    found = {name for name in found if name.removeprefix("lane:") not in trust}
    mail = () if isinstance(snapshot.mail, Unknown) else snapshot.mail
    try:
        world.lanes.records()
    except StoreError as error:
        return (f"lanes that cannot be read ({error.message})",)
    texts = {message.file: message.sender for message in mail}
    texts |= {ask.file: ask.lane for ask in shown(snapshot) if ask.answer}
    try:
        for file, sources in _untrusted(texts, world).items():
            found |= {f"mail laid by hand ({file})" if one == BY_HAND else one for one in sources}
    except StoreError as error:
        return (f"mail whose channel cannot be read ({error.message})",)
    return tuple(sorted(found))


def untrusted_mail(mail: Sequence[Message], world: World) -> dict[str, frozenset[str]]:
    """File of a message -> where it comes from, of those that are not trusted. Raises StoreError.

    Text of a lane marked ``outside`` is not trusted, whoever it says that it is from: its mail counts by the channel
    that is on record. A file that somebody laid into the mailbox has none, so that such a lane may have written it.
    """
    return _untrusted({message.file: message.sender for message in mail}, world)


def _untrusted(texts: Mapping[str, str], world: World) -> dict[str, frozenset[str]]:
    """texts: file of a message -> who it says that it is from."""
    trust = world.config.engine.trust if world.config.engine else ()
    records = [world.lanes.records()]  # the mailbox is the project's, so that other sessions' lanes write there too
    records += [LaneStore(Layout(world.root, name)).records() for name in Layout.sessions(world.root)]
    outside = {name for found in records for name, record in found.items() if record.spec.outside}
    outside |= {lane.name for lane in world.config.lanes if lane.outside}
    outside -= set(trust)
    if not outside or not texts:
        return {}
    named = {f"lane:{name}" for name in outside}
    channels = _channels(frozenset(texts), world)
    found = {}
    for file, sender in texts.items():
        said = {f"lane:{sender}", channels.get(file, BY_HAND)}
        if sources := (said & named) or (said & {BY_HAND}):
            found[file] = frozenset(sources)
    return found


def _channels(wanted: frozenset[str], world: World) -> dict[str, str]:
    """File of a message -> source of the event that it was sent, of those that were sent here."""
    found = _sent(world.events.tail(RECENT_EVENTS), wanted)
    rest = wanted - found.keys()
    times = [named[0] for file in rest if (named := parse_message_file_name(file))]
    if not times:
        return found
    sought = Sought(ids=rest) if len(rest) <= FEW_FILES else Sought(kinds=["mail.sent"])
    return found | _sent(world.events.since_time(min(times) - SENT_BEFORE, sought), rest)


def _sent(events: Iterable[Event], wanted: Container[object]) -> dict[str, str]:
    sent = (event for event in events if event.kind == "mail.sent" and event.payload["file"] in wanted)
    return {str(event.payload["file"]): event.source for event in sent}
