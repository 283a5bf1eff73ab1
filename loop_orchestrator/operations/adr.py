"""ADRs: anybody proposes, only a person settles, and accepting needs records that exist."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.errors import LoopError, NotAPersonError, StoreError, UsageError
from loop_orchestrator.model.adr import RECORDS, Adr, AdrStatus, number_in
from loop_orchestrator.model.finding import Finding, nearest_of
from loop_orchestrator.process.person import PersonCheck

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loop_orchestrator.operations.shapes import Json
    from loop_orchestrator.world import World

DECIDERS = "coord, person"
"""Who decides, where nobody says so."""

_TEXT = """\
---
{head}---

# {title}

## Context and problem statement

What makes a decision necessary, in two or three sentences.

## Decision drivers

- what the decision is measured by

## Considered options

- Option A
- Option B
- Option C

## Decision outcome

Chosen option: "Option A", because …

## Consequences

- Good, because …
- Bad, because …

## Pros and cons of the options

### Option A

- Good, because …
- Bad, because …

### Option B

- Good, because …
- Bad, because …

### Option C

- Good, because …
- Bad, because …

## More information

Where the evidence stands, and when to look at this decision again.
"""


def propose(
    world: World,
    title: str,
    *,
    deciders: str = DECIDERS,
    records: Mapping[str, str] | None = None,
    by: str,
    source: str,
) -> Adr:
    """A new ADR with the next number. records: key of RECORDS -> the file it names. Raises UsageError, StoreError."""
    from loop_orchestrator.operations.init import protect
    from loop_orchestrator.yamltext import dump

    title = title.strip()
    given = {"title": title, "deciders": deciders.strip(), **(records or {})}
    for name, value in given.items():
        if not value.isprintable() or (name == "title" and not value):
            raise UsageError(f"{name}: one line of text was expected, got {value!r}", hint='loop adr new "Use tmux"')
    values = {key: given.get(key, "") for key in ("deciders", *RECORDS)}
    lines = "".join(dump({key: value}) if value else f"{key}:\n" for key, value in values.items())

    def text(today: str) -> str:
        return _TEXT.format(head=f"status: {AdrStatus.PROPOSED.value}\ndate: {today}\n{lines}", title=title)

    protect(world.root)
    return world.adrs.propose(title, text, by=by, source=source)


def accept(world: World, given: str, person: PersonCheck) -> Adr:
    """Settle a proposed ADR: it holds from now on.

    Raises NotAPersonError, UsageError for an unknown ADR, StoreError for one that is not proposed or lacks a record.
    """

    def decide(adr: Adr) -> Json:
        lacking = lacks(world.root, adr)
        if lacking:
            raise StoreError(
                f"ADR {adr.id} was not accepted: " + "; ".join(one.sentence for one in lacking),
                hint=f"name files of the project in it, then: loop adr accept {adr.id}",
            )
        return {"by": person.who, **{key: getattr(adr, key) for key in RECORDS}}

    _require_person(world, given, "accepted", person)
    return world.adrs.settle(given, AdrStatus.ACCEPTED, decide)


def reject(world: World, given: str, person: PersonCheck, *, reason: str = "") -> Adr:
    """Settle a proposed ADR: a person said no. Raises as accept does, but needs no record."""
    _require_person(world, given, "rejected", person)
    return world.adrs.settle(given, AdrStatus.REJECTED, lambda _: {"by": person.who, "reason": reason})


def supersede(world: World, given: str, by: str, person: PersonCheck) -> Adr:
    """Say which accepted ADR took the place of an accepted one. Raises as accept does."""

    def decide(adr: Adr) -> Json:
        new = world.adrs.get(by)
        if new.id == adr.id:
            raise UsageError(f"ADR {adr.id} cannot take its own place", hint="--by is the new one")
        if new.status is not AdrStatus.ACCEPTED:
            raise StoreError(
                f"ADR {adr.id} was not superseded: ADR {new.id} is {new.status.value}, so nothing would hold",
                hint=f"loop adr show {new.id}",
            )
        return {"by": person.who, "superseded_by": new.id}

    _require_person(world, given, "superseded", person)
    return world.adrs.settle(given, AdrStatus.SUPERSEDED, decide, superseded_by=world.adrs.get(by).id)


def lacks(root: Path, adr: Adr) -> tuple[Finding, ...]:
    """What a proposed ADR lacks to be accepted; nothing for one that is settled.

    It needs a verify_record, and a rollback or a canary_record, each of them a file of the project.
    """
    from loop_orchestrator.stores.atomic import read_text
    from loop_orchestrator.stores.frontmatter import key_lines

    if adr.status is not AdrStatus.PROPOSED:
        return ()
    lines = key_lines(read_text(adr.file))
    wrong = [(key, *problem) for key in RECORDS if (problem := _problem_of(root, adr, getattr(adr, key)))]
    if not adr.verify_record:
        wrong.insert(0, ("verify_record", "it names no file that shows that this was verified", ""))
    if not adr.rollback and not adr.canary_record:
        wrong.append(("rollback", "neither rollback nor canary_record names a file", ""))
    return tuple(
        Finding(file=adr.file, line=lines.get(key, 1), key=key, message=message, nearest=nearest)
        for key, message, nearest in wrong
    )


def adr_shape(adr: Adr) -> Json:
    """Empty texts are null."""
    return {
        "id": adr.id,
        "status": adr.status.value,
        "title": adr.title,
        "path": str(adr.file),
        "date": adr.date or None,
        "deciders": adr.deciders or None,
        **{key: getattr(adr, key) or None for key in RECORDS},
        "superseded_by": adr.superseded_by or None,
    }


def _problem_of(root: Path, adr: Adr, named: str) -> tuple[str, str] | None:
    """Why what a record names is no file of the project that says something, and what was probably meant."""
    if not named:
        return None
    place = (root / named).resolve()
    if not place.is_relative_to(root.resolve()) or ".git" in place.relative_to(root.resolve()).parts:
        return f"{named} is not inside the project {root}", ""
    if place == adr.file.resolve():
        return f"{named} is the ADR itself", ""
    try:
        if place.is_file():
            with place.open("rb") as file:
                return None if file.read(1) else (f"{named} is empty", "")
        if place.exists():
            return f"a file of the project was expected, {named} is none", ""
    except OSError as error:
        return f"{named} cannot be read: {error.strerror}", ""
    return f"there is no file {named} in {root}", _near_file(root, named)


def _near_file(root: Path, named: str) -> str:
    """The file beside it that is spelt most like it, as it would be named."""
    folder = (root / named).parent
    try:
        near = nearest_of(Path(named).name, [one.name for one in folder.iterdir() if one.is_file()])
    except OSError:
        return ""
    return str(Path(named).with_name(near)) if near else ""


def _require_person(world: World, given: str, what: str, person: PersonCheck) -> None:
    if person.ok:
        return
    error: LoopError = NotAPersonError(
        f"ADR {given} was not {what}: {person.reason}", hint="run it in a terminal of your own, outside the lanes"
    )
    payload: Json = {"adr": number_in(given) or given, "what": what, "reason": person.reason, "who": person.who}
    world.events.append("adr.refused", "cli", payload)
    raise error
