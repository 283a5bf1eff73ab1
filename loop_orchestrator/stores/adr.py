"""ADRs: Markdown files with front matter, one folder of them; the only reader and writer of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.clock import Clock
from loop_orchestrator.errors import StoreError, UsageError
from loop_orchestrator.ids import derived_id, sha256_text
from loop_orchestrator.model.adr import (
    ADR_FILE,
    ADR_MOVES,
    LAST_NUMBER,
    RECORDS,
    SUPERSEDED_BY,
    Adr,
    AdrStatus,
    number_in,
    slug_of,
    title_in,
)
from loop_orchestrator.model.finding import Finding, nearest_of
from loop_orchestrator.stores.atomic import link_new, read_text, write_text
from loop_orchestrator.stores.eventlog import EventLog
from loop_orchestrator.stores.frontmatter import FrontMatterProblem, key_lines, split, with_values
from loop_orchestrator.stores.listing import names_in
from loop_orchestrator.stores.lock import take_flock

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue


class AdrStore:
    """The ADRs of one folder. A file whose name does not begin with four digits is none of them."""

    def __init__(self, folder: Path, clock: Clock, events: EventLog) -> None:
        """folder: absolute; it need not exist."""
        self.folder = folder
        self._clock = clock
        self._events = events

    def all(self) -> tuple[Adr, ...]:
        """Every ADR that can be read, in id order; problems() names the other files."""
        return tuple(found for found in self._scan() if isinstance(found, Adr))

    def problems(self) -> tuple[Finding, ...]:
        """What is wrong with files that are no ADR, or have the number of another."""
        return tuple(found for found in self._scan() if isinstance(found, Finding))

    def get(self, given: str) -> Adr:
        """The ADR with an id (``7`` and ``ADR-0007`` are fine, too), or of a file.

        Raises UsageError if there is none, and StoreError for one that cannot be read or whose number stands twice.
        """
        id = number_in(given)
        found = self._scan()
        wrong = [one for one in found if isinstance(one, Finding) and id and one.file.name.startswith(id)]
        if wrong:
            raise StoreError(wrong[0].sentence, hint="mend it, or rename one of the files")
        adrs = [one for one in found if isinstance(one, Adr)]
        for adr in adrs:
            if adr.id == id:
                return adr
        near = nearest_of(id or given, [one.id for one in adrs] if id else [one.file.name for one in adrs])
        meant = f"; did you mean {near}?" if near else ""
        raise UsageError(f"there is no ADR {given} in {self.folder}{meant}", hint="loop adr list")

    def propose(self, title: str, text: Callable[[str], str], *, by: str, source: str) -> Adr:
        """A new file with the next number, then the event ``adr.proposed``.

        text: date -> the whole file. Of many processes each gets a number of its own. Raises StoreError.
        """
        with self._alone():
            number = 1 + max((int(name[:4]) for name in self._numbered()), default=0)
            if number > LAST_NUMBER:
                raise StoreError(f"{self.folder} has an ADR {LAST_NUMBER}: there is no number after it")
            path = self.folder / f"{number:04d}-{slug_of(title)}.md"
            link_new(path, text(self._today()), mode=0o644)
        adr = self._parse(path)
        if isinstance(adr, Finding):
            raise StoreError(adr.sentence)
        payload: dict[str, JsonValue] = {"adr": adr.id, "file": str(path), "by": by}
        self._events.append("adr.proposed", source, payload)
        return adr

    def settle(
        self,
        given: str,
        to: AdrStatus,
        decide: Callable[[Adr], Mapping[str, JsonValue]],
        *,
        superseded_by: str = "",
    ) -> Adr:
        """Write another status and today's date: first the event ``adr.<status>``, then the file.

        Two values of the front matter change and not one other byte. The event has the digest of the file as it is
        written, so that a file that was changed later, or by hand, can be told. decide: called with the ADR as it
        stands; returns the other fields of the event, or raises to refuse. Raises StoreError for a status that cannot
        become this one, and for a file whose lines cannot be changed.
        """
        with self._alone():
            path = self.get(given).file
            text = read_text(path)
            adr = self._parsed(path, text)
            if isinstance(adr, Finding):
                raise StoreError(adr.sentence)
            if to not in ADR_MOVES[adr.status]:
                raise StoreError(_wrong_move(adr, text, to), hint=f"loop adr show {adr.id}")
            payload = decide(adr)
            status = f"{to.value} by {superseded_by}" if superseded_by else to.value
            try:
                changed = with_values(text, {"status": status, "date": self._today()})
            except ValueError as error:
                raise StoreError(
                    f"{adr.file}: {error}", hint="write them as two lines: status: Proposed and date: 2026-01-31"
                ) from error
            digest = sha256_text(changed)
            kind = f"adr.{to.value.lower()}"
            self._events.append(
                kind,
                "person",
                {"adr": adr.id, "file": str(adr.file), "sha256": digest, **payload},
                id=derived_id("e", kind, str(adr.file), digest),
            )
            write_text(adr.file, changed, mode=adr.file.stat().st_mode & 0o777)
        return self.get(adr.id)

    def _today(self) -> str:
        return self._clock.now().astimezone().date().isoformat()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the folder itself, so that whoever numbers files in it, from whatever project, waits."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise StoreError(f"cannot use {self.folder} for ADRs: {error.strerror}") from error
        try:
            take_flock(fd, self.folder)
            yield
        finally:
            os.close(fd)

    def _numbered(self) -> list[str]:
        """Names that take a number, whether or not they can be read."""
        return [name for name in self._names() if name[:4].isascii() and name[:4].isdecimal()]

    def _names(self) -> list[str]:
        try:
            return names_in(self.folder, ".md")
        except OSError as error:
            raise StoreError(f"cannot read {self.folder}: {error.strerror}") from error

    def _scan(self) -> tuple[Adr | Finding, ...]:
        """ADRs in id order, then findings; a number that stands twice is nobody's."""
        by_id: dict[str, list[Adr | Finding]] = {}
        found: list[Finding] = []
        for name in self._numbered():
            path = self.folder / name
            try:
                by_id.setdefault(name[:4], []).append(self._parse(path))
            except FileNotFoundError:  # removed meanwhile
                continue
        for number, same in by_id.items():
            for one in same:
                if isinstance(one, Finding):
                    found.append(one)
                elif len(same) > 1:
                    others = ", ".join(other.file.name for other in same if other is not one)
                    found.append(
                        Finding(file=one.file, line=0, message=f"another file has the number {number}, too: {others}")
                    )
        single = [same[0] for same in by_id.values() if len(same) == 1 and isinstance(same[0], Adr)]
        return (*single, *found)

    def _parse(self, path: Path) -> Adr | Finding:
        """Raises FileNotFoundError."""
        if not ADR_FILE.fullmatch(path.name):
            return Finding(
                file=path, line=0, message="an ADR's file is named 0001-<slug>.md", nearest=_mended_name(path.name)
            )
        try:
            text = read_text(path)
        except StoreError as error:
            return Finding(file=path, line=0, message=error.message.removeprefix(f"cannot read {path}: "))
        return self._parsed(path, text)

    def _parsed(self, path: Path, text: str) -> Adr | Finding:
        id = path.name[:4]
        try:
            front = split(text)
        except FrontMatterProblem as problem:
            return Finding(file=path, line=problem.line, message=problem.message)
        values = {key: _text_of(front.data.get(key)) for key in ("date", "deciders", *RECORDS)}
        for key, value in values.items():
            if value is None:
                return _wrong(path, text, key, f"a text was expected, found {front.data[key]}")
        said = front.data.get("id")
        if said is not None and number_in(str(said)) != id:
            return _wrong(path, text, "id", f"{said} is not the one of the file's name")
        status = _status_of(front.data.get("status"))
        if isinstance(status, str):
            return _wrong(path, text, "status", status, nearest_of(front.data.get("status"), AdrStatus))
        title = front.data.get("title") or title_in(front.body, id)
        return Adr(
            id=id,
            title=str(title or path.stem[5:].replace("-", " ")),
            status=status[0],
            superseded_by=status[1],
            date=values["date"] or "",
            deciders=values["deciders"] or "",
            verify_record=values["verify_record"] or "",
            canary_record=values["canary_record"] or "",
            rollback=values["rollback"] or "",
            file=path,
            body=front.body,
        )


