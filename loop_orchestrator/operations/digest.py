"""The digest: ledger, mail, unpushed work and decision records of a project, in one frame."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from loop_orchestrator.clock import format_time
from loop_orchestrator.errors import LoopError
from loop_orchestrator.model.adr import Adr
from loop_orchestrator.model.decision import Decision, DecisionStatus
from loop_orchestrator.model.message import Message
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.model.state import JsonValue, LoopState
from loop_orchestrator.operations.ledger import state_shape
from loop_orchestrator.operations.shapes import Json
from loop_orchestrator.operations.unpushed import Unpushed, logs_of, unpushed

if TYPE_CHECKING:
    from loop_orchestrator.world import World


T = TypeVar("T")

_NO_STATE = LoopState(updated_at=None)


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where the digest looks instead of the project's own places; None: there."""

    state_file: Path | None = None
    mailbox: Path | None = None
    adr_dir: Path | None = None
    extra_repos: tuple[Path, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Digest:
    """One frame."""

    generated_at: datetime
    state: LoopState | Unknown
    pending: tuple[tuple[Message, datetime], ...] | Unknown
    """messages with the time their file was last changed, oldest first"""
    malformed: tuple[tuple[str, str, datetime], ...]
    """file name, reason and last change of what waits there and is no message"""
    processed_count: int
    unpushed: tuple[Unpushed, ...]
    adrs: tuple[Adr, ...]
    """newest id first"""
    waiting: tuple[Decision, ...] | Unknown
    """decisions of the engine that wait for a person"""


class DigestView:
    """Reads frames; what did not change is not parsed again."""

    def __init__(self, world: World, sources: Sources) -> None:
        from loop_orchestrator.stores.adr import AdrStore
        from loop_orchestrator.stores.mailbox import Mailbox
        from loop_orchestrator.stores.statefile import StateStore

        elsewhere = world.layout.elsewhere
        elsewhere = replace(
            elsewhere,
            messages=sources.mailbox or elsewhere.messages,
            state_file=sources.state_file or elsewhere.state_file,
        )
        self._world = world
        self._sources = sources
        self._layout = replace(world.layout, elsewhere=elsewhere)
        self._state = StateStore(self._layout, world.clock)
        self._mailbox = Mailbox(self._layout, world.clock, world.events)
        self._adrs = AdrStore(sources.adr_dir, world.clock, world.events) if sources.adr_dir else world.adrs

    def read(self) -> Digest:
        """Read one frame; what cannot be read is Unknown. Writes nothing."""
        return Digest(
            generated_at=self._world.clock.now(),
            state=_or_unknown(self._state.read),
            pending=_or_unknown(self._pending),
            malformed=self._malformed(),
            processed_count=self._mailbox.processed_count(),
            unpushed=unpushed(self._world, self._sources.extra_repos),
            adrs=tuple(reversed(self._adrs.all())),
            waiting=_or_unknown(self._waiting),
        )

    def folders(self) -> tuple[Path, ...]:
        """Those whose files a frame shows."""
        layout = self._layout
        shown = (layout.state_file.parent, layout.messages, layout.processed, layout.decisions, self._adrs.folder)
        own = (self._world.root, layout.loop_dir, *shown, *logs_of(self._world, self._sources.extra_repos))
        return tuple(folder for folder in dict.fromkeys(own) if folder.is_dir())

    def _pending(self) -> tuple[tuple[Message, datetime], ...]:
        found = self._mailbox.peek()
        return tuple((message, _mtime(self._layout.messages / message.file) or message.sent_at) for message in found)

    def _malformed(self) -> tuple[tuple[str, str, datetime], ...]:
        try:
            found = self._mailbox.problems()
        except (LoopError, OSError):
            return ()  # pending says so
        now = self._world.clock.now()
        return tuple((name, reason, _mtime(self._layout.messages / name) or now) for name, reason in found)

    def _waiting(self) -> tuple[Decision, ...]:
        found = self._world.decisions.open_decisions()
        return tuple(one for one in found if one.status is DecisionStatus.WAITING)


def digest(world: World, sources: Sources | None = None) -> Digest:
    """One frame."""
    return DigestView(world, sources or Sources()).read()


def digest_document(frame: Digest) -> Json:
    """The document of ``loop digest --json``; ``state`` is null where there is no state file that can be read."""
    pending: list[JsonValue] = []
    if not isinstance(frame.pending, Unknown):
        pending += [
            {
                "file": message.file,
                "from": message.sender,
                "to": message.recipient,
                "subject": message.subject,
                "mtime": format_time(mtime),
            }
            for message, mtime in frame.pending
        ]
    pending += [
        {"file": name, "from": None, "to": None, "subject": None, "mtime": format_time(mtime)}
        for name, _, mtime in frame.malformed
    ]
    unpushed: list[JsonValue] = [
        {
            "repo": one.path.name,
            "path": str(one.path),
            "branch": one.branch,
            "upstream": one.upstream or None,
            "count": one.count,
        }
        for one in frame.unpushed
    ]
    adrs: list[JsonValue] = [
        {"id": adr.id, "status": adr.status.value, "title": adr.title, "path": str(adr.file)} for adr in frame.adrs
    ]
    state = None if isinstance(frame.state, Unknown) or frame.state == _NO_STATE else state_shape(frame.state)
    return {
        "generated_at": format_time(frame.generated_at),
        "state": state,
        "mailbox": {"pending": pending, "processed_count": frame.processed_count},
        "unpushed": unpushed,
        "adrs": adrs,
    }


def _or_unknown(read: Callable[[], T]) -> T | Unknown:
    try:
        return read()
    except LoopError as error:
        return Unknown(error.message)
    except OSError as error:
        return Unknown(f"{error.filename}: {error.strerror}")


def _mtime(path: Path) -> datetime | None:
    """None where it is gone meanwhile."""
    with suppress(OSError):
        return datetime.fromtimestamp(path.lstat().st_mtime, UTC)
    return None
