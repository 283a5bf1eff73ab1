"""Where every file of a project and of a session stands. Paths only; ``ensure_dir`` is the one function that writes."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from loop_orchestrator.errors import StoreError, UsageError

SESSION_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")
"""A session's name, whole: it is a folder and a tmux session, and tmux takes neither dots nor colons."""


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """What does not stand where it stands by default, absolute; None: it does."""

    messages: Path | None = None
    state_file: Path | None = None
    session_dir: Path | None = None


@dataclass(frozen=True)
class Layout:
    """Every path of one project and one session, absolute, made when it is first asked for.

    Raises UsageError for a name that cannot be a session.
    """

    root: Path
    """the project"""
    session: str
    elsewhere: Elsewhere = Elsewhere()

    def __post_init__(self) -> None:
        if not SESSION_NAME.fullmatch(self.session):
            raise UsageError(
                f"{self.session!r} cannot be the name of a session",
                hint="use up to 80 letters, digits, '-' and '_', beginning with a letter or a digit",
            )
        object.__setattr__(self, "root", self.root.absolute())

    @staticmethod
    def sessions(root: Path) -> tuple[str, ...]:
        """Names of the sessions that the project has files of, sorted."""
        folder = root.absolute() / ".loop" / "sessions"
        with suppress(FileNotFoundError, NotADirectoryError):
            return tuple(
                sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and _is_session(entry.name))
            )
        return ()

    @cached_property
    def loop_dir(self) -> Path:
        return self.root / ".loop"

    @cached_property
    def messages(self) -> Path:
        """Pending messages."""
        return self.elsewhere.messages or self.loop_dir / "messages"

    @cached_property
    def processed(self) -> Path:
        """Messages that were acknowledged."""
        return self.messages / "processed"

    @cached_property
    def failed(self) -> Path:
        """Files of the mailbox that are no messages, each with its reason beside it."""
        return self.messages / "failed"

    @cached_property
    def state_file(self) -> Path:
        return self.elsewhere.state_file or self.loop_dir / "orchestrator-state.json"

    @cached_property
    def state_lock(self) -> Path:
        """Beside a state file that stands elsewhere: other projects may write it too."""
        elsewhere = self.elsewhere.state_file
        return elsewhere.with_name(f".{elsewhere.name}.lock") if elsewhere else self.locks / "state.lock"

    @cached_property
    def mailbox_lock(self) -> Path:
        """Inside a mailbox that stands elsewhere: other projects may write there too."""
        return self.messages / ".lock" if self.elsewhere.messages else self.locks / "mailbox.lock"

    @cached_property
    def harness_dir(self) -> Path:
        """Harness data of the project."""
        return self.loop_dir / "harnesses"

    @cached_property
    def cache(self) -> Path:
        """Compiled copies of what YAML files say; may be removed at any time."""
        return self.loop_dir / "cache"

    @cached_property
    def locks(self) -> Path:
        """Lock files of what all sessions of the project share."""
        return self.loop_dir / "locks"

    @cached_property
    def tasks_dir(self) -> Path:
        return self.root / "tasks"

    @cached_property
    def tasks_archive(self) -> Path:
        """Tasks that are done or dropped."""
        return self.tasks_dir / "archive"

    @cached_property
    def adr_dir(self) -> Path:
        """Architecture decision records."""
        return self.root / "docs" / "adr"

    @cached_property
    def wiki(self) -> Path:
        return self.root / "ops-wiki"

    @cached_property
    def wiki_lock(self) -> Path:
        return self.locks / "wiki.lock"

    @cached_property
    def ingest(self) -> Path:
        """What is known of mail that is taken into the wiki; the mailbox and the wiki are the project's."""
        return self.loop_dir / "ingest"

    @cached_property
    def ingest_lock(self) -> Path:
        return self.locks / "ingest.lock"

    @cached_property
    def ingest_batch(self) -> Path:
        """The messages that are being taken in."""
        return self.ingest / "batch.json"

    @cached_property
    def ingest_closed(self) -> Path:
        """Batches that ended: ``<id>.json``."""
        return self.ingest / "closed"

    @cached_property
    def ingest_ledger(self) -> Path:
        """What became of each message."""
        return self.ingest / "ledger.jsonl"

    @cached_property
    def ingest_notes(self) -> Path:
        """What stands in the way, and how often messages were tried in vain."""
        return self.ingest / "notes.json"

    @cached_property
    def lint(self) -> Path:
        """When the wiki was looked at, and when a review was asked for."""
        return self.loop_dir / "lint.json"

    @cached_property
    def places(self) -> Path:
        """Names what of this session stands elsewhere; always here, so that everybody finds it."""
        return self.loop_dir / "sessions" / self.session / "places.json"

    @cached_property
    def session_dir(self) -> Path:
        return self.elsewhere.session_dir or self.loop_dir / "sessions" / self.session

    @cached_property
    def owner(self) -> Path:
        """Says whose a session's folder is that stands elsewhere."""
        return self.session_dir / "owner.json"

    @cached_property
    def lanes_file(self) -> Path:
        """Which pane is whose."""
        return self.session_dir / "lanes.json"

    @cached_property
    def lane_runs(self) -> Path:
        """What the launcher of each lane recorded: ``<lane>.run.json``."""
        return self.session_dir / "lanes"

    @cached_property
    def worktrees(self) -> Path:
        """One git worktree for each lane that has one: ``<lane>/``."""
        return self.loop_dir / "worktrees" / self.session

    @cached_property
    def saved_places(self) -> Path:
        """Repositories in which snapshots of uncommitted work were made."""
        return self.loop_dir / "snapshots.json"

    @cached_property
    def signals(self) -> Path:
        """What the program of each lane said of itself last: ``<lane>.json``."""
        return self.session_dir / "signals"

    @cached_property
    def handoffs(self) -> Path:
        return self.session_dir / "handoffs"

    @cached_property
    def events(self) -> Path:
        """The event log."""
        return self.session_dir / "events.jsonl"

    @cached_property
    def event_segments(self) -> Path:
        """The closed parts of the event log: ``<number of the first event>.jsonl``."""
        return self.events.with_suffix("")

    @cached_property
    def last_look(self) -> Path:
        """When a person last read the report."""
        return self.session_dir / "last-look.json"

    @cached_property
    def restarts(self) -> Path:
        """What became of lanes whose program ended."""
        return self.session_dir / "lane-restarts.jsonl"

    @cached_property
    def guard_lock(self) -> Path:
        return self.session_dir / "lane-guard.lock"

    @cached_property
    def guard_log(self) -> Path:
        """What the detached guard of the lanes prints."""
        return self.session_dir / "lane-guard.log"

    @cached_property
    def deliveries(self) -> Path:
        """Deliveries that are open or unknown: ``<op>.json``."""
        return self.session_dir / "deliveries"

    @cached_property
    def deliveries_closed(self) -> Path:
        return self.deliveries / "closed"

    @cached_property
    def lines(self) -> Path:
        """Texts that stand in line: ``<lane>.<number>.<op>.txt``."""
        return self.deliveries / "lines"

    @cached_property
    def leases(self) -> Path:
        """One lock per lane: who may type into it now."""
        return self.session_dir / "leases"

    @cached_property
    def engine_dir(self) -> Path:
        return self.session_dir / "engine"

    @cached_property
    def decisions(self) -> Path:
        """Decisions of which something is left to do: ``<id>.json``."""
        return self.engine_dir / "decisions"

    @cached_property
    def decisions_archive(self) -> Path:
        return self.decisions / "archive"

    @cached_property
    def brain(self) -> Path:
        """Prompts and transcripts."""
        return self.engine_dir / "brain"

    @cached_property
    def budget(self) -> Path:
        return self.engine_dir / "budget.json"

    @cached_property
    def brain_rests(self) -> Path:
        return self.engine_dir / "brains.json"

    @cached_property
    def assignments(self) -> Path:
        """Which task was handed to which lane."""
        return self.engine_dir / "assignments.json"

    @cached_property
    def asks(self) -> Path:
        """Which texts to lanes want an answer, and what came of it."""
        return self.engine_dir / "asks.json"

    @cached_property
    def handed_mail(self) -> Path:
        """Which message was handed to its lane by which delivery."""
        return self.engine_dir / "handed-mail.json"

    @cached_property
    def escalations(self) -> Path:
        """What was already put before a person."""
        return self.engine_dir / "escalations.json"

    @cached_property
    def proofs(self) -> Path:
        """What validation lanes answered about tasks."""
        return self.engine_dir / "proofs.json"

    @cached_property
    def lanes_seen(self) -> Path:
        """The last state that was seen of each lane."""
        return self.engine_dir / "lanes-seen.json"

    @cached_property
    def versions(self) -> Path:
        """Which version a program's file was found to be."""
        return self.engine_dir / "versions.json"

    @cached_property
    def idle_cycles(self) -> Path:
        return self.engine_dir / "idle-cycles.json"

    @cached_property
    def prompt_fits(self) -> Path:
        """How the last prompts fitted into their ceiling, where that was told."""
        return self.engine_dir / "prompt-fits.json"

    @cached_property
    def drifts(self) -> Path:
        """Versions of programs whose screens no rule knew."""
        return self.engine_dir / "drifts.json"

    @cached_property
    def filing(self) -> Path:
        """Closed decisions that are not in the checkpoint yet."""
        return self.engine_dir / "filing.json"

    @cached_property
    def paused(self) -> Path:
        """Exists while no cycle may start."""
        return self.engine_dir / "paused"

    @cached_property
    def cycle_lock(self) -> Path:
        return self.engine_dir / "cycle.lock"

    @cached_property
    def watch_lock(self) -> Path:
        return self.engine_dir / "watch.lock"

    @cached_property
    def watch_record(self) -> Path:
        """What the daemon says of itself."""
        return self.engine_dir / "watch.json"

    @cached_property
    def watch_pace(self) -> Path:
        """When the daemon's last cycle began, and how long the next one waits."""
        return self.engine_dir / "watch-pace.json"

    @cached_property
    def watch_look(self) -> Path:
        """What the daemon's last look saw: where its sources stand."""
        return self.engine_dir / "watch-look.json"

    @cached_property
    def routing_board(self) -> Path:
        """Which events still have to be brought to which actor, as it was some events ago."""
        return self.engine_dir / "routing.json"

    @cached_property
    def dead_letters(self) -> Path:
        """Events that an actor failed at as often as its route allows."""
        return self.engine_dir / "dead-letters"

    @cached_property
    def watch_log(self) -> Path:
        """What a daemon in the background prints: little, since its events are in the log."""
        return self.engine_dir / "watch.log"

    @cached_property
    def restart_lock(self) -> Path:
        """Held while one daemon is put in the place of another."""
        return self.engine_dir / "restart.lock"

    @cached_property
    def notices(self) -> Path:
        """What needs a person, and what each service was told of it."""
        return self.engine_dir / "notices.json"

    @cached_property
    def telling_lock(self) -> Path:
        """Held by the one process that tells a person of this session."""
        return self.engine_dir / "telling.lock"

    @cached_property
    def approvals_lock(self) -> Path:
        return self.engine_dir / "approvals.lock"


def ensure_dir(folder: Path) -> Path:
    """Make a folder and the missing ones above it, 0700 each, so that they survive a power cut; returns it.

    Raises StoreError.
    """
    if folder.is_dir():
        return folder
    ensure_dir(folder.parent)
    try:
        folder.mkdir(mode=0o700)
        sync_dir(folder.parent)
    except FileExistsError:
        pass
    except OSError as error:
        raise StoreError(f"cannot make {folder}: {error.strerror}") from error
    return folder


def sync_dir(folder: Path) -> None:
    """Put the names in a folder on the disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _is_session(name: str) -> bool:
    return SESSION_NAME.fullmatch(name) is not None
