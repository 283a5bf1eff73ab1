"""Snapshots of uncommitted work: commits under ``refs/loop/snapshots/``, whose message says what they are of."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from loop_orchestrator.clock import format_time, parse_time
from loop_orchestrator.errors import ProcessError
from loop_orchestrator.model.saved import SNAPSHOT_REFS, Change, ChangeKind, SavedWork
from loop_orchestrator.process.git import ask, asked, branch
from loop_orchestrator.process.saving import SETTINGS, Uncommitted, uncommitted
from loop_orchestrator.process.worktree import common_dir, split

_NOBODY = {
    "GIT_AUTHOR_NAME": "loop-orchestrator",
    "GIT_AUTHOR_EMAIL": "loop-orchestrator@localhost",
    "GIT_COMMITTER_NAME": "loop-orchestrator",
    "GIT_COMMITTER_EMAIL": "loop-orchestrator@localhost",
}
"""Who commits: the program, whether or not a person is configured."""

_FORMAT = "%(refname)%00%(objectname)%00%(tree)%00%(parent)%00%(committerdate:unix)%00%(contents:body)%00"

_REF_TRIES = 1_000


class Label(NamedTuple):
    """What a snapshot is of."""

    lane: str
    session: str
    at: datetime
    worktree_of: Path | None


def save(top: Path, label: Label) -> tuple[SavedWork, bool] | None:
    """Put everything uncommitted of a working tree, untracked files included, under a ref; None where nothing is.

    True where the ref was made; False where a snapshot of that directory holds the very same. Changes nothing in the
    working tree, its index and its head, runs no hook, signs nothing. Raises ProcessError.
    """
    work = uncommitted(top)
    if work.clean:
        return None
    repository = common_dir(top)
    staged = work.staged if work.staged != work.base_tree else ""
    for one in saved(repository):
        if (one.directory, one.tree, one.base, one.staged) == (top, work.tree, work.base, staged):
            return one, False
    commit = _commit(top, repository, work, label, staged)
    ref = _make_ref(repository, commit, label)
    made = next(one for one in saved(repository) if one.ref == ref)
    return made, True


def saved(repository: Path) -> tuple[SavedWork, ...]:
    """Every snapshot of a repository, newest first."""
    fields = asked(repository, "for-each-ref", f"--format={_FORMAT}", SNAPSHOT_REFS).stdout.split(b"\0")
    rows = zip(*(fields[number::6] for number in range(6)), strict=False)
    found = [_read(repository, tuple(os.fsdecode(field) for field in row)) for row in rows]
    return tuple(sorted(found, key=lambda one: (one.at, one.ref), reverse=True))


def forget(one: SavedWork) -> None:
    """Remove a snapshot's ref, if it is still the one that was looked at."""
    asked(one.repository, "update-ref", "-d", one.ref, one.commit, config=SETTINGS)


def changes(one: SavedWork) -> tuple[Change, ...]:
    """What the snapshot changes of its commit, in the order of the paths. Raises ProcessError."""
    base = one.base or asked(one.repository, "mktree", stdin=b"").text.strip()
    return tuple(change for change in differences(one.repository, base, one.tree))


def differences(repository: Path, old: str, new: str) -> tuple[Change, ...]:
    """Paths in which two trees differ; what a submodule points at is not among them."""
    raw = split(
        asked(repository, "diff-tree", "-r", "-z", "--raw", "--no-renames", "--ignore-submodules=all", old, new).stdout
    )
    return tuple(_change(facts, path) for facts, path in zip(raw[::2], raw[1::2], strict=True))


def _change(facts: str, path: str) -> Change:
    base_mode, mode, base_oid, oid, word = facts.removeprefix(":").split(" ")
    kind = {"A": ChangeKind.ADDED, "D": ChangeKind.DELETED}.get(word, ChangeKind.CHANGED)
    return Change(kind=kind, path=path, mode=mode, oid=oid, base_mode=base_mode, base_oid=base_oid)


def _commit(top: Path, repository: Path, work: Uncommitted, label: Label, staged: str) -> str:
    base = ["-p", work.base] if work.base else []
    parents = list(base)
    if staged and work.staged != work.tree:
        parents += ["-p", _commit_tree(top, work.staged, base, "What was staged", label)]
    note = {
        "lane": label.lane,
        "session": label.session,
        "at": format_time(label.at),
        "directory": str(top),
        "branch": branch(top) or "",
        "base": work.base,
        "staged": staged,
        "files": len(differences(repository, work.base_tree, work.tree)),
        "worktree_of": str(label.worktree_of) if label.worktree_of else None,
    }
    message = f"Uncommitted work of lane {label.lane}\n\n{json.dumps(note)}"
    return _commit_tree(top, work.tree, parents, message, label)


def _commit_tree(top: Path, tree: str, parents: list[str], message: str, label: Label) -> str:
    date = f"{int(label.at.timestamp())} +0000"
    env = {**_NOBODY, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    words = ("commit-tree", "--no-gpg-sign", *parents, tree)
    return asked(top, *words, config=SETTINGS, stdin=message.encode(), env=env).text.strip()


def _make_ref(repository: Path, commit: str, label: Label) -> str:
    """A ref that was not there before; two snapshots in one millisecond get two."""
    at = label.at.astimezone(UTC)
    for number in range(_REF_TRIES):
        then = at + timedelta(milliseconds=number)
        ref = f"{SNAPSHOT_REFS}{label.lane}/{then:%Y%m%dT%H%M%S}{then.microsecond // 1000:03d}"
        done = ask(repository, "update-ref", ref, commit, "", config=SETTINGS)
        if done.code == 0:
            return ref
        if ask(repository, "show-ref", "--verify", "--quiet", ref).code != 0:
            raise ProcessError(f"git update-ref failed in {repository}: {done.complaint}")
    raise ProcessError(f"no name is free for a snapshot of lane {label.lane} in {repository}")


def _read(repository: Path, row: tuple[str, ...]) -> SavedWork:
    ref, commit, tree, parents, unix, body = row
    note = _note(body)
    base = _oid(note, "base")
    files = note.get("files")
    return SavedWork(
        ref=ref.lstrip("\n"),
        commit=commit,
        repository=repository,
        lane=ref.lstrip("\n").removeprefix(SNAPSHOT_REFS).partition("/")[0],
        session=_text(note, "session"),
        at=_time(_text(note, "at"), unix),
        directory=_place(note, "directory"),
        branch=_text(note, "branch"),
        base=parents.partition(" ")[0] if base is None else base,
        tree=tree,
        staged=_oid(note, "staged") or "",
        files=files if isinstance(files, int) else None,
        worktree_of=_place(note, "worktree_of"),
    )


def _note(body: str) -> dict[str, object]:
    """What the message says; nothing where somebody else wrote it."""
    try:
        note = json.loads(body)
    except ValueError:
        return {}
    return note if isinstance(note, dict) else {}


def _text(note: dict[str, object], name: str) -> str:
    value = note.get(name)
    return value if isinstance(value, str) else ""


def _oid(note: dict[str, object], name: str) -> str | None:
    """An object id, or the empty text for none; None for anything else."""
    value = _text(note, name)
    return value if name in note and re.fullmatch(r"(?:[0-9a-f]{40,64})?", value) else None


def _place(note: dict[str, object], name: str) -> Path | None:
    value = _text(note, name)
    return Path(value) if value.startswith("/") and "\0" not in value else None


def _time(said: str, unix: str) -> datetime:
    try:
        return parse_time(said)
    except ValueError:
        return datetime.fromtimestamp(int(unix or 0), UTC)
