"""Decisions on disk: one JSON file each, from the moment before their first effect until nothing of them is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from loop_orchestrator.clock import format_time
from loop_orchestrator.errors import ChangedElsewhereError, DecisionStateError, LoopError, StoreError
from loop_orchestrator.model.action import Action
from loop_orchestrator.model.decision import (
    Approval,
    ApprovalMode,
    Decision,
    DecisionStatus,
    Edit,
    Item,
    ItemStatus,
)
from loop_orchestrator.model.verdict import Level, Verdict
from loop_orchestrator.stores.atomic import json_text, link_new, move, write_json
from loop_orchestrator.stores.documents import Fields, read_document
from loop_orchestrator.stores.layout import Layout
from loop_orchestrator.stores.listing import names_in
from loop_orchestrator.stores.lock import Lock, brief_lock

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue

SCHEMA = 1


class ActionCodec(Protocol):
    """How an action becomes fields and back; actions.registry has the one that knows every kind."""

    def to_fields(self, action: Action, /) -> dict[str, JsonValue]:
        """Every field of the action but its kind."""

    def from_fields(self, kind: str, fields: Mapping[str, JsonValue], /) -> Action:
        """The inverse. Raises ValueError for an unknown kind or wrong fields."""


class DecisionStore:
    """The decisions of one session. A decision is changed only from the value that is on disk, under a lock."""

    def __init__(self, layout: Layout, codec: ActionCodec, *, keep: Callable[[], int] | None = None) -> None:
        """keep: asked when a decision is archived for how many the archive keeps; None: all."""
        self._layout = layout
        self._codec = codec
        self._keep = keep

    def create(self, decision: Decision) -> None:
        """File a new decision; it is on the disk on return. Raises StoreError for an id that was used before."""
        with self._changing():
            if self._archived(decision.id).exists():
                raise StoreError(f"decision {decision.id} exists already, in the archive")
            try:
                link_new(self._open(decision.id), json_text(self._to_json(decision)))
            except FileExistsError:
                raise StoreError(f"decision {decision.id} exists already") from None

    def get(self, id: str) -> Decision:
        """A decision, open or archived, by its id or the beginning of it that no other has.

        Raises DecisionStateError, naming the open ones, if there is none or more than one; StoreError.
        """
        for path in (self._open(id), self._archived(id)):
            with suppress(FileNotFoundError):
                return self._read(path)
        found = [path for path in self._open_files() if path.stem.startswith(id)]
        found = found or [path for path in _files(self._layout.decisions_archive) if path.stem.startswith(id)]
        if len(found) == 1 and id:
            with suppress(FileNotFoundError):
                return self._read(found[0])
        open_ids = ", ".join(path.stem for path in self._open_files()) or "none"
        problem = (
            f"{id!r} is the beginning of {len(found)} decisions" if found and id else f"there is no decision {id!r}"
        )
        raise DecisionStateError(f"{problem}; open: {open_ids}", hint="loop engine status")

    def open_decisions(self) -> tuple[Decision, ...]:
        """Every decision that can be read and is not archived, oldest first; unreadable() names the others."""
        decisions = (found for found in self._all_open() if isinstance(found, Decision))
        return tuple(sorted(decisions, key=lambda decision: (decision.created_at, decision.id)))

    def unreadable(self) -> tuple[str, ...]:
        """One sentence for every open decision that cannot be read, file first."""
        return tuple(found.message for found in self._all_open() if isinstance(found, StoreError))

    def update(self, id: str, change: Callable[[Decision], Decision]) -> Decision:
        """Replace an open decision by what ``change`` makes of it, and return that; it is on the disk.

        ``change`` gets what is on disk now, while other changes wait; what it raises leaves the file as it is.
        Raises DecisionStateError if no such decision is open.
        """
        with self._changing():
            old = self._read_open(id)
            new = change(old)
            assert new.id == id
            if new != old:
                write_json(self._open(id), self._to_json(new))
            return new

    def save(self, decision: Decision, *, previous: Decision) -> None:
        """Replace an open decision if what is on disk is still ``previous``. Raises ChangedElsewhereError."""
        with self._changing():
            if self._to_json(self._read_open(decision.id)) != self._to_json(previous):
                raise ChangedElsewhereError(
                    f"decision {decision.id} changed while it was looked at", hint=f"loop engine show {decision.id}"
                )
            write_json(self._open(decision.id), self._to_json(decision))

    def archive(self, id: str) -> None:
        """Move a closed decision to the archive; one that is there already is fine.

        Raises DecisionStateError if something of it is left to do, or if there is none.
        """
        with self._changing():
            if self._archived(id).exists() and not self._open(id).exists():
                return
            decision = self._read_open(id)
            if decision.status is not DecisionStatus.CLOSED:
                raise DecisionStateError(f"decision {id} is {decision.status.value}: something of it is left to do")
            move(self._open(id), self._archived(id))
            self._execution_path(id).unlink(missing_ok=True)
            if self._keep is not None:
                self._prune(self._keep())

    def _prune(self, keep: int) -> None:
        """Remove the oldest archived decisions; their ids begin with their time."""
        for path in sorted(_files(self._layout.decisions_archive))[:-keep]:
            path.unlink(missing_ok=True)

    def execution_lock(self, id: str, *, timeout_s: float | None = 0.0) -> Lock:
        """What the process that performs a decision's items holds. timeout_s: how long ``with`` waits for it."""
        return Lock(self._execution_path(id), f"the execution of decision {id}", timeout_s=timeout_s)

    def cycle_lock(self) -> Lock:
        """What a cycle holds from its first step to its last."""
        return Lock(self._layout.cycle_lock, f"the cycle of session {self._layout.session}")

    def _changing(self) -> AbstractContextManager[None]:
        return brief_lock(self._layout.decisions / ".lock")

    def _open(self, id: str) -> Path:
        return self._layout.decisions / f"{_file_stem(id)}.json"

    def _archived(self, id: str) -> Path:
        return self._layout.decisions_archive / f"{_file_stem(id)}.json"

    def _execution_path(self, id: str) -> Path:
        return self._layout.decisions / f"{_file_stem(id)}.lock"

    def _open_files(self) -> list[Path]:
        return _files(self._layout.decisions)

    def _all_open(self) -> Iterator[Decision | StoreError]:
        for path in self._open_files():
            with suppress(FileNotFoundError):
                try:
                    yield self._read(path)
                except StoreError as error:
                    yield error

    def _read_open(self, id: str) -> Decision:
        try:
            return self._read(self._open(id))
        except FileNotFoundError:
            state = "is closed and archived" if self._archived(id).exists() else "does not exist"
            raise DecisionStateError(f"decision {id} {state}", hint="loop engine status") from None

    def _read(self, path: Path) -> Decision:
        fields = read_document(path, SCHEMA)
        if fields.text("id") != path.stem:
            raise StoreError(f"{path}: it holds decision {fields.text('id')!r}")
        return Decision(
            id=fields.text("id"),
            session=fields.text("session"),
            created_at=fields.time("created_at"),
            brain=fields.text("brain"),
            mode=fields.word("mode", ApprovalMode),
            critique=fields.text("critique"),
            items=tuple(self._item(item) for item in fields.objects("items")),
            digest=fields.text("digest"),
            cycle=fields.text("cycle"),
            edits=tuple(self._edit(edit) for edit in fields.objects("edits")) if "edits" in fields.values else (),
            untrusted=fields.texts("untrusted") if "untrusted" in fields.values else (),
        )

    def _edit(self, fields: Fields) -> Edit:
        return Edit(
            idx=fields.integer("idx"),
            at=fields.time("at"),
            by=fields.text("by"),
            digest=fields.text("digest"),
            action=self._action(fields),
        )

    def _action(self, fields: Fields) -> Action:
        try:
            return self._codec.from_fields(fields.text("kind"), fields.object("fields").values)
        except StoreError:
            raise
        except (ValueError, LoopError) as error:
            raise StoreError(f"{fields.where}: {error}") from error

    def _item(self, fields: Fields) -> Item:
        verdict = fields.object("verdict")
        try:
            judged = Verdict(verdict.word("level", Level), verdict.texts("reasons"))
        except ValueError as error:
            raise StoreError(f"{fields.where}: {error}") from error
        return Item(
            idx=fields.integer("idx"),
            action=self._action(fields),
            verdict=judged,
            status=fields.word("status", ItemStatus),
            note=fields.text("note"),
            changed_at=fields.time("changed_at"),
            approval=_approval(fields.object("approval")) if "approval" in fields.values else None,
        )

    def _to_json(self, decision: Decision) -> dict[str, JsonValue]:
        items: list[JsonValue] = [
            {
                "idx": item.idx,
                "kind": item.action.kind,
                "fields": self._codec.to_fields(item.action),
                "verdict": {"level": item.verdict.level.value, "reasons": list(item.verdict.reasons)},
                "status": item.status.value,
                "note": item.note,
                "changed_at": format_time(item.changed_at),
                **({"approval": _approval_values(item.approval)} if item.approval is not None else {}),
            }
            for item in decision.items
        ]
        return {
            "schema": SCHEMA,
            "id": decision.id,
            "session": decision.session,
            "created_at": format_time(decision.created_at),
            "brain": decision.brain,
            "mode": decision.mode.value,
            "critique": decision.critique,
            "digest": decision.digest,
            "cycle": decision.cycle,
            "items": items,
            **({"edits": [self._edit_values(edit) for edit in decision.edits]} if decision.edits else {}),
            **({"untrusted": list(decision.untrusted)} if decision.untrusted else {}),
        }

    def _edit_values(self, edit: Edit) -> dict[str, JsonValue]:
        return {
            "idx": edit.idx,
            "at": format_time(edit.at),
            "by": edit.by,
            "digest": edit.digest,
            "kind": edit.action.kind,
            "fields": self._codec.to_fields(edit.action),
        }


def _approval(fields: Fields) -> Approval:
    actions = fields.values.get("actions")
    numbers = tuple(one for one in actions if isinstance(one, int)) if isinstance(actions, list) else ()
    return Approval(actions=numbers, signature=fields.text("signature"))


def _approval_values(approval: Approval) -> dict[str, JsonValue]:
    return {"actions": list(approval.actions), "signature": approval.signature}


def _file_stem(id: str) -> str:
    """An id as part of a file name; what no id can be becomes a name that no file has."""
    return id if id and not id.startswith(".") and "/" not in id and "\0" not in id else "no such id"


def _files(folder: Path) -> list[Path]:
    return [folder / name for name in names_in(folder, ".json")]
