"""Which pane is whose: lanes.json, and what the launcher of each lane recorded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_time
from loop_orchestrator.errors import StoreError
from loop_orchestrator.model.lane import LaneKind, LaneRecord, LaneRun, LaneSpec, Split
from loop_orchestrator.stores.atomic import read_json, write_json
from loop_orchestrator.stores.documents import Fields, read_document
from loop_orchestrator.stores.layout import Layout
from loop_orchestrator.stores.listing import Stamp, stamp_of
from loop_orchestrator.stores.lock import brief_lock

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue

SCHEMA = 1


class LaneStore:
    """The booted lanes of one session. Every change rereads the file under its lock."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._records: tuple[Stamp, dict[str, LaneRecord]] | None = None
        self._runs: dict[str, tuple[Stamp, LaneRun | None, Path]] = {}

    def records(self) -> dict[str, LaneRecord]:
        """Lanes by name in the order they were booted; empty where none was. Raises StoreError."""
        try:
            stamp = stamp_of(self._layout.lanes_file)
            if self._records is None or stamp is None or self._records[0] != stamp:
                document = read_document(self._layout.lanes_file, SCHEMA)
                lanes = document.object("lanes")
                records = {name: _record(lanes.object(name)) for name in lanes.values}
                if stamp is None:
                    return records
                self._records = (stamp, records)
        except FileNotFoundError:
            return {}
        return dict(self._records[1])

    def put(self, record: LaneRecord) -> None:
        """Add a lane or replace the one of its name."""
        self._change(lambda records: records | {record.spec.name: record})

    def remove(self, name: str) -> None:
        """Forget a lane; one that is not there is fine."""
        self._change(lambda records: {key: record for key, record in records.items() if key != name})

    def clear(self) -> None:
        """Forget every lane."""
        self._change(lambda _: {})

    def run_path(self, name: str) -> Path:
        """The file that the launcher of a lane writes."""
        return self._layout.lane_runs / f"{name}.run.json"

    def run(self, name: str) -> LaneRun | None:
        """What the launcher recorded; None where there is no record that can be read."""
        known = self._runs.get(name)
        path = known[2] if known else self.run_path(name)
        try:
            stamp = stamp_of(path)
        except FileNotFoundError:
            return None
        if known is not None and known[0] == stamp:
            return known[1]
        try:
            value = read_json(path)
            run = _run(Fields(value, str(path))) if isinstance(value, dict) else None
        except (FileNotFoundError, StoreError):
            run = None
        if stamp is not None:
            self._runs[name] = (stamp, run, path)
        return run

    def _change(self, change: Callable[[dict[str, LaneRecord]], dict[str, LaneRecord]]) -> None:
        path = self._layout.lanes_file
        with brief_lock(path.with_name(path.name + ".lock")):
            changed = change(self.records())
            lanes: dict[str, JsonValue] = {name: _fields(record) for name, record in changed.items()}
            write_json(path, {"schema": SCHEMA, "lanes": lanes})


def _fields(record: LaneRecord) -> dict[str, JsonValue]:
    spec = record.spec
    return {
        "name": spec.name,
        "window": spec.window,
        "split": spec.split.value,
        "role": spec.role,
        "harness": spec.harness,
        "cmd": spec.cmd,
        "model": spec.model,
        "kind": spec.kind.value,
        "cwd": str(spec.cwd),
        "worktree_of": str(spec.worktree_of) if spec.worktree_of else "",
        "env": [[key, value] for key, value in spec.env],
        "auto_approve": spec.auto_approve,
        "outside": spec.outside,
        "answer_dialogs": list(spec.answer_dialogs),
        "pane": record.pane,
        "pane_pid": record.pane_pid,
        "pane_tty": record.pane_tty,
        "agent": record.agent,
        "argv": list(record.argv),
        "booted_at": format_time(record.booted_at),
    }


def _record(fields: Fields) -> LaneRecord:
    try:
        spec = LaneSpec(
            name=fields.text("name"),
            window=fields.text("window"),
            split=fields.word("split", Split),
            role=fields.text("role"),
            harness=fields.text("harness"),
            cmd=fields.text("cmd"),
            model=fields.text("model"),
            kind=fields.word("kind", LaneKind),
            cwd=Path(fields.text("cwd")),
            worktree_of=Path(repository) if (repository := fields.text("worktree_of", "")) else None,
            env=fields.pairs("env"),
            auto_approve=fields.flag("auto_approve"),
            outside=fields.flag("outside"),
            answer_dialogs=fields.texts("answer_dialogs") if "answer_dialogs" in fields.values else (),
        )
    except ValueError as error:
        raise StoreError(f"{fields.where}: {error}") from error
    return LaneRecord(
        spec=spec,
        pane=fields.text("pane"),
        pane_pid=fields.integer("pane_pid"),
        pane_tty=fields.text("pane_tty"),
        agent=fields.flag("agent"),
        argv=fields.texts("argv"),
        booted_at=fields.time("booted_at"),
    )


def _run(fields: Fields) -> LaneRun:
    return LaneRun(
        pid=fields.integer("pid"),
        started_at=fields.time("started_at"),
        ended_at=None if fields.values.get("ended_at") is None else fields.time("ended_at"),
        exit_status=None if fields.values.get("exit_status") is None else fields.integer("exit_status"),
        suspended=fields.flag("suspended"),
    )
