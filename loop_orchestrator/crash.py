"""Named points at which a test can end the process with SIGKILL, to prove what a restart finds.

A point stands right after something was recorded on disk, or right after an effect whose outcome is not recorded yet.
"""

from __future__ import annotations

import os
import signal

from loop_orchestrator.errors import UsageError

CRASH_POINTS: dict[str, str] = {
    "source.emitted": "what a look showed to be new is in the event log, the look is not on disk",
    "route.claimed": "events are recorded as given to an actor, it has not begun",
    "actor.acted": "an actor is done with its events, its outcome is not recorded",
    "route.buried": "an event that was given up is on disk as a dead letter, the event log does not say so",
    "cycle.started": "the cycle is in the event log, nothing was looked at",
    "cycle.settled": "unfinished items of earlier cycles were settled",
    "cycle.observed": "everything was looked at, the brain was not asked",
    "cycle.rendered": "the prompt is on disk",
    "brain.charged": "the call is in the budget, the brain was not started",
    "brain.replied": "the reply is on disk, nobody read it",
    "decision.promised": "the digest of a decision is in the event log, the decision is not on disk",
    "decision.filed": "the decision is on disk, nothing of it was done",
    "task.assigned": "a task is recorded as assigned to a lane, no text was sent",
    "ask.recorded": "a text that wants an answer is recorded as an ask, nothing of it was sent",
    "ask.ending": "how an ask ended is in the event log, the ask on disk is as before",
    "item.marked": "an item is recorded as started, the event log does not say so",
    "item.started": "the event log says it too, the effect of the item has not begun",
    "item.performed": "an item's effect happened, its outcome is not recorded",
    "item.noted": "an item's outcome is in the event log, the decision on disk is as before",
    "item.closed": "an item's outcome is recorded",
    "decision.archived": "the finished decision was moved to the archive",
    "cycle.ended": "the end of the cycle is in the event log",
    "decision.edited": "a person's change of an action is in the event log, the decision on disk is as before",
    "approval.promised": "a person's approval is in the event log, the decision on disk is as before",
    "approval.recorded": "a person's approval is on disk, nothing of it was done",
    "rejection.promised": "a person's no is in the event log, the decision on disk is as before",
    "rejection.recorded": "a person's no is on disk, the decision is not in the archive",
    "expiry.promised": "that nobody answered in time is in the event log, the decision on disk is as before",
    "expiry.recorded": "actions that nobody answered are rejected on disk, the decision is not in the archive",
    "delivery.accepted": "a delivery is on disk, the lane was not looked at",
    "delivery.leased": "the lane is leased to the delivery",
    "delivery.checked": "the lane was seen to be ready, no more is recorded of it",
    "delivery.cleaned": "the text is cleaned, nothing was typed",
    "delivery.resetting": "a fresh context is recorded as begun, nothing was typed",
    "delivery.reset-typed": "the command for a fresh context stands in the composer, it was not submitted",
    "delivery.reset": "the program has a fresh context, nothing of the text was sent",
    "delivery.pasting": "the paste is recorded as begun, the pane was not touched",
    "delivery.pasted": "the text is in the composer",
    "delivery.submitting": "Enter is recorded as pressed, it was not pressed yet",
    "delivery.submitted": "Enter was pressed, no receipt is on disk",
    "delivery.recorded": "how the delivery ended is on disk, the event log does not say so",
    "delivery.closed": "the receipt is on disk",
    "resolve.recorded": "a person's word to submit or clear what stands in a composer is on disk, no key was pressed",
    "resolve.pressed": "the keys for it were pressed, the outcome is not on disk",
    "resolve.closed": "a person's word on a delivery is on disk, the action that sent it is as before",
    "line.text-kept": "a text is in the line's folder, its delivery is not on disk",
    "line.accepted": "a delivery stands in line, nobody was told",
    "line.taken": "the first in line is recorded as taken, the lane was not looked at",
    "line.returned": "a delivery that did not happen is the first in line again",
    "line.dropping": "a delivery is recorded as about to leave the line for good, it is not closed",
    "worktree.made": "a lane's worktree is there, its branch is not in the state file and its pane was not started",
    "lane.started": "panes of new lanes are there, the lanes are not on record",
    "snapshot.made": "the uncommitted work of a lane is under its ref, nothing was ended",
    "handoff.noted": "the state of a lane stands on its page of the wiki, its pane was not touched",
    "handoff.written": "the hand-off of a lane is on disk, its pane was not touched",
    "lane.ended": "the pane of a lane was ended, the lane is still on record",
    "restart.recorded": "a restart is recorded as begun, the lane's pane was not touched",
    "restart.started": "the lane's program was started again, its new record is not on disk",
    "restart.kept": "the lane's new record is on disk, the restart is not closed",
    "notice.sent": "a service was given a message, that is not on disk",
    "filing.archived": "decisions that leave the checkpoint are in the archive page, the checkpoint is as it was",
    "filing.filed": "the checkpoint has the closed decisions, their notes are still there",
    "ingest.begun": "a batch of mail is on disk, nothing of it is in the wiki and nobody was asked",
    "ingest.planned": "what the pages are to say is on disk, no page was written",
    "ingest.page-written": "one page says what it is to say, others may not",
    "ingest.indexed": "all pages are written, and the index has them",
    "ingest.logged": "the wiki's log has the batch, the ledger of messages does not",
    "ingest.recorded": "the ledger knows what became of the messages, the batch is not closed",
    "ingest.answered": "a lane's answer about a batch is acknowledged, the batch is not closed",
    "ingest.quarantining": "a message is recorded as quarantined, it was not moved",
    "lint.said": "the wiki's log has what was found in the wiki, it is not on record that it was looked at",
    "mail.linked": "a message is in the mailbox, its event is not in the log",
    "log.copied": "a segment of the event log is in its folder, the live file still holds all of it too",
    "log.continued": "the event log goes on in a new file, no old segment was removed",
    "log.removing": "the event log says which old segments go, they are all still there",
}
"""Point -> what is true when the process dies there."""


def crash_point(name: str) -> None:
    """End this process with SIGKILL if the environment asks for it here; otherwise do nothing.

    Raises UsageError if LOOP_CRASH_AT is set outside a test (LOOP_TEST=1) or names no known point.
    """
    wanted = os.environ.get("LOOP_CRASH_AT")
    if wanted is None:
        return
    check_crash_request(wanted)
    assert name in CRASH_POINTS, name
    if wanted == name:
        os.kill(os.getpid(), signal.SIGKILL)


def check_crash_request(wanted: str) -> None:
    """Refuse a LOOP_CRASH_AT that is misspelt or set where no test runs. Raises UsageError."""
    if os.environ.get("LOOP_TEST") != "1":
        raise UsageError("LOOP_CRASH_AT is set, but this is no test", hint="unset LOOP_CRASH_AT")
    if wanted not in CRASH_POINTS:
        raise UsageError(f"LOOP_CRASH_AT={wanted} names no crash point", hint="list them: loop engine crash-points")
