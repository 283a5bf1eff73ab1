"""The wiki of a project: what waits to be taken into it, what is wrong with it, and the prompt for a review."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_time
from loop_orchestrator.config.schema import DEFAULT_PLACES
from loop_orchestrator.errors import StoreError
from loop_orchestrator.model.message import Message
from loop_orchestrator.model.prompt import tokens_of
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.model.wiki import INDEX, LANES, SCRATCHPAD, Area, LogEntry, Right, Writer
from loop_orchestrator.model.wikiindex import with_entries
from loop_orchestrator.operations.person import writer_of
from loop_orchestrator.operations.shapes import Json
from loop_orchestrator.operations.wiki_check import Finding, Source, check_wiki, missing_entries
from loop_orchestrator.prompts import fill

if TYPE_CHECKING:
    from loop_orchestrator.world import World

LAST_ENTRIES = 5
"""Entries of the log that ``loop wiki-pending`` shows."""

BATCH = 5
"""Pages that a review reads together: few enough to hold two statements side by side."""

SCRATCHPAD_LIMIT = 8_000
"""Characters of the scratchpad's end that a review prompt carries; the rest is in the file."""


@dataclass(frozen=True, kw_only=True)
class Pending:
    """What waits to be taken into the wiki."""

    mail: tuple[Message, ...]
    """oldest first"""
    processed_count: int
    to_take_in: int
    """those of the processed ones that the engine has not taken into the wiki; its mail is that to coord"""
    last_log: tuple[LogEntry, ...]
    """oldest of them first"""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A wiki after its checks."""

    page_count: int
    findings: tuple[Finding, ...]
    """what is left"""
    fixed: tuple[str, ...]
    """pages that got a line in index.md"""


@dataclass(frozen=True, kw_only=True)
class Review:
    """A prompt that asks a lane to review the wiki."""

    text: str
    page_count: int
    batches: int

    @property
    def bytes(self) -> int:
        return len(self.text.encode("utf-8", errors="replace"))

    @property
    def tokens(self) -> int:
        """Estimated."""
        return tokens_of(self.bytes)


def pending(world: World) -> Pending:
    """Read it; writes nothing. Raises StoreError."""
    from loop_orchestrator.engine.ingest import waiting_files

    return Pending(
        mail=world.mailbox.peek(),
        processed_count=world.mailbox.processed_count(),
        to_take_in=len(waiting_files(world)) if world.config.engine else 0,
        last_log=world.wiki.last_log(LAST_ENTRIES) if world.wiki.root.is_dir() else (),
    )


def pending_document(found: Pending) -> Json:
    """The document of ``loop wiki-pending --json``."""
    mail: list[JsonValue] = [
        {
            "file": one.file,
            "from": one.sender,
            "to": one.recipient,
            "subject": one.subject,
            "sent_at": format_time(one.sent_at),
        }
        for one in found.mail
    ]
    log: list[JsonValue] = [
        {"date": one.date.isoformat(), "type": one.type, "title": one.title} for one in found.last_log
    ]
    return {
        "pending_count": len(found.mail),
        "pending": mail,
        "processed_count": found.processed_count,
        "to_take_in": found.to_take_in,
        "last_log": log,
    }


def check(world: World) -> Checked:
    """Look for everything that needs no model; writes nothing. Raises StoreError where there is no wiki."""
    return _checked(world, ())


def fix(world: World) -> Checked:
    """Give every page that lacks one a line in index.md and say so in the log, then check.

    Raises NotAllowedError from a lane that may not write them, and StoreError; nothing was written then.
    """
    writer = writer_of(world)
    missing = missing_entries(_checked(world, ()).findings)
    if not missing:
        return _checked(world, ())

    def entered(index: str) -> str:
        try:
            return with_entries(index, missing)
        except ValueError as error:
            raise StoreError(f"{world.wiki.root / INDEX} was not written: {error}") from error

    world.wiki.update(INDEX, entered, by=writer)
    count = f"{len(missing)} page{'' if len(missing) == 1 else 's'}"
    body = "\n".join(f"- {_coded(name)}" for name in missing)
    world.wiki.append_log("lint", f"{count} entered in the index", body, by=writer)
    return _checked(world, missing)


def checked_document(world: World, found: Checked) -> Json:
    """The document of ``loop wiki-lint --json``."""
    findings: list[JsonValue] = [
        {
            "file": shown_page(world, one.page),
            "line": one.line,
            "kind": one.kind.value,
            "finding": one.what,
            "mend": one.mend,
            "fixable": one.fixable,
        }
        for one in found.findings
    ]
    return {"page_count": found.page_count, "findings": findings, "fixed": list(found.fixed)}


def shown_page(world: World, page: str) -> str:
    """A page's path in the project."""
    return f"{world.wiki.root.name}/{page}"


