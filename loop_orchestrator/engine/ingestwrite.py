"""The pages, the index, the log and the ledger say what a planned batch says; done again, nothing stands twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from loop_orchestrator.crash import crash_point
from loop_orchestrator.engine.ingestpages import title_of
from loop_orchestrator.errors import ChangedElsewhereError, LoopError, NotAllowedError, StoreError
from loop_orchestrator.ids import derived_id
from loop_orchestrator.model.ingest import Batch, Closed, Edit, EditKind, Fate, Taken
from loop_orchestrator.model.wiki import CHECKPOINT, INDEX, INGEST
from loop_orchestrator.model.wikiindex import with_entries
from loop_orchestrator.model.wikisections import PageFault, section_of, with_entries_in, with_entry, with_text

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.world import World

LOG_TYPE = "ingest"
_LOGGED = 200
"""Entries at the end of the log among which the one of a batch is looked for."""


def write_batch(world: World, batch: Batch) -> Batch:
    """Do what a planned batch says, and close it; what is left of it is returned.

    A message whose page cannot take it is tried in vain and waits again; the rest goes on. Raises LoopError where the
    wiki cannot be written at all; the batch stays under way then.
    """
    left = _write_pages(world, batch)
    if not left.files:
        world.ingest.drop()
        return left
    finish(world, left, Taken.TAKEN, pages=left.pages)
    return left


def finish(
    world: World, batch: Batch, outcome: Taken, *, pages: Sequence[str], note: str = "", answer: str = ""
) -> None:
    """Index, log and ledger of a batch whose pages are written, or that came to nothing; then it is closed.

    answer: the message that says what became of it; it is no news, and on record together with the batch.
    """
    if outcome is Taken.TAKEN:
        listed = [page for page in pages if page != CHECKPOINT]
        if listed:
            world.wiki.update(INDEX, partial(_indexed, pages=tuple(listed)), by=INGEST)
        crash_point("ingest.indexed")
        _log(world, batch)
        crash_point("ingest.logged")
    now = world.clock.now()
    fates = [
        Fate(file=file, outcome=outcome, batch=batch.id, at=now, pages=batch.pages_of(file)) for file in batch.files
    ]
    fates += [Fate(file=answer, outcome=Taken.ANSWER, batch=batch.id, at=now)] if answer else []
    world.ingest.record(fates)
    crash_point("ingest.recorded")
    _close(world, batch, outcome, pages=pages, note=note)


def close_recorded(world: World, batch: Batch) -> bool:
    """Close a batch whose messages the ledger knows, if it does: whoever did it was killed before the last step."""
    fates = world.ingest.fates()
    known = [fates[file] for file in batch.files if file in fates and fates[file].batch == batch.id]
    if not known or len(known) < len(batch.files) or any(fate.outcome is Taken.AGAIN for fate in known):
        return False
    pages = dict.fromkeys(page for fate in known for page in fate.pages)
    _close(world, batch, known[0].outcome, pages=tuple(pages), note="")
    return True


def _close(world: World, batch: Batch, outcome: Taken, *, pages: Sequence[str], note: str) -> None:
    world.ingest.forget_tries(batch.files)
    payload: dict[str, JsonValue] = {
        "batch": batch.id,
        "mode": batch.mode.value,
        "outcome": outcome.value,
        "files": list(batch.files),
        "pages": list(pages),
        "note": note,
    }
    world.events.append("ingest.closed", "engine", payload, id=derived_id("e", batch.id, "closed"))
    world.ingest.close(Closed(batch=batch, outcome=outcome, at=world.clock.now(), note=note))


def begin(world: World, batch: Batch) -> None:
    """Put a new batch on disk before anything of it is done."""
    world.ingest.put(batch)
    payload: dict[str, JsonValue] = {"batch": batch.id, "mode": batch.mode.value, "files": list(batch.files)}
    world.events.append("ingest.begun", "engine", payload, id=derived_id("e", batch.id, "begun"))
    crash_point("ingest.begun")


def set_problem(world: World, what: str) -> None:
    """Note what stands in the way; an event where that is new. Empty: nothing does."""
    if world.ingest.set_problem(what) and what:
        world.events.append("wiki.blocked", "engine", {"what": "taking mail in", "reason": what})


def quarantine(world: World, file: str, reason: str) -> None:
    """A message that cannot be taken in is recorded as such and moved to failed/."""
    fate = Fate(file=file, outcome=Taken.QUARANTINED, batch="", at=world.clock.now())
    world.ingest.record([fate])
    crash_point("ingest.quarantining")
    move_quarantined(world, file, reason)


def move_quarantined(world: World, file: str, reason: str) -> None:
    said = f"it is a message, but could not be taken into the wiki: {reason}"
    world.mailbox.quarantine(file, f"{said}\nwhat to do: mend that, then: loop engine ingest --again")
    world.events.append("ingest.quarantined", "engine", {"file": file, "reason": reason})
    world.ingest.forget_tries([file])


def _write_pages(world: World, batch: Batch) -> Batch:
    """Write every edit that its page takes; the batch without the messages whose page did not."""
    faults: dict[str, str] = {}
    for edits in _together(batch.edits):
        alike = [edit for edit in edits if faults.keys().isdisjoint(edit.files)]
        if not alike:
            continue
        try:
            world.wiki.update(alike[0].page, partial(_edited, edits=alike), by=INGEST)
        except (PageFault, NotAllowedError, StoreError) as error:
            if isinstance(error, StoreError) and _is_of_the_disk(error):
                raise
            reason = error.message if isinstance(error, LoopError) else str(error)
            faults |= dict.fromkeys((file for edit in alike for file in edit.files), reason)
        crash_point("ingest.page-written")
    if not faults:
        return batch
    for reason in dict.fromkeys(faults.values()):
        world.ingest.tried([file for file, why in faults.items() if why == reason], reason)
    left = replace(
        batch,
        files=tuple(file for file in batch.files if file not in faults),
        edits=tuple(edit for edit in batch.edits if faults.keys().isdisjoint(edit.files)),
    )
    if left.files:
        world.ingest.put(left)
    return left


def _together(edits: Sequence[Edit]) -> Iterable[Sequence[Edit]]:
    """The edits, those that only add to one section in one: a page is read and written once for all of them."""
    added: dict[tuple[str, str], list[Edit]] = {}
    for edit in edits:
        if edit.kind is EditKind.APPEND:
            added.setdefault((edit.page, edit.section), []).append(edit)
    yield from added.values()
    yield from ([edit] for edit in edits if edit.kind is not EditKind.APPEND)


def _edited(page_text: str, *, edits: Sequence[Edit]) -> str:
    first = edits[0]
    if len(edits) == 1:
        return edited(page_text, edit=first)
    entries = [edit.text for edit in edits]
    return with_entries_in(first.page, page_text, first.section, entries, title=title_of(first.page))


def edited(page_text: str, *, edit: Edit) -> str:
    """The page with an edit in it; one that has it stays as it is. Pure. Raises PageFault."""
    if edit.kind is EditKind.REPLACE:
        now = section_of(edit.page, page_text, edit.section)
        new = _without_heading(edit.text)
        if now is not None and now.strip() == new.strip():
            return page_text
        if now is not None and now.strip() == edit.was.strip():
            return with_text(edit.page, page_text, edit.section, new)
    return with_entry(edit.page, page_text, edit.section, edit.text, title=title_of(edit.page))


def _without_heading(text: str) -> str:
    """The text of an entry: as a whole section it needs no heading of its own."""
    return text.partition("\n")[2]


def _is_of_the_disk(error: StoreError) -> bool:
    """It says nothing about what the page holds: no space, no right, or somebody else writes it right now."""
    return isinstance(error, ChangedElsewhereError) or isinstance(error.__cause__, OSError)


def _indexed(index: str, pages: tuple[str, ...]) -> str:
    try:
        return with_entries(index or "# Index\n", pages)
    except ValueError as error:
        raise StoreError(f"{INDEX} was not written: {error}") from error


def _log(world: World, batch: Batch) -> None:
    """An entry for the batch, unless the log has it."""
    if any(batch.id in entry.title for entry in world.wiki.last_log(_LOGGED)):
        return
    count = f"{len(batch.files)} message{'' if len(batch.files) == 1 else 's'}"
    by = f" by lane {batch.lane}" if batch.lane else ""
    body = "\n".join(_log_lines(batch))
    world.wiki.append_log(LOG_TYPE, f"{count} taken in{by}, batch {batch.id}", body, by=INGEST)


def _log_lines(batch: Batch) -> Iterable[str]:
    for file in batch.files:
        pages = ", ".join(batch.pages_of(file))
        yield f"- `{file}`" + (f": {pages}" if pages else "")