def _wrong_move(adr: Adr, text: str, to: AdrStatus) -> str:
    line = key_lines(text).get("status", 1)
    froms = [one.value for one, targets in ADR_MOVES.items() if to in targets]
    return (
        f"{adr.file}:{line}: status: ADR {adr.id} is {adr.status.value}; "
        f"only one that is {' or '.join(froms)} can become {to.value}"
    )


def _status_of(value: JsonValue) -> tuple[AdrStatus, str] | str:
    """The status and the id of what took its place; a sentence for what is no status."""
    expected = f"one of {', '.join(AdrStatus)} was expected, found {'nothing' if value is None else value}"
    if not isinstance(value, str):
        return expected
    if found := SUPERSEDED_BY.fullmatch(value.strip()):
        return AdrStatus.SUPERSEDED, number_in(found[1] or "")
    return next(((one, "") for one in AdrStatus if one.value.casefold() == value.strip().casefold()), expected)


def _text_of(value: JsonValue) -> str | None:
    """A text; texts of a list joined by commas; None for what is neither."""
    match value:
        case None:
            return ""
        case str():
            return value.strip()
        case list() if all(isinstance(one, str) for one in value):
            return ", ".join(str(one).strip() for one in value)
        case _:
            return None


def _wrong(path: Path, text: str, key: str, message: str, nearest: str = "") -> Finding:
    return Finding(file=path, line=key_lines(text).get(key, 1), key=key, message=message, nearest=nearest)


def _mended_name(name: str) -> str:
    return f"{name[:4]}-{slug_of(name[4:].removesuffix('.md'))}.md"
