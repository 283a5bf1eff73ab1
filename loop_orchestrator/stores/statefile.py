"""The state file: the ledger of loops that people, agents and this program write. What it does not know, it keeps."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from loop_orchestrator.clock import Clock, format_time, parse_time
from loop_orchestrator.errors import ChangedElsewhereError, StoreError, UsageError
from loop_orchestrator.model.state import STATE_SCHEMA, JsonValue, LoopRecord, LoopState
from loop_orchestrator.stores.atomic import (
    decoded,
    json_text,
    parse_json,
    read_bytes,
    replace_if,
    sync_names,
    written_aside,
)
from loop_orchestrator.stores.documents import Fields, check_schema
from loop_orchestrator.stores.layout import Layout
from loop_orchestrator.stores.lock import brief_lock

TRIES = 5
"""How often a change is made again because somebody without the lock wrote meanwhile."""

_LOOP_TEXTS = ("name", "status", "branch", "updated_at", "updated_by")
_TOP_KEYS = ("schema_version", "updated_at", "objective", "loops")
_OWN_KEYS = ("schema_version", "updated_at", "loops")
_STAMPS = ("id", "updated_at", "updated_by")


class StateStore:
    """The state file of a project. Reading takes no lock."""

    def __init__(self, layout: Layout, clock: Clock) -> None:
        self._path = layout.state_file
        self._lock = layout.state_lock
        self._clock = clock

    def read(self) -> LoopState:
        """The whole file; no file is an empty ledger.

        Raises NewerSchemaError, and StoreError with line and column; the file is left alone.
        """
        return self._parsed(self._raw(self._data()))

    def update(self, change: Callable[[LoopState], LoopState], *, by: str) -> LoopState:
        """Replace the ledger by what ``change`` makes of it, and return that; it is on the disk.

        Loops that changed get the time and ``by``. Keys keep their order. ``change`` is called again if somebody wrote
        the file by hand meanwhile; a change that changes nothing writes nothing. Raises like read, and
        ChangedElsewhereError if the file did not come to rest.
        """

        def edit(raw: dict[str, JsonValue]) -> dict[str, JsonValue]:
            old = self._parsed(raw)
            new = change(old)
            return raw if new == old else _merged(raw, _stamped(old, new, self._clock.now(), by))

        return self._edited(edit)

    def change_keys(self, change: Callable[[Mapping[str, JsonValue]], Mapping[str, JsonValue]]) -> LoopState:
        """Replace the top-level keys but for schema, time and loops by what ``change`` makes of them. Like update."""

        def edit(raw: dict[str, JsonValue]) -> dict[str, JsonValue]:
            self._parsed(raw)
            was = {key: value for key, value in raw.items() if key not in _OWN_KEYS}
            now = dict(change(was))
            return (
                raw
                if now == was
                else self._with_stamp({**{key: raw[key] for key in _OWN_KEYS if key in raw}, **now}, raw)
            )

        return self._edited(edit)

    def change_loop(
        self, id: str, change: Callable[[Mapping[str, JsonValue]], Mapping[str, JsonValue] | None], *, by: str
    ) -> LoopState:
        """Replace the keys of one loop, which is made where it is missing; None removes it. Like update."""
        if not id.strip():
            raise UsageError("a loop needs an id")

        def edit(raw: dict[str, JsonValue]) -> dict[str, JsonValue]:
            self._parsed(raw)
            known = raw.get("loops")
            loops = dict(known) if isinstance(known, dict) else {}
            was = loops.get(id)
            values = was if isinstance(was, dict) else {}
            now = change({key: value for key, value in values.items() if key not in _STAMPS})
            if now is None:
                if id not in loops:
                    return raw
                del loops[id]
            else:
                stamps: dict[str, JsonValue] = {"updated_at": format_time(self._clock.now()), "updated_by": by}
                kept = {key: value for key, value in values.items() if key in _STAMPS}
                if id in loops and {**now, **kept} == values:
                    return raw
                loops[id] = _placed(values, {**now, **kept, **stamps})
            return self._with_stamp({**raw, "loops": loops}, raw)

        return self._edited(edit)

    def _with_stamp(self, values: dict[str, JsonValue], raw: dict[str, JsonValue]) -> dict[str, JsonValue]:
        first: dict[str, JsonValue] = {"schema_version": STATE_SCHEMA, "updated_at": format_time(self._clock.now())}
        return _placed(raw, {**first, **values, **first, "loops": values.get("loops", {})})

    def _edited(self, edit: Callable[[dict[str, JsonValue]], dict[str, JsonValue]]) -> LoopState:
        path = Path(os.path.realpath(self._path))  # a link stays one
        new, written = self._under_lock(path, edit)
        if written:
            sync_names(path.parent)
        return self._parsed(new)

    def _under_lock(
        self, path: Path, edit: Callable[[dict[str, JsonValue]], dict[str, JsonValue]]
    ) -> tuple[dict[str, JsonValue], bool]:
        """The new document, and whether it was written; then it is on the disk as soon as its folder is."""
        with brief_lock(self._lock):
            for _ in range(TRIES):
                data = self._data()
                raw = self._raw(data)
                new = edit(raw)
                if new is raw:
                    return raw, False
                with written_aside(path, json_text(new)) as temp:
                    temp.chmod(self._mode(path))
                    if self._data() == data and replace_if(temp, path, data):
                        return new, True
        raise ChangedElsewhereError(f"{self._path} is being written by somebody else all the time", hint="try again")

    def set_loop(self, id: str, values: Mapping[str, str], *, by: str) -> LoopState:
        """Set keys of one loop, which is made where it is missing. Raises UsageError for a stamp."""
        if not id.strip():
            raise UsageError("a loop needs an id")
        if refused := [key for key in values if key in _STAMPS]:
            raise UsageError(f"loop {id}: {', '.join(refused)} cannot be set by hand")
        return self.update(lambda state: _with_loop(state, id, values), by=by)

    def _data(self) -> bytes | None:
        """The file as it is; None where there is none."""
        try:
            return read_bytes(self._path)
        except FileNotFoundError:
            return None

    def _mode(self, path: Path) -> int:
        """That of the file, so that whoever may read it goes on reading it; 0600 for a new one."""
        with suppress(FileNotFoundError):
            return stat.S_IMODE(path.stat().st_mode)
        return 0o600

    def _raw(self, data: bytes | None) -> dict[str, JsonValue]:
        if data is None:
            return {}
        value = parse_json(decoded(data, self._path).removeprefix("\ufeff"), self._path)
        if not isinstance(value, dict):
            raise StoreError(f"{self._path}:1:1: an object was expected", hint="mend it by hand")
        return value

    def _parsed(self, raw: dict[str, JsonValue]) -> LoopState:
        fields = Fields(raw, str(self._path))
        check_schema(self._path, fields.integer("schema_version", STATE_SCHEMA), STATE_SCHEMA)
        loops = fields.object("loops", {})
        records = tuple(_record(id, loops.object(id).values) for id in loops.values)
        updated_at = None
        with suppress(ValueError, StoreError):
            updated_at = parse_time(fields.text("updated_at"))
        extra = {key: value for key, value in raw.items() if key not in _TOP_KEYS}
        return LoopState(updated_at=updated_at, objective=fields.text("objective", ""), loops=records, extra=extra)


def _record(id: str, values: Mapping[str, JsonValue]) -> LoopRecord:
    """A known key with a value that is no text is kept like an unknown one."""
    texts = {key: value for key in _LOOP_TEXTS if isinstance(value := values.get(key), str)}
    extra = {key: value for key, value in values.items() if key not in texts}
    return LoopRecord(id=id, extra=extra, **texts)


def _with_loop(state: LoopState, id: str, values: Mapping[str, str]) -> LoopState:
    known = next((loop for loop in state.loops if loop.id == id), None)
    old = known or LoopRecord(id=id)
    extra = {key: value for key, value in old.extra.items() if key not in values}
    extra |= {key: value for key, value in values.items() if key not in _LOOP_TEXTS}
    texts = {key: value for key, value in values.items() if key in _LOOP_TEXTS}
    new = replace(old, extra=extra, **texts)
    if known is None:
        return replace(state, loops=(*state.loops, new))
    return replace(state, loops=tuple(new if loop.id == id else loop for loop in state.loops))


def _stamped(old: LoopState, new: LoopState, at: datetime, by: str) -> LoopState:
    before = {loop.id: loop for loop in old.loops}
    loops = tuple(
        loop if loop == before.get(loop.id) else replace(loop, updated_at=format_time(at), updated_by=by)
        for loop in new.loops
    )
    return replace(new, loops=loops, updated_at=parse_time(format_time(at)))


def _merged(raw: dict[str, JsonValue], state: LoopState) -> dict[str, JsonValue]:
    """The document with the state's values: keys that were there keep their place, new ones follow."""
    before = raw.get("loops")
    loops_before = before if isinstance(before, dict) else {}
    loops: dict[str, JsonValue] = {loop.id: _loop_values(loop, loops_before.get(loop.id)) for loop in state.loops}
    values: dict[str, JsonValue] = {"schema_version": STATE_SCHEMA}
    if state.updated_at is not None:
        values["updated_at"] = format_time(state.updated_at)
    if state.objective or "objective" in raw:
        values["objective"] = state.objective
    values["loops"] = _placed(before, loops)
    return _placed(raw, {**values, **state.extra})


def _loop_values(loop: LoopRecord, before: JsonValue) -> dict[str, JsonValue]:
    was = before if isinstance(before, dict) else {}
    texts = {
        "name": loop.name,
        "status": loop.status,
        "branch": loop.branch,
        "updated_at": loop.updated_at,
        "updated_by": loop.updated_by,
    }
    return _placed(was, {**{key: text for key, text in texts.items() if text or key in was}, **loop.extra})


def _placed(before: JsonValue, values: dict[str, JsonValue]) -> dict[str, JsonValue]:
    order = before if isinstance(before, dict) else {}
    return {key: values[key] for key in (*order, *values) if key in values}