def review(world: World, *, lane: str, shuffled: Sequence[str]) -> Review:
    """The prompt of a review for a lane; what the lane may mend follows from what it may write.

    shuffled: every page, in the order in which they are to be read.
    """
    writer = _writer(world, lane)
    names = [shown_page(world, name) for name in shuffled]
    batches = [names[at : at + BATCH] for at in range(0, len(names), BATCH)]
    listed = "\n".join(
        f"{number}. {', '.join(_coded(name) for name in batch)}" for number, batch in enumerate(batches, 1)
    )
    text = fill(
        world.prompts["wiki_review"],
        count=str(len(names)),
        size=str(BATCH),
        batches=listed or "none",
        jot=shown_page(world, SCRATCHPAD if writer.right(Area.SCRATCHPAD) is Right.WRITE else f"{LANES}/{lane}.md"),
        scratchpad=shown_page(world, SCRATCHPAD),
        notes=_notes(world),
        mending=_mending(world, writer),
    )
    return Review(text=text, page_count=len(names), batches=len(batches))


def _coded(name: str) -> str:
    return f"`{name}`" if name.isprintable() and "`" not in name else repr(name)


def _writer(world: World, lane: str) -> Writer:
    record = world.lanes.records().get(lane)
    declared = next((one.to_spec(world.root).role for one in world.config.lanes if one.name == lane), "")
    place = DEFAULT_PLACES.get(lane)
    return Writer(lane, record.spec.role if record else declared or (place.role if place else ""))


def _mending(world: World, writer: Writer) -> str:
    mends = writer.right(Area.INDEX) is Right.WRITE and writer.right(Area.ABOVE) is Right.WRITE
    return fill(world.prompts["wiki_review_mend" if mends else "wiki_review_report"], lane=writer.lane).rstrip()


def _notes(world: World) -> str:
    from loop_orchestrator.engine.fences import fenced

    try:
        notes = world.wiki.read_or(SCRATCHPAD).strip()
    except StoreError as error:
        return f"They cannot be read: {error.message}."
    if not notes:
        return "There are none yet."
    cut = len(notes) > SCRATCHPAD_LIMIT
    said = "Their end; the rest is in the file:" if cut else "They say:"
    return f"{said}\n\n{fenced(notes[-SCRATCHPAD_LIMIT:], 'untrusted')}"


def _checked(world: World, fixed: tuple[str, ...]) -> Checked:
    world.wiki.require()
    sources = {name: _source(world, name) for name in world.wiki.pages()}
    wiki = PurePosixPath(world.wiki.root.name)

    def exists(place: PurePosixPath) -> bool:
        try:
            return (world.root / place).exists()
        except (OSError, ValueError):  # a name that no file can have
            return False

    findings = check_wiki(sources, lanes=_lane_names(world), wiki=wiki, exists=exists)
    return Checked(page_count=len(sources), findings=findings, fixed=fixed)


def _source(world: World, name: str) -> Source:
    if world.wiki.leads_out(name):
        return Source(leads_out=True)
    try:
        data = world.wiki.raw(name)
    except StoreError as error:
        return Source(problem=error.message)
    try:
        return Source(text=data.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        what = f"byte {error.start + 1}, on line {line}, is no UTF-8"
        return Source(text=data.decode("utf-8", errors="replace"), problem=what)


def _lane_names(world: World) -> frozenset[str]:
    """Of the config and of every session; where the config declares none, the default lanes too."""
    from loop_orchestrator.stores.lanes import LaneStore
    from loop_orchestrator.stores.layout import Layout

    declared = {lane.name for lane in world.config.lanes} or set(DEFAULT_PLACES)
    booted = set(world.lanes.records())
    for session in Layout.sessions(world.root):
        booted |= set(LaneStore(Layout(world.root, session)).records())
    return frozenset(declared | booted)
