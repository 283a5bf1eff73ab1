"""Events: what happened, one line of the event log each, and the catalogue of their kinds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue


@dataclass(frozen=True)
class EventKind:
    """A registered kind: what it means, the fields of its payload, and whether its line is synced to the disk."""

    meaning: str
    fields: tuple[str, ...]
    promised: bool = False
    """others act on it having been written, so it is on the disk before the writer goes on"""


EVENT_KINDS: Mapping[str, EventKind] = {
    "session.up": EventKind("lanes were booted or adopted", ("added", "adopted")),
    "session.down": EventKind("the session was ended", ("by",)),
    "lane.added": EventKind("a lane was booted", ("lane", "pane", "harness", "role")),
    "lane.dropped": EventKind("a lane was ended", ("lane", "by", "handoff")),
    "lane.changed": EventKind("a lane's state was seen to differ from the last one seen", ("lane", "was", "now")),
    "lane.exited": EventKind("the program of a lane ended", ("lane", "exit_status")),
    "snapshot.made": EventKind(
        "uncommitted work was put under a ref before something ended", ("lane", "ref", "commit", "directory")
    ),
    "snapshot.restored": EventKind("a snapshot was written back", ("lane", "ref", "directory", "files", "by")),
    "snapshot.forgotten": EventKind("a person removed a snapshot", ("lane", "ref", "commit", "by")),
    "worktree.made": EventKind("a lane got a worktree", ("lane", "directory", "branch")),
    "worktree.removed": EventKind(
        "a lane's worktree, in which nothing was uncommitted, was removed", ("lane", "directory", "branch")
    ),
    "dialog.answering": EventKind(
        "a start-up dialog is about to be answered with yes, as the config allows",
        ("lane", "harness", "dialog"),
        promised=True,
    ),
    "dialog.answered": EventKind(
        "what became of that; outcome is yes, or why it was left to a person",
        ("lane", "harness", "dialog", "outcome", "keys"),
    ),
    "lane.restarting": EventKind(
        "the program of a lane is about to be started again", ("lane", "attempt", "reason", "exit_status")
    ),
    "lane.restarted": EventKind("the program of a lane was started again", ("lane", "attempt", "pane")),
    "lane.restart-postponed": EventKind("a restart waits for somebody", ("lane", "attempt", "reason")),
    "lane.recovered": EventKind("a restarted lane was ready and stayed so", ("lane", "attempt")),
    "lane.gave-up": EventKind(
        "a lane is not started again by itself", ("lane", "attempt", "reason", "exit_status"), promised=True
    ),
    "signal.refused": EventKind(
        "a process outside a lane's pane would have spoken for the lane", ("lane", "reason", "pid")
    ),
    "harness.drift": EventKind(
        "screens of a program are unknown, in a version its rules were not tried on",
        ("harness", "version", "verified", "lane"),
    ),
    "mail.sent": EventKind("a message was put into the mailbox", ("file", "from", "to", "subject")),
    "mail.acked": EventKind("a message was moved to processed/", ("file", "by")),
    "mail.failed": EventKind("a message could not be read and was moved to failed/", ("file", "reason")),
    "delivery.queued": EventKind(
        "a text was put in line for a lane, behind so many others", ("op", "lane", "sender", "before"), promised=True
    ),
    "delivery.taken": EventKind(
        "the first text in line is about to be delivered, after waiting so long", ("op", "lane", "waited_s")
    ),
    "delivery.returned": EventKind(
        "nothing of a text that was taken from the line reached the pane; it is the first in line again",
        ("op", "lane", "reason"),
    ),
    "delivery.dropped": EventKind(
        "a text is about to be taken out of the line for good", ("op", "lane", "reason", "by")
    ),
    "delivery.closed": EventKind(
        "a delivery ended with a receipt", ("op", "lane", "status", "step", "sha256"), promised=True
    ),
    "delivery.resolved": EventKind(
        "a person said what became of an unknown delivery", ("op", "outcome", "by"), promised=True
    ),
    "cycle.started": EventKind("a cycle began", ("cycle", "why")),
    "cycle.ended": EventKind("a cycle ended", ("cycle", "outcome", "decision", "duration_s")),
    "observe.incomplete": EventKind("a cycle could not see something", ("cycle", "what", "reason")),
    "prompt.long": EventKind(
        "a prompt is longer than advised; said again once it was not", ("cycle", "brain", "tokens", "advised")
    ),
    "prompt.cut": EventKind(
        "parts of a prompt were cut to fit its ceiling; said again once it was otherwise",
        ("cycle", "brain", "tokens", "token_ceiling", "cut"),
    ),
    "prompt.overflow": EventKind(
        "the checkpoint fits into no prompt, so the brain was told to have it trimmed; said again once it did fit",
        ("cycle", "brain", "tokens", "token_ceiling", "cut"),
    ),
    "brain.called": EventKind("a brain was asked", ("cycle", "brain"), promised=True),
    "brain.replied": EventKind("a brain answered", ("cycle", "brain", "duration_s", "usage")),
    "brain.failed": EventKind(
        "a brain gave no usable reply", ("cycle", "brain", "failure", "reason", "until", "usage")
    ),
    "brain.corrected": EventKind("a contract problem was quoted back to the brain", ("cycle", "problem")),
    "policy.replaced": EventKind(
        "the policy put another harness in place of a proposed one", ("cycle", "idx", "was", "now", "reason")
    ),
    "decision.filed": EventKind(
        "a decision was written to disk", ("decision", "digest", "verdicts", "waiting"), promised=True
    ),
    "decision.edited": EventKind(
        "a person changed an action that waits", ("decision", "idx", "was", "digest", "fields", "by"), promised=True
    ),
    "decision.approved": EventKind(
        "a person approved items", ("decision", "digest", "items", "by", "signed_by"), promised=True
    ),
    "decision.expired": EventKind("nobody answered for items in time, which is a no", ("decision", "items")),
    "decision.rejected": EventKind("a person rejected items", ("decision", "items", "reason", "by"), promised=True),
    "decision.archived": EventKind("nothing of a decision is left to do", ("decision",)),
    "decision.kept": EventKind(
        "closed decisions were filed in checkpoint.md; those in moved left it for decisions-archive.md",
        ("decisions", "moved"),
    ),
    "approval.refused": EventKind("an approval or rejection was refused", ("decision", "reason", "who")),
    "item.started": EventKind(
        "an item's effect is about to begin", ("decision", "idx", "kind", "target"), promised=True
    ),
    "item.closed": EventKind("an item ended", ("decision", "idx", "kind", "target", "status", "note"), promised=True),
    "task.assigned": EventKind("a task is about to be handed to a lane", ("task", "lane", "op", "purpose")),
    "task.unassigned": EventKind("a hand-over did not happen", ("task", "lane", "op")),
    "task.proved": EventKind("a validation lane answered for a task", ("task", "by", "answer", "file")),
    "task.moved": EventKind("a task changed its status", ("task", "was", "now", "by")),
    "ask.made": EventKind(
        "a text that wants an answer is about to be sent to a lane", ("ask", "lane", "timeout_s"), promised=True
    ),
    "ask.withdrawn": EventKind("the text of an ask never arrived", ("ask", "lane")),
    "ask.replied": EventKind(
        "the lane that was asked answered; late: after the time was over",
        ("ask", "lane", "file", "late"),
        promised=True,
    ),
    "ask.timed-out": EventKind(
        "the time of an ask is over without an answer", ("ask", "lane", "timeout_s"), promised=True
    ),
    "ask.not-answered": EventKind(
        "a message says that it answers an ask, and its sender was not asked; it stays mail",
        ("ask", "lane", "from", "file"),
    ),
    "stop.refused": EventKind("a stop was not carried out, because something goes on", ("decision", "idx", "reason")),
    "handoff.noted": EventKind(
        "the state of a lane that is ended was put on its page of the wiki, or why it was not",
        ("lane", "page", "reason"),
    ),
    "handoff.taken-up": EventKind("a lane said that it goes on with what its predecessor left", ("lane", "file")),
    "adr.proposed": EventKind("an ADR was written", ("adr", "file", "by")),
    "adr.accepted": EventKind(
        "a person accepts an ADR; sha256 is that of its file as it is then written",
        ("adr", "file", "sha256", "by", "verify_record", "canary_record", "rollback"),
        promised=True,
    ),
    "adr.rejected": EventKind(
        "a person rejects a proposed ADR", ("adr", "file", "sha256", "by", "reason"), promised=True
    ),
    "adr.superseded": EventKind(
        "a person puts an accepted ADR in the place of another",
        ("adr", "file", "sha256", "by", "superseded_by"),
        promised=True,
    ),
    "adr.refused": EventKind(
        "an ADR was to be settled by somebody who could not be shown to be a person", ("adr", "what", "reason", "who")
    ),
    "escalated": EventKind("the brain asked for a person", ("decision", "summary", "idx")),
    "engine.paused": EventKind("no cycle starts from now on", ("by",)),
    "engine.resumed": EventKind("cycles may start again", ("by",)),
    "source.emitted": EventKind(
        "a source has to say what happened: which of its events, the key of this one, a sentence, and more about it",
        ("event", "key", "detail", "data"),
        promised=True,
    ),
    "route.claimed": EventKind(
        "the events of these numbers are about to be given to the actor of a route",
        ("route", "actor", "attempt", "events"),
        promised=True,
    ),
    "actor.stopped": EventKind(
        "what became of that: done, failed, held or interrupted; all but done are given to it again, from again_at on",
        ("route", "actor", "events", "outcome", "reason", "again_at", "duration_s"),
        promised=True,
    ),
    "route.dead": EventKind(
        "an actor failed at an event as often as its route allows; it is kept as a dead letter",
        ("route", "event", "letter", "attempts", "reason"),
        promised=True,
    ),
    "route.replayed": EventKind(
        "a person has a dead letter tried again", ("route", "event", "letter", "by"), promised=True
    ),
    "watch.started": EventKind("the daemon began", ("pid", "took_over")),
    "watch.stopped": EventKind("the daemon ended", ("pid", "reason")),
    "control.connected": EventKind("the daemon holds a connection to tmux; changes are pushed", ()),
    "control.lost": EventKind(
        "the daemon holds no connection to tmux; it looks by itself and tries again", ("reason",)
    ),
    "sweep.found": EventKind("a look at everything found a change that was not pushed", ("lane", "was", "now")),
    "watch.stale": EventKind(
        "the installed program is another than the one that the daemon runs; digests of both", ("runs", "installed")
    ),
    "notice.sent": EventKind("a service told a person of these things", ("service", "things")),
    "notice.failed": EventKind(
        "a service did not take a message about these things and is not tried again, or cannot work in this process",
        ("service", "things", "reason"),
    ),
    "log.continued": EventKind(
        "the event log was closed into a segment of so many events and goes on in a new file; before: bytes before it",
        ("segment", "first", "last", "before"),
        promised=True,
    ),
    "log.removing": EventKind(
        "old segments of the event log are about to be removed, as the config allows",
        ("segments", "first", "last"),
        promised=True,
    ),
    "ingest.begun": EventKind(
        "messages that were dealt with are about to be taken into the wiki", ("batch", "mode", "files")
    ),
    "ingest.closed": EventKind(
        "what became of them; outcome is taken, declined or unanswered",
        ("batch", "mode", "outcome", "files", "pages", "note"),
    ),
    "ingest.quarantined": EventKind(
        "a message could not be taken into the wiki and was moved to failed/", ("file", "reason")
    ),
    "wiki.blocked": EventKind(
        "the wiki could not be written, or nobody can take mail in; it is tried again", ("what", "reason")
    ),
    "wiki.linted": EventKind("the wiki was looked at for what is wrong with it", ("page_count", "findings")),
    "tasks.linted": EventKind(
        "the daemon began, and files of tasks are wrong or warned of", ("errors", "warnings", "findings")
    ),
    "crash": EventKind("a step of the daemon failed; it is tried again", ("what", "reason")),
}
"""Kind -> what it means. The catalogue in CONTRACT.md is compared with it by a test."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line of the event log."""

    id: str
    """unique; derived from source and key where a second copy must be refused"""
    seq: int
    """1 for the first event of the log, no gaps"""
    at: datetime
    kind: str
    """a key of EVENT_KINDS"""
    source: str
    """who wrote it: ``engine``, ``watch``, ``routing``, ``person``, ``lane:<name>``, ``cli``; ``log``: the log itself;
    of ``source.emitted`` the source"""
    payload: Mapping[str, JsonValue] = field(default_factory=dict)
    trace: str = ""
    """ties together everything that follows from one cause; a cycle's id inside a cycle"""
    caused_by: str = ""
    """id of the event that this one answers"""
    depth: int = 0
    """how many answers lie between this event and one from outside"""


class Draft(NamedTuple):
    """What becomes an event once a log gives it a number and a time; see Event."""

    kind: str
    source: str
    payload: Mapping[str, JsonValue]
    trace: str = ""
    caused_by: str = ""
    depth: int = 0
    id: str = ""
    """empty: the log makes one"""
