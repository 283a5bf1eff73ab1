"""The digest: ledger, mail, unpushed work and decision records of a project, in one frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_time
from loop_orchestrator.errors import LoopError
from loop_orchestrator.model.adr import Adr
from loop_orchestrator.model.decision import Decision, DecisionStatus
from loop_orchestrator.model.message import Message
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.model.state import JsonValue, LoopState
from loop_orchestrator.operations.ledger import state_shape
from loop_orchestrator.operations.shapes import Json

if TYPE_CHECKING:
    from loop_orchestrator.world import World


_WAKE_MS = 1_000
"""Between two looks at the clock while no file changes. At half, twice the wakes; at double, frames 2 s late."""

LANE_BRANCHES = "loop/"
"""How the branches of lanes' worktrees begin."""

_NO_STATE = LoopState(updated_at=None)


@dataclass(frozen=True, kw_only=True)
class Unpushed:
    """Commits of one repository that no remote has."""

    path: Path
    """the working tree that has the branch; the project's repository for a branch that none has checked out"""
    branch: str
    """empty on a detached head"""
    upstream: str
    """what it was compared with: its upstream, else the remote's branch of its name, else the remote's main branch,
    else for a lane's branch the one of the main working tree; empty: there is none of these"""
    count: int | None
    """None where there is nothing to compare with"""


@dataclass(frozen=True, kw_only=True)
class Digest:
    """One frame."""

    generated_at: datetime
    state: LoopState | Unknown
    pending: tuple[tuple[Message, datetime], ...] | Unknown
    """messages with the time their file was last changed, oldest first"""
    processed_count: int
    unpushed: tuple[Unpushed, ...]
    adrs: tuple[Adr, ...]
    """newest id first"""
    waiting: tuple[Decision, ...]
    """decisions of the engine that wait for a person"""


def digest(world: World) -> Digest:
    """Read one frame; what cannot be read is Unknown. Writes nothing."""
    return Digest(
        generated_at=world.clock.now(),
        state=_state(world),
        pending=_pending(world),
        processed_count=world.mailbox.processed_count(),
        unpushed=_unpushed(world),
        adrs=tuple(reversed(world.adrs.all())),
        waiting=tuple(one for one in world.decisions.open_decisions() if one.status is DecisionStatus.WAITING),
    )


def digest_changes(world: World, *, interval_s: float | None) -> Iterator[Digest]:
    """A frame now, and another whenever one of the files it shows changed; starts nothing while nothing happens.

    interval_s: another frame after this time too; None: never.
    """
    from watchfiles import watch

    yield digest(world)
    drawn_at = world.clock.monotonic()
    looks = watch(*_watched(world), recursive=False, rust_timeout=_WAKE_MS, yield_on_timeout=True)
    for number, changes in enumerate(looks):
        due = interval_s is not None and world.clock.monotonic() - drawn_at >= interval_s
        # What changed between the first frame and the beginning of the watch is not announced.
        if changes or due or number == 0:
            yield digest(world)
            drawn_at = world.clock.monotonic()


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


def _watched(world: World) -> tuple[Path, ...]:
    """The folders whose files a frame shows. The logs of git change with every commit and every push."""
    from loop_orchestrator.stores.layout import ensure_dir

    layout, git_logs = world.layout, world.root / ".git" / "logs"
    lane_logs = git_logs.glob(f"refs/heads/{LANE_BRANCHES}*")
    folders = (layout.loop_dir, layout.state_file.parent, layout.messages, layout.processed, layout.decisions)
    own = tuple(map(ensure_dir, dict.fromkeys(folders)))
    others = (world.adrs.folder, git_logs, *git_logs.glob("refs/remotes/*"), *lane_logs)
    return (*own, *(folder for folder in others if folder.is_dir()))


def _state(world: World) -> LoopState | Unknown:
    try:
        return world.state.read()
    except LoopError as error:
        return Unknown(error.message)


def _pending(world: World) -> tuple[tuple[Message, datetime], ...] | Unknown:
    try:
        return tuple((message, _mtime(world, message)) for message in world.mailbox.peek())
    except LoopError as error:
        return Unknown(error.message)


def _mtime(world: World, message: Message) -> datetime:
    try:
        return datetime.fromtimestamp((world.layout.messages / message.file).stat().st_mtime, UTC)
    except FileNotFoundError:  # acknowledged meanwhile
        return message.sent_at


def _unpushed(world: World) -> tuple[Unpushed, ...]:
    """Of the project and of every working tree that a lane has or left, and of lanes' branches without one."""
    from loop_orchestrator.process import git

    kept = world.layout.loop_dir.glob("worktrees/*/*")
    places = {world.root, *kept, *(record.spec.cwd for record in world.lanes.records().values())}
    tops = {top for place in places if (top := git.toplevel(place)) is not None}
    found = [_of_tree(top) for top in sorted(tops)]
    out = {one.branch for one in found}
    own = git.toplevel(world.root)
    for branch in git.branches_below(own, LANE_BRANCHES) if own is not None else ():
        if branch not in out and own is not None:
            one = _of_branch(own, branch)
            found += [one] if one.count else []
    return tuple(found)


def _of_tree(top: Path) -> Unpushed:
    from loop_orchestrator.process import git

    branch, upstream, count = git.unpushed(top)
    if upstream is None and branch is not None:
        return _of_branch(top, branch)
    return Unpushed(path=top, branch=branch or "", upstream=upstream or "", count=count)


def _of_branch(top: Path, branch: str) -> Unpushed:
    """A branch without an upstream, compared with what it will be merged into, as far as that can be told."""
    from loop_orchestrator.process import git

    bases = [f"origin/{branch}", "origin/main", "origin/master"]
    if branch.startswith(LANE_BRANCHES):
        bases += [main] if (main := git.main_branch(top)) and main != branch else []
    for base in bases:
        count = git.ahead(top, branch, base)
        if count is not None:
            return Unpushed(path=top, branch=branch, upstream=base, count=count)
    return Unpushed(path=top, branch=branch, upstream="", count=None)
